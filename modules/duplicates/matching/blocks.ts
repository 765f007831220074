/**
 * Pairs worth comparing: people who share a key, each pair once, and never too many of one key.
 *
 * Keys are sorted as numbers, rule by rule, which gives runs of people who share one. Pairs are then
 * found person by person: whoever stands in a run with somebody is noted by the number of that
 * person, so that no set of pairs has to be remembered. A key that too many share is refined (with
 * the district, the sex, the first letters) and, where that does not help, skipped and counted: ten
 * thousand namesakes cost nothing, and the report says so.
 */

import { GrowingInts } from './growing.ts';
import { join } from './hash.ts';
import {
  isPossible,
  KEYS_MAX,
  type Parts,
  partsReader,
  placeOf,
  RULES,
  type Sources,
  sourcesOf,
  writeKeys,
} from './keys.ts';
import type { Registry } from './registry.ts';
import { sharedBytes, sharedInts } from './shared.ts';
import { eachRun, type Sorted, sharedKeys } from './sorting.ts';
import { type Threads, together } from './threads.ts';
import { inTurns, newTurns, type Turn, type Work } from './turns.ts';

/** People of one key that are compared with each other at most. */
export const BLOCK_MAX = 60;

/** What was not compared under a rule because too many share a key. */
export interface Skipped {
  readonly rule: string;
  readonly keys: number;
  readonly people: number;
}

/** Who is compared with nobody. */
export interface Unseen {
  /** People without any key: nothing but a given name is known of them, say. */
  readonly unknown: number;
  /** People all of whose keys were skipped because too many share them. */
  readonly crowded: number;
}

/** The runs of a rule: a range of `Blocks.members`. */
export interface RuleRuns {
  readonly rule: number;
  readonly from: number;
  /** Where the runs of keys that were made finer begin. */
  readonly usual: number;
  readonly to: number;
}

export interface Blocks {
  /** The rules under which anybody shares a key with another. */
  readonly rules: readonly RuleRuns[];
  /** Rows of those who share a key, rising; the last of each run as its complement, below zero. */
  readonly members: Int32Array;
  /** Where a person stands in `members`, but as the last of a run: `places` from `starts[row]`. */
  readonly places: Int32Array;
  readonly starts: Int32Array;
  readonly skipped: readonly Skipped[];
  readonly unseen: Unseen;
  /** Keys that more than `BLOCK_MAX` people share, as they were before they were made finer. */
  readonly large: ReadonlyMap<number, number>;
}

/** Ways in which large keys are made finer, tried one after the other. */
const STEPS = 3;
const PLACES = { sex: placeOf('sex'), given: placeOf('given2'), family: placeOf('family2') };

/** The number by which a step makes a large key of a person finer. */
function refinement(step: number, district: number, { one }: Parts): number {
  if (step === 0) return district;
  return step === 1 ? one[PLACES.sex]! : join(one[PLACES.given]!, one[PLACES.family]!);
}

/** Keys under one rule, and whose they are. */
interface Keys {
  readonly keys: Int32Array;
  readonly owner: Int32Array;
}

/** Keys that one person has under a rule, about. */
const KEYS_USUAL = 1.2;

function keysOfAll(registry: Registry, sources: Sources, rule: number): Keys {
  const parts = partsReader(registry, sources, rule);
  const { slots } = RULES[rule]!;
  let keys = new Int32Array(slots + Math.ceil(registry.size * KEYS_USUAL));
  let owner = new Int32Array(keys.length);
  let at = 0;
  for (let row = 0; row < registry.size; row++) {
    if (at + slots > keys.length) {
      const more = Math.ceil(keys.length * 1.5) + slots;
      [keys, owner] = [longer(keys, more), longer(owner, more)];
    }
    const end = writeKeys(rule, parts(row), keys, at);
    if (end > at) owner[at] = row;
    if (end > at + 1) owner.fill(row, at + 1, end);
    at = end;
  }
  return { keys: keys.subarray(0, at), owner: owner.subarray(0, at) };
}

function longer(ints: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(length);
  more.set(ints);
  return more;
}

/** What one rule makes: runs as in `Blocks.members`. */
interface RuleBlocks extends Turn {
  readonly rule: number;
  readonly members: Int32Array;
  readonly usual: number;
  readonly left: { readonly keys: number; readonly people: number };
  readonly large: readonly (readonly [number, number])[];
}

/** The blocks of a registry, rule by rule. */
export interface Blocking extends Work {
  readonly kind: 'block';
  readonly registry: Registry;
  /** Whether each person has a key, and one that is not skipped: 1 if so. All threads write it. */
  readonly keyed: Uint8Array;
  readonly compared: Uint8Array;
}

