/**
 * From terms to SQL: each term becomes a set of internal ids, or a condition on the row `r` of the
 * table `resource`. The caller decides which set is walked first.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, problem } from '../../sdk/index.ts';
import { type Act, authorize, mayRead } from '../authorize.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { kindKey, ofTypeValue, paramKey, textKey, valueHash } from '../definitions/hash.ts';
import { toldBy } from '../definitions/search-parameters.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { fhirOf } from '../types.ts';
import { compositeTest } from './composite.ts';
import { hierarchiesOf, lineOf } from './hierarchy.ts';
import { dateSet, dateTest, instantTest, quantityTest, unitTest } from './measures.ts';
import { scopeTests, storedLimits } from './narrow.ts';
import { nearCondition } from './near.ts';
import { isNear, type Term } from './parse.ts';
import {
  anyOf,
  CODE_RANK,
  type Condition,
  fromIndex,
  fromSet,
  fromTest,
  joinOr,
  ofResource,
  RANGE_RANK,
  unionOf,
  type Values,
} from './parts.ts';
import { targetOf, URL_KEYS } from './references.ts';
import { unescaped } from './text-values.ts';
import { hasText, stringCondition, textsUnder } from './texts.ts';
import { tokenHashes, tokensAsked, uriHashes } from './tokens.ts';
import { parseDate, parseNumber, parseToken, type Token } from './values.ts';

/**
 * Conditions that the actor's reach and scopes add to every read and search of stored resources
 * (alias `r`) of a type.
 *
 * @throws Problem forbidden when the type may not be read at all
 */
export function reachConditions(
  unit: UnitOfWork,
  type: string,
  values: Values,
  act: Act = 'search',
): readonly string[] {
  authorize(unit, act, type);
  const scoped = scopeTests(unit, type, act, (terms, whole) =>
    terms.map((term) => conditionOf(whole, type, term, values).test),
  );
  return [...storedLimits(unit, type, values), ...scoped];
}

/** The condition of a term on resources of a type. */
export function conditionOf(unit: UnitOfWork, type: string, term: Term, values: Values): Condition {
  switch (term.kind) {
    case 'id': {
      const keys = values.add(
        term.values.map((each) => idKey(unescaped(each))),
        'uuid[]',
      );
      const number = fhirOf(unit).definitions.typeNumber(type);
      return {
        set: `select r.rid from resource r where r.type = ${number} and r.id = any(${keys})`,
        test: `r.id = any(${keys})`,
        rank: 0,
      };
    }
    case 'updated':
      return fromTest(
        anyOf(term.values, (each) => instantTest('r.lu', parseDate(each, '_lastUpdated'), values)),
        60,
      );
    case 'constant':
      return fromTest(String(term.holds), 99);
    case 'list':
      return listCondition(unit, type, term.values, values);
    case 'compartment':
      return compartmentCondition(unit, type, term, values);
    case 'chain':
      return chainCondition(unit, term, values);
    case 'has':
      return hasCondition(unit, type, term, values);
    case 'parameter':
      return parameterCondition(unit, type, term, values);
  }
}

type ParameterTerm = Extract<Term, { kind: 'parameter' }>;

function parameterCondition(
  unit: UnitOfWork,
  type: string,
  term: ParameterTerm,
  values: Values,
): Condition {
  const { info, modifier } = term;
  refuseMaskedSearch(unit.actor, type, info, modifier);
  if (modifier === 'missing') {
    const present = values.add(info.present, 'bigint[]');
    const table = toldBy(info.type);
    const told =
      table === 'str' ? hasText(info.keys, 'str', values) : textsUnder(info.keys, 'param', values);
    const rows = table && fromIndex(table, [told], 90);
    const has = `(r.tk && ${present}${rows ? ` or ${rows.test}` : ''})`;
    return fromTest(term.values[0] === 'true' ? `not ${has}` : has, 90);
  }
  switch (info.type) {
    case 'token':
      return tokenCondition(unit, type, term, values);
    case 'string':
      return stringCondition(info.keys, term.values, modifier, values);
    case 'reference':
      return referenceCondition(unit, type, term, values);
    case 'uri':
      return uriCondition(type, term, values);
    case 'date':
      return dateCondition(term, values);
    case 'number':
      return measured('num', term, (each) =>
        unitTest(info.key, 0n, parseNumber(each, term.name), values),
      );
    case 'quantity':
      return measured('num', term, (each) => quantityTest(info, each, term.name, values));
    case 'composite':
      return measured('pair', term, (each) => compositeTest(unit, info, each, term.name, values));
    case 'special':
      if (isNear(info)) return nearCondition(type, info, term.values, term.name, values);
      break;
    default:
  }
  throw problem(
    'not-supported',
    'search-parameter-type',
    `${info.code} is a ${info.type} parameter, which this server does not search.`,
    term.name,
  );
}

