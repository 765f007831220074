/**
 * From a query string to terms: names with modifiers, chains and `_has` are resolved against the
 * search parameters of the type; what is unknown or malformed is refused, naming the nearest known.
 *
 * Spec: https://hl7.org/fhir/R4/search.html
 */

import { Problem, problem } from '../../sdk/index.ts';
import type { Definitions, SearchParameterInfo } from '../definitions/definitions.ts';
import { hierarchiesOf } from './hierarchy.ts';
import { type Budget, checkQuery, newBudget, spend, tooCostly } from './limits.ts';
import { parseNear } from './near.ts';
import { notServed, textWithIncludes, unknownModifier, unknownParameter } from './refusals.ts';
import { split } from './text-values.ts';
import type { Token } from './values.ts';

export { split, unescaped } from './text-values.ts';

/** One condition: all conditions must hold; within one, any value may. */
export type Term =
  | {
      readonly kind: 'parameter';
      readonly info: SearchParameterInfo;
      readonly modifier?: string;
      readonly values: readonly string[];
      readonly name: string;
      /** What value sets and code systems that are stored come to. */
      readonly tokens?: readonly Token[];
    }
  | { readonly kind: 'id'; readonly values: readonly string[] }
  | { readonly kind: 'updated'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly values: readonly string[] }
  /** What every resource has is never missing. */
  | { readonly kind: 'constant'; readonly code: string; readonly holds: boolean }
  /** Leads to one of these by one of these parameters, or is one of them. */
  | {
      readonly kind: 'compartment';
      readonly code: string;
      readonly members: readonly { readonly type: string; readonly id: string }[];
    }
  | {
      readonly kind: 'chain';
      readonly info: SearchParameterInfo;
      readonly targets: readonly { type: string; term: Term }[];
    }
  | {
      readonly kind: 'has';
      readonly type: string;
      readonly info: SearchParameterInfo;
      readonly term: Term;
    };

/** A sort key. */
export interface SortKey {
  readonly code: string;
  readonly descending: boolean;
  /** Undefined for `_id` and `_lastUpdated`. */
  readonly info?: SearchParameterInfo;
  /** Sorted by the distance from a place, in degrees. */
  readonly from?: { readonly latitude: number; readonly longitude: number };
}

/** An include: `source:parameter[:target]`, or all of a source. */
export interface Include {
  readonly source: string;
  /** `*`: every reference. */
  readonly code: string;
  readonly target?: string;
  readonly iterate: boolean;
  readonly reverse: boolean;
  /** Types that `*` may bring along; undefined for all. */
  readonly only?: readonly string[];
}

/** A search, understood. */
export interface Search {
  readonly types: readonly string[];
  /** What is searched as the URL says it, if not the types. */
  readonly path?: string;
  /** Types of which there may be stored matches; undefined for all. */
  readonly present?: ReadonlySet<string>;
  readonly terms: readonly Term[];
  readonly sort: readonly SortKey[];
  readonly includes: readonly Include[];
  readonly count: number;
  readonly total: 'none' | 'accurate' | 'estimate';
  readonly summary?: 'true' | 'text' | 'data' | 'count';
  readonly elements?: readonly string[];
  readonly cursor?: string;
  /** Parameters that were honoured, for `self`. */
  readonly honoured: URLSearchParams;
  /** Parameters left out under lenient handling. */
  readonly ignored: readonly string[];
}

/** Values of one parameter that are looked up one by one; codes and ids are looked up together. */
const VALUES_FEW = 200;

export const COUNT_DEFAULT = 50;
export const COUNT_MAX = 1000;

const RESULT = new Set([
  '_sort',
  '_count',
  '_include',
  '_revinclude',
  '_total',
  '_summary',
  '_elements',
  '_cursor',
  '_format',
  '_pretty',
  '_type',
]);

/** Parameters of R4 that are refused rather than answered in part. */
const NOT_SERVED = new Set([
  '_filter',
  '_text',
  '_content',
  '_query',
  '_contained',
  '_containedType',
]);

