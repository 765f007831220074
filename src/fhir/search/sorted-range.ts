/**
 * A search for a range of what it is sorted by (`birthdate=ge1980&_sort=birthdate`) walks the range
 * alone, where a resource has one value at most: its index row then tells both. Of several values,
 * the one that a resource is sorted by need not be the one that was found.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#prefix, #sort
 */

import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { intervalTest } from './measures.ts';
import type { SortKey, Term } from './parse.ts';
import type { Values } from './parts.ts';
import { type Interval, parseDate } from './values.ts';

/** The part of an order that a search asks for. */
export interface SortedRange {
  /** Places of the terms that are told by it. */
  readonly told: ReadonlySet<number>;
  /** Tests of index rows `s`. */
  readonly tests: readonly string[];
  /** SQL of the least value, and of what is beyond the greatest. */
  readonly low?: string;
  readonly high?: string;
}

/** The range of the index rows of a key that the terms of a search ask for. */
export function sortedRange(key: SortKey, terms: readonly Term[], values: Values): SortedRange {
  const told = new Set<number>();
  const tests: string[] = [];
  const edges: { low?: string; high?: string } = {};
  for (const [at, term] of terms.entries()) {
    if (!key.info?.single || !isAbout(term, key.info)) continue;
    const asked = term.values.map((each) => parseDate(each, term.name));
    told.add(at);
    tests.push(
      `(${asked.map((each) => intervalTest('s.lower', 's.upper', each, values)).join(' or ')})`,
    );
    if (asked.length === 1) Object.assign(edges, edgesOf(key.info, asked[0]!, values));
  }
  return { told, tests, ...edges };
}

/** True when whatever a search finds has a value of a parameter. */
export function demands(terms: readonly Term[], info: SearchParameterInfo): boolean {
  return terms.some(
    (term) =>
      term.kind === 'parameter' &&
      term.info.key === info.key &&
      term.info.onlySystem === info.onlySystem &&
      (term.modifier === undefined ||
        /^(exact|contains)$/.test(term.modifier) ||
        (term.modifier === 'missing' && term.values[0] === 'false' && info.type === 'date')),
  );
}

function isAbout(
  term: Term,
  { key, type }: SearchParameterInfo,
): term is Extract<Term, { kind: 'parameter' }> {
  return (
    type === 'date' &&
    term.kind === 'parameter' &&
    term.info.key === key &&
    term.modifier === undefined
  );
}

/** Between which beginnings the values lie that a range can hold. */
function edgesOf(
  { shortSpans }: SearchParameterInfo,
  { prefix, lower, upper }: Interval,
  values: Values,
): { low?: string; high?: string } {
  const from = values.add(lower, 'timestamptz');
  const to = values.add(upper, 'timestamptz');
  // Finer than what is stored: between two instants.
  if (lower === upper) return {};
  switch (prefix) {
    case 'eq':
      return { low: from, high: to };
    case 'sa':
      return { low: to };
    case 'gt':
    case 'ge':
      // What ends later has begun within the year before, unless it lasts longer.
      return shortSpans ? { low: `${to} - interval '367 days'` } : {};
    case 'lt':
    case 'eb':
      return { high: from };
    case 'le':
      return { high: to };
    default:
      return {};
  }
}

/** Tests of `r.lu` from below and from above, said as rows so that its index is walked. */
export function updatedRange(
  terms: readonly Term[],
  values: Values,
): { readonly low: readonly string[]; readonly high: readonly string[] } {
  const low: string[] = [];
  const high: string[] = [];
  const at = (sign: string, text: string): string =>
    `(r.lu, r.rid) ${sign} (${values.add(text, 'timestamptz')}, 0)`;
  for (const term of terms) {
    if (term.kind !== 'updated' || term.values.length !== 1) continue;
    const { prefix, lower, upper } = parseDate(term.values[0]!, '_lastUpdated');
    if (prefix === 'eq' || prefix === 'ge') low.push(at('>=', lower));
    if (prefix === 'gt' || prefix === 'sa') low.push(at('>=', upper));
    if (prefix === 'eq' || prefix === 'le') high.push(at('<', upper));
    if (prefix === 'lt' || prefix === 'eb') high.push(at('<', lower));
  }
  return { low, high };
}
