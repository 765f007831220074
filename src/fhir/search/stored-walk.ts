/**
 * Walks stored resources in the order of the page and tests them one by one. Which index has the
 * order depends on the first key: that of its values, of codes one after the other, of the time of
 * the last change, or of internal ids. Later keys order what is equal in earlier ones.
 */

import { sizeOf } from '../store/size.ts';
import { ask } from './ask.ts';
import { codePhases, type Settled } from './code-phases.ts';
import type { Cursor } from './cursor.ts';
import { type Bound, edgeText, hasEdge, indexOrder, indexRows, moreThan } from './index-walk.ts';
import { beyond, beyondSign, type Order, orderParts, sortedIndex, storedOrder } from './order.ts';
import type { SortKey } from './parse.ts';
import { ofResource, Values } from './parts.ts';
import { rowBounds } from './row-bounds.ts';
import { demands, sortedRange, updatedRange } from './sorted-range.ts';
import type { Asked, Frame, StoredFound } from './stored-frame.ts';
import { below, lateral, sortArrayOf, TOP, tail, testsOf } from './stored-parts.ts';

/** Resources walked for one code of a closed list, before those who have it are looked up. */
const WALK_CODE = 2_000;
/** Index rows within which a text ends that is not shared by many, for each row of the page. */
const NEAR_TEXTS = 4;
/** Resources that share a text, from which on they are walked rather than sorted, at least. */
const SHARED_MIN = 2_000;
const SHARED_MAX = 65_536;

/** The keys that are left, after those whose value is settled. */
interface Keys {
  readonly keys: readonly SortKey[];
  readonly gone: readonly Settled[];
}

type Page = StoredFound[] | undefined;
type Phase = (asked: Asked, cursor: Cursor | undefined) => Promise<Page>;

/** Walks of one search. */
export class StoredWalk {
  readonly #frame: Frame;
  #met = 0;

  constructor(frame: Frame) {
    this.#frame = frame;
  }

  /** How many resources the last walk found that was broken off. */
  get met(): number {
    return this.#met;
  }

  /**
   * A page; undefined when it was not filled within `most` resources (0: without end), or when no
   * index has the order.
   */
  page(asked: Asked, most: number): Promise<Page> {
    this.#met = 0;
    return this.#byKeys(asked, { keys: this.#frame.search.sort, gone: [] }, asked.cursor, most);
  }