/** Modifiers by parameter type; `type` stands for a resource type. */
const MODIFIERS: Readonly<Record<string, readonly string[]>> = {
  string: ['missing', 'exact', 'contains', 'text'],
  token: ['missing', 'not', 'text', 'in', 'not-in', 'above', 'below'],
  reference: ['missing', 'identifier', 'type', 'above', 'below'],
  uri: ['missing', 'below', 'above'],
  date: ['missing'],
  number: ['missing'],
  quantity: ['missing'],
  composite: ['missing'],
  special: ['missing'],
};

/**
 * Understands a search.
 *
 * @param types  the type searched, or those of a system-level search
 * @param lenient  drop what is not understood instead of refusing it
 * @throws Problem naming the parameter and the remedy
 */
export function parseSearch(
  definitions: Definitions,
  types: readonly string[],
  query: URLSearchParams,
  lenient: boolean,
): Search {
  checkQuery(query, types.length);
  const budget = newBudget();
  const terms: Term[] = [];
  const honoured = new URLSearchParams();
  const ignored: string[] = [];
  /** Takes a parameter, or leaves it out under lenient handling. */
  const take = (name: string, value: string, read: () => void): void => {
    try {
      read();
      if (!SILENT.has(name)) honoured.append(name, value);
    } catch (error) {
      if (!lenient || !(error instanceof Problem)) throw error;
      ignored.push(name);
    }
  };
  const results: ResultParameters = { includes: [] };
  for (const [name, value] of query) {
    if (value === '') continue;
    if (isResult(name)) {
      take(name, value, () => readResult(definitions, types, results, name, value));
    } else take(name, value, () => terms.push(parseTerm(definitions, types, name, value, budget)));
  }
  if (results.summary === 'text' && results.includes.length > 0) throw textWithIncludes();
  const near = terms.find(
    (term) => term.kind === 'parameter' && isNear(term.info) && !term.modifier,
  );
  return {
    types,
    terms,
    count: COUNT_DEFAULT,
    total: 'none',
    ...results,
    includes: results.includes.map((each) =>
      results.only ? { ...each, only: results.only } : each,
    ),
    sort: results.sort ?? (near?.kind === 'parameter' ? byDistance(near) : []),
    honoured,
    ignored,
  };
}

/** Results in the order of their distance, when nothing else is asked for. */
function byDistance({ info, values, name }: Extract<Term, { kind: 'parameter' }>): SortKey[] {
  const { latitude, longitude } = parseNear(values[0]!, name);
  return [{ code: info.code, descending: false, info, from: { latitude, longitude } }];
}

/** True for the special parameter that finds positions. */
export function isNear(info: SearchParameterInfo): boolean {
  return info.type === 'special' && info.code === 'near';
}

/** Understands one condition; `budget` is shared by the branches of a chain. */
export function parseTerm(
  definitions: Definitions,
  types: readonly string[],
  name: string,
  value: string,
  budget: Budget = newBudget(),
): Term {
  spend(budget, name);
  if (name.startsWith('_has:')) return parseHas(definitions, types, name, value, budget);
  const dot = name.indexOf('.');
  if (dot > 0) {
    const [head, rest] = [name.slice(0, dot), name.slice(dot + 1)];
    return parseChain(definitions, types, { head, rest, value }, budget);
  }
  const [code = '', modifier, more] = name.split(':');
  if (more !== undefined) throw unknownModifier(name, code, []);
  if (NOT_SERVED.has(code) && !(name === '_contained' && value === 'false')) throw notServed(code);
  if (code === '_contained') return { kind: 'constant', code, holds: true };
  const values = [...new Set(split(value, ','))];
  if (modifier === 'missing' && (code === '_id' || code === '_lastUpdated')) {
    return { kind: 'constant', code, holds: !isTrue(name, value) };
  }
  if (code === '_list' && values.some((each) => each.startsWith('$'))) {
    throw problem('not-supported', 'search-value', '_list takes ids of Lists, no functions.', name);
  }
  if (code === '_id' || code === '_lastUpdated' || code === '_list') {
    if (modifier !== undefined) throw unknownModifier(name, code, []);
    return { kind: code === '_id' ? 'id' : code === '_list' ? 'list' : 'updated', values };
  }
  const info = parameterOf(definitions, types, code);
  checkModifier(definitions, info, modifier, name, value);
  if (values.length > VALUES_FEW && info.type !== 'token' && info.type !== 'uri') {
    throw tooCostly(`${code} takes at most ${VALUES_FEW} values.`, name);
  }
  return { kind: 'parameter', info, modifier, values, name };
}

