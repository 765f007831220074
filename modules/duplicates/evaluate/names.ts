/**
 * Names of many people: what comes again is read once. Given and family names are read apart from each
 * other, so that each is remembered by itself; whole names, which seldom come again, are not.
 */

import { type NameOrder, type NameParts, namePartsOf, OTHERS_MAX } from '../normalize/names.ts';
import { remembered } from './remembered.ts';

const PARTED = '\u0000';

/** A reader of names as `namePartsOf` reads them. */
export function nameReader(
  order?: NameOrder,
): (given: readonly string[], family: readonly string[], full?: string) => NameParts {
  const givenOf = remembered((joined) => namePartsOf({ given: joined.split(PARTED) }, order));
  const familyOf = remembered((joined) => namePartsOf({ family: joined.split(PARTED) }, order));
  return (given, family, full) => {
    if (full !== undefined) return namePartsOf({ given, family, full }, order);
    const one = givenOf(given.length === 1 ? given[0]! : given.join(PARTED));
    if (family.length === 0) return one;
    const other = familyOf(family.length === 1 ? family[0]! : family.join(PARTED));
    if (given.length === 0) return other;
    return {
      given: one.given,
      family: other.family,
      other: both(one.other, other.other),
      native: one.native || other.native,
    };
  };
}

function both(some: readonly string[], more: readonly string[]): readonly string[] {
  if (more.length === 0) return some;
  return some.length === 0 ? more : [...some, ...more].slice(0, OTHERS_MAX);
}
