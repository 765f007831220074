/**
 * From terms to SQL: each term becomes a set of internal ids, or a condition on the row `r` of the
 * table `resource`. The caller decides which set is walked first.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, problem } from '../../sdk/index.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import {
  bareCodeHash,
  codeHash,
  ofTypeValue,
  paramKey,
  systemCodeHash,
  systemHash,
  systemKey,
  valueHash,
} from '../definitions/hash.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { fhirOf } from '../types.ts';
import { compositeTest } from './composite.ts';
import { dateTest, instantTest, quantityTest, unitTest } from './measures.ts';
import type { Term } from './parse.ts';
import { unescaped } from './parse.ts';
import {
  anyOf,
  type Condition,
  fromIndex,
  fromSet,
  fromTest,
  joinOr,
  unionOf,
  type Values,
} from './parts.ts';
import { targetOf } from './references.ts';
import { stringCondition } from './texts.ts';
import { parseDate, parseNumber, parseToken } from './values.ts';

/** The condition of a term on resources of a type. */
export function conditionOf(unit: UnitOfWork, type: string, term: Term, values: Values): Condition {
  switch (term.kind) {
    case 'id': {
      const keys = values.add(
        term.values.map((each) => idKey(unescaped(each))),
        'uuid[]',
      );
      return fromTest(`r.id = any(${keys})`, 0);
    }
    case 'updated':
      return fromTest(
        anyOf(term.values, (each) => instantTest('r.lu', parseDate(each, '_lastUpdated'), values)),
        60,
      );
    case 'list':
      return listCondition(term.values, values);
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
  refuseMaskedSearch(unit.actor, type, info);
  if (modifier === 'missing') {
    const presence = values.add([info.presence], 'bigint[]');
    const has = `r.tk @> ${presence}`;
    return fromTest(term.values[0] === 'true' ? `not ${has}` : has, 90);
  }
  switch (info.type) {
    case 'token':
      return tokenCondition(type, term, values);
    case 'string':
      return stringCondition(info.key, term.values, modifier, values);
    case 'reference':
      return referenceCondition(unit, type, term, values);
    case 'uri':
      return uriCondition(type, term, values);
    case 'date':
      return measured('dat', term, (each) => dateTest(info, parseDate(each, term.name), values));
    case 'number':
      return measured('num', term, (each) =>
        unitTest(info.key, 0n, parseNumber(each, term.name), values),
      );
    case 'quantity':
      return measured('num', term, (each) => quantityTest(info, each, term.name, values));
    case 'composite':
      return measured('pair', term, (each) => compositeTest(unit, info, each, term.name, values));
    default:
      throw problem(
        'not-supported',
        'search-parameter-type',
        `${info.code} is a ${info.type} parameter, which this server does not search yet.`,
        term.name,
      );
  }
}

function measured(
  table: 'dat' | 'num' | 'pair',
  term: ParameterTerm,
  test: (text: string) => string,
): Condition {
  return fromIndex(table, term.values.map(test), table === 'pair' ? 25 : 40);
}

// ── tokens ───────────────────────────────────────────────────────────────────────────────────

function tokenCondition(type: string, term: ParameterTerm, values: Values): Condition {
  const { info, modifier, name } = term;
  if (modifier === 'text')
    return stringCondition(paramKey(type, `${info.rowsCode}:text`), term.values, undefined, values);
  if (modifier === 'of-type') return ofTypeCondition(type, term, values);
  const tokens = term.values.map((each) => parseToken(each, name));
  const conditions = tokens.map((each) => oneToken(info, each, values));
  const joined = joinOr(conditions);
  return modifier === 'not' ? fromTest(`not (${joined.test})`, 95) : joined;
}

function oneToken(
  info: SearchParameterInfo,
  { system, code }: { system: string | undefined; code: string },
  values: Values,
): Condition {
  if (code === '' && system) return inTk(systemHash(info.key, system), values);
  const conditions: Condition[] = [];
  if (info.tokens !== 'tk') {
    const hash = values.add(valueHash(info.key, code), 'bigint');
    const key = system === undefined ? '' : ` and system = ${values.add(systemKey(system), 'int')}`;
    conditions.push(fromSet(`select rid from tok where hash = ${hash}${key}`, 10));
  }
  if (info.tokens !== 'tok') conditions.push(inTk(tkHash(info, system, code), values));
  return joinOr(conditions);
}

function tkHash(info: SearchParameterInfo, system: string | undefined, code: string): bigint {
  if (system === undefined || info.implicitSystems.includes(system))
    return codeHash(info.key, code);
  return system === '' ? bareCodeHash(info.key, code) : systemCodeHash(info.key, system, code);
}

function inTk(hash: bigint, values: Values): Condition {
  return fromTest(`r.tk @> ${values.add([hash], 'bigint[]')}`, 50);
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
      const hash = values.add(valueHash(key, ofTypeValue(system, code, value)), 'bigint');
      return `select rid from tok where hash = ${hash}`;
    }),
    10,
  );
}