function parameterOf(
  definitions: Definitions,
  types: readonly string[],
  code: string,
): SearchParameterInfo {
  const found = definitions.searchParameter(types[0]!, code);
  const everywhere = types.every((type) => definitions.searchParameter(type, code));
  if (found && everywhere) {
    if (!found.pending) return found;
    throw problem(
      'not-supported',
      'search-parameter-indexing',
      `${code} is being indexed and can be searched when that is done; see SearchParameter/$status.`,
      code,
    );
  }
  throw unknownParameter(definitions, types, code);
}

function checkModifier(
  definitions: Definitions,
  info: SearchParameterInfo,
  modifier: string | undefined,
  name: string,
  value: string,
): void {
  if (modifier === undefined) return;
  const allowed = modifiersOf(definitions, info);
  const isType = allowed.includes('type') && definitions.isResourceType(modifier);
  if (!allowed.includes(modifier) && !isType) throw unknownModifier(name, info.code, allowed);
  if (modifier === 'missing') isTrue(name, value);
  if (isType && !info.targets.includes(modifier) && info.targets.length > 0) {
    throw problem(
      'invalid',
      'search-modifier',
      `${info.code} does not lead to ${modifier}; it leads to ${info.targets.join(', ')}.`,
      name,
    );
  }
}

function modifiersOf(definitions: Definitions, info: SearchParameterInfo): readonly string[] {
  const allowed = MODIFIERS[info.type] ?? [];
  if (info.type === 'reference' && hierarchiesOf(definitions, info.targets).length === 0) {
    return allowed.filter((each) => each !== 'above' && each !== 'below');
  }
  if (info.type !== 'token') return allowed;
  // Identifiers have types; codes have systems that value sets draw on.
  return info.tokens === 'tk' ? allowed : [...allowed, 'of-type'];
}

function isTrue(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw problem('invalid', 'search-value', `${name} takes true or false, not "${value}".`, name);
}

function parseChain(
  definitions: Definitions,
  types: readonly string[],
  { head, rest, value }: { readonly head: string; readonly rest: string; readonly value: string },
  budget: Budget,
): Term {
  const [code = '', wanted] = head.split(':');
  const info = parameterOf(definitions, types, code);
  if (info.type !== 'reference') {
    throw problem(
      'invalid',
      'search-chain',
      `${code} is not a reference; it cannot be chained.`,
      head,
    );
  }
  const all = info.targets.length > 0 ? info.targets : definitions.resourceTypes;
  if (wanted && !all.includes(wanted)) throw unknownModifier(`${head}.${rest}`, code, all);
  const first = rest.split(/[.:]/)[0]!;
  const candidates = (wanted ? [wanted] : all).filter(
    (type) =>
      wanted || first.startsWith('_') || definitions.searchParameter(type, first) !== undefined,
  );
  if (candidates.length === 0) throw unknownParameter(definitions, all, first);
  const targets = candidates.flatMap((type) =>
    chained(definitions, type, { rest, value, optional: !wanted }, budget),
  );
  if (targets.length === 0) parseTerm(definitions, [candidates[0]!], rest, value, budget);
  return { kind: 'chain', info, targets };
}

/** The rest of a chain on one type; none when the type is only one of several and cannot have it. */
function chained(
  definitions: Definitions,
  type: string,
  { rest, value, optional }: { rest: string; value: string; optional: boolean },
  budget: Budget,
): { type: string; term: Term }[] {
  try {
    return [{ type, term: parseTerm(definitions, [type], rest, value, budget) }];
  } catch (error) {
    if (!optional || !(error instanceof Problem) || budget.left < 0) throw error;
    return [];
  }
}

