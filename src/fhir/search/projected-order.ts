/**
 * How the order of a page is had from the indexes under a room's view, without sorting what the view
 * shows: the order is cut into stretches, each of which is walked by an index.
 *
 * What many rows share (`ProjectedShared`: all lines of a payroll have its day) is walked in the
 * table that has it, and the rows of each in the order of their keys.
 */

import type { ProjectedBinding, ProjectedParameter, ProjectedShared } from '../../sdk/index.ts';
import type { Cursor } from './cursor.ts';
import type { SortKey } from './parse.ts';

/** A stretch of the page's order. */
export interface Stretch {
  /** What all its rows have in common. */
  readonly test?: string;
  /** The order of its rows as an index has it; undefined when none does. */
  readonly order: string | undefined;
  /** Sorted even so, however many they are: clients follow what changes by it. */
  readonly always?: boolean;
  /** Of the rows beyond the cursor, a bound that an index can use. */
  readonly bound?: Bound;
  /** The order is that of another table's rows, and of keys among those that share one. */
  readonly shared?: ProjectedShared;
}

/** A column, and the type of the value that the cursor has of it; without a type the key's. */
export interface Bound {
  readonly column: string;
  readonly type?: string;
}

/** A page's place and way. */
export interface Way {
  readonly cursor: Cursor | undefined;
  readonly back: boolean;
}

/** What the rows of an order have in common, and how they are walked. */
type Walk = Omit<Stretch, 'test'>;

/**
 * The page's order cut into stretches that indexes have, from the cursor on.
 *
 * @param newest  whether rows of equal values stand newest first
 * @param rest    SQL of the order by further keys, with its direction
 */
export function stretchesOf(
  binding: ProjectedBinding,
  sort: readonly SortKey[],
  newest: boolean,
  rest: string,
  { cursor, back }: Way,
): Stretch[] {
  const down = newest !== back;
  const tie = `v.key ${down ? 'desc' : 'asc'}`;
  const [first, ...more] = sort;
  if (!first) return [{ order: tie }];
  const way = first.descending !== back ? 'desc' : 'asc';
  const parameter = binding.search[first.code];
  const along = (column: string, type?: string): Walk => ({
    order: `${column} ${way}, ${rest}${tie}`,
    bound: type ? { column, type } : { column },
  });
  const alone = more.length === 0;
  if (first.code === '_lastUpdated') {
    const { updatedAt } = binding.large ?? {};
    return [updatedAt ? along('v.updated_at', 'timestamptz') : { order: undefined, always: true }];
  }
  if (first.code === '_id') return [idWalk(binding, along)];
  if (parameter?.ordered === 'as-key') return [unique(along('v.key'))];
  if (parameter?.ordered === true) {
    const column = `v.${parameter.column}`;
    const type = parameter.type === 'date' ? 'timestamptz' : 'bigint';
    const there = { test: `${column} is not null`, ...along(column, type) };
    const none = { test: `${column} is null`, order: alone ? tie : undefined };
    return from([there, none], cursor && (cursor.sort[0] === null ? 1 : 0), back);
  }
  if (typeof parameter?.ordered === 'object' && alone) {
    return [{ order: tie, shared: parameter.ordered }];
  }
  return alone ? codeStretches(first, parameter, tie, { cursor, back }) : [{ order: undefined }];
}

/** Ids that are written from a column stand in its order. */
function idWalk({ idKey }: ProjectedBinding, along: (column: string, type: string) => Walk): Walk {
  if (!idKey || idKey.where || idKey.type === 'trail') return { order: undefined };
  return unique(along(`v.${idKey.column}`, idKey.type));
}

/** Behind what no two rows share, nothing is ordered. */
function unique({ order = '', ...walk }: Walk): Walk {
  return { ...walk, order: order.split(',')[0] };
}

/** Codes of a closed list one after the other. */
function codeStretches(
  key: SortKey,
  parameter: ProjectedParameter | undefined,
  tie: string,
  { cursor, back }: Way,
): Stretch[] {
  if (parameter?.type !== 'token' || !parameter.codes) return [{ order: undefined }];
  const codes = Object.keys(parameter.codes).sort();
  if (key.descending) codes.reverse();
  const stretches = codes.map((code) => ({ test: parameter.codes![code]!, order: tie }));
  const value = cursor?.sort[0];
  const at = value ? codes.indexOf(value) : -1;
  return from(stretches, at < 0 ? undefined : at, back);
}

/** Stretches from that of the cursor on, in the direction of travel. */
function from(stretches: readonly Stretch[], at: number | undefined, back: boolean): Stretch[] {
  const start = at ?? (back ? stretches.length - 1 : 0);
  return back ? stretches.slice(0, start + 1).reverse() : stretches.slice(start);
}
