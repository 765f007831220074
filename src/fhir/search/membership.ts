/**
 * `:in`, `:not-in`, `:above` and `:below` on codes, by the terminology that we carry; what it cannot
 * tell is refused, because an incomplete answer would look like a complete one.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#token
 */

import type { UnitOfWork } from '../../app.ts';
import { type Problem, problem } from '../../sdk/index.ts';
import { conceptsOf } from '../terminology/concepts.ts';
import { fhirOf } from '../types.ts';
import { unescaped } from './text-values.ts';
import { parseToken, type Token } from './values.ts';

/** Codes that one condition may stand for. */
const CODES_MAX = 5000;

/** The codes of value sets, given by canonical. */
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
    return [...set.codes].flatMap(([system, each]) =>
      [...each.keys()].map((code): Token => ({ system, code })),
    );
  });
  if (codes.length > CODES_MAX) throw unknown(`That is more than ${CODES_MAX} codes.`, name);
  return codes;
}

/** Codes and all that stand above or below them in their code systems. */
export function relatedCodes(
  unit: UnitOfWork,
  texts: readonly string[],
  way: 'above' | 'below',
  name: string,
): Token[] {
  return texts.flatMap((text) => {
    const token = parseToken(text, name);
    if (!token.system || token.code === '') throw unknown(`${name} takes system|code.`, name);
    const system = fhirOf(unit).definitions.publishedCodeSystem(token.system);
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
  });
}

function unknown(text: string, name: string): Problem {
  return problem('not-supported', 'search-terminology', `${name}: ${text}`, name);
}
