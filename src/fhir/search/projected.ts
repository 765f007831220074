/**
 * Searches what a room shows of its typed tables. Of small tables PostgreSQL is asked at once. Of
 * large ones (`ProjectedBinding.large`) it is never given the choice between a condition and the
 * order of the page, as with stored resources:
 *
 * 1. Rows are walked in the order of the page, where an index has it, and tested, `WALK` of them at
 *    most. Conditions read only columns that they need: what a view joins for rendering is joined for
 *    the rows of the page.
 * 2. What the walk did not find is rare or none at all: the rows that match are gathered by their own
 *    indexes, up to `SET_MAX`, and sorted.
 * 3. What is neither is read whole, in the order of the page.
 *
 * A condition on an id or on another near-unique value (`few`) begins with 2. Codes of a closed list
 * (`codes`) are sorted by walking one code after the other.
 */

import type { UnitOfWork } from '../../app.ts';
import type { ProjectedBinding, ProjectedParameter, ProjectedRow } from '../../sdk/index.ts';
import { projectedConditions, projectedReach, projectedSort, render } from '../projection.ts';
import { ask } from './ask.ts';
import type { Cursor } from './cursor.ts';
import type { Source } from './found.ts';
import { beyond, newestFirst, type Order, orderBy, sortType } from './order.ts';
import type { Search, SortKey, Term } from './parse.ts';
import { Values } from './parts.ts';

/** Rows that are tested in the order of the page before matches are gathered. */
const WALK = 2_000;
/** Matches that are gathered and sorted. */
const SET_MAX = 10_000;

interface Sorted {
  readonly sort?: (string | null)[];
}

type Row = ProjectedRow & Sorted;

/** A page that is asked for. */
interface Asked {
  readonly cursor: Cursor | undefined;
  readonly back: boolean;
  readonly limit: number;
}

/** A stretch of the page's order, within which an index may have the order. */
interface Stretch {
  /** What all its rows have in common. */
  readonly test?: string;
  /** The order of its rows as an index has it; undefined when none does. */
  readonly order: string | undefined;
  /** Of the rows beyond the cursor, a bound that an index can use. */
  readonly bound?: string;
}

