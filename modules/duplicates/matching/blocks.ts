/**
 * Pairs worth comparing: people who share a key, each pair once, and never too many of one key.
 *
 * Keys are sorted as numbers, rule by rule. A pair belongs to the first rule that makes it, which is
 * seen by comparing the earlier rules' keys of both: no set of pairs has to be remembered. A key
 * that too many share is refined (with the district, the sex, the first letters) and, where that
 * does not help, skipped and counted: ten thousand namesakes cost nothing, and the report says so.
 */

import { join } from './hash.ts';
import { keyOf, type Parts, partsReader, RULES } from './keys.ts';
import type { Registry } from './registry.ts';

/** People of one key that are compared with each other at most. */
export const BLOCK_MAX = 60;

/** What was not compared under a rule because too many share a key. */
export interface Skipped {
  readonly rule: string;
  readonly keys: number;
  readonly people: number;
}

interface RuleKeys {
  readonly rule: number;
  readonly slots: number;
  /** Keys of each person, `slots` side by side; 0 for none. */
  readonly keys: Int32Array;
}

export interface Blocks {
  readonly rules: readonly RuleKeys[];
  readonly skipped: readonly Skipped[];
}

/** Keys of everybody under the rules that make any, large keys refined. */
export function blocksOf(registry: Registry): Blocks {
  const parts = partsReader(registry);
  const rules = RULES.map(
    ({ slots }, rule): RuleKeys => ({ rule, slots, keys: new Int32Array(registry.size * slots) }),
  );
  const used = new Uint8Array(RULES.length);
  const refinements = new Int32Array(registry.size * 3);
  for (let row = 0; row < registry.size; row++) {
    const of = parts(row);
    refinements.set([registry.district[row]!, of.sex, join(of.given2, of.family2)], row * 3);
    for (const { rule, slots, keys } of rules) fill(keys, row * slots, rule, of, used);
  }
  const kept = rules.filter(({ rule }) => used[rule] === 1);
  const skipped = kept.map((each) => refine(each, refinements)).filter(({ keys }) => keys > 0);
  return { rules: kept, skipped };
}

function fill(keys: Int32Array, from: number, rule: number, of: Parts, used: Uint8Array): void {
  const { slots, keys: make } = RULES[rule]!;
  let at = from;
  for (const parts of make(of)) {
    if (at === from + slots) return;
    const key = keyOf(rule, parts);
    if (key === 0 || keys.subarray(from, at).includes(key)) continue;
    keys[at++] = key;
    used[rule] = 1;
  }
}

/** Places (person × slot) that have a key, sorted by key. */
function sortedPlaces(keys: Int32Array): Uint32Array {
  let count = 0;
  for (const key of keys) if (key !== 0) count++;
  let from = new Uint32Array(count);
  let into = new Uint32Array(count);
  for (let place = 0, at = 0; place < keys.length; place++) {
    if (keys[place] !== 0) from[at++] = place;
  }
  const starts = new Uint32Array(65_537);
  for (const shift of [0, 16]) {
    starts.fill(0);
    for (const place of from) starts[((keys[place]! >>> shift) & 0xffff) + 1]!++;
    for (let at = 1; at <= 65_536; at++) starts[at]! += starts[at - 1]!;
    for (const place of from) into[starts[(keys[place]! >>> shift) & 0xffff]!++] = place;
    [from, into] = [into, from];
  }
  return from;
}

/** Calls back with each run of places that share a key. */
function eachRun(
  keys: Int32Array,
  places: Uint32Array,
  found: (from: number, to: number) => void,
): void {
  for (let from = 0, to = 1; from < places.length; from = to, to = from + 1) {
    while (to < places.length && keys[places[to]!] === keys[places[from]!]) to++;
    if (to - from > 1) found(from, to);
  }
}

/** Gives the members of large keys finer keys, and none where that does not part them. */
function refine({ rule, slots, keys }: RuleKeys, refinements: Int32Array): Skipped {
  let large = largeRuns(keys);
  for (let step = 0; step < 3 && large.length > 0; step++) {
    for (const place of large.flat()) {
      const row = Math.floor(place / slots);
      keys[place] = join(keys[place]!, refinements[row * 3 + step]! + 1) || 1;
    }
    large = largeRuns(keys);
  }
  for (const place of large.flat()) keys[place] = 0;
  const people = new Set(large.flat().map((place) => Math.floor(place / slots))).size;
  return { rule: RULES[rule]!.name, keys: large.length, people };
}

function largeRuns(keys: Int32Array): number[][] {
  const places = sortedPlaces(keys);
  const runs: number[][] = [];
  eachRun(keys, places, (from, to) => {
    if (to - from > BLOCK_MAX) runs.push([...places.subarray(from, to)]);
  });
  return runs;
}

/** What to do with a pair; `a` < `b`. */
export type PairVisitor = (a: number, b: number, rule: number) => void;

/** Whether two people share a key of a rule before this one. */
function madeEarlier(rules: readonly RuleKeys[], before: number, a: number, b: number): boolean {
  for (let at = 0; at < before; at++) {
    const { slots, keys } = rules[at]!;
    if (sharedKey(keys, slots, a, b) !== 0) return true;
  }
  return false;
}

/** The first of a's keys that b has too; 0 if none. */
function sharedKey(keys: Int32Array, slots: number, a: number, b: number): number {
  for (let i = a * slots; i < (a + 1) * slots; i++) {
    if (keys[i] === 0) continue;
    for (let j = b * slots; j < (b + 1) * slots; j++) {
      if (keys[i] === keys[j]) return keys[i]!;
    }
  }
  return 0;
}

export interface PairOptions {
  /** Pairs of one rule alone, also those that an earlier rule makes. */
  readonly only?: number;
  /** Whether a pair may stand within one of two registries. */
  readonly across: boolean;
}

/** Visits every pair that shares a key, each once. */
export function eachPair(
  registry: Registry,
  blocks: Blocks,
  options: PairOptions,
  visit: PairVisitor,
): void {
  const { source } = registry;
  for (const [at, { rule, slots, keys }] of blocks.rules.entries()) {
    if (options.only !== undefined && rule !== options.only) continue;
    const places = sortedPlaces(keys);
    eachRun(keys, places, (from, to) => {
      const key = keys[places[from]!]!;
      for (let i = from; i < to; i++) {
        const x = Math.floor(places[i]! / slots);
        for (let j = i + 1; j < to; j++) {
          const y = Math.floor(places[j]! / slots);
          const a = x < y ? x : y;
          const b = x < y ? y : x;
          if (a === b || (options.across && source[a] === source[b])) continue;
          if (slots > 1 && sharedKey(keys, slots, a, b) !== key) continue;
          if (options.only === undefined && madeEarlier(blocks.rules, at, a, b)) continue;
          visit(a, b, rule);
        }
      }
    });
  }
}
