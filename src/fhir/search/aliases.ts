/**
 * Searches by reference ask for what a resource has replaced, too: `Claim?patient=Patient/2` finds the
 * claims of Patient/1 when 1 was merged into 2, and so do compartments. The values are added before the
 * search is made into SQL, so that what is stored and what rooms show are searched alike.
 *
 * Only a search that names such a resource asks the database; `:identifier`, `:above` and `:below` stay
 * as they are.
 */

import type { UnitOfWork } from '../../app.ts';
import { parseReference, type ReferenceAlias, referenceAlias } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';
import type { Search, Term } from './parse.ts';
import { unescaped } from './text-values.ts';

type ParameterTerm = Extract<Term, { kind: 'parameter' }>;

/** A search that asks for all that the named resources answer for. */
export async function withAliases(unit: UnitOfWork, search: Search): Promise<Search> {
  const parts = unit.parts(referenceAlias);
  let terms: readonly Term[] = search.terms;
  for (const part of parts) {
    const ids = new Set(terms.flatMap((term) => named(unit, part, term)));
    if (ids.size === 0) continue;
    const formers = await part.formers(unit, [...ids]);
    if (formers.size > 0) terms = terms.map((term) => widened(unit, part, term, formers));
  }
  return terms === search.terms ? search : { ...search, terms };
}

/** Resources with all that they answer for. */
export async function withFormers<R extends { readonly type: string; readonly id: string }>(
  unit: UnitOfWork,
  named: readonly R[],
): Promise<{ readonly type: string; readonly id: string }[]> {
  const all: { type: string; id: string }[] = [...named];
  for (const part of unit.parts(referenceAlias)) {
    const ids = named.filter(({ type }) => type === part.type).map(({ id }) => id);
    if (ids.length === 0) continue;
    for (const formers of (await part.formers(unit, ids)).values()) {
      all.push(...formers.map((id) => ({ type: part.type, id })));
    }
  }
  return all;
}

/** Ids of the type that a term names. */
function named(unit: UnitOfWork, part: ReferenceAlias, term: Term): string[] {
  if (term.kind === 'has') return named(unit, part, term.term);
  if (term.kind === 'chain') return term.targets.flatMap((each) => named(unit, part, each.term));
  if (!asksReference(part, term)) return [];
  return term.values.flatMap((value) => idIn(unit, part, value) ?? []);
}

function asksReference({ type }: ReferenceAlias, term: Term): term is ParameterTerm {
  if (term.kind !== 'parameter' || term.info.type !== 'reference') return false;
  const { info, modifier } = term;
  if (modifier !== undefined && modifier !== type) return false;
  return info.targets.length === 0 || info.targets.includes(type);
}

/** The id that a value names, as `Type/id`, an own URL or the id alone. */
function idIn(unit: UnitOfWork, { type }: ReferenceAlias, value: string): string | undefined {
  const own = `${fhirOf(unit).base()}/`;
  const text = unescaped(value);
  const literal = text.startsWith(own) ? text.slice(own.length) : text;
  const local = parseReference(literal);
  if (local) return local.type === type && !local.version ? local.id : undefined;
  return /^[A-Za-z0-9\-.]{1,64}$/.test(literal) ? literal : undefined;
}

function widened(
  unit: UnitOfWork,
  part: ReferenceAlias,
  term: Term,
  formers: ReadonlyMap<string, readonly string[]>,
): Term {
  if (term.kind === 'has') return { ...term, term: widened(unit, part, term.term, formers) };
  if (term.kind === 'chain') {
    const targets = term.targets.map((each) => ({
      ...each,
      term: widened(unit, part, each.term, formers),
    }));
    return { ...term, targets };
  }
  if (!asksReference(part, term)) return term;
  const added = term.values.flatMap((value) =>
    (formers.get(idIn(unit, part, value) ?? '') ?? []).map((id) => `${part.type}/${id}`),
  );
  return { ...term, values: [...term.values, ...added] };
}
