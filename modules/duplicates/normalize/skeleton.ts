/**
 * The skeleton of a name: what is left when spellings of one sound are made one and vowels go.
 *
 * Mohamed, Muhammad, Mohammed and Mamadou share the skeleton `mmd`. A name in another script is
 * read coarsely as well, because its transliteration cannot tell x from s or p from b; a name with
 * c or x is also read as Somali, where x is the h of Arabic and c its ayn (Maxamed is Mohamed); one with
 * ch as French (Cheikh is Sheikh), one with z as in Bengal (Mizanur is Mijanur), and one that begins with
 * h without it (Hawa is Awa).
 */

const SOUNDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/(?<=[aeiou])x/g, 'ks'],
  [/zh/g, 'j'],
  [/sch|sh|ss|ts|z/g, 's'],
  [/ch/g, 'x'],
  [/ck|kh|q/g, 'k'],
  [/ph/g, 'f'],
  [/gh/g, 'g'],
  [/th/g, 't'],
  [/dj|gi(?=[aeiou])/g, 'j'],
  [/dh/g, 'd'],
  [/c(?=[eiy])/g, 's'],
  [/c/g, 'k'],
];

const SOMALI: ReadonlyArray<readonly [RegExp, string]> = [
  [/x/g, 'h'],
  [/c/g, ''],
];

const COARSE: ReadonlyArray<readonly [RegExp, string]> = [
  [/x/g, 's'],
  [/j/g, 'g'],
  [/p/g, 'b'],
  [/v/g, 'f'],
];

/** Letters of a skeleton at most: longer names agree on more than enough. */
const LENGTH_MAX = 12;

function replaced(text: string, table: ReadonlyArray<readonly [RegExp, string]>): string {
  return table.reduce((so, [pattern, by]) => so.replace(pattern, by), text);
}

/** Vowels, h, w and y go; the first letter stays (any of them but h as a); equal neighbours become one. */
function bare(sounds: string): string {
  let out = '';
  let last = '';
  for (const letter of sounds) {
    const vowel = 'aeiouwy'.includes(letter);
    if (out === '') out = vowel ? 'a' : letter;
    else if (!vowel && letter !== 'h' && letter !== last) out += letter;
    last = letter;
    if (out.length === LENGTH_MAX) break;
  }
  return out;
}

/** The skeleton of one folded name (blanks are ignored); empty for an empty name. */
export function skeleton(folded: string): string {
  const joined = folded.replaceAll(' ', '');
  return bare(replaced(joined, SOUNDS).replaceAll('v', 'b'));
}

function coarse(folded: string): string {
  const joined = folded.replaceAll(' ', '');
  return bare(replaced(replaced(joined, SOUNDS), COARSE));
}

/** Another reading: as other languages would, without the Arabic article, or coarsely. */
function secondOf(folded: string, native: boolean): string {
  if (native || folded.includes('ch')) return coarse(folded);
  if (/[cx]/.test(folded)) return skeleton(replaced(folded, SOMALI));
  if (/z(?!h)/.test(folded)) return coarse(folded.replaceAll('z', 'j'));
  if (folded.startsWith('h')) return skeleton(folded.slice(1));
  if (/^[ae]l[^aeiou ].{4}/.test(folded)) return skeleton(folded.slice(2));
  return coarse(folded);
}

/**
 * The skeletons of a folded name, the first its usual one, at most two.
 *
 * @param native whether the name was written in another script than Latin
 */
export function skeletonsOf(folded: string, native: boolean): readonly string[] {
  const usual = skeleton(folded);
  if (usual === '') return [];
  const second = secondOf(folded, native);
  return second === usual || second === '' ? [usual] : [usual, second];
}
