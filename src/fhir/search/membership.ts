/**
 * `:in`, `:not-in`, `:above` and `:below` on codes, by the terminology that we carry; what it cannot
 * tell is refused, because an incomplete answer would look like a complete one.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#token
 */

import type { CodeSystem } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Problem, problem } from '../../sdk/index.ts';
import type { ExpandedValueSet } from '../definitions/definitions.ts';
import { conceptsOf } from '../terminology/concepts.ts';
import { fhirOf } from '../types.ts';
import { unescaped } from './text-values.ts';
import { parseToken, type Token } from './values.ts';

/** Codes that one condition may stand for. */
const CODES_MAX = 5000;

/** The codes of value sets that the house carries, given by canonical. */
export function codesOfSets(unit: UnitOfWork, urls: readonly string[], name: string): Token[] {
  const codes = urls.map(unescaped).flatMap((url) => {
    const set = fhirOf(unit).definitions.valueSet(url);
    if (!set) throw unknown(`There is no value set "${url}" here.`, name);
    if (!set.complete) {
      throw unknown(
        `The value set "${url}" draws on code systems that are not carried here.`,
        name,
      );
    }
    return codesOf(set);
  });
  return checkedTokens(codes, name);
}

/** The codes of a value set. */
export function codesOf({ codes }: Pick<ExpandedValueSet, 'codes'>): Token[] {
  return [...codes].flatMap(([system, each]) =>
    [...each.keys()].map((code): Token => ({ system, code })),
  );
}

/** @throws Problem when there are more codes than a search may ask for */
export function checkedTokens(codes: readonly Token[], name: string): Token[] {
  if (codes.length > CODES_MAX) throw unknown(`That is more than ${CODES_MAX} codes.`, name);
  return [...codes];
}

/** Codes and all that stand above or below them in code systems that the house carries. */
export function relatedCodes(
  unit: UnitOfWork,
  texts: readonly string[],
  way: 'above' | 'below',
  name: string,
): Token[] {
  return texts.flatMap((text) => {
    const { system } = parseToken(text, name);
    const known = system ? fhirOf(unit).definitions.publishedCodeSystem(system) : undefined;
    return lineOfCode(known, text, way, name);
  });
}

/** A code, `system|code`, and all that stand above or below it in its code system. */
export function lineOfCode(
  system: CodeSystem | undefined,
  text: string,
  way: 'above' | 'below',
  name: string,
): Token[] {
  const token = parseToken(text, name);
  if (!token.system || token.code === '') throw unknown(`${name} takes system|code.`, name);
  if (system?.content !== 'complete') {
    throw unknown(`The code system "${token.system}" is not carried here.`, name);
  }
  const concepts = conceptsOf(system);
  const found = new Set<string>([token.code]);
  for (const code of found) {
    const placed = concepts.find(code);
    for (const next of (way === 'below' ? placed?.children : placed?.parents) ?? []) {
      found.add(next);
    }
  }
  return [...found].map((code): Token => ({ system: token.system, code }));
}

function unknown(text: string, name: string): Problem {
  return problem('not-supported', 'search-terminology', `${name}: ${text}`, name);
}
