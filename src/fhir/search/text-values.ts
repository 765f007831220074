/** The separators and escapes of search values: `,` `|` `$` and the backslash before them. */

/** Splits at a separator that is not escaped; escapes stay for the next reader. */
export function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '\\' && i + 1 < text.length) {
      part += text[i]! + text[i + 1]!;
      i += 1;
    } else if (text[i] === separator) {
      parts.push(part);
      part = '';
    } else part += text[i]!;
  }
  parts.push(part);
  return parts;
}

/** Takes the escapes `\,` `\|` `\$` `\\` away. */
export function unescaped(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}
