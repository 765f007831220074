/**
 * `:in`, `:not-in`, `:above` and `:below` by value sets and code systems that callers have stored:
 * looked up before the search is made into SQL, which asks nobody. What the house carries itself is
 * left to `membership.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#token
 */

import type { CodeSystem, ValueSet } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { Problem, parseReference, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { Carried, definitionOf } from '../terminology/carried.ts';
import { fhirOf } from '../types.ts';
import { checkedTokens, codesOf, lineOfCode } from './membership.ts';
import type { Search, Term } from './parse.ts';
import { unescaped } from './text-values.ts';
import { parseToken, type Token } from './values.ts';

type ParameterTerm = Extract<Term, { kind: 'parameter' }>;

/** A search whose conditions on terminology that is stored are resolved to codes. */
export async function withStoredTerminology(unit: UnitOfWork, search: Search): Promise<Search> {
  if (!search.terms.some(asksTerminology)) return search;
  const resolver = new Resolver(unit);
  const terms: Term[] = [];
  for (const term of search.terms) terms.push(await resolver.term(term));
  return { ...search, terms };
}

const BY_TERMINOLOGY = new Set(['in', 'not-in', 'above', 'below']);

function asksTerminology(term: Term): boolean {
  if (term.kind === 'has') return asksTerminology(term.term);
  if (term.kind === 'chain') return term.targets.some((each) => asksTerminology(each.term));
  if (term.kind !== 'parameter' || term.info.type !== 'token') return false;
  return BY_TERMINOLOGY.has(term.modifier ?? '');
}

class Resolver {
  readonly #unit: UnitOfWork;
  readonly #carried: Carried;

  constructor(unit: UnitOfWork) {
    this.#unit = unit;
    this.#carried = new Carried(unit);
  }

  async term(term: Term): Promise<Term> {
    if (!asksTerminology(term)) return term;
    if (term.kind === 'has') return { ...term, term: await this.term(term.term) };
    if (term.kind === 'chain') {
      const targets: { type: string; term: Term }[] = [];
      for (const each of term.targets) {
        targets.push({ type: each.type, term: await this.term(each.term) });
      }
      return { ...term, targets };
    }
    return this.#parameter(term as ParameterTerm);
  }

  async #parameter(term: ParameterTerm): Promise<Term> {
    const { modifier, name } = term;
    const tokens: Token[] = [];
    for (const text of term.values) {
      try {
        tokens.push(
          ...(modifier === 'in' || modifier === 'not-in'
            ? await this.#ofSet(unescaped(text), name)
            : await this.#line(text, modifier as 'above' | 'below', name)),
        );
      } catch (error) {
        if (!(error instanceof Problem) || error.status === 400) throw error;
        // Of a search, what is asked for is at fault.
        const says =
          error.status === 404
            ? `There is no value set "${unescaped(text)}" here; store it as a ValueSet.`
            : error.issues[0]?.diagnostics;
        throw problem('not-supported', 'search-terminology', `${name}: ${says}`, name);
      }
    }
    return { ...term, tokens: checkedTokens(tokens, name) };
  }

  /** The codes of a value set, by its canonical or as a resource of ours. */
  async #ofSet(text: string, name: string): Promise<Token[]> {
    const { definitions, base } = fhirOf(this.#unit);
    const known = definitions.valueSet(text);
    if (known?.complete) return codesOf(known);
    const own = text.startsWith(`${base()}/`) ? text.slice(base().length + 1) : text;
    const local = parseReference(own);
    if (local?.type === 'ValueSet') authorize(this.#unit, 'read', 'ValueSet');
    const set =
      local?.type === 'ValueSet'
        ? (definitionOf((await current(this.#unit, 'ValueSet', local.id)).content) as ValueSet)
        : await this.#carried.valueSet(text);
    const expanded = await this.#carried.expand(set);
    if (expanded.complete) return codesOf(expanded);
    throw problem(
      'not-supported',
      'search-terminology',
      `${name}: The value set "${text}" draws on code systems that are not carried here.`,
      name,
    );
  }

  async #line(text: string, way: 'above' | 'below', name: string): Promise<Token[]> {
    const { system: url } = parseToken(text, name);
    const system: CodeSystem | undefined = url
      ? await this.#carried.codeSystemIfCarried(url)
      : undefined;
    return lineOfCode(system, text, way, name);
  }
}
