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
import type { ProjectedBinding, ProjectedRow, ProjectedShared } from '../../sdk/index.ts';
import { projectedConditions, projectedReach, projectedSort, render } from '../projection.ts';
import { ask } from './ask.ts';
import type { Cursor } from './cursor.ts';
import type { Source } from './found.ts';
import { SORTED_MAX, sortTooCostly } from './limits.ts';
import { beyond, newestFirst, type Order, orderBy, orderParts, sortType } from './order.ts';
import { type Search, type Term, unescaped } from './parse.ts';
import { Values } from './parts.ts';
import { type Bound, type Stretch, stretchesOf } from './projected-order.ts';
import { keysAmong, nameOf } from './projected-texts.ts';

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

/** Rows that are listed in order. */
interface Listed {
  readonly placed: readonly string[];
  readonly columns: readonly string[];
  readonly limit: number;
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

  #stretches({ cursor, back }: Asked): Stretch[] {
    const more = orderParts(this.#orders().slice(1), back);
    const rest = more.map((each) => `${each}, `).join('');
    return stretchesOf(this.#binding, this.#search.sort, this.#newest, rest, { cursor, back });
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
    const gathered = await this.#gather(asked, own);
    if (gathered) return gathered;
    if (stretch.order !== undefined) return this.#walkOn(asked, stretch);
    if (!stretch.always) await this.#checkSorted(own);
    return this.#whole(asked, own);
  }

  /** @throws Problem too-costly when what no index has in order is more than is sorted */
  async #checkSorted(own: readonly string[]): Promise<void> {
    const values = new Values();
    const tests = [...this.#tests(values)!, ...own];
    const some = `select from ${this.#binding.view} v ${where(tests)} limit ${SORTED_MAX + 1}`;
    const text = `select count(*) as n from (${some}) s`;
    const [row] = await ask<{ n: bigint }>(this.#unit, 'psorted', text, values);
    if (row!.n > BigInt(SORTED_MAX)) throw sortTooCostly(this.#search.sort.map((key) => key.code));
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
    if (parameter?.type === 'string' && term.kind === 'parameter') {
      const texts = term.values.map(unescaped);
      return texts.every((text) => nameOf(parameter, text, term.modifier) !== undefined);
    }
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
    if (most === 0) return this.#walkOn(asked, stretch);
    const values = new Values();
    const ok = `(${this.#tests(values)!.join(' and ')}) as ok`;
    const placed = this.#placed(asked, stretch, values);
    const rows = this.#ordered(asked, stretch, { placed, columns: [ok], limit: most }, values);
    const text = `with w as materialized (${rows})
      select p.*, c.walked from (select count(*) as walked from w) c left join (
        ${this.#shown(`select key, updated_at from w where ok order by n limit ${asked.limit}`, asked)}) p on true`;
    const found = await ask<Row & { walked: bigint }>(this.#unit, 'pwalk', text, values);
    const matches = found.filter((row) => row.key !== null);
    const ended = found[0]!.walked < BigInt(most);
    return ended || matches.length >= asked.limit ? matches : undefined;
  }

  /** In the order of an index, however far it is to the last row of the page. */
  #walkOn(asked: Asked, stretch: Stretch): Promise<Row[]> {
    const values = new Values();
    const placed = [...this.#tests(values)!, ...this.#placed(asked, stretch, values)];
    const keys = this.#ordered(asked, stretch, { placed, columns: [], limit: asked.limit }, values);
    return ask<Row>(this.#unit, 'pwalk', this.#shown(keys, asked), values);
  }

  /** Beyond the cursor, within a stretch. */
  #placed(asked: Asked, { test, bound }: Stretch, values: Values): string[] {
    const placed = this.#place(asked, values);
    if (test) placed.push(test);
    const edge = bound && asked.cursor && this.#edge(bound, asked.cursor, values);
    if (edge) placed.push(`${bound.column} ${this.#isDown(asked) ? '<=' : '>='} ${edge}`);
    return placed;
  }

  #isDown({ back }: Asked): boolean {
    return (this.#search.sort[0]?.descending ?? true) !== back;
  }

  /** The place of the cursor in a column; a row of another source may be of another kind. */
  #edge({ type }: Bound, cursor: Cursor, values: Values): string | undefined {
    const own = cursor.source === this.#source;
    if (!type) return own ? values.add(cursor.key, 'bigint') : undefined;
    const value = cursor.sort[0] ?? '';
    if (type === 'bigint' && !/^\d{1,20}$/.test(value)) return undefined;
    if (type === 'uuid' && !own) return undefined;
    return values.add(value, type);
  }

  /** Rows of a stretch in its order: their keys and other columns, and their number `n`. */
  #ordered(asked: Asked, stretch: Stretch, how: Listed, values: Values): string {
    const { placed, columns, limit } = how;
    if (stretch.shared) return this.#orderedByShared(asked, stretch.shared, how, values);
    const { order, bound } = stretch;
    const { view } = this.#binding;
    const edge =
      bound?.type === 'timestamptz' ? this.#until(bound.column, asked, placed, limit) : [];
    return `select ${['v.key', 'v.updated_at', ...columns].join(', ')},
        row_number() over (order by ${order}) as n
      from ${view} v ${where([...placed, ...edge])} order by ${order} limit ${limit}`;
  }

  /**
   * Which instant the page reaches is looked up first, so that what is sorted is a short range of
   * its index: of a trail in partitions PostgreSQL has no statistics as a whole, and may take
   * thousands of rows to be of one instant, and to sort all.
   */
  #until(column: string, asked: Asked, placed: readonly string[], limit: number): string[] {
    const [way, sign, least, most] = this.#isDown(asked)
      ? ['desc', '>=', '-infinity', 'infinity']
      : ['asc', '<=', 'infinity', '-infinity'];
    const last = `select e.at from (select ${column} as at from ${this.#binding.view} v
        ${where(placed)} order by ${column} ${way} limit ${limit}) e offset ${limit - 1}`;
    // The other side is said so that this is taken for a short range.
    return [
      `${column} ${sign} coalesce((${last}), '${least}')`,
      `${column} ${sign === '>=' ? '<=' : '>='} '${most}'`,
    ];
  }

  #orderedByShared(asked: Asked, shared: ProjectedShared, how: Listed, values: Values): string {
    const { placed, columns, limit } = how;
    const { view } = this.#binding;
    const all = ['v.key', 'v.updated_at', ...columns];
    const { table, key, column, rows } = shared;
    const tie = this.#newest !== asked.back ? 'desc' : 'asc';
    const way = this.#isDown(asked) ? 'desc' : 'asc';
    // As rows, so that their index is walked whatever is estimated.
    const own = [
      ['>=', 0],
      ['<=', '9223372036854775807'],
    ].map(([sign, end]) => `(v.${rows}, v.key) ${sign} (g.${key}, ${end}::bigint)`);
    const from = this.#sharedBy(shared, asked, values);
    return `select x.*, row_number() over (order by g.at ${way}, x.key ${tie}) as n
      from (select g.${key}, g.${column} as at from ${table} g ${where(from)}
          order by g.${column} ${way} offset 0) g
        cross join lateral (select ${all.join(', ')} from ${view} v ${where([...own, ...placed])}
          order by v.${rows} ${tie}, v.key ${tie} limit ${limit}) x
      order by g.at ${way}, x.key ${tie} limit ${limit}`;
  }

