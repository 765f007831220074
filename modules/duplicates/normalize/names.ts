/**
 * The parts of a personal name: given, family, and the other names between and after them.
 *
 * Titles and particles say little and are dropped; words that never stand alone (Abdul Rahman,
 * Gebre Mariam, O Connor) are joined. Where a single full name is given, its first word is the
 * given name and the second the family's or father's, unless the installation writes families first.
 */

import { fold, isNative } from './fold.ts';

export interface NameParts {
  /** Folded; empty if unknown. */
  readonly given: string;
  readonly family: string;
  readonly other: readonly string[];
  /** Whether any part was written in another script than Latin. */
  readonly native: boolean;
}

/** How an installation writes full names. */
export type NameOrder = 'given-first' | 'family-first';

const set = (words: string): ReadonlySet<string> => new Set(words.split(' '));

/** Titles and particles, as they are once folded, in Latin and other scripts. */
const DROPPED = set(
  'mr mrs ms miss mme mlle dr prof sir rev sr sra srta eng engr jr snr ' +
    'haji hajj hajja hajia hajiya alhaji alhaja alhaj elhadj elhadji elhaj hadj alhaj hajy ' +
    'sri shri sree shree srimati shrimati srimti smt mst mosammat mosammath mosamat mosammt ' +
    'musammat mosah mochah musst ato weyzero woizero weizero wzro malam mallam late lt ' +
    'al el de da do dos du del di la le van von der den ter bin bint ibn binti binte bt ' +
    'ould uld wa wad walad',
);
/** Short for Muhammad or a title before a name, and a name where nothing follows. */
const BEFORE_NAMES = set('md mohd mhd muh mo moh u uu daw mg');
/** Burmese titles that are names elsewhere: dropped before two further words. */
const BEFORE_TWO = set('ma ko maung');
const ABD = set('abd abdul abdel abdi cabdi abdal abdur abdus abdun abdoul abdou');
const ARTICLES = set('al el ul ur us as ar an ad az es er il');
const JOINED = set('gebre haile wolde tekle habte abu abou abo abw umm mc mac o d st');
/** What Ethiopian clerks write short, and what stands between a name and the father's. */
const SHORT: ReadonlyArray<readonly [RegExp, string]> = [
  [/(?<!\p{L})(w\/r[ot]|[sdwch]\/o|a\/[lp])(?!\p{L})/giu, ' '],
  [/(?<!\p{L})g\/(?=\p{L})/giu, 'gebre '],
  [/(?<!\p{L})w\/(?=\p{L})/giu, 'wolde '],
  [/(?<!\p{L})h\/(?=\p{L})/giu, 'haile '],
  [/(?<!\p{L})t\/(?=\p{L})/giu, 'tekle '],
  // The Arabic article, in its own script or set off by a capital.
  [/(?<![\p{Script=Arabic}\p{M}])ال(?=\p{Script=Arabic}{3})/gu, ''],
  [/(?<!\p{L})(?:Al|El)(?=\p{Lu}\p{Ll})/gu, ''],
];
/** Names beside the given and the family's, at most. */
export const OTHERS_MAX = 3;

const expanded = (text: string): string =>
  /[/\u0600-\u06ff]|[AE]l\p{Lu}/u.test(text)
    ? SHORT.reduce((so, [pattern, by]) => so.replaceAll(pattern, by), text)
    : text;

/** Abdul Rahman, Abdelrahman, Abdurrahman, عبدالرحمن: the article is heard and written in many ways. */
function servant(word: string): string {
  if (!word.startsWith('abd')) return word;
  const of = /^abd[aeiou]{1,2}l([^l].{2,})$/.exec(word)?.[1];
  // Abdulai and Abdoulaye are Abdullah, which keeps its l.
  if (of !== undefined && (of.length > 3 || !/[aeiou]/.test(of))) return `abd${of}`;
  return word.replace(/^abd[aeiou]([rsntdz])\1/, 'abd$1');
}

/** The words of a name that say something, joined where they belong together. */
function words(texts: readonly string[]): string[] {
  const raw = texts.flatMap((text) => fold(expanded(text)).split(' ')).filter(isWord);
  const out: string[] = [];
  for (let at = 0; at < raw.length; at++) {
    const word = raw[at]!;
    const next = raw[at + 1];
    if (next !== undefined && out.length === 0 && isTitle(word, raw.length - at - 1)) continue;
    if (ABD.has(word) && next !== undefined) {
      const skip = ARTICLES.has(next) && raw[at + 2] !== undefined ? 2 : 1;
      out.push(servant(`abd${raw[at + skip]}`));
      at += skip;
    } else if (JOINED.has(word) && next !== undefined) {
      out.push(`${word}${next}`);
      at += 1;
    } else if (!DROPPED.has(word)) {
      out.push(servant(word));
    }
  }
  // A name that is nothing but particles (a family called Van) is better than none.
  return out.length > 0 ? out : raw.slice(0, 1);
}

const isWord = (word: string): boolean => word !== '' && !/^\d+$/.test(word);

const isTitle = (word: string, following: number): boolean =>
  BEFORE_NAMES.has(word) || (following > 1 && BEFORE_TWO.has(word));

/**
 * The comparable parts of a name.
 *
 * @param name given and family names as written, or one full name; each may be absent
 */
export function namePartsOf(
  name: {
    readonly given?: readonly string[];
    readonly family?: readonly string[];
    readonly full?: string;
  },
  order: NameOrder = 'given-first',
): NameParts {
  const given = words(name.given ?? []);
  const family = words(name.family ?? []);
  const together = parted(name.full ?? '');
  const full = words([together ?? name.full ?? '']);
  const written = [...(name.given ?? []), ...(name.family ?? []), name.full ?? ''];
  const familyFirst = together !== undefined || order === 'family-first';
  const split = familyFirst ? [...full.slice(1), ...full.slice(0, 1)] : full;
  const [first = '', ...furtherGiven] = given.length > 0 ? given : split.slice(0, 1);
  const rest = given.length > 0 || family.length > 0 ? family : familyOf(split, familyFirst);
  const [house = '', ...furtherFamily] = rest;
  return {
    given: first,
    family: house,
    other: [...furtherGiven, ...furtherFamily].slice(0, OTHERS_MAX),
    native: written.some(isNative),
  };
}

/** What follows the given name, the family's word first. */
function familyOf(split: readonly string[], familyFirst: boolean): string[] {
  const rest = split.slice(1);
  return familyFirst ? [...rest.slice(-1), ...rest.slice(0, -1)] : rest;
}

/** Families of two characters, which the rule of one character would part. */
const LONG_FAMILY =
  /^(欧阳|歐陽|司马|司馬|诸葛|諸葛|上官|司徒|东方|東方|夏侯|慕容|尉迟|尉遲|皇甫|令狐|남궁|황보|제갈|선우|독고|사공)/u;

/**
 * A full name in Chinese or Korean writing, which parts no words, with a blank after the family's name;
 * undefined for any other. The family's comes first whatever the installation writes: one character of
 * two or three, two of four (as Japanese names are).
 */
function parted(full: string): string | undefined {
  const name = full.normalize('NFKC').trim();
  if (!/^(\p{Script=Han}{2,4}|\p{Script=Hangul}{2,4})$/u.test(name)) return undefined;
  const characters = [...name];
  const family = characters.length === 4 || LONG_FAMILY.test(name) ? 2 : 1;
  return `${characters.slice(0, family).join('')} ${characters.slice(family).join('')}`;
}
