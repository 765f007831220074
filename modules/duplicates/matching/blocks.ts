/**
 * Pairs worth comparing: people who share a key, each pair once, and never too many of one key.
 *
 * Keys are sorted as numbers, rule by rule. A pair belongs to the first rule that makes it, which is
 * seen by comparing the earlier rules' keys of both: no set of pairs has to be remembered. A key
 * that too many share is refined (with the district, the sex, the first letters) and, where that
 * does not help, skipped and counted: ten thousand namesakes cost nothing, and the report says so.
 */

import { GrowingInts } from './growing.ts';
import { join } from './hash.ts';
import { KEYS_MAX, type Parts, partsReader, placeOf, RULES, writeKeys } from './keys.ts';
import type { Registry } from './registry.ts';
import { eachRun, type Sorted, sharedKeys } from './sorting.ts';

/** People of one key that are compared with each other at most. */
export const BLOCK_MAX = 60;

/** What was not compared under a rule because too many share a key. */
export interface Skipped {
  readonly rule: string;
  readonly keys: number;
  readonly people: number;
}

/** People who share a key of a rule, run by run. */
export interface RuleRuns {
  readonly rule: number;
  /** Rows of people, those of one key side by side. */
  readonly rows: Int32Array;
  /** Key of each run, and where it begins and ends in `rows`. */
  readonly keys: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export interface Blocks {
  /** The rules under which anybody shares a key with another. */
  readonly rules: readonly RuleRuns[];
  readonly skipped: readonly Skipped[];
  /** Keys that more than `BLOCK_MAX` people share, as they were before they were made finer. */
  readonly large: ReadonlyMap<number, number>;
  /** Keys of everybody, in the order of the rules; those of a row from `starts[row]`. */
  readonly keys: Int32Array;
  /** The rule of each key. */
  readonly ruleOf: Uint8Array;
  readonly starts: Int32Array;
}

/** Keys that one person has, about. */
const KEYS_USUAL = 20;

/** Ways in which large keys are made finer, tried one after the other. */
const STEPS = 3;
const PLACES = { sex: placeOf('sex'), given: placeOf('given2'), family: placeOf('family2') };

/** The number by which a step makes a large key of a person finer. */
function refinement(step: number, district: number, { one }: Parts): number {
  if (step === 0) return district;
  return step === 1 ? one[PLACES.sex]! : join(one[PLACES.given]!, one[PLACES.family]!);
}

interface Keys {
  readonly keys: Int32Array;
  readonly ruleOf: Uint8Array;
  readonly starts: Int32Array;
  readonly owner: Int32Array;
}

function keysOfAll(registry: Registry, parts: (row: number) => Parts): Keys {
  const starts = new Int32Array(registry.size + 1);
  let keys = new Int32Array(KEYS_MAX + registry.size * KEYS_USUAL);
  let ruleOf = new Uint8Array(keys.length);
  let at = 0;
  for (let row = 0; row < registry.size; row++) {
    if (at + KEYS_MAX > keys.length) {
      const length = Math.ceil(keys.length * 1.25) + KEYS_MAX;
      const [moreKeys, moreRules] = [new Int32Array(length), new Uint8Array(length)];
      moreKeys.set(keys);
      moreRules.set(ruleOf);
      [keys, ruleOf] = [moreKeys, moreRules];
    }
    starts[row] = at;
    const of = parts(row);
    for (let rule = 0; rule < RULES.length; rule++) {
      const end = writeKeys(rule, of, keys, at);
      while (at < end) ruleOf[at++] = rule;
    }
  }
  starts[registry.size] = at;
  const owner = new Int32Array(at);
  for (let row = 0; row < registry.size; row++) owner.fill(row, starts[row], starts[row + 1]);
  return { keys: keys.subarray(0, at), ruleOf: ruleOf.subarray(0, at), starts, owner };
}

/** Keys of everybody under the rules that make any, large keys refined. */
export function blocksOf(registry: Registry): Blocks {
  const parts = partsReader(registry);
  const all = keysOfAll(registry, parts);
  const places = placesByRule(all.ruleOf);
  const rules: RuleRuns[] = [];
  const skipped: Skipped[] = [];
  const large = new Map<number, number>();
  for (const [rule, of] of places.entries()) {
    if (of.length === 0) continue;
    let sorted = sharedKeys(all.keys, of);
    const before = large.size;
    eachRun(sorted, (from, to, key) => {
      if (to - from > BLOCK_MAX) large.set(key, to - from);
    });
    if (large.size > before) {
      const left = refine(sorted, all, (step, row) =>
        refinement(step, registry.district[row]!, parts(row)),
      );
      if (left.keys > 0) skipped.push({ rule: RULES[rule]!.name, ...left });
      sorted = sharedKeys(all.keys, of);
    }
    rules.push({ rule, ...runsOf(sorted, all.owner) });
  }
  const { keys, ruleOf, starts } = all;
  return { rules, skipped, large, keys, ruleOf, starts };
}

/** Places of the keys of each rule. */
function placesByRule(ruleOf: Uint8Array): Int32Array[] {
  const counts = new Uint32Array(RULES.length);
  for (const rule of ruleOf) counts[rule]!++;
  const places = [...counts].map((count) => new Int32Array(count));
  counts.fill(0);
  for (let place = 0; place < ruleOf.length; place++) {
    const rule = ruleOf[place]!;
    places[rule]![counts[rule]!++] = place;
  }
  return places;
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

function runsOf(sorted: Sorted, owner: Int32Array): Omit<RuleRuns, 'rule'> {
  let runs = 0;
  let people = 0;
  eachRun(sorted, (from, to) => {
    runs++;
    people += to - from;
  });
  const [of, begins, ends] = [new Int32Array(runs), new Int32Array(runs), new Int32Array(runs)];
  const rows = new Int32Array(people);
  let run = 0;
  let at = 0;
  eachRun(sorted, (from, to, key) => {
    of[run] = key;
    begins[run] = at;
    for (let place = from; place < to; place++) rows[at++] = owner[sorted.places[place]!]!;
    ends[run++] = at;
  });
  return { rows, keys: of, from: begins, to: ends };
}

/** What to do with a pair; `a` < `b`. */
export type PairVisitor = (a: number, b: number, rule: number) => void;

/** The first key, in the order of the rules, that two people share, as its place among a's; -1 if none. */
function firstShared(
  { keys, ruleOf, starts }: Pick<Blocks, 'keys' | 'ruleOf' | 'starts'>,
  a: number,
  b: number,
  first: number,
): number {
  const [endA, endB] = [starts[a + 1]!, starts[b + 1]!];
  let i = starts[a]!;
  let j = starts[b]!;
  while (i < endA && j < endB) {
    const rule = ruleOf[i]!;
    if (rule < first || rule < ruleOf[j]!) {
      i++;
      continue;
    }
    if (ruleOf[j]! < rule) {
      j++;
      continue;
    }
    for (let k = j; k < endB && ruleOf[k] === rule; k++) {
      if (keys[k] === keys[i] && keys[i] !== 0) return i;
    }
    i++;
  }
  return -1;
}

export interface PairOptions {
  /** Pairs of one rule alone, also those that an earlier rule makes. */
  readonly only?: number;
  /** Whether a pair may stand within one of two registries. */
  readonly across: boolean;
  /** Keys of the rule by their places; all without it. */
  readonly range?: { readonly from: number; readonly to: number };
  /** Whether the next pair is looked at; all are without it. */
  readonly picked?: () => boolean;
}

/** Visits every pair that shares a key, each once. */
export function eachPair(
  registry: Registry,
  blocks: Blocks,
  options: PairOptions,
  visit: PairVisitor,
): void {
  for (const [at, { rule }] of blocks.rules.entries()) {
    if (options.only !== undefined && rule !== options.only) continue;
    eachPairOf(registry, blocks, at, options, visit);
  }
}

/** The same of one rule, by its place among the rules, or of a range of its keys. */
export function eachPairOf(
  { source }: Registry,
  blocks: Pick<Blocks, 'rules' | 'keys' | 'ruleOf' | 'starts'>,
  place: number,
  { only, across, range, picked }: PairOptions,
  visit: PairVisitor,
): void {
  const { keys, ruleOf } = blocks;
  const { rule, rows, keys: runs, from, to } = blocks.rules[place]!;
  const last = Math.min(runs.length, range?.to ?? runs.length);
  for (let run = range?.from ?? 0; run < last; run++) {
    const [key, end] = [runs[run]!, to[run]!];
    for (let i = from[run]!; i < end; i++) {
      const x = rows[i]!;
      for (let j = i + 1; j < end; j++) {
        const y = rows[j]!;
        const a = x < y ? x : y;
        const b = x < y ? y : x;
        if (a === b || (across && source[a] === source[b])) continue;
        if (picked && !picked()) continue;
        const at = firstShared(blocks, a, b, only ?? 0);
        if (ruleOf[at] === rule && keys[at] === key) visit(a, b, rule);
      }
    }
  }
}
