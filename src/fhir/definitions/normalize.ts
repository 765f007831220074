/**
 * How texts are folded for string search, the same for what is stored and what is asked.
 *
 * Compatibility decomposition, case folded (`ß` is `ss`, `ς` is `σ`, `İ` is `i`), combining marks,
 * strokes through letters and what has no width removed (tatweel, joiners, direction marks), and
 * every run of white space and punctuation one blank, so that `O'Neill-Díaz` is found by
 * `o neill diaz`.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#string
 */

const PLAIN = /^[a-z0-9]*$/;
const SIMPLE = /^[A-Za-z0-9]*$/;
const ASCII = /^[ -~]*$/;
const ASCII_BREAKS = /[^a-z0-9]+/g;
const SILENT = /[\p{Mn}\p{Cf}\u0640]+/gu;
const BREAKS = /[\s\p{P}\p{S}\p{Cc}\p{Z}]+/gu;
/** Letters that no decomposition takes apart. */
const STROKES = /[ςøłđħŧ]/g;
const WITHOUT_STROKE: Readonly<Record<string, string>> = {
  ς: 'σ',
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ħ: 'h',
  ŧ: 't',
};

/** Index rows hold no more than this of a text; the rest is found by the first part. */
export const STRING_MAX = 200;

/** The folded form of a text, at most `STRING_MAX` characters; may be empty. */
export function normalize(text: string): string {
  if (PLAIN.test(text)) return cut(text);
  if (SIMPLE.test(text)) return cut(text.toLowerCase());
  const begin = text.slice(0, STRING_MAX * 4);
  const folded = ASCII.test(begin)
    ? begin.toLowerCase().replace(ASCII_BREAKS, ' ')
    : unmarked(begin);
  return cut(folded.trim());
}

function unmarked(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .replace(SILENT, '')
    .replace(STROKES, (letter) => WITHOUT_STROKE[letter]!)
    .replace(BREAKS, ' ');
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
