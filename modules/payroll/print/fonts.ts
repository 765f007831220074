/**
 * Fonts of printed lists: Noto Sans by script, as files of packages, so that no name depends on what a
 * machine has installed. A text is cut into runs of one font and one direction, in the order in which
 * they are seen (Unicode's bidirectional algorithm); letters are joined by the font itself.
 *
 * What no font here can write is printed in Latin letters, never as empty boxes.
 *
 * Spec: https://www.unicode.org/reports/tr9/
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import anyAscii from 'any-ascii';
import bidiFactory, { type Bidi } from 'bidi-js';

/** A part of a text that is drawn at once. */
export interface Run {
  readonly text: string;
  /** Name of the font, as registered with the document. */
  readonly font: string;
  /** Letters of a script that goes from right to left. */
  readonly isTurned: boolean;
}

/** A font file and the characters that it has. */
export interface Face {
  readonly name: string;
  readonly path: string;
  readonly ranges: readonly (readonly [number, number])[];
}

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'noto-sans': [
    'latin',
    'latin-ext',
    'vietnamese',
    'cyrillic',
    'cyrillic-ext',
    'greek',
    'greek-ext',
    'devanagari',
  ],
  'noto-sans-arabic': ['arabic'],
  'noto-sans-ethiopic': ['ethiopic'],
  'noto-sans-bengali': ['bengali'],
};

const LETTER = /\p{L}/u;
const require = createRequire(import.meta.url);
// Its types describe an ES module; what Node loads is CommonJS.
const bidi = (bidiFactory as unknown as () => Bidi)();

/** Fonts by the order in which they are asked for a character. */
export const FACES: readonly Face[] = Object.entries(PACKAGES).flatMap(([family, subsets]) => {
  const ranges = JSON.parse(
    readFileSync(require.resolve(`@fontsource/${family}/unicode.json`), 'utf8'),
  ) as Record<string, string>;
  return subsets.map((subset) => ({
    name: `${family}-${subset}`,
    path: require.resolve(`@fontsource/${family}/files/${family}-${subset}-400-normal.woff`),
    ranges: (ranges[subset] ?? '').split(',').map(readRange),
  }));
});

function readRange(text: string): readonly [number, number] {
  const [first = '', last = first] = text.trim().replace(/^U\+/i, '').split('-');
  return [Number.parseInt(first, 16), Number.parseInt(last, 16)];
}

function faceOf(point: number, before: Face | undefined): Face | undefined {
  const has = (face: Face) => face.ranges.some(([from, to]) => point >= from && point <= to);
  // Blanks and marks stay with the letters before them, so that words are shaped whole.
  return before && has(before) ? before : FACES.find(has);
}

/** The text with what no font has in Latin letters. */
export function printable(text: string): string {
  return [...text.normalize('NFC')]
    .map((each) => (faceOf(each.codePointAt(0)!, undefined) ? each : anyAscii(each)))
    .join('');
}

/** True when a text begins at the right. */
export function isRightToLeft(text: string): boolean {
  return bidi.getEmbeddingLevels(text).paragraphs[0]?.level === 1;
}

/** Runs of a text from left to right as they are seen; brackets are mirrored where they must be. */
export function runsOf(text: string): Run[] {
  const shown = printable(text);
  const levels = bidi.getEmbeddingLevels(shown);
  const pieces: { text: string; font: string; level: number }[] = [];
  let face: Face | undefined;
  for (let at = 0; at < shown.length; ) {
    const point = shown.codePointAt(at)!;
    const letter = String.fromCodePoint(point);
    const level = levels.levels[at]!;
    face = faceOf(point, face) ?? FACES[0]!;
    const last = pieces.at(-1);
    if (last && last.level === level && last.font === face.name) last.text += letter;
    else pieces.push({ text: letter, font: face.name, level });
    at += letter.length;
  }
  return inSight(pieces).map((piece) => ({
    text: turned(piece),
    font: piece.font,
    isTurned: piece.level % 2 === 1 && LETTER.test(piece.text),
  }));
}

/** Fonts turn letters of right-to-left scripts themselves; what stands between them is turned here. */
function turned({ text, level }: { text: string; level: number }): string {
  if (level % 2 === 0 || LETTER.test(text)) return text;
  return [...text]
    .reverse()
    .map((each) => bidi.getMirroredCharacter(each) ?? each)
    .join('');
}

/** Rule L2: from the highest level down, what is at that level or above is turned round. */
function inSight<Piece extends { level: number }>(pieces: readonly Piece[]): Piece[] {
  const seen = [...pieces];
  const highest = Math.max(0, ...seen.map((each) => each.level));
  for (let level = highest; level > 0; level -= 1) {
    for (let from = 0; from < seen.length; from += 1) {
      if (seen[from]!.level < level) continue;
      let to = from;
      while (to + 1 < seen.length && seen[to + 1]!.level >= level) to += 1;
      seen.splice(from, to - from + 1, ...seen.slice(from, to + 1).reverse());
      from = to;
    }
  }
  return seen;
}
