/**
 * The parts of which conditions are put together: a set of internal ids or a test of a row, and the
 * values of a statement.
 */

/** A condition in SQL. */
export interface Condition {
  /** `rid in (…)`-able: a select of `rid`; undefined when only `test` can be said. */
  readonly set?: string;
  /** A boolean over `r`. */
  readonly test: string;
  /** How few rows the set is expected to have: lower is walked first. */
  readonly rank: number;
  /** The set is whole only where it is found to be small. */
  readonly capped?: boolean;
}

/**
 * Collects the values of a statement. A term may offer a value that the final text does not use;
 * `bind` leaves such values out, because PostgreSQL cannot type them.
 */
export class Values {
  readonly #list: unknown[] = [];

  /** Adds a value and answers its placeholder with a cast. */
  add(value: unknown, type: string): string {
    this.#list.push(value);
    return `$${this.#list.length}::${type}`;
  }

  /** The text with its placeholders numbered anew, and the values it uses. */
  bind(text: string): { text: string; list: unknown[] } {
    const list: unknown[] = [];
    const numbers = new Map<string, number>();
    const bound = text.replace(/\$(\d+)/g, (_whole, digits: string) => {
      let number = numbers.get(digits);
      if (number === undefined) {
        number = list.push(this.#list[Number(digits) - 1]);
        numbers.set(digits, number);
      }
      return `$${number}`;
    });
    return { text: bound, list };
  }
}

/** Rank of a condition on codes, which `resource.tk` has. */
export const CODE_RANK = 50;

/** Rank of what is in the reach of an actor who is limited. */
export const REACH_RANK = 35;

/** Rank of a range of dates, numbers or quantities. */
export const RANGE_RANK = 40;

/** A condition that is a set of internal ids. */
export function fromSet(set: string, rank: number): Condition {
  return { set, test: `r.rid in (${set})`, rank };
}

/** Index tables whose rows are found by resource, so that a row can be tested without their set. */
type IndexTable = 'str' | 'ref' | 'dat' | 'num' | 'pair';

/**
 * A condition on the rows of an index table: any of the tests. As a test of `r` it is a look-up by
 * resource, written so that PostgreSQL cannot turn it into a join with the whole set.
 */
export function fromIndex(table: IndexTable, tests: readonly string[], rank: number): Condition {
  const any = tests.map((each) => `(${each})`).join(' or ');
  return {
    set: tests.map((each) => `select rid from ${table} where ${each}`).join(' union all '),
    test: `coalesce((select true from ${ofResource(table, 'r.rid')} where ${any} limit 1), false)`,
    rank,
  };
}

/**
 * The rows of an index table that are of one resource, under the table's name. Fenced off: without
 * statistics PostgreSQL would look among all rows that have the value for those of the resource.
 */
export function ofResource(table: string, rid: string, alias = table): string {
  return `(select * from ${table} own where own.rid = ${rid} offset 0) ${alias}`;
}

/** A condition that only tests a row. */
export function fromTest(test: string, rank: number): Condition {
  return { test, rank };
}

/** A test that holds when one of several does. */
export function anyOf(texts: readonly string[], test: (text: string) => string): string {
  return `(${texts.map(test).join(' or ')})`;
}

/** The union of the sets of several values. */
export function unionOf(texts: readonly string[], set: (text: string) => string): string {
  return texts.map(set).join(' union ');
}

/** One of several conditions. */
export function joinOr(conditions: readonly Condition[]): Condition {
  if (conditions.length === 1) return conditions[0]!;
  const rank = Math.max(...conditions.map((each) => each.rank));
  if (conditions.every((each) => each.set)) {
    return fromSet(conditions.map((each) => each.set).join(' union '), rank);
  }
  return fromTest(`(${conditions.map((each) => each.test).join(' or ')})`, rank);
}