/** Blocks of the rules whose turn comes to this thread. */
export function blockShare(work: Blocking): RuleBlocks[] {
  const sources = sourcesOf(work.registry);
  const rules = [...RULES.keys()].filter((rule) => isPossible(sources, rule));
  return inTurns(work.taken, rules.length, (turn) => ({
    turn,
    ...ruleBlocks(work, sources, rules[turn]!),
  }));
}

function ruleBlocks(
  { registry, keyed, compared }: Blocking,
  sources: Sources,
  rule: number,
): Omit<RuleBlocks, 'turn'> {
  const all = keysOfAll(registry, sources, rule);
  let sorted = sharedKeys(all.keys);
  const large: [number, number][] = [];
  eachRun(sorted, (from, to, key) => {
    if (to - from > BLOCK_MAX) large.push([key, to - from]);
  });
  let left = { keys: 0, people: 0 };
  const finer = new Uint8Array(all.keys.length);
  if (large.length > 0) {
    const parts = partsReader(registry, sources);
    for (const place of largeRuns(sorted).places) finer[place] = 1;
    left = refine(sorted, all, (step, row) =>
      refinement(step, registry.district[row]!, parts(row)),
    );
    sorted = sharedKeys(all.keys);
  }
  for (let at = 0; at < all.keys.length; at++) {
    keyed[all.owner[at]!] = 1;
    if (all.keys[at] !== 0) compared[all.owner[at]!] = 1;
  }
  return { rule, ...membersOf(sorted, all.owner, finer), left, large };
}

/** Keys of everybody under the rules that make any, large keys refined; `threads` help. */
export function blocksOf(registry: Registry, threads?: Threads): Blocks {
  const [keyed, compared] = [sharedBytes(registry.size), sharedBytes(registry.size)];
  const work: Blocking = { kind: 'block', registry, keyed, compared, taken: newTurns() };
  const made = together(threads, work, blockShare);
  const size = made.reduce((so, { members }) => so + members.length, 0);
  const members = sharedInts(size);
  const rules: RuleRuns[] = [];
  let from = 0;
  for (const { rule, members: of, usual } of made) {
    members.set(of, from);
    if (of.length > 0) rules.push({ rule, from, usual: from + usual, to: from + of.length });
    from += of.length;
  }
  return {
    ...{ rules, members, ...placesOf(members, registry.size) },
    skipped: made
      .filter(({ left }) => left.keys > 0)
      .map(({ rule, left }) => ({ rule: RULES[rule]!.name, ...left })),
    unseen: unseenOf(keyed, compared),
    large: new Map(made.flatMap((of) => of.large)),
  };
}

function unseenOf(keyed: Uint8Array, compared: Uint8Array): Unseen {
  let [unknown, crowded] = [0, 0];
  for (let row = 0; row < keyed.length; row++) {
    if (keyed[row] === 0) unknown++;
    else if (compared[row] === 0) crowded++;
  }
  return { unknown, crowded };
}

/** Where each person stands in a run, but as its last: there nobody is left to be compared with. */
function placesOf(members: Int32Array, people: number): Pick<Blocks, 'places' | 'starts'> {
  const starts = sharedInts(people + 1);
  for (let at = 0; at < members.length; at++) {
    if (members[at]! >= 0) starts[members[at]! + 1]!++;
  }
  for (let row = 0; row < people; row++) starts[row + 1]! += starts[row]!;
  const places = sharedInts(starts[people]!);
  const next = starts.slice();
  for (let at = 0; at < members.length; at++) {
    if (members[at]! >= 0) places[next[members[at]!]!++] = at;
  }
  return { places, starts };
}

/** Gives the members of large keys finer keys, and none where that does not part them. */
function refine(
  first: Sorted,
  { keys, owner }: Keys,
  finer: (step: number, row: number) => number,
): { keys: number; people: number } {
  let large = largeRuns(first);
  for (let step = 0; step < STEPS && large.runs > 0; step++) {
    for (const place of large.places) {
      keys[place] = join(keys[place]!, finer(step, owner[place]!) + 1) || 1;
    }
    large = largeRuns(sharedKeys(keys, large.places.sort()));
  }
  const people = new Set<number>();
  for (const place of large.places) {
    keys[place] = 0;
    people.add(owner[place]!);
  }
  return { keys: large.runs, people: people.size };
}

/** How many keys too many share, and the places of their members. */
function largeRuns(sorted: Sorted): { runs: number; places: Int32Array } {
  const places = new GrowingInts();
  let runs = 0;
  eachRun(sorted, (from, to) => {
    if (to - from <= BLOCK_MAX) return;
    runs++;
    for (let at = from; at < to; at++) places.push(sorted.places[at]!);
  });
  return { runs, places: places.taken() };
}

