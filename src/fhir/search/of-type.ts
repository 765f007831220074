/**
 * A search over several types as it is for one of them: parameters of one name have rows under
 * another key in each type.
 */

import type { Definitions } from '../definitions/definitions.ts';
import type { Search, Term } from './parse.ts';

/** The search of one of its types. */
export function ofType(definitions: Definitions, search: Search, type: string): Search {
  if (search.types.length === 1) return search;
  const own = <Named extends { readonly info?: { readonly code: string } }>(
    named: Named,
  ): Named => {
    const info = named.info && definitions.searchParameter(type, named.info.code);
    return info ? { ...named, info } : named;
  };
  const terms = search.terms.map((term): Term => {
    return term.kind === 'parameter' || term.kind === 'chain' ? own(term) : term;
  });
  return { ...search, terms, sort: search.sort.map(own) };
}
