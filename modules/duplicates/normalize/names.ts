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

const DROPPED = new Set(
  (
    'mr mrs ms miss dr prof sir haji hajj hajja al el de da do dos du del di la le van von der den ' +
    'ter bin bint ibn binti binte ould uld wa wad walad jr sr'
  ).split(' '),
);
const SHORT_MUHAMMAD = new Set(['md', 'mohd', 'mhd', 'muh']);
const ABD = new Set(['abd', 'abdul', 'abdel', 'abdi', 'cabdi', 'abdal']);
const ARTICLES = new Set(['al', 'el', 'ul', 'ur', 'as', 'ar', 'an']);
const JOINED = new Set(['gebre', 'haile', 'wolde', 'tekle', 'habte', 'mc', 'mac', 'o', 'd', 'st']);
const OTHERS_MAX = 3;

/** The words of a name that say something, joined where they belong together. */
function words(texts: readonly string[]): string[] {
  const raw = texts.flatMap((text) => fold(text.replace(/\bg\//i, 'gebre ')).split(' '));
  const out: string[] = [];
  for (let at = 0; at < raw.length; at++) {
    const word = raw[at]!;
    const next = raw[at + 1];
    if (word === '' || /^\d+$/.test(word)) continue;
    if (ABD.has(word) && next !== undefined) {
      const skip = ARTICLES.has(next) && raw[at + 2] !== undefined ? 2 : 1;
      out.push(`${word === 'cabdi' ? 'abdi' : word}${raw[at + skip]}`);
      at += skip;
    } else if (JOINED.has(word) && next !== undefined) {
      out.push(`${word}${next}`);
      at += 1;
    } else if (SHORT_MUHAMMAD.has(word) && next !== undefined) {
      out.push('mohammed');
    } else if (!DROPPED.has(word)) {
      out.push(word);
    }
  }
  // A name that is nothing but particles (a family called Van) is better than none.
  return out.length > 0 ? out : raw.filter((word) => word !== '').slice(0, 1);
}

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
  const full = words(name.full === undefined ? [] : [name.full]);
  const written = [...(name.given ?? []), ...(name.family ?? []), name.full ?? ''];
  const split = order === 'given-first' ? full : [...full.slice(1), ...full.slice(0, 1)];
  const [first = '', ...furtherGiven] = given.length > 0 ? given : split.slice(0, 1);
  const rest = given.length > 0 || family.length > 0 ? family : familyOf(split, order);
  const [house = '', ...furtherFamily] = rest;
  return {
    given: first,
    family: house,
    other: [...furtherGiven, ...furtherFamily].slice(0, OTHERS_MAX),
    native: written.some(isNative),
  };
}

/** What follows the given name, the family's word first. */
function familyOf(split: readonly string[], order: NameOrder): string[] {
  const rest = split.slice(1);
  return order === 'given-first' ? rest : [...rest.slice(-1), ...rest.slice(0, -1)];
}
