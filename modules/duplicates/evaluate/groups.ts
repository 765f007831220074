/**
 * Groups of records as numbers: what partitions have in common, in time that grows with the records
 * alone, however large a group is.
 */

/** Groups of records: the number of each record's group, from 0, and how many there are. */
export interface Groups {
  readonly of: Int32Array;
  readonly count: number;
}

/** Numbers that lie so near each other that a table of all between them takes little memory. */
const TABLE_MAX = 4;

/** Groups by any numbers; equal numbers are one group. */
export function groupsBy(numbers: Int32Array): Groups {
  let [low, high] = [0, 0];
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  if (high - low > numbers.length * TABLE_MAX) return groupsByMap(numbers);
  const known = new Int32Array(high - low + 1);
  let count = 0;
  const of = numbers.map((number) => {
    known[number - low] ||= ++count;
    return known[number - low]! - 1;
  });
  return { of, count };
}

function groupsByMap(numbers: Int32Array): Groups {
  const known = new Map<number, number>();
  const of = numbers.map((number) => {
    const before = known.get(number) ?? known.size;
    known.set(number, before);
    return before;
  });
  return { of, count: known.size };
}

/** How many records each group has. */
export function sizesOf({ of, count }: Groups): Int32Array {
  const sizes = new Int32Array(count);
  for (const group of of) sizes[group]!++;
  return sizes;
}

/** Records group by group, and where each group begins among them. */
export function membersOf(groups: Groups): {
  readonly rows: Int32Array;
  readonly starts: Int32Array;
} {
  const starts = new Int32Array(groups.count + 1);
  starts.set(sizesOf(groups), 1);
  for (let group = 0; group < groups.count; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice();
  const rows = new Int32Array(groups.of.length);
  groups.of.forEach((group, row) => {
    rows[next[group]!++] = row;
  });
  return { rows, starts };
}

/** Groups of those who stand together in one and in the other. */
export function together(one: Groups, other: Groups): Groups {
  const { rows, starts } = membersOf(one);
  const of = new Int32Array(rows.length);
  // The number that a group of the other has in the group of the one that it was last met in.
  const number = new Int32Array(other.count);
  const metIn = new Int32Array(other.count).fill(-1);
  let count = 0;
  for (let group = 0; group < one.count; group++) {
    for (let at = starts[group]!; at < starts[group + 1]!; at++) {
      const second = other.of[rows[at]!]!;
      if (metIn[second] !== group) {
        metIn[second] = group;
        number[second] = count++;
      }
      of[rows[at]!] = number[second]!;
    }
  }
  return { of, count };
}
