/**
 * Projected resources: views of typed tables, searched by SQL generated over the room's published
 * view and rendered by the room. The store keeps no copy of them.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../app.ts';
import {
  idKey,
  type ProjectedBinding,
  type ProjectedKey,
  type ProjectedParameter,
  type ProjectedRow,
  parseReference,
  problem,
} from '../sdk/index.ts';
import { type Act, authorize } from './authorize.ts';
import { CURRENCY } from './definitions/index-values.ts';
import { refuseMaskedSearch } from './disclosure.ts';
import { instantTest, intervalTest, numberTest } from './search/measures.ts';
import { projectedLimits, scopeTests } from './search/narrow.ts';
import { sortType } from './search/order.ts';
import { type SortKey, type Term, unescaped } from './search/parse.ts';
import { Values } from './search/parts.ts';
import { keyTest, stringTest } from './search/projected-texts.ts';
import { idKeyOf } from './search/references.ts';
import { parseDate, parseNumber, parseQuantity, parseToken } from './search/values.ts';
import { writeContent } from './store/content.ts';
import { fhirOf } from './types.ts';

/** A rendered row. */
export interface Rendered {
  readonly id: string;
  readonly key: bigint;
  readonly version: number;
  readonly lastUpdated: Date;
  readonly content: string;
}

/** Renders rows of a binding's view. */
export async function render(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  rows: readonly ProjectedRow[],
): Promise<Rendered[]> {
  if (rows.length === 0) return [];
  const resources = await binding.render(unit, rows);
  return resources.map((resource, at) => {
    const row = rows[at]!;
    const profiled = withProfile(resource, binding.profile);
    return {
      id: row.id,
      key: row.key,
      version: row.version,
      lastUpdated: row.updated_at,
      content: writeContent(profiled, row.id, row.version, row.updated_at),
    };
  });
}

function withProfile(resource: Resource, profile: string): Resource {
  return { ...resource, meta: { ...resource.meta, profile: [profile] } };
}

/**
 * Conditions that the actor's reach and scopes add to every read and search of the rows (alias `v`)
 * of a binding.
 *
 * @throws Problem forbidden when the type may not be read at all
 */
export function projectedReach(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  values: Values,
  act: Act = 'search',
): readonly string[] {
  authorize(unit, act, binding.type);
  const scoped = scopeTests(
    unit,
    binding.type,
    act,
    (terms, whole) => projectedConditions(whole, binding, terms, values) ?? ['false'],
  );
  return [...projectedLimits(unit, binding, values), ...scoped];
}

/** Reads one projected resource; undefined when no room shows it. */
export async function readProjected(
  unit: UnitOfWork,
  type: string,
  id: string,
): Promise<Rendered | undefined> {
  const found = await readProjectedMany(unit, type, [id]);
  return found[0];
}

/** Reads projected resources of a type by id. */
export async function readProjectedMany(
  unit: UnitOfWork,
  type: string,
  ids: readonly string[],
): Promise<Rendered[]> {
  const found: Rendered[] = [];
  if (ids.length === 0) return found;
  for (const binding of fhirOf(unit).projected.get(type) ?? []) {
    const values = new Values();
    const reach = projectedReach(unit, binding, values, 'read');
    const tests = [idTest(binding, ids, values), ...reach].join(' and ');
    const { text, list } = values.bind(`select v.* from ${binding.view} v where ${tests}`);
    const rows = await unit.db.query<ProjectedRow>(text, list);
    found.push(...(await render(unit, binding, rows)));
  }
  return found;
}

/** True when a room shows a resource of this type and id from its typed tables. */
export async function isProjected(unit: UnitOfWork, type: string, id: string): Promise<boolean> {
  for (const binding of fhirOf(unit).projected.get(type) ?? []) {
    const values = new Values();
    const { text, list } = values.bind(
      `select 1 as n from ${binding.view} v where ${idTest(binding, [id], values)}`,
    );
    if (await unit.db.maybe(text, list)) return true;
  }
  return false;
}

function idTest(binding: ProjectedBinding, ids: readonly string[], values: Values): string {
  return keyTest('id', binding.idKey, ids, values);
}

/** Conditions of a search over a view, as SQL over alias `v`; undefined when nothing can match. */
export function projectedConditions(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  terms: readonly Term[],
  values: Values,
): string[] | undefined {
  const tests: string[] = [];
  for (const term of terms) {
    const test = projectedTest(unit, binding, term, values);
    if (test === false) return undefined;
    if (test !== true) tests.push(test);
  }
  return tests;
}

const META_ONLY = new Set(['_tag', '_security', '_source']);

