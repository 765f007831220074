/**
 * The sources of a search: the stored resources of a type, and each room that projects the type.
 * All give rows in the same order, so that a page can be cut across them.
 */

import type { UnitOfWork } from '../../app.ts';
import { type ProjectedBinding, type ProjectedRow, statement } from '../../sdk/index.ts';
import { hash64 } from '../definitions/hash.ts';
import { projectedConditions, projectedSort, render } from '../projection.ts';
import { idOf } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { conditionOf } from './conditions.ts';
import type { Cursor } from './cursor.ts';
import { beyond, type Order, orderBy, sortType, storedOrder } from './order.ts';
import type { Search } from './parse.ts';
import { type Condition, Values } from './parts.ts';
import { reachConditions } from './reach.ts';

/** A row of a page. */
export interface Found {
  readonly type: string;
  readonly id: string;
  readonly key: bigint;
  readonly sort: readonly (string | null)[];
  readonly content: string;
  readonly source: number;
  /** Internal id of a stored resource. */
  readonly rid?: bigint;
}

interface Sorted {
  readonly sort?: (string | null)[];
}

interface StoredFound extends Sorted {
  readonly rid: bigint;
  readonly content: string;
}

/** Something that can be searched. */
export interface Source {
  /** Rows from the cursor on, at most `limit`, in page order (reversed when going back). */
  fetch(cursor: Cursor | undefined, back: boolean, limit: number): Promise<Found[]>;
  count(): Promise<number>;
}

/** The sources of a search, in the order of their rows. */
export function sourcesOf(unit: UnitOfWork, search: Search): Source[] {
  const sources: Source[] = [];
  for (const type of search.types) {
    const reach = reachConditions(unit, type);
    sources.push(storedSource(unit, type, search, reach, sources.length));
    for (const binding of fhirOf(unit).projected.get(type) ?? []) {
      sources.push(projectedSource(unit, binding, search, sources.length));
    }
  }
  return sources;
}

function ask<Row extends object>(
  unit: UnitOfWork,
  kind: string,
  text: string,
  values: Values,
): Promise<Row[]> {
  const bound = values.bind(text);
  return unit.db.query<Row>(named(kind, bound.text), bound.list);
}

function named(kind: string, text: string) {
  return statement(`fhir.${kind}-${(hash64(text) & 0xffffffffffffn).toString(36)}`, text);
}

function storedSource(
  unit: UnitOfWork,
  type: string,
  search: Search,
  reach: readonly string[],
  source: number,
): Source {
  const number = fhirOf(unit).definitions.typeNumber(type);
  const build = (values: Values): { from: string; where: string } => {
    const conditions = search.terms.map((term) => conditionOf(unit, type, term, values));
    const first = walkFirst(conditions);
    const rest = conditions.filter((each) => each !== first).map((each) => each.test);
    const where = [`r.type = ${number}`, 'not r.deleted', ...rest, ...reach].join(' and ');
    const from = first
      ? `(select distinct rid from (${first.set}) w) m
         join resource r on r.rid = m.rid and r.bucket = (m.rid & 63)`
      : 'resource r';
    return { from, where };
  };
  return {
    async fetch(cursor, back, limit) {
      const values = new Values();
      const { from, where } = build(values);
      const { joins, orders } = storedOrder(
        search.sort,
        values,
        search.types.length > 1 || fhirOf(unit).projected.has(type),
      );
      const after = cursor ? ` and ${beyond(orders, 'r.rid', cursor, source, values)}` : '';
      const text = `select r.rid, r.content${sortColumns(orders)} from ${from}${joins}
        where ${where}${after}
        order by ${orderBy(orders, 'r.rid', back)} limit ${values.add(limit, 'int')}`;
      const rows = await ask<StoredFound>(unit, 'search', text, values);
      return rows.map((row) => ({
        type,
        id: idOf(row.content),
        key: row.rid,
        rid: row.rid,
        sort: row.sort ?? [],
        content: row.content,
        source,
      }));
    },
    async count() {
      const values = new Values();
      const { from, where } = build(values);
      const text = `select count(*) as n from ${from} where ${where}`;
      return Number((await ask<{ n: bigint }>(unit, 'count', text, values))[0]!.n);
    },
  };
}

/** The set that is walked: the most selective one, so that the planner has no choice to get wrong. */
function walkFirst(conditions: readonly Condition[]): Condition | undefined {
  return conditions
    .filter((each) => each.set)
    .reduce<Condition | undefined>(
      (best, each) => (!best || each.rank < best.rank ? each : best),
      undefined,
    );
}

function sortColumns(orders: readonly Order[]): string {
  if (orders.length === 0) return '';
  return `, array[${orders.map((each) => `${each.expression}::text`).join(', ')}] as sort`;
}

function projectedSource(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  search: Search,
  source: number,
): Source {
  return {
    async fetch(cursor, back, limit) {
      const values = new Values();
      const tests = projectedConditions(unit, binding, search.terms, values);
      if (!tests) return [];
      const orders = search.sort.map(
        (key): Order => ({
          expression: projectedSort(binding, key),
          type: sortType(key),
          descending: key.descending,
        }),
      );
      if (cursor) tests.push(beyond(orders, 'v.key', cursor, source, values));
      const where = tests.length > 0 ? `where ${tests.join(' and ')}` : '';
      const text = `select v.*${sortColumns(orders)} from ${binding.view} v ${where}
        order by ${orderBy(orders, 'v.key', back)} limit ${values.add(limit, 'int')}`;
      const rows = await ask<ProjectedRow & Sorted>(unit, 'project', text, values);
      const rendered = await render(unit, binding, rows);
      return rendered.map((each, at) => ({
        type: binding.type,
        id: each.id,
        key: each.key,
        sort: rows[at]!.sort ?? [],
        content: each.content,
        source,
      }));
    },
    async count() {
      const values = new Values();
      const tests = projectedConditions(unit, binding, search.terms, values);
      if (!tests) return 0;
      const where = tests.length > 0 ? `where ${tests.join(' and ')}` : '';
      const text = `select count(*) as n from ${binding.view} v ${where}`;
      return Number((await ask<{ n: bigint }>(unit, 'pcount', text, values))[0]!.n);
    },
  };
}