function dateCondition({ info, name, values: texts }: ParameterTerm, values: Values): Condition {
  const asked = texts.map((each) => parseDate(each, name));
  const tests = asked.map((each) => dateTest(info, each, values));
  const sets = asked.map((each, at) => dateSet(tests[at]!, each, values));
  return { ...fromIndex('dat', tests, RANGE_RANK), set: sets.join(' union all ') };
}

function measured(
  table: 'num' | 'pair',
  term: ParameterTerm,
  test: (text: string) => string,
): Condition {
  return fromIndex(table, term.values.map(test), table === 'pair' ? 25 : RANGE_RANK);
}

// ── tokens ───────────────────────────────────────────────────────────────────────────────────

function tokenCondition(
  unit: UnitOfWork,
  type: string,
  term: ParameterTerm,
  values: Values,
): Condition {
  const { info, modifier } = term;
  if (modifier === 'text') return textOfTokens(type, term, values);
  if (modifier === 'of-type') return ofTypeCondition(type, term, values);
  const tokens = term.tokens ?? tokensAsked(unit, modifier, term.values, term.name);
  const joined = anyToken(info, tokens, values);
  const negated = modifier === 'not' || modifier === 'not-in';
  return negated ? fromTest(`not (${joined.test})`, 95) : joined;
}

function textOfTokens(type: string, { info, values: texts }: ParameterTerm, values: Values) {
  return stringCondition([textKey(type, `${info.rowsCode}:text`)], texts, undefined, values);
}

/** Resources that have one of the tokens: those in `tk` are one test, those in `tok` one set. */
function anyToken(info: SearchParameterInfo, tokens: readonly Token[], values: Values): Condition {
  const hashes: bigint[] = [];
  const tests: string[] = [];
  for (const { tk, tok } of tokenHashes(info, tokens)) {
    if (tk !== undefined) hashes.push(tk);
    if (!tok) continue;
    const only = tok.system === undefined ? '' : ` and system = ${values.add(tok.system, 'int')}`;
    tests.push(`hash = ${values.add(tok.hash, 'bigint')}${only}`);
  }
  const found: Condition[] = [];
  if (tests.length > 0) found.push(fromTokens(tests));
  if (hashes.length > 0) {
    const operator = hashes.length === 1 ? '@>' : '&&';
    found.push(fromTest(`r.tk ${operator} ${values.add(hashes, 'bigint[]')}`, CODE_RANK));
  }
  return found.length > 0 ? joinOr(found) : fromTest('false', 0);
}

/** More tokens than these are looked up once, rather than for each resource that is tested. */
const TOKENS_MAX = 20;

/** Resources with a row of `tok` that passes one of some tests of its hash. */
function fromTokens(tests: readonly string[]): Condition {
  const found = fromSet(
    tests.map((each) => `select rid from tok where ${each}`).join(' union all '),
    10,
  );
  if (tests.length > TOKENS_MAX) return found;
  const own = tests.map(
    (each) => `coalesce((select true from tok where ${each} and rid = r.rid limit 1), false)`,
  );
  return { ...found, test: `(${own.join(' or ')})` };
}

function ofTypeCondition(type: string, term: ParameterTerm, values: Values): Condition {
  const key = paramKey(type, `${term.info.rowsCode}:of-type`);
  return fromSet(
    unionOf(term.values, (each) => {
      const [system, code, value, more] = each.split('|').map(unescaped);
      if (!system || !code || !value || more !== undefined) {
        throw problem(
          'invalid',
          'search-token',
          `${term.name} takes system|code|value.`,
          term.name,
        );
      }
      // With the identifier itself; a second type of it has a row of its own.
      const hash = values.add(valueHash(term.info.key, value), 'bigint');
      const kind = values.add(kindKey(system, code), 'smallint');
      const own = values.add(valueHash(key, ofTypeValue(system, code, value)), 'bigint');
      return `select rid from tok where hash = ${hash} and kind = ${kind}
        union all select rid from tok where hash = ${own}`;
    }),
    10,
  );
}