function projectedTest(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  term: Term,
  values: Values,
): string | boolean {
  if (term.kind === 'id') {
    return idTest(binding, term.values.map(unescaped), values);
  }
  if (term.kind === 'updated') {
    const tests = term.values.map((each) =>
      instantTest('v.updated_at', parseDate(each, '_lastUpdated'), values),
    );
    return `(${tests.join(' or ')})`;
  }
  if (term.kind === 'constant') return term.holds;
  if (term.kind === 'compartment') return compartmentTest(unit, binding, term, values);
  const code = term.kind === 'list' ? '_list' : term.kind === 'has' ? '_has' : term.info.code;
  if (term.kind === 'parameter' && term.modifier === 'missing') {
    if (code === '_profile') return term.values[0] === 'false';
    if (META_ONLY.has(code)) return term.values[0] === 'true';
  }
  if (code === '_profile' && term.kind === 'parameter') {
    return term.values.map(unescaped).includes(binding.profile);
  }
  if (META_ONLY.has(code)) return term.kind === 'parameter' && !!term.modifier?.startsWith('not');
  if (term.kind === 'parameter' || term.kind === 'chain') {
    refuseMaskedSearch(unit.actor, binding.type, term.info);
  }
  const parameter = binding.search[code];
  if (term.kind === 'has' || (term.kind === 'list' && !parameter)) {
    return linkedTest(unit, binding, term, values);
  }
  if (!parameter) throw notServed(binding, code);
  if (term.kind === 'chain') return chainTest(unit, binding, parameter, term, values);
  const modifier = term.kind === 'parameter' ? term.modifier : undefined;
  return parameterTest(unit, binding, parameter, { code, modifier, texts: term.values }, values);
}

function compartmentTest(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  { code, members }: Extract<Term, { kind: 'compartment' }>,
  values: Values,
): string | false {
  const { definitions } = fhirOf(unit);
  // Parameters that read the same places share a key: a room may serve any of them.
  const keyOf = (each: string): number | undefined =>
    definitions.searchParameter(binding.type, each)?.key;
  const codes = definitions.compartment(code)?.parameters.get(binding.type) ?? [];
  const keys = new Set(codes.map(keyOf).filter((key) => key !== undefined));
  const tests = Object.entries(binding.search).flatMap(([each, parameter]) => {
    const key = keyOf(each);
    if (parameter.type !== 'reference' || key === undefined || !keys.has(key)) return [];
    return members
      .filter((member) => member.type === parameter.target)
      .map(({ type, id }) => referenceTest(unit, parameter, `${type}/${id}`, values));
  });
  return tests.length > 0 && `(${tests.join(' or ')})`;
}

/** What a row refers to fulfils a term. */
function chainTest(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  parameter: ProjectedParameter,
  term: Extract<Term, { kind: 'chain' }>,
  values: Values,
): string | false {
  const { links } = fhirOf(unit);
  if (parameter.type !== 'reference') throw notServed(binding, term.info.code);
  const inner = term.targets.find((each) => each.type === parameter.target)?.term;
  if (!inner) return false;
  const { target, holds, key, column } = parameter;
  if (holds === 'rid') return `v.${column} in (${links.ridsOf(unit, target, inner, values)})`;
  const keys = links.keysOf(unit, target, inner, values);
  return `${keyOf(key, column)} in (${keys.join(' union all ')})`;
}

/** What leads to a row fulfils a term, or is a List that has it. */
function linkedTest(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  term: Extract<Term, { kind: 'has' | 'list' }>,
  values: Values,
): string {
  const { links } = fhirOf(unit);
  const keys =
    term.kind === 'has'
      ? links.pointedAt(unit, binding.type, term, values).keys
      : [links.listed(unit, binding.type, term.values, values)];
  return `${keyOf(binding.idKey, 'id')} in (${keys.join(' union all ')})`;
}

/** The key of an id of which a column has the text, in SQL. */
export function keyOf(key: ProjectedKey | undefined, column: string): string {
  return key?.type === 'uuid' ? `v.${key.column}` : idKeyOf(`v.${column}`);
}

/** Modifiers that every room serves, by the kind of its parameter. */
const SERVED: Readonly<Partial<Record<ProjectedParameter['type'], readonly string[]>>> = {
  token: ['not'],
  string: ['exact', 'contains'],
};

interface Asked {
  readonly code: string;
  readonly modifier?: string;
  readonly texts: readonly string[];
}

