/**
 * Walks the rows of an index in the order of their values: what gives the pages of a search that is
 * sorted by a text, a date or a number.
 *
 * Bounds are said as rows, `(param, val) >= (…)`: PostgreSQL takes those for a tenth of the table
 * whether or not it has statistics, so that it walks the index in either case. A parameter said to
 * be equal would be taken for a handful of rows, to be read whole and sorted.
 *
 * The index of texts does not have resources in order among equal texts: those that many share are
 * told by `edgeText`, and walked by the resources themselves.
 */

import type { SortedIndex } from './order.ts';
import { ofResource } from './parts.ts';

/** A place in an index, in the direction of the walk. */
export interface Bound {
  /** SQL of the value. */
  readonly value: string;
  /** SQL of the resource's internal id, among equal values. */
  readonly rid?: string;
  /** Rows at the bound itself are within. */
  readonly within: boolean;
}

/** The part of an index that is walked. */
export interface Stretch {
  readonly down: boolean;
  /** Where it begins and ends; undefined: at the first and the last value of the parameter. */
  readonly from?: Bound | undefined;
  readonly to?: Bound | undefined;
}

/** Rows of an index in order, each resource once: by its smallest value, or its largest. */
export function indexRows(
  index: SortedIndex,
  stretch: Stretch,
  how: {
    /** Tests of the index rows `s`. */
    readonly tests: readonly string[];
    /** Whether a resource stands at its largest value. */
    readonly largest: boolean;
    /** Direction of internal ids among equal values. */
    readonly tie: 'asc' | 'desc';
  },
): string {
  const { table, column, rows, runs } = index;
  const way = stretch.down ? 'desc' : 'asc';
  // Each run is ordered by itself and fenced off, so that equal values are put in the order of
  // resources before the edge is looked up.
  const ordered = runs.map((run) => {
    const order = [...run.columns.map((each) => `s.${each}`), `s.${column}`];
    const by = `${order.map((each) => `${each} ${way}`).join(', ')}, s.rid ${how.tie}`;
    return `(select s.rid, s.${column}, s.ctid as row_at from ${table} s
      where ${[...boundTests(index, run, stretch), ...how.tests].join(' and ')}
      order by ${by} offset 0)`;
  });
  const edge = `t.${column} ${how.largest ? 'desc' : 'asc'}, t.row_at`;
  return `select s.rid, s.${column} as v from (${ordered.join(' union all ')}) s
    where s.row_at = (select t.row_at from (select i.*, i.ctid as row_at from ${table} i
        where i.rid = s.rid offset 0) t where ${rows('t')} order by ${edge} limit 1)
    order by s.${column} ${way}, s.rid ${how.tie}`;
}

/** The first text of a stretch, and the one that stands `count` rows further. */
export function edgeText(index: SortedIndex, stretch: Stretch, count: number): string {
  const way = stretch.down ? 'desc' : 'asc';
  const edges = index.runs.map((run) => {
    const rows = `select s.val from str s where ${boundTests(index, run, stretch).join(' and ')}
      order by s.param ${way}, s.val ${way}`;
    return `select (${rows} limit 1) as first, (${rows} offset ${count} limit 1) as edge`;
  });
  const end = stretch.down ? 'max' : 'min';
  return `select ${end}(e.first) as first, ${end}(e.edge) as edge
    from (${edges.join(' union all ')}) e`;
}

/** A text that is the smallest of a resource `r`, or its largest. */
export function hasEdge(
  { table, column, rows }: SortedIndex,
  value: string,
  largest: boolean,
): string {
  return `(select ${largest ? 'max' : 'min'}(${column}) from ${ofResource(table, 'r.rid')}
    where ${rows(table)}) = ${value}`;
}

function boundTests(
  { column, least, most }: SortedIndex,
  { columns, values }: SortedIndex['runs'][number],
  { down, from, to }: Stretch,
): string[] {
  const test = (sign: string, { value, rid, within }: Bound): string => {
    const names = [...columns, column, ...(rid ? ['rid'] : [])].map((each) => `s.${each}`);
    const bounds = [...values, value, ...(rid ? [rid] : [])];
    return `(${names.join(', ')}) ${sign}${within ? '=' : ''} (${bounds.join(', ')})`;
  };
  const [low, high] = down ? [to, from] : [from, to];
  const first = { value: least, within: true };
  if (high) return [test('>', low ?? first), test('<', high)];
  if (most !== undefined)
    return [test('>', low ?? first), test('<', { value: most, within: true })];
  // There is no greatest text: the parameter ends where the next begins.
  const [param] = values;
  return [
    test('>', low ?? first),
    `(s.${columns[0]}, s.${column}) < (${param}::bigint + 1, ${least})`,
  ];
}
