/**
 * Where a text stops being JSON. The platform's parser does not always say, so the text is read
 * again, slowly, when it has been refused.
 *
 * Spec: https://www.rfc-editor.org/rfc/rfc8259
 */

const TOKEN =
  /\s*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|true\b|false\b|null\b))/uy;

const SPACE = /\s*/y;

/** What may come next. */
type Wanted =
  | 'value'
  | 'value-or-end'
  | 'key'
  | 'key-or-end'
  | 'colon'
  | 'comma-or-end'
  | 'nothing';

/** The offset of the first character that cannot stand where it stands. */
export function jsonFaultAt(text: string): number {
  const open: string[] = [];
  let wanted: Wanted = 'value';
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text);
    SPACE.lastIndex = at;
    const start = at + SPACE.exec(text)![0].length;
    if (!token) return start;
    const next = step(wanted, token[1] ?? (token[2] ? '"' : '0'), open);
    if (!next) return start;
    wanted = next;
    at = TOKEN.lastIndex;
  }
  return text.length;
}

/** What is wanted after a token; undefined when the token may not stand here. */
function step(wanted: Wanted, token: string, open: string[]): Wanted | undefined {
  const isKey = wanted === 'key' || wanted === 'key-or-end';
  switch (token) {
    case '{':
    case '[':
      if (!wanted.startsWith('value')) return undefined;
      open.push(token);
      return token === '{' ? 'key-or-end' : 'value-or-end';
    case '}':
    case ']':
      if (!wanted.endsWith('-or-end') || open.pop() !== (token === '}' ? '{' : '['))
        return undefined;
      return open.length > 0 ? 'comma-or-end' : 'nothing';
    case ':':
      return wanted === 'colon' ? 'value' : undefined;
    case ',':
      if (wanted !== 'comma-or-end') return undefined;
      return open.at(-1) === '{' ? 'key' : 'value';
    case '"':
      if (isKey) return 'colon';
      break;
    default:
  }
  if (!wanted.startsWith('value')) return undefined;
  return open.length > 0 ? 'comma-or-end' : 'nothing';
}
