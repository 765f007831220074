/**
 * From a query string to terms: names with modifiers, chains and `_has` are resolved against the
 * search parameters of the type; what is unknown or malformed is refused, naming the nearest known.
 *
 * Spec: https://hl7.org/fhir/R4/search.html
 */

import { problem } from '../../sdk/index.ts';
import type { Definitions, SearchParameterInfo } from '../definitions/definitions.ts';

/** One condition: all conditions must hold; within one, any value may. */
export type Term =
  | {
      readonly kind: 'parameter';
      readonly info: SearchParameterInfo;
      readonly modifier?: string;
      readonly values: readonly string[];
      readonly name: string;
    }
  | { readonly kind: 'id'; readonly values: readonly string[] }
  | { readonly kind: 'updated'; readonly values: readonly string[] }
  | { readonly kind: 'list'; readonly values: readonly string[] }
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
}

/** An include: `source:parameter[:target]`, or all of a source. */
export interface Include {
  readonly source: string;
  /** `*`: every reference. */
  readonly code: string;
  readonly target?: string;
  readonly iterate: boolean;
  readonly reverse: boolean;
}

/** A search, understood. */
export interface Search {
  readonly types: readonly string[];
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
  '_contained',
  '_containedType',
]);

/** Modifiers by parameter type; `type` stands for a resource type. */
const MODIFIERS: Readonly<Record<string, readonly string[]>> = {
  string: ['missing', 'exact', 'contains', 'text'],
  token: ['missing', 'not', 'text', 'of-type'],
  reference: ['missing', 'identifier', 'type'],
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
  const terms: Term[] = [];
  const honoured = new URLSearchParams();
  const ignored: string[] = [];
  for (const [name, value] of query) {
    if (RESULT.has(name.split(':')[0]!)) {
      if (!['_cursor', '_format', '_pretty'].includes(name)) honoured.append(name, value);
      continue;
    }
    if (value === '') continue;
    try {
      terms.push(parseTerm(definitions, types, name, value));
      honoured.append(name, value);
    } catch (error) {
      if (!lenient) throw error;
      ignored.push(name);
    }
  }
  return {
    types,
    terms,
    ...resultParameters(definitions, types, query),
    honoured,
    ignored,
  };
}

/** Understands one condition. */
export function parseTerm(
  definitions: Definitions,
  types: readonly string[],
  name: string,
  value: string,
): Term {
  if (name.startsWith('_has:')) return parseHas(definitions, types, name, value);
  const dot = name.indexOf('.');
  if (dot > 0)
    return parseChain(definitions, types, name.slice(0, dot), name.slice(dot + 1), value);
  const [code = '', modifier, more] = name.split(':');
  if (more !== undefined) throw unknownModifier(name, code, []);
  const values = split(value, ',');
  if (code === '_id' || code === '_lastUpdated' || code === '_list') {
    if (modifier !== undefined) throw unknownModifier(name, code, []);
    return { kind: code === '_id' ? 'id' : code === '_list' ? 'list' : 'updated', values };
  }
  const info = parameterOf(definitions, types, code);
  checkModifier(definitions, info, modifier, name, value);
  return { kind: 'parameter', info, modifier, values, name };
}

function parameterOf(
  definitions: Definitions,
  types: readonly string[],
  code: string,
): SearchParameterInfo {
  const found = definitions.searchParameter(types[0]!, code);
  const everywhere = types.every((type) => definitions.searchParameter(type, code));
  if (found && everywhere) return found;
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
  const allowed = MODIFIERS[info.type] ?? [];
  const isType = allowed.includes('type') && definitions.isResourceType(modifier);
  if (!allowed.includes(modifier) && !isType) throw unknownModifier(name, info.code, allowed);
  if (modifier === 'missing' && value !== 'true' && value !== 'false') {
    throw problem('invalid', 'search-value', `${name} takes true or false, not "${value}".`, name);
  }
  if (isType && !info.targets.includes(modifier) && info.targets.length > 0) {
    throw problem(
      'invalid',
      'search-modifier',
      `${info.code} does not lead to ${modifier}; it leads to ${info.targets.join(', ')}.`,
      name,
    );
  }
}

function parseChain(
  definitions: Definitions,
  types: readonly string[],
  head: string,
  rest: string,
  value: string,
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
  return {
    kind: 'chain',
    info,
    targets: candidates.map((type) => ({
      type,
      term: parseTerm(definitions, [type], rest, value),
    })),
  };
}

function parseHas(
  definitions: Definitions,
  types: readonly string[],
  name: string,
  value: string,
): Term {
  const match = /^_has:([A-Za-z]+):([A-Za-z_-]+):(.+)$/.exec(name);
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
  return { kind: 'has', type, info, term: parseTerm(definitions, [type], rest, value) };
}

function resultParameters(
  definitions: Definitions,
  types: readonly string[],
  query: URLSearchParams,
): Pick<Search, 'sort' | 'includes' | 'count' | 'total' | 'summary' | 'elements' | 'cursor'> {
  const summary = choice(query, '_summary', ['true', 'text', 'data', 'count', 'false']);
  const total = choice(query, '_total', ['none', 'accurate', 'estimate']);
  const elements = query.get('_elements');
  return {
    sort: parseSort(definitions, types, query.get('_sort')),
    includes: [
      ...query.getAll('_include').map((each) => parseInclude(definitions, each, false, false)),
      ...query
        .getAll('_include:iterate')
        .map((each) => parseInclude(definitions, each, true, false)),
      ...query.getAll('_revinclude').map((each) => parseInclude(definitions, each, false, true)),
      ...query
        .getAll('_revinclude:iterate')
        .map((each) => parseInclude(definitions, each, true, true)),
    ],
    count: parseCount(query.get('_count')),
    total: total ?? 'none',
    ...(summary && summary !== 'false' && { summary }),
    ...(elements && { elements: elements.split(',').map((each) => each.replace(/^\w+\./, '')) }),
    cursor: query.get('_cursor') ?? undefined,
  };
}

function choice<const Value extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const found = values.find((value) => value === text);
  if (!found) {
    throw problem('invalid', 'search-value', `${name} is one of ${values.join(', ')}.`, name);
  }
  return found;
}

function parseCount(text: string | null): number {
  if (text === null) return COUNT_DEFAULT;
  if (!/^\d{1,9}$/.test(text)) {
    throw problem('invalid', 'search-value', `_count is a whole number, not "${text}".`, '_count');
  }
  return Math.min(Number(text), COUNT_MAX);
}

function parseSort(
  definitions: Definitions,
  types: readonly string[],
  text: string | null,
): SortKey[] {
  if (!text) return [];
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
  const [source = '', code = '*', target] = text.split(':');
  const name = reverse ? '_revinclude' : '_include';
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

/** Splits at a separator that is not escaped; escapes stay for the next reader. */
export function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i += 1) {
    if (text[i] === '\\' && i + 1 < text.length) {
      part += text[i]! + text[i + 1]!;
      i += 1;
    } else if (text[i] === separator) {
      parts.push(part);
      part = '';
    } else part += text[i]!;
  }
  parts.push(part);
  return parts;
}

/** Takes the escapes `\,` `\|` `\$` `\\` away. */
export function unescaped(text: string): string {
  return text.replace(/\\([,|$\\])/g, '$1');
}

function unknownModifier(name: string, code: string, allowed: readonly string[]) {
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

function unknownParameter(definitions: Definitions, types: readonly string[], code: string) {
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
