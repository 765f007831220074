/**
 * How texts are folded for string search, the same for what is stored and what is asked.
 *
 * Compatibility decomposition, combining marks removed, lower case, and every run of white space
 * and punctuation one blank, so that `O'Neill-Díaz` is found by `o neill diaz`.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#string
 */

const PLAIN = /^[a-z0-9]*$/;
const SIMPLE = /^[A-Za-z0-9]*$/;
const MARKS = /\p{Mn}+/gu;
const BREAKS = /[\s\p{P}\p{S}\p{Cc}\p{Cf}\p{Z}]+/gu;

/** Index rows hold no more than this of a text; the rest is found by the first part. */
export const STRING_MAX = 200;

/** The folded form of a text, at most `STRING_MAX` characters; may be empty. */
export function normalize(text: string): string {
  if (PLAIN.test(text)) return cut(text);
  if (SIMPLE.test(text)) return cut(text.toLowerCase());
  const folded = text
    .slice(0, STRING_MAX * 4)
    .normalize('NFKD')
    .replace(MARKS, '')
    .toLowerCase()
    .replace(BREAKS, ' ')
    .trim();
  return cut(folded);
}

function cut(text: string): string {
  if (text.length <= STRING_MAX) return text;
  const last = text.charCodeAt(STRING_MAX - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? STRING_MAX - 1 : STRING_MAX);
}

/** What the raw text of a row is when the row's `raw` is null: `val` with a capital first. */
export function capitalized(val: string): string {
  return val.charAt(0).toUpperCase() + val.slice(1);
}
