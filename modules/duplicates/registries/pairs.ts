/**
 * Who of one national registry is who of another: of all pairs that were found alike across the two, those
 * that together are the likeliest, each record in one pair at most. Neither registry is changed.
 *
 * A record belongs to a registry that it names in `meta.source`, or of which it carries an identifier; one
 * that belongs to both needs no link.
 */

import type { Patient } from '@medplum/fhirtypes';
import type { Context } from '../../../src/sdk/index.ts';
import { assign } from '../matching/assign.ts';
import { oneToOne } from '../matching/link.ts';
import { probabilityOf } from '../matching/score.ts';
import { type LikelyPair, likelyPairs } from '../store/registry-pairs.ts';

/** Pairs looked at in one statement. */
const PORTION = 2_000;

/** Two records of one person in two registries; FHIR ids. */
export interface LinkedPair {
  readonly one: string;
  readonly other: string;
  /** Probability, given all other pairs of either record. */
  readonly p: number;
}

/** True when a record is of the registry that a system or a source names. */
export function isOf({ meta, identifier }: Patient, registry: string): boolean {
  const { source } = meta ?? {};
  if (source !== undefined && (source === registry || source.startsWith(`${registry}#`)))
    return true;
  return (identifier ?? []).some(({ system, use }) => system === registry && use !== 'old');
}

/** Pairs across two registries, one to one, the likeliest first. */
export async function pairsAcross(ctx: Context, one: string, other: string): Promise<LinkedPair[]> {
  const across: LikelyPair[] = [];
  for (let after = { a: 0n, b: 0n }; ; ) {
    const some = await likelyPairs(ctx, after, PORTION);
    across.push(...(await acrossOf(ctx, some, one, other)));
    const last = some.at(-1);
    if (!last || some.length < PORTION) break;
    after = last;
  }
  return linked(across);
}

/** Of these pairs those across; `a` is of the first registry then. */
async function acrossOf(
  ctx: Context,
  pairs: readonly LikelyPair[],
  one: string,
  other: string,
): Promise<LikelyPair[]> {
  const rids = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))];
  const people = await ctx.fhir.readByRid<Patient>('Patient', rids);
  const sideOf = (rid: bigint): 'one' | 'other' | undefined => {
    const patient = people.get(rid);
    if (!patient) return undefined;
    const [first, second] = [isOf(patient, one), isOf(patient, other)];
    if (first === second) return undefined;
    return first ? 'one' : 'other';
  };
  return pairs.flatMap((pair): LikelyPair[] => {
    const [a, b] = [sideOf(pair.a), sideOf(pair.b)];
    if (a === 'one' && b === 'other') return [pair];
    if (a !== 'other' || b !== 'one') return [];
    return [{ ...pair, a: pair.b, b: pair.a, a_id: pair.b_id, b_id: pair.a_id }];
  });
}

function linked(across: readonly LikelyPair[]): LinkedPair[] {
  const places = new Map<bigint, number>();
  const ids: string[] = [];
  const placeOf = (rid: bigint, id: string): number => {
    const at = places.get(rid) ?? ids.push(id) - 1;
    places.set(rid, at);
    return at;
  };
  const edges = across.map(({ a, b, a_id, b_id, log_odds }) => ({
    a: placeOf(a, a_id),
    b: placeOf(b, b_id),
    logOdds: log_odds,
  }));
  const pairs = {
    size: edges.length,
    a: Int32Array.from(edges, ({ a }) => a),
    b: Int32Array.from(edges, ({ b }) => b),
  };
  const bits = oneToOne(
    ids.length,
    pairs,
    Float64Array.from(edges, ({ logOdds }) => logOdds),
  );
  const given = new Map(edges.map(({ a, b }, at) => [`${a} ${b}`, bits[at]!]));
  return assign(edges)
    .map(({ a, b }) => ({
      one: ids[a]!,
      other: ids[b]!,
      p: probabilityOf(given.get(`${a} ${b}`)!),
    }))
    .sort((x, y) => y.p - x.p || (x.one < y.one ? -1 : 1));
}