/** The runs of a rule, those of keys that were made finer behind the others. */
function membersOf(
  sorted: Sorted,
  owner: Int32Array,
  finer: Uint8Array,
): Pick<RuleBlocks, 'members' | 'usual'> {
  let people = 0;
  let usual = 0;
  eachRun(sorted, (from, to) => {
    people += to - from;
    if (finer[sorted.places[from]!] === 0) usual += to - from;
  });
  const members = new Int32Array(people);
  const next = [0, usual];
  eachRun(sorted, (from, to) => {
    const kind = finer[sorted.places[from]!]!;
    let at = next[kind]!;
    for (let place = from; place < to; place++) members[at++] = owner[sorted.places[place]!]!;
    members[at - 1] = ~members[at - 1]!;
    next[kind] = at;
  });
  return { members, usual };
}

/** What to do with a person and those with whom they share a key, of whom each is further down. */
export type MeetingVisitor = (a: number, others: Int32Array, count: number) => void;

/** Which pairs. */
export interface PairOptions {
  /** Whether pairs are between two registries, not within one. */
  readonly across: boolean;
  /** Those whose first person stands in these rows; all without it. */
  readonly range?: { readonly from: number; readonly to: number };
}

/** Most people who share a key with one. */
const OTHERS_MAX = BLOCK_MAX * KEYS_MAX;
/** Room to note them by hash, twice as much as needed: little enough to stay near the processor. */
const MET_BITS = Math.ceil(Math.log2(2 * OTHERS_MAX));
const MET_MASK = (1 << MET_BITS) - 1;

/** Visits everybody with those with whom they share a key, each pair once. */
export function eachMeeting(
  registry: Registry,
  { members, places, starts }: Pick<Blocks, 'members' | 'places' | 'starts'>,
  { across, range }: PairOptions,
  visit: MeetingVisitor,
): void {
  const { source, size } = registry;
  const last = Math.min(size, range?.to ?? size);
  const others = new Int32Array(OTHERS_MAX);
  const fetched = new Int32Array(1);
  // By hash: whom somebody met, and who that was.
  const met = new Int32Array(MET_MASK + 1);
  const by = new Int32Array(MET_MASK + 1).fill(-1);
  for (let a = range?.from ?? 0; a < last; a++) {
    const end = starts[a + 1]!;
    let count = 0;
    let seen = 0;
    // The processor fetches the runs side by side where nothing waits for them.
    for (let place = starts[a]!; place < end; place++) seen ^= members[places[place]! + 1]!;
    fetched[0] = seen;
    for (let place = starts[a]!; place < end; place++) {
      for (let at = places[place]! + 1, more = true; more; at++) {
        const member = members[at]!;
        more = member >= 0;
        const b = more ? member : ~member;
        let slot = Math.imul(b, 0x9e3779b1) >>> (32 - MET_BITS);
        while (by[slot] === a && met[slot] !== b) slot = (slot + 1) & MET_MASK;
        if (by[slot] === a || b === a) continue;
        by[slot] = a;
        met[slot] = b;
        if (!(across && source[a] === source[b])) others[count++] = b;
      }
    }
    if (count > 0) visit(a, others, count);
  }
}

/** What to do with a pair; `a` < `b`. */
export type PairVisitor = (a: number, b: number) => void;

/** Whether two people stand in a run between two places. */
function meet(
  { members, places, starts }: Pick<Blocks, 'members' | 'places' | 'starts'>,
  [a, b]: readonly [number, number],
  from: number,
  to: number,
): boolean {
  for (let place = starts[a]!; place < starts[a + 1]! && places[place]! < to; place++) {
    if (places[place]! < from) continue;
    for (let at = places[place]! + 1, more = true; more; at++) {
      more = members[at]! >= 0;
      if (b === (more ? members[at]! : ~members[at]!)) return true;
    }
  }
  return false;
}

/**
 * Visits every pair of the usual runs of one rule, by its place among the rules, also those that another
 * rule makes; each once.
 *
 * @param picked whether the next pair is looked at
 */
export function eachPairOf(
  { source }: Registry,
  blocks: Pick<Blocks, 'rules' | 'members' | 'places' | 'starts'>,
  place: number,
  { across, picked }: { readonly across: boolean; readonly picked: () => boolean },
  visit: PairVisitor,
): void {
  const { members, rules } = blocks;
  const { from, usual: to } = rules[place]!;
  for (let i = from; i < to; i++) {
    const a = members[i]!;
    if (a < 0) continue;
    for (let at = i + 1, more = true; more; at++) {
      more = members[at]! >= 0;
      const b = more ? members[at]! : ~members[at]!;
      if (a === b || (across && source[a] === source[b]) || !picked()) continue;
      if (!meet(blocks, [a, b], from, i)) visit(a, b);
    }
  }
}
