/**
 * Searches the stored resources of a type. PostgreSQL is never given the choice between a selective
 * condition and the order of the page, because its estimates flip with every ANALYZE:
 *
 * 1. The most selective condition gives a set of internal ids; the other conditions are tested by
 *    look-ups of its rows, and the page is sorted and cut. The set is cut where the walk of step 3
 *    becomes cheaper: a set of s costs s, a walk among n resources n / s for each row of the page.
 *    Before the set of a range some rows are walked as in step 3.
 * 2. A set that reaches the limit was not selective, and the next one is tried.
 * 3. When none is, resources are walked in the order of the page and tested one by one until the
 *    page is full, at most `WALK_MAX` of them.
 * 4. What is rare in several conditions that are each common is found by their whole sets.
 */

import type { UnitOfWork } from '../../app.ts';
import { idOf } from '../store/content.ts';
import { sizeOf } from '../store/size.ts';
import { fhirOf } from '../types.ts';
import { ask } from './ask.ts';
import { codePhases, type Settled } from './code-phases.ts';
import { conditionOf, reachConditions } from './conditions.ts';
import type { Cursor } from './cursor.ts';
import type { Found, Source } from './found.ts';
import { isLimited } from './narrow.ts';
import {
  beyond,
  beyondSign,
  newestFirst,
  type Order,
  orderBy,
  orderParts,
  sortedIndex,
  storedOrder,
} from './order.ts';
import type { Search, SortKey } from './parse.ts';
import { CODE_RANK, type Condition, ofResource, RANGE_RANK, Values } from './parts.ts';
import { below, fromSet, isCode, lateral, sortArray, TOP, tail, testsOf } from './stored-parts.ts';

/** Ids of a set that are looked at before it counts as not selective, at least and at most. */
const SET_MIN = 250;
const SET_MAX = 10_000;
/** Sets that are tried. */
const TRIES = 2;
/** Resources walked before another way is taken; fewer where that way is cheap. */
const WALK_MAX = 20_000;
const WALK_FEW = 1_000;
/** Resources walked, for each row of the page, before the set of a range is tried. */
const WALK_NEAR = 6;
/** Resources walked for one code of a closed list, before those who have it are looked up. */
const WALK_CODE = 2_000;

interface StoredFound {
  readonly rid: bigint;
  readonly content: string;
  readonly sort?: (string | null)[];
  readonly top?: bigint;
  readonly full?: boolean;
}

/** The stored resources of a type as a source of a search. */
export function storedSource(
  unit: UnitOfWork,
  type: string,
  search: Search,
  source: number,
): Source {
  const query = new StoredQuery(unit, type, search, source);
  return {
    async fetch(cursor, back, limit) {
      const rows = await query.page(cursor, back, limit);
      return rows.map(
        (row): Found => ({
          type,
          id: idOf(row.content),
          key: row.rid,
          rid: row.rid,
          sort: row.sort ?? [],
          content: row.content,
          source,
          ...(row.top !== undefined && { top: row.top }),
        }),
      );
    },
    count: () => query.count(),
    estimate: () => query.estimate(),
  };
}

/** What a statement is made of. */
interface Build {
  readonly values: Values;
  /** With a set, most selective first. */
  readonly sets: readonly Condition[];
  readonly conditions: readonly Condition[];
  /** Beside the conditions: type, life, reach. */
  readonly always: readonly string[];
  readonly reach: readonly string[];
}

/** A page that is asked for. */
interface Asked {
  readonly cursor: Cursor | undefined;
  readonly back: boolean;
  readonly limit: number;
}

class StoredQuery {
  readonly #unit: UnitOfWork;
  readonly #type: string;
  readonly #search: Search;
  readonly #source: number;
  readonly #number: number;
  readonly #mixed: boolean;
  readonly #newest: boolean;

  constructor(unit: UnitOfWork, type: string, search: Search, source: number) {
    const { definitions, projected } = fhirOf(unit);
    this.#unit = unit;
    this.#type = type;
    this.#search = search;
    this.#source = source;
    this.#number = definitions.typeNumber(type);
    const published = definitions.publishedOf(type).length > 0;
    this.#mixed = search.types.length > 1 || projected.has(type) || published;
    this.#newest = newestFirst(search.sort);
  }

