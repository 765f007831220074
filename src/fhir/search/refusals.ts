/**
 * What is said of parameters and modifiers that are not understood: what would do instead, and of a
 * misspelt one the known one that it is most like.
 */

import { problem } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';

/** A parameter of R4 that is not served. */
export function notServed(code: string) {
  return problem(
    'not-supported',
    'search-parameter-unknown',
    `${code} is not supported; write each condition as a parameter of its own.`,
    code,
  );
}

/** R4: `_include` and `_summary=text` do not go together. */
export function textWithIncludes() {
  return problem(
    'invalid',
    'search-include',
    '_summary=text gives the narrative of matches alone; leave out _include and _revinclude.',
    '_summary',
  );
}

/** A modifier that a parameter does not take. */
export function unknownModifier(name: string, code: string, allowed: readonly string[]) {
  const may =
    allowed.length > 0
      ? `It takes ${allowed.map((each) => `:${each}`).join(', ')}.`
      : 'It takes none.';
  return problem(
    'not-supported',
    'search-modifier',
    `${name}: ${code} does not know this modifier. ${may}`,
    name,
  );
}

/** A parameter that a type does not have; names the nearest that it has. */
export function unknownParameter(definitions: Definitions, types: readonly string[], code: string) {
  const known =
    types.length > 0 ? definitions.searchParameters(types[0]!).map((each) => each.code) : [];
  const near = nearest(code, [...known, '_id', '_lastUpdated', '_list', '_has']);
  const where = types.length === 1 ? types[0] : 'these types together';
  return problem(
    'not-supported',
    'search-parameter-unknown',
    `${where} cannot be searched by "${code}"${near ? `; did you mean "${near}"?` : '.'} ` +
      'To ignore what is unknown, send Prefer: handling=lenient.',
    code,
  );
}

/** The nearest of the known words; undefined when none is near. */
function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(word.length / 2));
  for (const each of known) {
    const away = distance(word.toLowerCase(), each.toLowerCase());
    if (away < least) {
      least = away;
      best = each;
    }
  }
  return best;
}

/** Levenshtein distance of two short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= Math.min(a.length, 64); i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    }
    row = next;
  }
  return row[b.length]!;
}