// ── uris ─────────────────────────────────────────────────────────────────────────────────────

function uriCondition(type: string, term: ParameterTerm, values: Values): Condition {
  const hashes = uriHashes(type, term.info, term.modifier, term.values);
  if (hashes.length === 0) return fromTest('false', 0);
  return fromTokens(hashes.map((each) => `hash = ${values.add(each, 'bigint')}`));
}

// ── references ───────────────────────────────────────────────────────────────────────────────

function referenceCondition(
  unit: UnitOfWork,
  type: string,
  term: ParameterTerm,
  values: Values,
): Condition {
  const { info, modifier } = term;
  if (modifier === 'identifier') {
    const key = paramKey(type, `${info.rowsCode}:identifier`);
    const tokens = term.values.map((each) => parseToken(each, term.name));
    return anyToken({ ...info, key, tokens: 'tok' }, tokens, values);
  }
  if (modifier === 'above' || modifier === 'below') {
    return lineCondition(unit, term, modifier, values);
  }
  const param = values.add(info.key, 'int');
  const tests = term.values.map((each) => {
    const { target, types } = targetOf(unit, info.targets, modifier, unescaped(each));
    const only = types ? ` and type = any(${values.add(types, 'smallint[]')})` : '';
    return `target = ${values.add(target, 'uuid')} and param = ${param}${only}`;
  });
  return fromIndex('ref', tests, 12);
}

/** What leads to a resource, or to what is part of it, or to what it is part of. */
function lineCondition(
  unit: UnitOfWork,
  { info, values: texts }: ParameterTerm,
  way: 'above' | 'below',
  values: Values,
): Condition {
  const { definitions } = fhirOf(unit);
  const param = values.add(info.key, 'int');
  const tests = texts.flatMap((each) => {
    const { target, types } = targetOf(unit, info.targets, undefined, unescaped(each));
    const found = hierarchiesOf(definitions, info.targets);
    return found.flatMap((hierarchy) => {
      const number = definitions.typeNumber(hierarchy.type);
      if (types && !types.includes(number)) return [];
      const seen = reachConditions(unit, hierarchy.type, values);
      const line = lineOf(definitions, hierarchy, target, way, seen, values);
      return [`param = ${param} and type = ${number} and target in (${line})`];
    });
  });
  return fromIndex('ref', tests.length > 0 ? tests : ['false'], 14);
}

function compartmentCondition(
  unit: UnitOfWork,
  type: string,
  { code, members }: Extract<Term, { kind: 'compartment' }>,
  values: Values,
): Condition {
  const { definitions } = fhirOf(unit);
  const codes = definitions.compartment(code)?.parameters.get(type) ?? [];
  const keys = codes.flatMap((each) => definitions.searchParameter(type, each)?.key ?? []);
  const params = values.add(keys, 'int[]');
  const number = definitions.typeNumber(type);
  const own = members.filter((each) => each.type === type).map((each) => idKey(each.id));
  const tests = [...Map.groupBy(members, (each) => each.type)].map(([target, group]) => {
    const ids = values.add(
      group.map((each) => idKey(each.id)),
      'uuid[]',
    );
    return `target = any(${ids}) and type = ${definitions.typeNumber(target)}
      and param = any(${params})`;
  });
  const leading = fromIndex('ref', tests, 12);
  if (own.length === 0) return leading;
  const ids = values.add(own, 'uuid[]');
  return {
    set: `${leading.set} union all select r.rid from resource r
      where r.type = ${number} and r.id = any(${ids})`,
    test: `(r.id = any(${ids}) or ${leading.test})`,
    rank: 12,
  };
}