  async page(cursor: Cursor | undefined, back: boolean, limit: number): Promise<StoredFound[]> {
    const asked = { cursor, back, limit };
    const { sets, conditions, reach } = this.#build();
    // A range is seldom selective: a few rows in the order of the page are cheaper than its set.
    const ranged = sets.length > 0 && sets[0]!.rank >= RANGE_RANK;
    const near = ranged && (await this.#walk(asked, limit * WALK_NEAR));
    if (near) return near;
    const most = sets.length > 0 ? await this.#setMost(limit) : 0;
    for (const at of sets.slice(0, TRIES).keys()) {
      const rows = await this.#bySet(asked, (built) => [built.sets[at]!], most);
      if (rows) return rows;
    }
    const filtered = conditions.length > 0 || reach.length > 0;
    const walked = await this.#walk(asked, filtered ? (sets.length > 0 ? WALK_MAX : WALK_FEW) : 0);
    if (walked) return walked;
    const byCode = sets.length > 0 && conditions.some(isCode);
    const coded = byCode && (await this.#bySet(asked, (built) => this.#codesOf(built), SET_MAX));
    return coded || this.#whole(asked);
  }

  /** All conditions on codes as one, whose set an index has: rare only together, or in old resources. */
  #codesOf({ conditions }: Build): Condition[] {
    const codes = conditions.filter(isCode);
    const tests = codes.map((each) => each.test).join(' and ');
    const set = `select r.rid from resource r where r.type = ${this.#number} and ${tests}`;
    return [{ set, test: tests, rank: CODE_RANK }, ...codes];
  }

  async #setMost(limit: number): Promise<number> {
    const { sort } = this.#search;
    const walks = sort.every(
      (key) => !key.info || sortedIndex(key, new Values()) || codePhases(key).length > 0,
    );
    if (!walks) return SET_MAX;
    const rows = await sizeOf(this.#unit, this.#number);
    // A power of two, so that few texts of statements differ only by it.
    const most = 2 ** Math.ceil(Math.log2(Math.sqrt(limit * rows) || 1));
    return Math.min(SET_MAX, Math.max(SET_MIN, most));
  }

  async count(): Promise<number> {
    const { values, from, where } = this.#counted();
    const text = `select count(*) as n from ${from} where ${where}`;
    return Number((await ask<{ n: bigint }>(this.#unit, 'count', text, values))[0]!.n);
  }

  /** What PostgreSQL's statistics say; not prepared, because it is the plan that is asked for. */
  async estimate(): Promise<number> {
    // Statistics are of everybody's rows.
    if (isLimited(this.#unit, this.#type)) return this.count();
    const { values, from, where } = this.#counted();
    const { text, list } = values.bind(
      `explain (format json) select r.rid from ${from} where ${where}`,
    );
    const [row] = await this.#unit.db.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
      text,
      list,
    );
    return row!['QUERY PLAN'][0].Plan['Plan Rows'];
  }

  #build(): Build {
    const values = new Values();
    const conditions = this.#search.terms.map((term) =>
      conditionOf(this.#unit, this.#type, term, values),
    );
    const reach = reachConditions(this.#unit, this.#type, values);
    const sets = conditions.filter((each) => each.set).sort((a, b) => a.rank - b.rank);
    const always = [`r.type = ${this.#number}`, 'not r.deleted', ...reach];
    return { values, sets, conditions, always, reach };
  }

  #counted(): { values: Values; from: string; where: string } {
    const { values, sets, conditions, always } = this.#build();
    const [first] = sets;
    const rest = conditions.filter((each) => each !== first).map((each) => each.test);
    return { values, from: fromSet(first), where: [...always, ...rest].join(' and ') };
  }

  /** By the set of the first of some conditions, which says them all; undefined when it is large. */
  async #bySet(
    asked: Asked,
    pick: (built: Build) => readonly Condition[],
    most: number,
  ): Promise<StoredFound[] | undefined> {
    const built = this.#build();
    const { values, conditions, always, reach } = built;
    const said = pick(built);
    const first = said[0]!;
    const rest = conditions.filter((each) => !said.includes(each)).map((each) => each.test);
    const set = `select rid from (${first.set}) s limit ${most + 1}`;
    const few = `(select count(*) from w) <= ${most}`;
    const alone = rest.length === 0 && reach.length === 0;
    const order = `order by rid ${asked.back ? 'asc' : 'desc'}`;
    // Without a sort the ids are put in order first, and resources are read until the page is full.
    const from =
      this.#search.sort.length > 0
        ? `(select distinct rid from w where ${few})`
        : `(select distinct rid from w where ${few}${this.#after('rid', asked, values)}
            ${order} ${alone ? `limit ${asked.limit}` : 'offset 0'})`;
    const text = `with w as materialized (${set}), p as (
        ${this.#select(lateral(from, [...always, ...rest]), ['true'], asked, values)})
      select p.*, not ${few} as full from (select 1) o left join p on true`;
    const rows = await ask<StoredFound>(this.#unit, 'set', text, values);
    if (rows[0]?.full) return undefined;
    return rows.filter((row) => row.rid !== null);
  }

  /** By the whole sets of all conditions. */
  #whole(asked: Asked): Promise<StoredFound[]> {
    const { values, sets, conditions, always } = this.#build();
    const tests = [...always, ...conditions.filter((each) => !each.set).map((each) => each.test)];
    const ids = sets.map((each) => `select rid from (${each.set}) w`).join(' intersect ');
    // Fenced off, so that PostgreSQL does not take the order of the page for a way to find the rows.
    const from =
      sets.length > 0
        ? lateral(`(select distinct rid from (${ids}) i)`, tests)
        : `(select r.* from resource r where ${tests.join(' and ')} offset 0) r`;
    const text = this.#select(from, ['true'], asked, values);
    return ask<StoredFound>(this.#unit, 'whole', text, values);
  }

  /** Rows beyond the cursor without a sort. */
  #after(column: string, { cursor }: Asked, values: Values): string {
    if (!cursor || this.#search.sort.length > 0) return '';
    return ` and ${beyond([], column, this.#newest, cursor, this.#source, values)}`;
  }

  /** A page of rows `r` that pass the tests, in order. */
  #select(from: string, tests: readonly string[], asked: Asked, values: Values): string {
    const { sort } = this.#search;
    const { cursor, back, limit } = asked;
    if (sort.length === 0) {
      return `select r.rid, r.content from ${from}
        where ${tests.join(' and ')}${this.#after('r.rid', asked, values)}
        order by ${orderBy([], 'r.rid', this.#newest, back)} limit ${limit}`;
    }
    const inner = sort.map((key) => storedOrder(this.#type, key, values, this.#mixed));
    const orders = inner.map((order, at) => ({ ...order, expression: `q.s${at}` }));
    const bounded =
      cursor?.top === undefined ? tests : [...tests, below('r.rid', cursor.top, values)];
    const place = cursor
      ? `where ${beyond(orders, 'q.rid', this.#newest, cursor, this.#source, values)}`
      : '';
    return `select q.rid, q.content, ${sortArray(orders)}, ${TOP}
      from (select r.rid, r.content${inner.map((each, at) => `, ${each.expression} as s${at}`).join('')}
        from ${from} where ${bounded.join(' and ')} offset 0) q
      ${place} order by ${orderBy(orders, 'q.rid', this.#newest, back)} limit ${limit}`;
  }

  /**
   * In the order of the page, testing one by one; undefined when the page was not filled within
   * `most` (0: without end).
   */
  async #walk(asked: Asked, most: number): Promise<StoredFound[] | undefined> {
    return this.#walkKeys(asked, this.#search.sort, [], asked.cursor, most);
  }

  /** Walks by the first of `keys`; of earlier keys the value is settled. */
  async #walkKeys(
    asked: Asked,
    keys: readonly SortKey[],
    gone: readonly Settled[],
    cursor: Cursor | undefined,
    most: number,
  ): Promise<StoredFound[] | undefined> {
    const [key, ...others] = keys;
    const indexed = key?.info && sortedIndex(key, new Values());
    const codes = key && !indexed ? codePhases(key) : [];
    if (key?.info && !indexed && codes.length === 0) return undefined;
    if (!key || (!indexed && codes.length === 0)) {
      return this.#walkRows(asked, keys, gone, cursor, most);
    }
    const after = (settled: Settled) => (at: Asked, from: Cursor | undefined) =>
      this.#walkKeys(at, others, [...gone, settled], from, most);
    const phases = indexed
      ? [
          (at: Asked, from: Cursor | undefined) => this.#walkIndex(at, keys, gone, from, most),
          after({ value: null, test: (values) => this.#missing(key, values), byCode: false }),
        ]
      : codes.map(after);
    if (asked.back) phases.reverse();
    const value = cursor?.sort[gone.length] ?? null;
    const phase = indexed
      ? Number(value === null)
      : Math.max(
          0,
          codes.findIndex((each) => each.value === value),
        );
    const last = phases.length - 1;
    const started = cursor ? (asked.back ? last - phase : phase) : 0;
    const rows: StoredFound[] = [];
    for (const [at, phase] of phases.entries()) {
      if (at < started) continue;
      const rest = { ...asked, limit: asked.limit - rows.length };
      const found = await phase(rest, at === started ? cursor : undefined);
      if (!found) return undefined;
      rows.push(...found);
      if (rows.length >= asked.limit) return rows;
    }
    return rows;
  }

  /** Walks the rows of the index that has the values of the first key in order. */
  async #walkIndex(
    asked: Asked,
    keys: readonly SortKey[],
    gone: readonly Settled[],
    cursor: Cursor | undefined,
    most: number,
  ): Promise<StoredFound[] | undefined> {
    const { values, conditions, always } = this.#build();
    const [key, ...others] = keys as [SortKey, ...SortKey[]];
    const { descending } = key;
    const { type } = storedOrder(this.#type, key, values, this.#mixed);
    const orders: Order[] = [
      { expression: 'm.v', type, descending },
      ...others.map((each) => storedOrder(this.#type, each, values, this.#mixed)),
    ];
    const all = [...always, ...conditions.map((each) => each.test), ...testsOf(gone, values)];
    if (cursor) {
      const place = tail(cursor, gone.length);
      all.push(beyond(orders, 'r.rid', this.#newest, place, this.#source, values));
    }
    const index = this.#indexRows(
      key,
      others.length === 0,
      gone.length,
      cursor,
      asked.back,
      values,
    );
    const from = lateral(`(${index}${most ? ` limit ${most}` : ' offset 0'})`, all);
    const order = [
      `m.v ${descending !== asked.back ? 'desc' : 'asc'}`,
      ...orderParts(orders.slice(1), asked.back),
      this.#tie('r.rid', asked.back),
    ].join(', ');
    const found = await this.#ask('walk', from, [], { orders, order, gone }, asked, values);
    return most > 0 && found.length < asked.limit ? undefined : found;
  }

  #tie(column: string, back: boolean): string {
    return `${column} ${this.#newest !== back ? 'desc' : 'asc'}`;
  }

  /** Rows of an index in order, each resource once: by its smallest value, or its largest. */
  #indexRows(
    key: SortKey,
    only: boolean,
    at: number,
    cursor: Cursor | undefined,
    back: boolean,
    values: Values,
  ): string {
    const { table, column, rows, runs } = sortedIndex(key, values)!;
    const down = key.descending !== back;
    const tests: string[] = [];
    if (cursor) {
      const value = values.add(
        cursor.sort[at],
        storedOrder(this.#type, key, values, this.#mixed).type,
      );
      const sign = beyondSign(this.#newest, cursor, this.#source);
      tests.push(
        only && this.#newest === key.descending
          ? `(s.${column}, s.rid) ${sign} (${value}, ${values.add(cursor.key, 'bigint')})`
          : `s.${column} ${down ? '<=' : '>='} ${value}`,
      );
      if (cursor.top !== undefined) tests.push(below('s.rid', cursor.top, values));
    }
    // Each run is ordered by itself and fenced off, so that runs are merged, and equal values are
    // put in the order of resources, before the edge is looked up.
    const order = (alias: string): string =>
      `${alias}.${column} ${down ? 'desc' : 'asc'}, ${this.#tie(`${alias}.rid`, back)}`;
    const ordered = runs.map(
      (run) => `(select s.rid, s.${column}, s.ctid as row_at from ${table} s
        where ${[run, ...tests].join(' and ')} order by ${order('s')} offset 0)`,
    );
    const edge = `t.${column} ${key.descending ? 'desc' : 'asc'}, t.row_at`;
    return `select s.rid, s.${column} as v from (${ordered.join(' union all ')}) s
      where s.row_at = (select t.row_at from (select i.*, i.ctid as row_at from ${table} i
          where i.rid = s.rid offset 0) t where ${rows('t')} order by ${edge} limit 1)
      order by ${order('s')}`;
  }

  /** Walks the resources themselves: by id, by time, or newest first. */
  async #walkRows(
    asked: Asked,
    keys: readonly SortKey[],
    gone: readonly Settled[],
    cursor: Cursor | undefined,
    most: number,
  ): Promise<StoredFound[] | undefined> {
    const { values, conditions, always } = this.#build();
    const orders = keys.map((each) => storedOrder(this.#type, each, values, this.#mixed));
    const all = [...always];
    if (cursor) {
      const place = tail(cursor, gone.length);
      all.push(beyond(orders, 'r.rid', this.#newest, place, this.#source, values));
      if (cursor.top !== undefined) all.push(below('r.rid', cursor.top, values));
      if (keys[0]?.code === '_lastUpdated') {
        const down = keys[0].descending !== asked.back;
        const value = values.add(place.sort[0], 'timestamptz');
        all.push(`r.lu ${down ? '<=' : '>='} ${value}`);
      }
    }
    const tests = [...conditions.map((each) => each.test), ...testsOf(gone, values)];
    const byCode = most === 0 && gone.some((each) => each.byCode);
    const parts = orderParts(orders, asked.back);
    // Without `nulls last` where nothing is null, so that an index can give the order.
    const [first] = orders;
    if (first && /^r\.(lu|id)$/.test(first.expression)) {
      parts[0] = `${first.expression} ${first.descending !== asked.back ? 'desc' : 'asc'}`;
    }
    const order = [...parts, this.#tie('r.rid', asked.back)].join(', ');
    const by = { orders, order, gone };
    const cap = byCode ? WALK_CODE : most;
    const from = cap
      ? `(select r.* from resource r where ${all.join(' and ')} order by ${order} limit ${cap}) r`
      : 'resource r';
    const where = cap ? tests : [...all, ...tests];
    const found = await this.#ask('rows', from, where, by, asked, values);
    if (cap === 0 || found.length >= asked.limit) return found;
    if (!byCode) return undefined;
    // A code that the walk hardly met is rare: those who have it are looked up and sorted.
    const those = `(select r.* from resource r where ${[...all, ...tests].join(' and ')} offset 0) r`;
    return this.#ask('code', those, [], by, asked, values);
  }

  #missing(key: SortKey, values: Values): string {
    const { table, rows } = sortedIndex(key, values)!;
    return `not exists (select from ${ofResource(table, 'r.rid')} where ${rows(table)})`;
  }

  #ask(
    kind: string,
    from: string,
    tests: readonly string[],
    by: { orders: readonly Order[]; order: string; gone: readonly Settled[] },
    asked: Asked,
    values: Values,
  ): Promise<StoredFound[]> {
    const sorted = this.#search.sort.length > 0;
    const columns = [
      ...by.gone.map(({ value }) => (value === null ? 'null' : values.add(value, 'text'))),
      ...by.orders.map((each) => `${each.expression}::text`),
    ];
    const sort = sorted ? `, array[${columns.join(', ')}]::text[] as sort, ${TOP}` : '';
    const text = `select r.rid, r.content${sort}
      from ${from} where ${tests.length > 0 ? tests.join(' and ') : 'true'}
      order by ${by.order} limit ${asked.limit}`;
    return ask<StoredFound>(this.#unit, kind, text, values);
  }
}
