/**
 * Numbers whose written form JavaScript would change, carried through JSON.parse as marked strings.
 *
 * A reviver that asks for the source of each number costs two microseconds a value, for all values;
 * this costs a tenth of it. The mark is U+0000, which no text of ours can hold.
 *
 * Leaves to others: what stands for such a number afterwards (`json.ts`).
 */

export const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MARK = '\0';
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;

/** Where the string that begins at `start` ends; the end of the text when it does not. */
export function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0) {
    let before = end - 1;
    while (text.charCodeAt(before) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end;
    end = text.indexOf('"', end + 1);
  }
  return text.length;
}

function isNumberSign(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || code === 0x2d;
}

/** The text with each number that JavaScript would write otherwise as a marked string. */
export function markNumbers(text: string): string {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (isNumberSign(code)) {
      NUMBER.lastIndex = at;
      const source = NUMBER.exec(text)?.[0];
      if (source === undefined) return text; // not JSON; its parser says so
      if (String(Number(source)) !== source) {
        parts.push(text.slice(from, at), `"\\u0000${source}"`);
        from = at + source.length;
      }
      at += source.length - 1;
    }
  }
  return from === 0 ? text : parts.join('') + text.slice(from);
}

/** Puts what `make` gives where marked strings stand; changes the value in place. */
export function unmarkNumbers(value: unknown, make: (source: string) => unknown): unknown {
  if (typeof value === 'string') return value.startsWith(MARK) ? make(value.slice(1)) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at += 1) {
      const each: unknown = value[at];
      if (typeof each !== 'number') value[at] = unmarkNumbers(each, make);
    }
    return value;
  }
  const object = value as Record<string, unknown>;
  for (const key of Object.keys(object)) {
    const each = object[key];
    const exact = unmarkNumbers(each, make);
    // defined, not assigned: a member may be called __proto__
    if (exact !== each) Object.defineProperty(object, key, { value: exact, ...PLAIN });
  }
  return value;
}

const PLAIN = { enumerable: true, configurable: true, writable: true };