function chainCondition(
  unit: UnitOfWork,
  term: Extract<Term, { kind: 'chain' }>,
  values: Values,
): Condition {
  const { definitions, links } = fhirOf(unit);
  const param = values.add(term.info.key, 'int');
  const leading = (keys: string, number: number): string =>
    `select f.rid from (${keys}) t cross join lateral (select own.rid from ref own
      where own.target = t.id and own.param = ${param} and own.type = ${number} offset 0) f`;
  // Of several types, those that the caller may read; of one, its refusal.
  const readable = term.targets.filter(({ type }) => mayRead(unit, type, 'search'));
  const targets = readable.length > 0 ? readable : term.targets;
  const sets = targets.flatMap(({ type, term: inner }) => {
    const keys = links.keysOf(unit, type, inner, values, targets.length > 1);
    const found = [leading(keys.join(' union all '), definitions.typeNumber(type))];
    if (term.info.canonical) found.push(leading(links.urlsOf(unit, type, inner, values), 0));
    return found;
  });
  const condition = fromSet(sets.join(' union all '), 25);
  const tests = targets.map(({ type, term: inner }) => {
    const test = term.info.canonical ? undefined : links.testOf(unit, type, inner, values, 'f');
    return test && { ...test, test: `f.type = ${definitions.typeNumber(type)} and ${test.test}` };
  });
  if (tests.some((each) => !each)) return condition;
  return {
    ...condition,
    test: `coalesce((select true from ${ofResource('ref', 'r.rid', 'f')}
      where f.param = ${param} and (${tests.map((each) => `(${each!.test})`).join(' or ')}) limit 1), false)`,
    // What many have is met in a walk before those who have it are gathered.
    rank: tests.some((each) => each!.rank >= TEXT_RANK) ? RANGE_RANK : 25,
  };
}

/** From this rank on what is found may be much. */
const TEXT_RANK = 30;

/** Types that few others refer to, so that those can be tested one by one. */
const REFERRED_BY_FEW = new Set(['Patient', 'Group', 'Coverage', 'Claim', 'Encounter']);

function hasCondition(
  unit: UnitOfWork,
  type: string,
  term: Extract<Term, { kind: 'has' }>,
  values: Values,
): Condition {
  const { definitions, links } = fhirOf(unit);
  const { keys, rids, urls } = links.pointedAt(unit, type, term, values);
  const number = definitions.typeNumber(type);
  const found = ofIds(number, keys.join(' union all '), 22);
  if (rids.length + urls.length === 0) {
    const test =
      keys.length === 1 && REFERRED_BY_FEW.has(type)
        ? referrer(unit, type, term, values)
        : undefined;
    return test ? { ...found, ...test } : found;
  }
  const sets = [found.set, ...rids];
  for (const each of urls) {
    const called = URL_KEYS.map((key) => `${key} in (${each})`).join(' or ');
    sets.push(`select r.rid from resource r where r.type = ${number} and (${called})`);
  }
  return fromSet(sets.join(' union all '), 22);
}

/** That a stored resource refers to `r`, tested for that one. */
function referrer(
  unit: UnitOfWork,
  type: string,
  { type: from, info, term }: Extract<Term, { kind: 'has' }>,
  values: Values,
): { readonly test: string; readonly rank: number } | undefined {
  const { definitions, links } = fhirOf(unit);
  const inner = links.testOf(unit, from, term, values, 'f', 'rid');
  if (!inner) return undefined;
  const param = values.add(info.key, 'int');
  const test = `coalesce((select true from (select own.rid from ref own where own.target = r.id
      and own.param = ${param} and own.type = ${definitions.typeNumber(type)} offset 0) f
    where ${inner.test} limit 1), false)`;
  return { test, rank: inner.rank > CODE_RANK - 1 ? RANGE_RANK : 22 };
}

function listCondition(
  unit: UnitOfWork,
  type: string,
  ids: readonly string[],
  values: Values,
): Condition {
  const { definitions, links } = fhirOf(unit);
  return ofIds(definitions.typeNumber(type), links.listed(unit, type, ids, values), 15);
}

/** Resources of a type whose keys a statement gives. */
function ofIds(number: number, keys: string, rank: number): Condition {
  return {
    set: `select k.rid from (${keys}) t(id) cross join lateral (select r.rid from resource r
      where r.id = t.id and r.type = ${number} offset 0) k`,
    test: `r.id in (${keys})`,
    rank,
  };
}
