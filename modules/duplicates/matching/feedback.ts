/**
 * What one pair of two households says about the others: where a mother stands in both, her children
 * probably do too. Their personal fields then decide, member against member, and what the households
 * share (village, telephone, family name) says nothing more.
 */

import type { ScoredPairs } from './pairs.ts';
import type { Registry } from './registry.ts';
import { probabilityOf, type Scorer } from './score.ts';

/** A pair at least this likely speaks for the others. */
const WITNESS_MIN = 0.3;
/** Chance that a member of the smaller household stands in the other one. */
const MEMBER_SHARE = 0.8;
/** Larger groups are institutions; their members say nothing about each other. */
const HOUSEHOLD_MAX = 30;
const KEPT_MIN = 0.01;
const BITS_MAX = 40;

/** Scored pairs with their log-odds, some of them brought in by other pairs of their households. */
export interface Informed {
  readonly pairs: ScoredPairs;
  readonly logOdds: Float64Array;
}

interface Witness {
  readonly a: number;
  readonly b: number;
  readonly p: number;
}

const bitsOf = (p: number): number => {
  const bits = Math.log2(p / (1 - p));
  return Math.max(-BITS_MAX, Math.min(BITS_MAX, bits));
};

/** One pass of feedback between households; the pairs as they are where none are known. */
export function feedback(
  registry: Registry,
  pairs: ScoredPairs,
  logOdds: Float64Array,
  scorer: Scorer,
): Informed {
  const { household, households } = registry;
  if (households === 0) return { pairs, logOdds };
  /** The two households of a pair, as one number; 0 where they are not known or one. */
  const meetingOf = (at: number): number => {
    const [x, y] = [household[pairs.a[at]!]!, household[pairs.b[at]!]!];
    return x === 0 || y === 0 || x === y ? 0 : Math.min(x, y) * (households + 1) + Math.max(x, y);
  };
  const meetings = new Map<number, Witness[]>();
  for (let at = 0; at < pairs.size; at++) {
    const p = probabilityOf(logOdds[at]!);
    const key = p < WITNESS_MIN ? 0 : meetingOf(at);
    if (key === 0) continue;
    const witness = { a: pairs.a[at]!, b: pairs.b[at]!, p };
    const meeting = meetings.get(key);
    if (meeting) meeting.push(witness);
    else meetings.set(key, [witness]);
  }
  // Few households meet: only their pairs have to be found again.
  const known = new Map<number, number>();
  for (let at = 0; at < pairs.size; at++) {
    const key = meetingOf(at);
    if (key !== 0 && meetings.has(key)) known.set(pairs.a[at]! * registry.size + pairs.b[at]!, at);
  }
  const members = membersOf(registry, meetings, households + 1);
  const informed = Float64Array.from(logOdds);
  const added: Array<{ a: number; b: number; bits: number }> = [];
  for (const [key, witnesses] of meetings) {
    const [left, right] = [Math.floor(key / (households + 1)), key % (households + 1)];
    const [xs, ys] = [members.get(left)!, members.get(right)!];
    if (xs.length > HOUSEHOLD_MAX || ys.length > HOUSEHOLD_MAX) continue;
    const share = MEMBER_SHARE / Math.min(xs.length, ys.length);
    const prior = Math.log2(share / (1 - share));
    for (const x of xs) {
      for (const y of ys) {
        const [a, b] = x < y ? [x, y] : [y, x];
        const sure = bestOther(witnesses, a, b);
        if (sure === 0) continue;
        const at = known.get(a * registry.size + b);
        const alone = at === undefined ? 0 : probabilityOf(logOdds[at]!);
        const together = probabilityOf(prior + scorer.personal(a, b));
        const p = sure * together + (1 - sure) * alone;
        if (at !== undefined) informed[at] = bitsOf(p);
        else if (p >= KEPT_MIN) added.push({ a, b, bits: bitsOf(p) });
      }
    }
  }
  return appended(pairs, informed, added);
}

/** The best witness among pairs of other people. */
function bestOther(witnesses: readonly Witness[], a: number, b: number): number {
  let best = 0;
  for (const other of witnesses) {
    const apart = other.a !== a && other.b !== b && other.a !== b && other.b !== a;
    if (apart && other.p > best) best = other.p;
  }
  return best;
}

/** Members of the households that meet. */
function membersOf(
  { household, size }: Registry,
  meetings: ReadonlyMap<number, unknown>,
  base: number,
): Map<number, number[]> {
  const members = new Map<number, number[]>();
  for (const key of meetings.keys()) {
    members.set(Math.floor(key / base), []);
    members.set(key % base, []);
  }
  for (let row = 0; row < size; row++) members.get(household[row]!)?.push(row);
  return members;
}

function appended(
  pairs: ScoredPairs,
  logOdds: Float64Array,
  added: ReadonlyArray<{ readonly a: number; readonly b: number; readonly bits: number }>,
): Informed {
  const size = pairs.size + added.length;
  const ints = (old: Int32Array, of: (each: (typeof added)[number]) => number): Int32Array => {
    const all = new Int32Array(size);
    all.set(old.subarray(0, pairs.size));
    all.set(added.map(of), pairs.size);
    return all;
  };
  const floats = (old: Float32Array): Float32Array => {
    const all = new Float32Array(size);
    all.set(old.subarray(0, pairs.size));
    return all;
  };
  const all = new Float64Array(size);
  all.set(logOdds);
  all.set(
    added.map(({ bits }) => bits),
    pairs.size,
  );
  return {
    pairs: {
      a: ints(pairs.a, ({ a }) => a),
      b: ints(pairs.b, ({ b }) => b),
      w: floats(pairs.w),
      wH: floats(pairs.wH),
      crossed: floats(pairs.crossed),
      share: pairs.share,
      size,
      compared: pairs.compared,
    },
    logOdds: all,
  };
}