// ── uris ─────────────────────────────────────────────────────────────────────────────────────

function uriCondition(type: string, term: ParameterTerm, values: Values): Condition {
  const { info, modifier } = term;
  const hashes: bigint[] = [];
  for (const each of term.values.map(unescaped)) {
    // R4: above and below are for URLs, not for URNs, which have no hierarchy.
    if (modifier && /^urn:/i.test(each)) continue;
    if (modifier === 'below') {
      hashes.push(valueHash(paramKey(type, `${info.rowsCode}:below`), trimSlash(each)));
    } else if (modifier === 'above') {
      for (const ancestor of ancestors(each)) hashes.push(valueHash(info.key, ancestor));
    } else hashes.push(valueHash(info.key, each));
  }
  return fromSet(`select rid from tok where hash = any(${values.add(hashes, 'bigint[]')})`, 10);
}

function trimSlash(text: string): string {
  return text.replace(/\/+$/, '');
}

/** A uri and all that it stands below, by path segment. */
function ancestors(uri: string): string[] {
  const found = [uri];
  for (
    let at = uri.lastIndexOf('/');
    at > 0 && uri[at - 1] !== '/';
    at = uri.lastIndexOf('/', at - 1)
  ) {
    found.push(uri.slice(0, at), uri.slice(0, at + 1));
  }
  return found;
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
    return joinOr(
      term.values.map((each) =>
        oneToken({ ...info, key, tokens: 'tok' }, parseToken(each, term.name), values),
      ),
    );
  }
  const param = values.add(info.key, 'int');
  const tests = term.values.map((each) => {
    const { target, types } = targetOf(unit, info.targets, modifier, unescaped(each));
    const only = types ? ` and type = any(${values.add(types, 'smallint[]')})` : '';
    return `target = ${values.add(target, 'uuid')} and param = ${param}${only}`;
  });
  return fromIndex('ref', tests, 12);
}

function chainCondition(
  unit: UnitOfWork,
  term: Extract<Term, { kind: 'chain' }>,
  values: Values,
): Condition {
  const { definitions } = fhirOf(unit);
  const param = values.add(term.info.key, 'int');
  const sets = term.targets.map(({ type, term: inner }) => {
    const number = definitions.typeNumber(type);
    const found = resourceSet(unit, type, inner, values, 'r.id');
    return `select f.rid from (${found}) t join ref f
      on f.target = t.id and f.param = ${param} and f.type = ${number}`;
  });
  return fromSet(sets.join(' union '), 25);
}

function hasCondition(
  unit: UnitOfWork,
  type: string,
  term: Extract<Term, { kind: 'has' }>,
  values: Values,
): Condition {
  const { definitions } = fhirOf(unit);
  const param = values.add(term.info.key, 'int');
  const found = resourceSet(unit, term.type, term.term, values, 'r.rid');
  // The referrers' targets are looked up by the reference index of the parameter.
  return fromTest(
    `r.id in (select f.target from ref f where f.param = ${param}
       and f.type = ${definitions.typeNumber(type)} and f.rid in (${found}))`,
    45,
  );
}

/** Resources of a type for which a term holds, as a select of one column of `r`. */
function resourceSet(
  unit: UnitOfWork,
  type: string,
  term: Term,
  values: Values,
  column: string,
): string {
  const number = fhirOf(unit).definitions.typeNumber(type);
  const condition = conditionOf(unit, type, term, values);
  const test = condition.set ? `r.rid in (${condition.set})` : condition.test;
  return `select ${column} from resource r where r.type = ${number} and not r.deleted and ${test}`;
}

function listCondition(ids: readonly string[], values: Values): Condition {
  const keys = values.add(
    ids.map((each) => idKey(unescaped(each))),
    'uuid[]',
  );
  const item = values.add(paramKey('List', 'item'), 'int');
  return fromTest(
    `r.id in (select f.target from ref f join resource l
       on l.rid = f.rid and l.bucket = f.bucket and not l.deleted
       where l.id = any(${keys}) and f.param = ${item})`,
    15,
  );
}