  /** Tests of the rows of the table that has what is shared: from the cursor on, and as terms say. */
  #sharedBy({ key, column, rows }: ProjectedShared, asked: Asked, values: Values): string[] {
    const tests: string[] = [];
    const value = asked.cursor?.sort[0];
    if (value) {
      const sign = this.#isDown(asked) ? '<=' : '>=';
      tests.push(`g.${column} ${sign} ${values.add(value, 'timestamptz')}`);
    }
    for (const term of this.#search.terms) {
      const code = term.kind === 'list' ? '_list' : term.kind === 'parameter' && term.info.code;
      const parameter = code ? this.#binding.search[code] : undefined;
      if (parameter?.type !== 'reference' || parameter.key?.column !== rows) continue;
      const said = projectedConditions(this.#unit, this.#binding, [term], values) ?? [];
      tests.push(...said.map((each) => each.replaceAll(`v.${rows}`, `g.${key}`)));
    }
    return tests;
  }

  /** By the matches themselves, sorted; undefined when there are too many. */
  async #gather(asked: Asked, own: readonly string[]): Promise<Row[] | undefined> {
    const values = new Values();
    const tests = [...this.#tests(values)!, ...own, ...this.#place(asked, values)];
    if (tests.length === 0) return undefined;
    const inner = this.#orders().map((each, at) => `${each.expression} as s${at}`);
    const outer = this.#orders().map((each, at) => ({ ...each, expression: `w.s${at}` }));
    const order = orderBy(outer, 'w.key', this.#newest, asked.back);
    const found = (more: readonly string[]): string =>
      `select ${['v.key', 'v.updated_at', ...inner].join(', ')} from ${this.#binding.view} v
        ${where([...tests, ...more])}`;
    const among = this.#among(values);
    const from = among
      ? `select v.* from (${among.keys}) a
          cross join lateral (${found([`v.${among.column} = a.key`])} offset 0) v`
      : found([]);
    const text = `with w as materialized (${from} limit ${SET_MAX + 1})
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

  /** Of a text that is one of few, the keys by which its rows are looked up one after the other. */
  #among(values: Values): { readonly keys: string; readonly column: string } | undefined {
    for (const term of this.#search.terms) {
      if (term.kind !== 'parameter' || term.modifier === 'missing') continue;
      const parameter = this.#binding.search[term.info.code];
      if (parameter?.type !== 'string' || !parameter.among) continue;
      const texts = term.values.map(unescaped);
      const keys = keysAmong(parameter.among, texts, term.modifier, values);
      return { keys, column: parameter.among.column };
    }
    return undefined;
  }
}

function where(tests: readonly string[]): string {
  return tests.length > 0 ? `where ${tests.join(' and ')}` : '';
}
