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
import { ask } from './ask.ts';
import { codePhases } from './code-phases.ts';
import type { Cursor } from './cursor.ts';
import type { Found, Source } from './found.ts';
import { SORTED_MAX, sortTooCostly } from './limits.ts';
import { isLimited } from './narrow.ts';
import { beyond, orderBy, sortedIndex, storedOrder } from './order.ts';
import type { Search } from './parse.ts';
import { CODE_RANK, type Condition, RANGE_RANK, Values } from './parts.ts';
import { type Asked, type Build, Frame, type StoredFound } from './stored-frame.ts';
import { below, fromSet, isCode, lateral, sortArray, TOP } from './stored-parts.ts';
import { StoredWalk } from './stored-walk.ts';

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

/** The stored resources of a type as a source of a search. */
export function storedSource(
  unit: UnitOfWork,
  type: string,
  search: Search,
  source: number,
): Source {
  const query = new StoredQuery(new Frame(unit, type, search, source));
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

class StoredQuery {
  readonly #frame: Frame;
  readonly #walk: StoredWalk;

  constructor(frame: Frame) {
    this.#frame = frame;
    this.#walk = new StoredWalk(frame);
  }

  async page(cursor: Cursor | undefined, back: boolean, limit: number): Promise<StoredFound[]> {
    const asked = { cursor, back, limit };
    const { sets, conditions, reach } = this.#frame.build();
    // A range is seldom selective: a few rows in the order of the page are cheaper than its set.
    const ranged = sets.length > 0 && sets[0]!.rank >= RANGE_RANK;
    const near = ranged && (await this.#walk.page(asked, limit * WALK_NEAR));
    if (near) return near;
    const most = sets.length > 0 ? await this.#setMost(limit) : 0;
    // What it met tells how far the page reaches: where that is no more than the set would be.
    const need = ranged ? Math.ceil((1.5 * WALK_NEAR * limit ** 2) / this.#walk.met) : 0;
    const further = ranged && need <= most && (await this.#walk.page(asked, need));
    if (further) return further;
    for (const at of sets.slice(0, TRIES).keys()) {
      const rows = await this.#bySet(asked, (built) => [built.sets[at]!], most);
      if (rows) return rows;
    }
    const filtered = conditions.length > 0 || reach.length > 0;
    const walked = await this.#walk.page(
      asked,
      filtered ? (sets.length > 0 ? WALK_MAX : WALK_FEW) : 0,
    );
    if (walked) return walked;
    const byCode = sets.length > 0 && conditions.some(isCode);
    const coded = byCode && (await this.#bySet(asked, (built) => this.#codesOf(built), SET_MAX));
    if (coded) return coded;
    if (!this.#isWalked()) await this.#checkSorted();
    return this.#whole(asked);
  }

  /** Whether an index has the order of the first key, so that a page is not cut out of a sort. */
  #isWalked(): boolean {
    return this.#frame.search.sort.every(
      (key) => !key.info || sortedIndex(key, new Values()) || codePhases(key).length > 0,
    );
  }

  /**
   * What stands in resources only is read from each to be sorted.
   *
   * @throws Problem too-costly when those are too many
   */
  async #checkSorted(): Promise<void> {
    const { values, from, where } = this.#counted();
    const some = `select from ${from} where ${where} limit ${SORTED_MAX + 1}`;
    const text = `select count(*) as n from (${some}) s`;
    const [row] = await ask<{ n: bigint }>(this.#frame.unit, 'sorted', text, values);
    if (row!.n <= BigInt(SORTED_MAX)) return;
    throw sortTooCostly(this.#frame.search.sort.map((key) => key.code));
  }

  /** All conditions on codes as one, whose set an index has: rare only together, or in old resources. */
  #codesOf({ conditions }: Build): Condition[] {
    const codes = conditions.filter(isCode);
    const tests = codes.map((each) => each.test).join(' and ');
    const { table, only } = this.#frame.partition;
    const set = `select r.rid from ${table} r where ${[...only, tests].join(' and ')}`;
    return [{ set, test: tests, rank: CODE_RANK }, ...codes];
  }

  async #setMost(limit: number): Promise<number> {
    if (!this.#isWalked()) return SET_MAX;
    const rows = await sizeOf(this.#frame.unit, this.#frame.number);
    // A power of two, so that few texts of statements differ only by it.
    const most = 2 ** Math.ceil(Math.log2(Math.sqrt(limit * rows) || 1));
    return Math.min(SET_MAX, Math.max(SET_MIN, most));
  }

  async count(): Promise<number> {
    const { values, from, where } = this.#counted();
    const text = `select count(*) as n from ${from} where ${where}`;
    return Number((await ask<{ n: bigint }>(this.#frame.unit, 'count', text, values))[0]!.n);
  }

  /** What PostgreSQL's statistics say; not prepared, because it is the plan that is asked for. */
  async estimate(): Promise<number> {
    // Statistics are of everybody's rows.
    if (isLimited(this.#frame.unit, this.#frame.type)) return this.count();
    const { values, from, where } = this.#counted();
    const { text, list } = values.bind(
      `explain (format json) select r.rid from ${from} where ${where}`,
    );
    const [row] = await this.#frame.unit.db.query<{
      'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }];
    }>(text, list);
    return row!['QUERY PLAN'][0].Plan['Plan Rows'];
  }

  #counted(): { values: Values; from: string; where: string } {
    const { values, sets, conditions, always } = this.#frame.build();
    const first = sets.find((each) => !each.capped);
    const rest = conditions.filter((each) => each !== first).map((each) => each.test);
    return {
      values,
      from: fromSet(this.#frame.partition.table, first),
      where: [...always, ...rest].join(' and '),
    };
  }

  /** By the set of the first of some conditions, which says them all; undefined when it is large. */
  async #bySet(
    asked: Asked,
    pick: (built: Build) => readonly Condition[],
    most: number,
  ): Promise<StoredFound[] | undefined> {
    const built = this.#frame.build();
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
      this.#frame.search.sort.length > 0
        ? `(select distinct rid from w where ${few})`
        : `(select distinct rid from w where ${few}${this.#after('rid', asked, values)}
            ${order} ${alone ? `limit ${asked.limit}` : 'offset 0'})`;
    const text = `with w as materialized (${set}), p as (
        ${this.#select(lateral(this.#frame.partition.table, from, [...always, ...rest]), ['true'], asked, values, 'm.rid')})
      select p.*, not ${few} as full from (select 1) o left join p on true`;
    const rows = await ask<StoredFound>(this.#frame.unit, 'set', text, values);
    if (rows[0]?.full) return undefined;
    return rows.filter((row) => row.rid !== null);
  }

  /** By the whole sets of all conditions. */
  #whole(asked: Asked): Promise<StoredFound[]> {
    const { values, sets: all, conditions, always } = this.#frame.build();
    const sets = all.filter((each) => !each.capped);
    const tests = [...always, ...conditions.filter((each) => !each.set).map((each) => each.test)];
    const ids = sets.map((each) => `select rid from (${each.set}) w`).join(' intersect ');
    // Fenced off, so that PostgreSQL does not take the order of the page for a way to find the rows.
    const from =
      sets.length > 0
        ? lateral(this.#frame.partition.table, `(select distinct rid from (${ids}) i)`, tests)
        : `(select r.* from ${this.#frame.partition.table} r where ${tests.join(' and ')} offset 0) r`;
    const text = this.#select(from, ['true'], asked, values);
    return ask<StoredFound>(this.#frame.unit, 'whole', text, values);
  }

  /** Rows beyond the cursor without a sort. */
  #after(column: string, { cursor }: Asked, values: Values): string {
    if (!cursor || this.#frame.search.sort.length > 0) return '';
    return ` and ${beyond([], column, this.#frame.newest, cursor, this.#frame.source, values)}`;
  }

  /** A page of rows `r` that pass the tests, in order; `from` may have that of `m.rid` already. */
  #select(
    from: string,
    tests: readonly string[],
    asked: Asked,
    values: Values,
    key: 'r.rid' | 'm.rid' = 'r.rid',
  ): string {
    const { sort } = this.#frame.search;
    const { cursor, back, limit } = asked;
    if (sort.length === 0) {
      return `select r.rid, r.content from ${from}
        where ${tests.join(' and ')}${this.#after('r.rid', asked, values)}
        order by ${orderBy([], key, this.#frame.newest, back)} limit ${limit}`;
    }
    const inner = sort.map((key) => storedOrder(this.#frame.type, key, values, this.#frame.mixed));
    const orders = inner.map((order, at) => ({ ...order, expression: `q.s${at}` }));
    const bounded =
      cursor?.top === undefined ? tests : [...tests, below('r.rid', cursor.top, values)];
    const place = cursor
      ? `where ${beyond(orders, 'q.rid', this.#frame.newest, cursor, this.#frame.source, values)}`
      : '';
    return `select q.rid, q.content, ${sortArray(orders)}, ${TOP}
      from (select r.rid, r.content${inner.map((each, at) => `, ${each.expression} as s${at}`).join('')}
        from ${from} where ${bounded.join(' and ')} offset 0) q
      ${place} order by ${orderBy(orders, 'q.rid', this.#frame.newest, back)} limit ${limit}`;
  }
}
