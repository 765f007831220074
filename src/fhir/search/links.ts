/**
 * What leads from resource to resource in a search: chains, `_has` and `_list`, over stored
 * resources and those that rooms show, in both directions. Knows both kinds of searching, which
 * therefore ask it by way of the house.
 *
 * Resources are named by the uuid of their id, as references have it; where a room keeps the internal
 * id of a stored resource, by that.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#chaining, #has, #_list
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, Problem, type ProjectedBinding, type ProjectedParameter } from '../../sdk/index.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { paramKey } from '../definitions/hash.ts';
import { keyOf, notServed, projectedConditions, projectedReach } from '../projection.ts';
import { fhirOf } from '../types.ts';
import { conditionOf, reachConditions } from './conditions.ts';
import type { Links, Pointed } from './linking.ts';
import type { Term } from './parse.ts';
import { partitionOf } from './partitions.ts';
import type { Values } from './parts.ts';
import { URL_KEYS } from './references.ts';
import { lateral } from './stored-parts.ts';
import { unescaped } from './text-values.ts';

/** Asks for what other resources lead to. */
export const links: Links = {
  keysOf(unit, type, term, values, optional = false) {
    const shown = bindingsOf(unit, type).flatMap((binding) => {
      try {
        const from = projectedSet(unit, binding, term, values);
        return from ? [`select ${keyOf(binding.idKey, 'id')} as id ${from}`] : [];
      } catch (error) {
        if (!optional || !(error instanceof Problem)) throw error;
        return [];
      }
    });
    return [storedSet(unit, type, term, values, 'r.id'), ...shown];
  },
  testOf(unit, type, term, values, alias, by = 'target') {
    if (bindingsOf(unit, type).length > 0) return undefined;
    const { table, only } = partitionOf(type);
    const condition = conditionOf(unit, type, term, values);
    const there =
      by === 'rid'
        ? `r.rid = ${alias}.rid and r.bucket = (${alias}.rid & 63)`
        : `r.id = ${alias}.target`;
    const tests = [...only, there, 'not r.deleted', condition.test];
    tests.push(...reachConditions(unit, type, values));
    const test = `coalesce((select true from ${table} r where ${tests.join(' and ')} limit 1), false)`;
    return { test, rank: condition.rank };
  },
  ridsOf: (unit, type, term, values) => storedSet(unit, type, term, values, 'r.rid'),
  urlsOf: (unit, type, term, values) =>
    storedSet(unit, type, term, values, `unnest(array[${URL_KEYS.join(', ')}]) as id`),
  pointedAt(unit, type, { type: from, info, term }, values) {
    const { definitions } = fhirOf(unit);
    const param = values.add(info.key, 'int');
    const rids = storedSet(unit, from, term, values, 'r.rid');
    const targets = (number: number): string =>
      `select f.target from (${rids}) i(rid) cross join lateral (select own.target from ref own
        where own.rid = i.rid and own.param = ${param} and own.type = ${number} offset 0) f`;
    const found: { [Kind in keyof Pointed]: string[] } = {
      keys: [targets(definitions.typeNumber(type))],
      rids: [],
      urls: info.canonical ? [targets(0)] : [],
    };
    for (const binding of bindingsOf(unit, from)) {
      const parameter = referenceOf(unit, binding, info);
      if (!parameter) throw notServed(binding, info.code);
      if (parameter.target !== type) continue;
      const set = projectedSet(unit, binding, term, values);
      if (!set) continue;
      if (parameter.holds === 'rid') found.rids.push(`select v.${parameter.column} ${set}`);
      else found.keys.push(`select ${keyOf(parameter.key, parameter.column)} ${set}`);
    }
    return found;
  },
  listed(unit, type, ids, values) {
    const { definitions } = fhirOf(unit);
    const keys = values.add(
      ids.map((each) => idKey(unescaped(each))),
      'uuid[]',
    );
    const item = values.add(paramKey('List', 'item'), 'int');
    const seen = reachConditions(unit, 'List', values);
    return `select f.target from ref f join resource r
        on r.rid = f.rid and r.bucket = f.bucket and not r.deleted
      where ${[
        `r.type = ${definitions.typeNumber('List')}`,
        `r.id = any(${keys})`,
        `f.param = ${item}`,
        `f.type = ${definitions.typeNumber(type)}`,
        ...seen,
      ].join(' and ')}`;
  },
};

function bindingsOf(unit: UnitOfWork, type: string): readonly ProjectedBinding[] {
  return fhirOf(unit).projected.get(type) ?? [];
}

/** Stored resources of a type for which a term holds, as a select of one column of `r`. */
function storedSet(
  unit: UnitOfWork,
  type: string,
  term: Term,
  values: Values,
  column: string,
): string {
  const { table, only } = partitionOf(type);
  const condition = conditionOf(unit, type, term, values);
  // What the caller could not read decides nothing, or the answer would tell what it holds.
  const tests = [...only, 'not r.deleted', ...reachConditions(unit, type, values)];
  // Looked up one after the other, so that who needs a few of them does not wait for all.
  if (condition.set) return `select ${column} from ${lateral(table, `(${condition.set})`, tests)}`;
  return `select ${column} from ${table} r where ${[...tests, condition.test].join(' and ')}`;
}

/** The rows `v` of a room for which a term holds; undefined when there can be none. */
function projectedSet(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  term: Term,
  values: Values,
): string | undefined {
  const tests = projectedConditions(unit, binding, [term], values);
  if (!tests) return undefined;
  const all = ['true', ...tests, ...projectedReach(unit, binding, values)];
  return `from ${binding.view} v where ${all.join(' and ')}`;
}

/** How a room's view holds a reference. */
export type ReferenceParameter = Extract<ProjectedParameter, { type: 'reference' }>;

/** The room's own parameter that reads what a parameter reads: `patient` is `subject`. */
export function referenceOf(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  { key, code }: SearchParameterInfo,
): ReferenceParameter | undefined {
  const { definitions } = fhirOf(unit);
  const found = Object.entries(binding.search).find(
    ([name, parameter]) =>
      parameter.type === 'reference' &&
      (name === code || definitions.searchParameter(binding.type, name)?.key === key),
  );
  return found?.[1] as ReferenceParameter | undefined;
}
