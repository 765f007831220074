/**
 * Writing in any script, folded to plain Latin letters and digits that can be compared.
 *
 * Scripts are read before marks are dropped, because in Bengali, Devanagari, Tamil and Thai the
 * marks are vowels. Arabic has its own table: general transliteration writes no vowels and odd
 * signs for it, and clerks write the same names in Latin letters without either. Indic scripts are read
 * by their own rules, and the vowel of Ethiopic እ and ዕ, which it leaves out, is an e.
 */

import anyAscii from 'any-ascii';
import { readIndic } from './indic.ts';

const ARABIC: Readonly<Record<string, string>> = Object.fromEntries(
  [
    ['اأإآٱعىة', 'a'],
    ['بڤ', 'b'],
    ['تثط', 't'],
    ['ج', 'j'],
    ['حه', 'h'],
    ['خقكک', 'k'],
    ['دذض', 'd'],
    ['ر', 'r'],
    ['زسشصظ', 's'],
    ['غگ', 'g'],
    ['ف', 'f'],
    ['ل', 'l'],
    ['م', 'm'],
    ['ن', 'n'],
    ['وؤ', 'w'],
    ['يئی', 'y'],
    ['پ', 'p'],
    ['چ', 'x'],
    ['ء\u0640', ''],
  ].flatMap(([letters, latin]) => [...letters!].map((letter) => [letter, latin!])),
);

const ARABIC_LETTER = /[\u0621-\u063a\u0640-\u064a\u0671-\u06d3]/g;
const ARABIC_MARK = /[\u064b-\u0652\u0670]/g;
const ETHIOPIC_E = /[\u12a5\u12d5]/g;
const NOT_WRITING = /\p{Extended_Pictographic}|\p{Cc}|\p{Co}|\p{Cs}|\p{Cn}/gu;
const INVISIBLE = /\p{Cf}/gu;
const APOSTROPHE = /['`´’‘ʻʼʾʿ]/g;
const BEYOND_LATIN = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u;
const PLAIN = /^[a-z0-9]*$/;

/** Longest writing that is read, in UTF-16 units; what follows is left out. */
const LENGTH_MAX = 256;

/** Whether the writing has letters of another script than Latin. */
export function isNative(text: string): boolean {
  return BEYOND_LATIN.test(text);
}

/** Digits of any script as ASCII digits; all else as it is, after NFKC. */
export function asciiDigits(text: string): string {
  return text.normalize('NFKC').replaceAll(/(?![0-9])\p{Nd}/gu, (digit) => anyAscii(digit));
}

/**
 * The writing as lower-case Latin letters and ASCII digits; words parted by one blank.
 * Emoji and control characters part words; apostrophes vanish. Never fails; may be empty.
 */
export function fold(text: string): string {
  if (PLAIN.test(text) && text.length <= LENGTH_MAX) return text;
  const latin = text
    .slice(0, LENGTH_MAX)
    .normalize('NFKC')
    .replace(INVISIBLE, '')
    .replace(NOT_WRITING, ' ')
    .replace(APOSTROPHE, '')
    .replace(ARABIC_MARK, '')
    .replace(ARABIC_LETTER, (letter) => ARABIC[letter] ?? letter)
    .replace(ETHIOPIC_E, 'e');
  return anyAscii(readIndic(latin))
    .toLowerCase()
    .replaceAll(/['`]/g, '')
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim();
}