/** Rows that a room shows as a source of a search. */
export function projectedSource(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  search: Search,
  source: number,
): Source {
  const query = new ProjectedQuery(unit, binding, search, source);
  return {
    async fetch(cursor, back, limit) {
      const rows = await query.page({ cursor, back, limit });
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
    count: () => query.count(),
    estimate: () => query.count(),
  };
}

class ProjectedQuery {
  readonly #unit: UnitOfWork;
  readonly #binding: ProjectedBinding;
  readonly #search: Search;
  readonly #source: number;
  readonly #newest: boolean;

  constructor(unit: UnitOfWork, binding: ProjectedBinding, search: Search, source: number) {
    this.#unit = unit;
    this.#binding = binding;
    this.#search = search;
    this.#source = source;
    this.#newest = newestFirst(search.sort);
  }

  async count(): Promise<number> {
    const values = new Values();
    const tests = this.#tests(values);
    if (!tests) return 0;
    const text = `select count(*) as n from ${this.#binding.view} v ${where(tests)}`;
    return Number((await ask<{ n: bigint }>(this.#unit, 'pcount', text, values))[0]!.n);
  }

  async page(asked: Asked): Promise<Row[]> {
    if (!this.#tests(new Values())) return [];
    if (!this.#binding.large) return this.#whole(asked, []);
    const rows: Row[] = [];
    for (const stretch of this.#stretches(asked)) {
      const rest = { ...asked, limit: asked.limit - rows.length };
      rows.push(...(await this.#along(rest, stretch)));
      if (rows.length >= asked.limit) break;
    }
    return rows;
  }

  /** Rows of a stretch, by the cheapest way that finds them. */
  async #along(asked: Asked, stretch: Stretch): Promise<Row[]> {
    const tests = this.#tests(new Values())!;
    const few = this.#search.terms.some((term) => this.#isFew(term));
    if (stretch.order !== undefined && !few) {
      const walked = await this.#walk(asked, stretch, tests.length > 0 ? WALK : 0);
      if (walked) return walked;
    }
    const own = stretch.test === undefined ? [] : [stretch.test];
    return (await this.#gather(asked, own)) ?? this.#whole(asked, own);
  }

  /** Conditions and reach; undefined when nothing can match. */
  #tests(values: Values): string[] | undefined {
    const tests = projectedConditions(this.#unit, this.#binding, this.#search.terms, values);
    tests?.push(...projectedReach(this.#unit, this.#binding, values));
    return tests;
  }

  #isFew(term: Term): boolean {
    if (term.kind === 'id' || term.kind === 'compartment') return true;
    if (term.kind !== 'parameter' && term.kind !== 'chain') return false;
    if (term.kind === 'parameter' && /^(missing|not)/.test(term.modifier ?? '')) return false;
    const parameter = this.#binding.search[term.info.code];
    return parameter !== undefined && 'few' in parameter && parameter.few === true;
  }

  #orders(): Order[] {
    return this.#search.sort.map((key) => ({
      expression: projectedSort(this.#binding, key),
      type: sortType(key),
      descending: key.descending,
    }));
  }

  /** Beyond the cursor, in the whole order of the page. */
  #place({ cursor }: Asked, values: Values): string[] {
    if (!cursor) return [];
    return [beyond(this.#orders(), 'v.key', this.#newest, cursor, this.#source, values)];
  }

  #orderBy({ back }: Asked, column: string): string {
    return orderBy(this.#orders(), column, this.#newest, back);
  }

  #sortColumns(): string {
    const orders = this.#orders();
    if (orders.length === 0) return '';
    return `, array[${orders.map((each) => `${each.expression}::text`).join(', ')}] as sort`;
  }

  /** PostgreSQL's own way. */
  #whole(asked: Asked, own: readonly string[]): Promise<Row[]> {
    const values = new Values();
    const tests = [...this.#tests(values)!, ...own, ...this.#place(asked, values)];
    const text = `select v.*${this.#sortColumns()} from ${this.#binding.view} v ${where(tests)}
      order by ${this.#orderBy(asked, 'v.key')} limit ${asked.limit}`;
    return ask<Row>(this.#unit, 'project', text, values);
  }

  /** The rows of some keys, with all their columns. */
  #shown(keys: string, asked: Asked): string {
    const { view, large } = this.#binding;
    const part = large?.partitioned ? ' and x.updated_at = k.updated_at' : '';
    return `select v.*${this.#sortColumns()} from (${keys}) k
      cross join lateral (select * from ${view} x where x.key = k.key${part} offset 0) v
      order by ${this.#orderBy(asked, 'v.key')}`;
  }

  /** In the order of an index; undefined when `most` rows (0: all) were tested in vain. */
  async #walk(asked: Asked, stretch: Stretch, most: number): Promise<Row[] | undefined> {
    const values = new Values();
    const tests = this.#tests(values)!;
    const placed = this.#place(asked, values);
    if (stretch.test) placed.push(stretch.test);
    if (stretch.bound && asked.cursor) placed.push(this.#bound(stretch.bound, asked, values));
    const { view } = this.#binding;
    const order = `order by ${stretch.order}`;
    if (most === 0) {
      const keys = `select v.key, v.updated_at from ${view} v ${where(placed)} ${order} limit ${asked.limit}`;
      return ask<Row>(this.#unit, 'pwalk', this.#shown(keys, asked), values);
    }
    const text = `with w as materialized (
        select v.key, v.updated_at, (${tests.join(' and ')}) as ok, row_number() over (${order}) as n
        from ${view} v ${where(placed)} ${order} limit ${most})
      select p.*, c.walked from (select count(*) as walked from w) c left join (
        ${this.#shown(`select key, updated_at from w where ok order by n limit ${asked.limit}`, asked)}) p on true`;
    const rows = await ask<Row & { walked: bigint }>(this.#unit, 'pwalk', text, values);
    const found = rows.filter((row) => row.key !== null);
    const ended = rows[0]!.walked < BigInt(most);
    return ended || found.length >= asked.limit ? found : undefined;
  }

  /** By the matches themselves, sorted; undefined when there are too many. */
  async #gather(asked: Asked, own: readonly string[]): Promise<Row[] | undefined> {
    const values = new Values();
    const tests = [...this.#tests(values)!, ...own, ...this.#place(asked, values)];
    if (tests.length === 0) return undefined;
    const inner = this.#orders().map((each, at) => `${each.expression} as s${at}`);
    const outer = this.#orders().map((each, at) => ({ ...each, expression: `w.s${at}` }));
    const order = orderBy(outer, 'w.key', this.#newest, asked.back);
    const text = `with w as materialized (
        select ${['v.key', 'v.updated_at', ...inner].join(', ')} from ${this.#binding.view} v ${where(tests)}
        limit ${SET_MAX + 1})
      select p.*, c.n from (select count(*) as n from w) c left join (
        ${this.#shown(
          `select w.key, w.updated_at from w where (select count(*) from w) <= ${SET_MAX}
           order by ${order} limit ${asked.limit}`,
          asked,
        )}) p on true`;
    const rows = await ask<Row & { n: bigint }>(this.#unit, 'pset', text, values);
    if (rows[0]!.n > BigInt(SET_MAX)) return undefined;
    return rows.filter((row) => row.key !== null);
  }

  // ── the order of an index ──────────────────────────────────────────────────────────────────

  /** The page's order cut into stretches that indexes have; from the cursor on. */
  #stretches({ cursor, back }: Asked): Stretch[] {
    const [first, ...more] = this.#search.sort;
    const tie = `v.key ${this.#newest !== back ? 'desc' : 'asc'}`;
    if (!first) return [{ order: tie }];
    const way = first.descending !== back ? 'desc' : 'asc';
    if (more.length > 0) return [{ order: undefined }];
    if (first.code === '_lastUpdated' && this.#binding.large?.updatedAt) {
      return [{ order: `v.updated_at ${way}, ${tie}`, bound: 'v.updated_at' }];
    }
    const parameter = this.#binding.search[first.code];
    if (parameter?.type === 'date' && parameter.ordered) {
      const column = `v.${parameter.column}`;
      const there = {
        test: `${column} is not null`,
        order: `${column} ${way}, ${tie}`,
        bound: column,
      };
      const stretches = [there, { test: `${column} is null`, order: tie }];
      return from(stretches, cursor && (cursor.sort[0] === null ? 1 : 0), back);
    }
    return this.#codeStretches(first, parameter, tie, { cursor, back });
  }

  #codeStretches(
    key: SortKey,
    parameter: ProjectedParameter | undefined,
    tie: string,
    { cursor, back }: Pick<Asked, 'cursor' | 'back'>,
  ): Stretch[] {
    if (parameter?.type !== 'token' || !parameter.codes) return [{ order: undefined }];
    const codes = Object.keys(parameter.codes).sort();
    if (key.descending) codes.reverse();
    const stretches = codes.map((code) => ({ test: parameter.codes![code]!, order: tie }));
    const value = cursor?.sort[0];
    const at = value ? codes.indexOf(value) : -1;
    return from(stretches, at < 0 ? undefined : at, back);
  }

  #bound(column: string, { cursor, back }: Asked, values: Values): string {
    const { descending } = this.#search.sort[0]!;
    const value = values.add(cursor!.sort[0], 'timestamptz');
    return `${column} ${descending !== back ? '<=' : '>='} ${value}`;
  }
}

/** Stretches from that of the cursor on, in the direction of travel. */
function from(stretches: readonly Stretch[], at: number | undefined, back: boolean): Stretch[] {
  const start = at ?? (back ? stretches.length - 1 : 0);
  return back ? stretches.slice(0, start + 1).reverse() : stretches.slice(start);
}

function where(tests: readonly string[]): string {
  return tests.length > 0 ? `where ${tests.join(' and ')}` : '';
}
