/**
 * One record is of one member of a household at most: where a boy of one household is a boy of another,
 * he is not his twin brother there as well. Each likely member makes the other members less likely,
 * unless those two are one person written twice themselves.
 */

import type { ScoredPairs } from './pairs.ts';
import type { Registry } from './registry.ts';
import { householdsOfPair, probabilityOf } from './score.ts';

/** Pairs less likely than this rival nobody. */
const RIVAL_MIN = 0.05;
const ODDS_BITS_MAX = 40;

/** Log-odds (bits) of each pair, given the pairs of either record with the other's household. */
export function exclusive(
  registry: Registry,
  pairs: Pick<ScoredPairs, 'a' | 'b' | 'size'>,
  logOdds: Float64Array,
): Float64Array {
  const { household, households, size } = registry;
  if (households === 0) return logOdds;
  const meetings = new Map<number, number[]>();
  const within = new Map<number, number>();
  for (let at = 0; at < pairs.size; at++) {
    const p = probabilityOf(logOdds[at]!);
    if (p < RIVAL_MIN) continue;
    const [a, b] = [pairs.a[at]!, pairs.b[at]!];
    const relation = householdsOfPair(registry, a, b);
    if (relation === 1) within.set(a * size + b, p);
    if (relation !== 2) continue;
    for (const key of [
      a * (households + 1) + household[b]!,
      b * (households + 1) + household[a]!,
    ]) {
      const meeting = meetings.get(key);
      if (meeting) meeting.push(at);
      else meetings.set(key, [at]);
    }
  }
  const rivals = new Float64Array(pairs.size);
  for (const [key, meeting] of meetings) {
    if (meeting.length === 1) continue;
    const record = Math.floor(key / (households + 1));
    const members = meeting.map((at) => pairs.a[at]! + pairs.b[at]! - record);
    for (const [i, at] of meeting.entries()) {
      for (const [j, rival] of meeting.entries()) {
        if (i === j) continue;
        const [x, y] = [members[i]!, members[j]!];
        const one = within.get(x < y ? x * size + y : y * size + x) ?? 0;
        rivals[at]! += (1 - one) * 2 ** Math.min(ODDS_BITS_MAX, logOdds[rival]!);
      }
    }
  }
  return logOdds.map((own, at) => own - Math.log2(1 + rivals[at]!));
}