function parseHas(
  definitions: Definitions,
  types: readonly string[],
  name: string,
  value: string,
  budget: Budget,
): Term {
  const match = /^_has:([A-Za-z]+):([\w-]+):(.+)$/.exec(name);
  if (!match || !definitions.isResourceType(match[1]!)) {
    throw problem(
      'invalid',
      'search-has',
      `${name}: write _has:Type:reference:parameter, e.g. _has:Group:member:_id.`,
      name,
    );
  }
  const [, type, code, rest] = match as unknown as [string, string, string, string];
  const info = parameterOf(definitions, [type], code);
  if (
    info.type !== 'reference' ||
    !types.some((each) => info.targets.includes(each) || info.targets.length === 0)
  ) {
    throw problem(
      'invalid',
      'search-has',
      `${type}.${code} does not lead to ${types.join(', ')}.`,
      name,
    );
  }
  return { kind: 'has', type, info, term: parseTerm(definitions, [type], rest, value, budget) };
}

/** Result parameters as they are read one by one. */
type ResultParameters = {
  -readonly [Key in Exclude<
    keyof Search,
    'types' | 'path' | 'present' | 'terms' | 'includes'
  >]?: Search[Key];
} & { includes: Include[]; only?: readonly string[] };

/** Not repeated in `self`. */
const SILENT = new Set(['_cursor']);

function isResult(name: string): boolean {
  const [code, modifier] = name.split(':');
  const includes = code === '_include' || code === '_revinclude';
  return RESULT.has(code!) && (modifier === undefined || (includes && modifier === 'iterate'));
}

function readResult(
  definitions: Definitions,
  types: readonly string[],
  results: ResultParameters,
  name: string,
  value: string,
): void {
  const iterate = name.endsWith(':iterate');
  switch (name.split(':')[0]) {
    case '_include':
    case '_revinclude': {
      const reverse = name.startsWith('_rev');
      results.includes.push(parseInclude(definitions, value, iterate, reverse));
      return;
    }
    case '_sort':
      results.sort = parseSort(definitions, types, value);
      return;
    case '_count':
      results.count = parseCount(value);
      return;
    case '_total':
      results.total = choice(value, name, ['none', 'accurate', 'estimate']);
      return;
    case '_summary': {
      const summary = choice(value, name, ['true', 'text', 'data', 'count', 'false']);
      results.summary = summary === 'false' ? undefined : summary;
      return;
    }
    case '_elements':
      results.elements = value.split(',').map((each) => each.trim().replace(/^[A-Z]\w+\./, ''));
      return;
    case '_cursor':
      results.cursor = value;
      return;
    case '_type':
      results.only = value.split(',');
      return;
    default:
  }
}

function choice<const Value extends string>(
  text: string,
  name: string,
  values: readonly Value[],
): Value {
  const found = values.find((value) => value === text);
  if (!found) {
    throw problem('invalid', 'search-value', `${name} is one of ${values.join(', ')}.`, name);
  }
  return found;
}

function parseCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) {
    throw problem('invalid', 'search-value', `_count is a whole number, not "${text}".`, '_count');
  }
  return Math.min(Number(text), COUNT_MAX);
}

function parseSort(definitions: Definitions, types: readonly string[], text: string): SortKey[] {
  return text.split(',').map((each) => {
    const descending = each.startsWith('-');
    const code = descending ? each.slice(1) : each;
    if (code === '_id' || code === '_lastUpdated') return { code, descending };
    return { code, descending, info: parameterOf(definitions, types, code) };
  });
}

function parseInclude(
  definitions: Definitions,
  text: string,
  iterate: boolean,
  reverse: boolean,
): Include {
  const [source = '', code = source === '*' ? '*' : '', target, more] = text.split(':');
  const name = reverse ? '_revinclude' : '_include';
  if (more !== undefined || code === '') {
    throw problem('invalid', 'search-include', `${name}=${text}: write Type:parameter.`, name);
  }
  if (source === '*' && code === '*') return { source: '*', code: '*', iterate, reverse };
  if (!definitions.isResourceType(source)) {
    throw problem('invalid', 'search-include', `${name}=${text}: write Type:parameter.`, name);
  }
  if (code !== '*') {
    const info = parameterOf(definitions, [source], code);
    if (info.type !== 'reference') {
      throw problem('invalid', 'search-include', `${source}:${code} is not a reference.`, name);
    }
  }
  if (target !== undefined && !definitions.isResourceType(target)) {
    throw problem('invalid', 'search-include', `${target} is not a resource type.`, name);
  }
  return { source, code, target, iterate, reverse };
}
