/**
 * Devanagari, Bengali, Gurmukhi, Gujarati, Odia, Tamil, Telugu, Kannada and Malayalam as Latin letters,
 * the way people of these languages write their names.
 *
 * Unicode lays the nine scripts out alike, after ISCII: the last seven bits of a code say which sound it
 * is. General transliteration leaves out the vowel that every consonant carries unless it is written
 * otherwise, and reads the dot of nasality as m everywhere: सिंह came out as simh, संजय as smjy.
 */

const letters = (from: number, sounds: string): ReadonlyArray<readonly [number, string]> =>
  sounds.split(' ').map((sound, at) => [from + at, sound]);

/** By the last seven bits of the code. */
const CONSONANTS = new Map([
  ...letters(
    0x15,
    'k kh g gh n ch ch j jh n t th d dh n t th d dh n n p f b bh m y r r l l l v sh sh s h',
  ),
  ...letters(0x70, 'r w'), // Assamese
  ...letters(0x7a, 'n n r l l k'), // Malayalam, at the end of words
]);
const VOWELS = new Map(letters(0x05, 'a a i i u u ri l e e e ai o o o au'));
const SIGNS = new Map([...letters(0x3e, 'a i i u u ri ri e e e ai o o o au'), [0x57, 'au']]);
/** Sounds of other languages, written with a dot below; Bengali and Hindi have r so. */
const DOTTED: Readonly<Record<string, string>> = {
  ...{ k: 'q', g: 'gh', j: 'z', d: 'r', dh: 'rh' },
};

const [NASAL, ANUSVARA, VISARGA, DOT, VIRAMA, FINAL_T, TIPPI] = [1, 2, 3, 0x3c, 0x4d, 0x4e, 0x70];
const [B, M, Y, R, V, H, LIPS_FROM, LIPS_TO] = [0x2c, 0x2e, 0x2f, 0x30, 0x35, 0x39, 0x2a, 0x2e];
const [BENGALI, GURMUKHI] = [0x0980, 0x0a00];

const WRITING = /[\u0900-\u0963\u0970-\u0d65\u0d7a-\u0d7f]+/g;

/** Text with its words of Indic scripts in Latin letters; digits and all else as they are. */
export function readIndic(text: string): string {
  return text.replace(WRITING, read);
}

function read(word: string): string {
  const codes = Array.from(word, (letter) => letter.charCodeAt(0));
  let out = '';
  for (let at = 0; at < codes.length; at++) {
    const place = codes[at]! & 0x7f;
    const script = codes[at]! - place;
    const next = (codes[at + 1] ?? 0) & 0x7f;
    const isLast = at === codes.length - 1;
    if (place === TIPPI && script === GURMUKHI) out += 'n';
    else if (place === ANUSVARA) out += nasal(script, isLast ? 0 : next);
    else if (place === NASAL) out += CONSONANTS.has(next) ? 'n' : '';
    else if (place === VISARGA) out += 'h';
    else if (place === FINAL_T && script === BENGALI) out += 't';
    else if (CONSONANTS.has(place)) out += consonant(codes, at, script);
    else out += VOWELS.get(place) ?? SIGNS.get(place) ?? '';
  }
  return out;
}

/** A consonant, and the vowel that it carries where none is written and a consonant follows. */
function consonant(codes: readonly number[], at: number, script: number): string {
  const place = codes[at]! & 0x7f;
  const isDotted = at + 1 < codes.length && (codes[at + 1]! & 0x7f) === DOT;
  const joined = at > 0 && (codes[at - 1]! & 0x7f) === VIRAMA;
  const before = at > 1 ? codes[at - 2]! & 0x7f : 0;
  let sound = CONSONANTS.get(place)!;
  if (isDotted) sound = DOTTED[sound] ?? sound;
  else if (place === Y && script === BENGALI && !joined) sound = 'j';
  else if (place === V && joined && before !== R) sound = 'w';
  else if (place === B && script === BENGALI && joined && ![B, M, R].includes(before)) sound = 'w';
  const next = codes[at + (isDotted ? 2 : 1)];
  if (next === undefined) return sound;
  const carries = CONSONANTS.has(next & 0x7f) || (next & 0x7f) <= ANUSVARA;
  return carries ? `${sound}a` : sound;
}

/** The dot of nasality, as the sound after it makes it. */
function nasal(script: number, next: number): string {
  if (script === BENGALI || next === H) return 'ng';
  return next >= LIPS_FROM && next <= LIPS_TO ? 'm' : 'n';
}