  /** Walks by the first of the keys. */
  async #byKeys(
    asked: Asked,
    { keys, gone }: Keys,
    cursor: Cursor | undefined,
    most: number,
  ): Promise<Page> {
    const [key, ...others] = keys;
    const indexed = key?.info && sortedIndex(key, new Values());
    const codes = key && !indexed ? codePhases(key) : [];
    if (key?.info && !indexed && codes.length === 0) return undefined;
    if (!key || (!indexed && codes.length === 0)) {
      return this.#byRows(asked, { keys, gone }, cursor, most);
    }
    const after =
      (settled: Settled): Phase =>
      (at, from) =>
        this.#byKeys(at, { keys: others, gone: [...gone, settled] }, from, most);
    const phases = indexed ? this.#valuesOf(key, { keys, gone }, most, after) : codes.map(after);
    const value = cursor?.sort[gone.length] ?? null;
    const at = indexed ? Number(value === null) : codes.findIndex((each) => each.value === value);
    return inTurn(phases, asked, cursor, Math.max(0, at));
  }

  /** Resources that have a value, and after them those that have none. */
  #valuesOf(
    key: SortKey,
    keys: Keys,
    most: number,
    after: (settled: Settled) => Phase,
  ): readonly Phase[] {
    const texts = key.info!.type === 'string';
    const valued: Phase = (at, from) =>
      texts ? this.#byTexts(at, keys, from, most) : this.#byIndex(at, keys, from, most);
    if (demands(this.#frame.search.terms, key.info!)) return [valued];
    const test = (values: Values): string => {
      const { table, rows } = sortedIndex(key, values)!;
      return `not exists (select from ${ofResource(table, 'r.rid')} where ${rows(table)})`;
    };
    return [valued, after({ value: null, test, byCode: false })];
  }

  // ── values in the order of an index ────────────────────────────────────────────────────────

  /** Walks texts: those that few share by the index, those that many share by the resources. */
  async #byTexts(
    asked: Asked,
    keys: Keys,
    cursor: Cursor | undefined,
    most: number,
  ): Promise<Page> {
    const [key, ...others] = keys.keys as [SortKey, ...SortKey[]];
    const rows: StoredFound[] = [];
    let place = cursor;
    let from = cursor && { text: cursor.sort[keys.gone.length]!, within: true };
    while (rows.length < asked.limit) {
      const rest = { ...asked, limit: asked.limit - rows.length };
      const near = await this.#edge(key, asked, from, most || rest.limit * NEAR_TEXTS);
      if (near.first === null) break;
      const shared = near.edge === near.first;
      const far = shared ? await this.#edge(key, asked, from, await this.#shared(asked)) : near;
      const { first, edge } = far;
      let found: Page;
      if (first !== null && edge === first) {
        const same = place?.sort[keys.gone.length] === first ? place : undefined;
        const test = (values: Values): string =>
          hasEdge(sortedIndex(key, values)!, values.add(first, 'text'), key.descending);
        const gone = [...keys.gone, { value: first, test, byCode: false }];
        found = await this.#byKeys(rest, { keys: others, gone }, same, most);
        from = { text: first, within: false };
      } else {
        // Between the two texts stand no more rows than are walked.
        found = await this.#byIndex(rest, keys, place, 0, { from, to: edge });
        from = edge === null ? undefined : { text: edge, within: true };
      }
      if (!found) return undefined;
      rows.push(...found);
      if (!from) break;
      if (most > 0 && rows.length < asked.limit) return undefined;
      place = undefined;
    }
    return rows;
  }

  /** Resources that share a text, from which on walking all resources costs less than sorting them. */
  async #shared({ limit }: Asked): Promise<number> {
    const rows = await sizeOf(this.#frame.unit, this.#frame.number);
    const size = 2 ** Math.ceil(Math.log2(2 * Math.sqrt(limit * rows) || 1));
    return Math.min(SHARED_MAX, Math.max(SHARED_MIN, size));
  }

  async #edge(
    key: SortKey,
    { back }: Asked,
    from: TextPlace | undefined,
    count: number,
  ): Promise<{ first: string | null; edge: string | null }> {
    const values = new Values();
    const index = sortedIndex(key, values)!;
    const stretch = { down: key.descending !== back, from: from && textBound(from, values) };
    const text = edgeText(index, stretch, count);
    const [row] = await ask<{ first: string | null; edge: string | null }>(
      this.#frame.unit,
      'edge',
      text,
      values,
    );
    return row!;
  }

  /** Walks the rows of the index that has the values of the first key in order. */
  async #byIndex(
    asked: Asked,
    { keys, gone }: Keys,
    cursor: Cursor | undefined,
    most: number,
    part?: { readonly from: TextPlace | undefined; readonly to: string | null },
  ): Promise<Page> {
    const { type, source, newest, mixed, partition, search } = this.#frame;
    const { values, conditions, always } = this.#frame.build();
    const [key, ...others] = keys as [SortKey, ...SortKey[]];
    const first = storedOrder(type, key, values, mixed);
    const orders: Order[] = [
      { ...first, expression: 'm.v' },
      ...others.map((each) => storedOrder(type, each, values, mixed)),
    ];
    const range = sortedRange(key, search.terms, values);
    const left = conditions.filter((_, at) => !range.told.has(at)).map((each) => each.test);
    const all = [...always, ...left, ...testsOf(gone, values)];
    const tests = [...range.tests];
    const down = key.descending !== asked.back;
    const low = range.low && { value: range.low, within: true };
    const high = range.high && { value: range.high, within: false };
    let from: Bound | undefined = (down ? high : low) || undefined;
    let to: Bound | undefined = (down ? low : high) || undefined;
    if (part?.from) from = textBound(part.from, values);
    if (part?.to) to = { value: values.add(part.to, 'text'), within: false };
    if (cursor) {
      const place = tail(cursor, gone.length);
      all.push(beyond(orders, 'r.rid', newest, place, source, values));
      const value = values.add(place.sort[0], first.type);
      const only = others.length === 0 && newest === key.descending;
      const strict = beyondSign(newest, cursor, source).length === 1;
      from = only
        ? { value, rid: values.add(cursor.key, 'bigint'), within: !strict }
        : { value, within: true };
      if (cursor.top !== undefined) tests.push(below('s.rid', cursor.top, values));
    }
    const tie = newest !== asked.back ? 'desc' : 'asc';
    const how = { tests, largest: key.descending, tie } as const;
    const index = sortedIndex(key, values)!;
    const stretch = { down, from, to };
    const end = most ? `limit ${most}` : 'offset 0';
    const rows = lateral(partition.table, `(${indexRows(index, stretch, how)} ${end})`, all);
    const order = [
      ...indexOrder(index, down),
      ...orderParts(orders.slice(1), asked.back),
      `m.rid ${tie}`,
    ].join(', ');
    const found = await this.#ask('walk', rows, [], { orders, order, gone }, asked, values);
    if (most === 0 || found.length >= asked.limit) return found;
    this.#met = found.length;
    return (await this.#more(moreThan(index, stretch, most), values)) ? undefined : found;
  }

  /** Whether a walk that did not fill the page has left anything out. */
  async #more(text: string, values: Values): Promise<boolean> {
    const [row] = await ask<{ more: boolean }>(this.#frame.unit, 'more', text, values);
    return row!.more;
  }

  // ── resources in the order of their own columns ────────────────────────────────────────────

  /** Walks the resources themselves: by id, by time, or newest first. */
  async #byRows(
    asked: Asked,
    { keys, gone }: Keys,
    cursor: Cursor | undefined,
    most: number,
  ): Promise<Page> {
    const { type, newest, mixed, search, partition } = this.#frame;
    const { values, conditions, always } = this.#frame.build();
    const orders = keys.map((each) => storedOrder(type, each, values, mixed));
    const all = [...always];
    const byTime = keys[0]?.code === '_lastUpdated';
    const bounds = [...partition.only];
    if (byTime) {
      const { low, high } = updatedRange(search.terms, values);
      const down = keys[0]!.descending !== asked.back;
      // Beyond a place, the side that it is on says nothing more.
      if (!cursor || down) bounds.push(...low);
      if (!cursor || !down) bounds.push(...high);
    }
    if (cursor) {
      bounds.push(...rowBounds(this.#frame, keys, orders, tail(cursor, gone.length), values));
    }
    all.push(...bounds);
    const tests = [...conditions.map((each) => each.test), ...testsOf(gone, values)];
    const byCode = most === 0 && gone.some((each) => each.byCode);
    const parts = orderParts(orders, asked.back);
    // Without `nulls last` where nothing is null, so that an index can give the order.
    const [first] = orders;
    if (first && /^r\.(lu|id)$/.test(first.expression)) {
      parts[0] = `${first.expression} ${first.descending !== asked.back ? 'desc' : 'asc'}`;
    }
    const order = [...parts, `r.rid ${newest !== asked.back ? 'desc' : 'asc'}`].join(', ');
    const by = { orders, order, gone };
    const cap = byCode ? WALK_CODE : most;
    const rows = `(select r.* from ${partition.table} r
      where ${all.join(' and ')} order by ${order} ${cap ? `limit ${cap}` : 'offset 0'}) r`;
    // What is nothing but a test, PostgreSQL takes for one that half of the rows pass.
    const fenced = tests.map((each) => `coalesce(${each}, false)`);
    const found = await this.#ask('rows', rows, fenced, by, asked, values);
    if (cap === 0 || found.length >= asked.limit) return found;
    const text = `select exists (select from ${partition.table} r
      where ${bounds.length > 0 ? bounds.join(' and ') : 'true'} order by ${order} offset ${cap}) as more`;
    this.#met = found.length;
    if (!(await this.#more(text, values))) return found;
    if (!byCode) return undefined;
    // A code that the walk hardly met is rare: those who have it are looked up and sorted.
    const those = `(select r.* from ${partition.table} r
      where ${[...all, ...tests].join(' and ')} offset 0) r`;
    return this.#ask('code', those, [], by, asked, values);
  }

  /** Planned anew as the table grows: what is best for a small one may be to sort all of it. */
  async #ask(
    kind: string,
    from: string,
    tests: readonly string[],
    by: { orders: readonly Order[]; order: string; gone: readonly Settled[] },
    asked: Asked,
    values: Values,
  ): Promise<StoredFound[]> {
    const { search, unit } = this.#frame;
    const columns = [
      ...by.gone.map(({ value }) => (value === null ? 'null' : values.add(value, 'text'))),
      ...by.orders.map((each) => `${each.expression}::text`),
    ];
    const sort = search.sort.length > 0 ? `, ${sortArrayOf(columns)}, ${TOP}` : '';
    const text = `select r.rid, r.content${sort}
      from ${from} where ${tests.length > 0 ? tests.join(' and ') : 'true'}
      order by ${by.order} limit ${asked.limit}`;
    const size = Math.ceil(Math.log2(1 + (await sizeOf(unit, this.#frame.number))) / 2);
    return ask<StoredFound>(unit, `${kind}${size}`, text, values);
  }
}

/** A text at which a walk begins. */
interface TextPlace {
  readonly text: string;
  readonly within: boolean;
}

function textBound({ text, within }: TextPlace, values: Values): Bound {
  return { value: values.add(text, 'text'), within };
}

/**
 * The phases of an order one after the other until the page is full, from that of the cursor on.
 *
 * @param at  the phase of the cursor
 */
async function inTurn(
  phases: readonly Phase[],
  asked: Asked,
  cursor: Cursor | undefined,
  at: number,
): Promise<Page> {
  const inOrder = asked.back ? phases.toReversed() : phases;
  const last = phases.length - 1;
  const started = cursor ? (asked.back ? last - at : at) : 0;
  const rows: StoredFound[] = [];
  for (const [number, phase] of inOrder.entries()) {
    if (number < started) continue;
    const rest = { ...asked, limit: asked.limit - rows.length };
    const found = await phase(rest, number === started ? cursor : undefined);
    if (!found) return undefined;
    rows.push(...found);
    if (rows.length >= asked.limit) return rows;
  }
  return rows;
}