function parameterTest(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  parameter: ProjectedParameter,
  asked: Asked,
  values: Values,
): string {
  const column = `v.${parameter.column}`;
  if (asked.modifier === 'missing') {
    return asked.texts[0] === 'true' ? `${column} is null` : `${column} is not null`;
  }
  const any = (test: (text: string) => string): string => `(${asked.texts.map(test).join(' or ')})`;
  if (asked.modifier && !(SERVED[parameter.type] ?? []).includes(asked.modifier)) {
    if (!(parameter.type === 'reference' && asked.modifier === parameter.target)) {
      throw problem(
        'not-supported',
        'search-modifier',
        `${binding.type}.${asked.code} does not take :${asked.modifier} here.`,
        asked.code,
      );
    }
  }
  switch (parameter.type) {
    case 'token': {
      const test = any((text) => tokenTest(parameter, text, asked.code, values));
      return asked.modifier === 'not' ? `(${column} is null or not ${test})` : test;
    }
    case 'reference':
      return any((text) => referenceTest(unit, parameter, unescaped(text), values));
    case 'date':
      return any((text) => {
        const value = parseDate(text, asked.code);
        return parameter.end
          ? intervalTest(column, `v.${parameter.end}`, value, values)
          : instantTest(column, value, values);
      });
    case 'string':
      return any((text) => stringTest(parameter, unescaped(text), asked.modifier, values));
    case 'uri':
      return any((text) => `${column} = ${values.add(unescaped(text), 'text')}`);
    case 'number':
      return any((text) => numberTest(column, parseNumber(text, asked.code), values));
    case 'money':
      return any((text) => moneyTest(parameter, text, asked.code, values));
  }
}

function tokenTest(
  { column: name, system, codes, key, also }: Extract<ProjectedParameter, { type: 'token' }>,
  text: string,
  code: string,
  values: Values,
): string {
  const column = `v.${name}`;
  const token = parseToken(text, code);
  if (token.system !== undefined && token.system !== (system ?? '')) return 'false';
  if (token.code === '') return `${column} is not null`;
  if (codes) return Object.hasOwn(codes, token.code) ? `(${codes[token.code]})` : 'false';
  const given = values.add(token.code, 'text');
  const test = key ? `v.${key.column} = ${key.by}(${given})` : `${column} = ${given}`;
  return also && Object.hasOwn(also, token.code) ? `(${also[token.code]} and ${test})` : test;
}

function referenceTest(
  unit: UnitOfWork,
  parameter: Extract<ProjectedParameter, { type: 'reference' }>,
  text: string,
  values: Values,
): string {
  const own = `${fhirOf(unit).base()}/`;
  const literal = text.startsWith(own) ? text.slice(own.length) : text;
  if (parameter.canonical && /^[a-z]+:/.test(literal)) {
    return `v.${parameter.canonical} = ${values.add(literal.split('|')[0]!, 'text')}`;
  }
  const local = parseReference(literal) ?? { type: parameter.target, id: literal };
  if (local.type !== parameter.target) return 'false';
  if (parameter.holds === 'id') {
    return keyTest(parameter.column, parameter.key, [local.id], values);
  }
  const number = fhirOf(unit).definitions.typeNumber(parameter.target);
  return `v.${parameter.column} = (select r.rid from resource r
    where r.type = ${number} and r.id = ${values.add(idKey(local.id), 'uuid')})`;
}

function moneyTest(
  parameter: Extract<ProjectedParameter, { type: 'money' }>,
  text: string,
  code: string,
  values: Values,
): string {
  const { system, unit, ...value } = parseQuantity(text, code);
  if (system !== undefined && system !== CURRENCY) return 'false';
  const major = `(v.${parameter.column} / (10 ^ currency_exponent(v.${parameter.currency}))::numeric)`;
  const test = numberTest(major, value, values);
  return unit ? `(${test} and v.${parameter.currency} = ${values.add(unit, 'text')})` : test;
}

/** The expression of a sort key over a view. */
export function projectedSort(binding: ProjectedBinding, key: SortKey): string {
  if (key.code === '_lastUpdated') return 'v.updated_at';
  if (key.code === '_id') {
    return binding.idKey?.type === 'bigint'
      ? inOrder(`v.${binding.idKey.column}`)
      : '(v.id collate "C")';
  }
  const parameter = binding.search[key.code];
  if (!parameter) throw notServed(binding, key.code);
  const column = `v.${parameter.column}`;
  if (parameter.type === 'money') {
    return `(${column} / (10 ^ currency_exponent(v.${parameter.currency}))::numeric)`;
  }
  if (parameter.type === 'reference' && parameter.ordered) return inOrder(column);
  // Texts sort as the store's do, so that the pages of both can be merged.
  const type = sortType(key);
  return type === 'text' ? `(${column}::text collate "C")` : `(${column}::${type})`;
}

/** Numbers as texts of the same order. */
function inOrder(column: string): string {
  return `(lpad(${column}::text, 20, '0') collate "C")`;
}

/** A parameter that a room does not serve. */
export function notServed(binding: ProjectedBinding, code: string) {
  const served = ['_id', '_lastUpdated', '_profile', ...Object.keys(binding.search)];
  return problem(
    'not-supported',
    'search-parameter-unknown',
    `${binding.type} with profile ${binding.profile} cannot be searched by "${code}"; ` +
      `it can by ${served.join(', ')}.`,
    code,
  );
}
