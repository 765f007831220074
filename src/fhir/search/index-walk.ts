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

import type { Run, SortedIndex } from './order.ts';
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
  const { table, runs } = index;
  const way = stretch.down ? 'desc' : 'asc';
  const order = leading(index).map((each) => `s.${each} ${way}`);
  const by = [...order, `s.v ${way}`, `s.rid ${how.tie}`].join(', ');
  // Fenced off without any other test, which PostgreSQL might take for one that few rows pass; and
  // so that equal values are put in the order of resources before the edge is looked up.
  const ordered = runs.map((run, at) => {
    const inner = [...run.columns, run.column].map((each) => `s.${each} ${way}`);
    const sorted = runs.length === 1 ? `order by ${inner.join(', ')}, s.rid ${how.tie}` : '';
    return `(select s.*, s.${run.column} as v, s.ctid as row_at, ${at} as run from ${table} s
      where ${boundTests(index, run, stretch).join(' and ')} ${sorted} offset 0)`;
  });
  const named = leading(index).map((each) => `s.${each}, `);
  // What is nothing but a test, PostgreSQL takes for one that half of the rows pass.
  const tests = [...how.tests, standsHere(index, how.largest)];
  return `select ${named.join('')}s.rid, s.v from (${ordered.join(' union all ')}) s
    where ${tests.map((each) => `coalesce(${each}, false)`).join(' and ')} order by ${by}`;
}

/** Whether a row `s` of a run is where its resource stands: at its smallest or largest value. */
function standsHere({ table, rows, runs }: SortedIndex, largest: boolean): string {
  const way = largest ? 'desc' : 'asc';
  const own = `(select i.*, i.ctid as row_at from ${table} i where i.rid = s.rid offset 0) t`;
  const [run, ...more] = runs;
  if (more.length === 0) {
    return `s.row_at = (select t.row_at from ${own} where ${rows('t')}
      order by t.${run!.column} ${way}, t.row_at limit 1)`;
  }
  // A row may have values of several runs.
  const values = runs.map(({ columns, values, column }, at) => {
    const tests = columns.map((each, n) => `t.${each} = ${values[n]}`);
    return `(${at}, ${tests.join(' and ')}, t.${column})`;
  });
  return `(s.row_at, s.run) = (select t.row_at, u.run from ${own}
      cross join lateral (values ${values.join(', ')}) u(run, own, v)
      where u.own and u.v is not null order by u.v ${way}, t.row_at, u.run limit 1)`;
}

/** The order of those rows under the name `m`, as far as the index has it. */
export function indexOrder(index: SortedIndex, down: boolean): string[] {
  const way = down ? 'desc' : 'asc';
  return [...leading(index), 'v'].map((each) => `m.${each} ${way}`);
}

/**
 * Columns before the value, which are the same in all rows of a run: they are named in the order,
 * because PostgreSQL does not see from bounds that they are. Several runs are put in order anew.
 */
function leading({ runs }: SortedIndex): readonly string[] {
  return runs.length === 1 ? runs[0]!.columns : [];
}

/** Whether a stretch has more rows than a number. */
export function moreThan(index: SortedIndex, stretch: Stretch, count: number): string {
  const way = stretch.down ? 'desc' : 'asc';
  const tests = index.runs.map((run) => {
    const order = [...run.columns, run.column].map((each) => `s.${each} ${way}`).join(', ');
    return `exists (select from ${index.table} s
      where ${boundTests(index, run, stretch).join(' and ')} order by ${order} offset ${count})`;
  });
  return `select ${tests.join(' or ')} as more`;
}

/** The first text of a stretch, and the one that stands `count` rows further. */
export function edgeText(index: SortedIndex, stretch: Stretch, count: number): string {
  const way = stretch.down ? 'desc' : 'asc';
  const edges = index.runs.map((run) => {
    const rows = `select s.${run.column} from str s
      where ${boundTests(index, run, stretch).join(' and ')}
      order by s.param ${way}, s.${run.column} ${way}`;
    return `select (${rows} limit 1) as first, (${rows} offset ${count} limit 1) as edge`;
  });
  const end = stretch.down ? 'max' : 'min';
  return `select ${end}(e.first) as first, ${end}(e.edge) as edge
    from (${edges.join(' union all ')}) e`;
}

/** A text that is the smallest of a resource `r`, or its largest. */
export function hasEdge(
  { table, edge, rows }: SortedIndex,
  value: string,
  largest: boolean,
): string {
  const which = largest ? 'max' : 'min';
  return `(select ${which}(${edge(table, which)}) from ${ofResource(table, 'r.rid')}
    where ${rows(table)}) = ${value}`;
}

function boundTests(
  { least, most }: SortedIndex,
  { columns, values, column }: Run,
  { down, from, to }: Stretch,
): string[] {
  const test = (sign: string, { value, rid, within }: Bound): string => {
    const names = [...columns, column, ...(rid ? ['rid'] : [])].map((each) => `s.${each}`);
    const bounds = [...values, value, ...(rid ? [rid] : [])];
    return `(${names.join(', ')}) ${sign}${within ? '=' : ''} (${bounds.join(', ')})`;
  };
  const [low, high] = down ? [to, from] : [from, to];
  const ends = { first: { value: least, within: true }, last: { value: most, within: true } };
  return [test('>', low ?? ends.first), test('<', high ?? ends.last)];
}
