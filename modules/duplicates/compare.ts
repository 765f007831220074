/**
 * Compares stored records with the rest of the registry: right after they were written, whatever way
 * they came, and on demand. What is alike is kept as a pair; what is likely is raised.
 *
 * Bounded: keys that too many share are noted and left out, and a record has a limited number of
 * candidates, so that one telephone for a village, or ten thousand namesakes, hold nobody up.
 */

import type { Context } from '../../src/sdk/index.ts';
import { COMPARE_ALL, CROWD, compareAll } from './compare-all.ts';
import { followRecords } from './follow.ts';
import { suspectHouseholds } from './households/suspect.ts';
import { outsideCrowds, SUSPECTED_MIN } from './matching/crowds.ts';
import type { Person } from './matching/registry.ts';
import { Desk, type Scored } from './registry/desk.ts';
import { explanationOf } from './registry/explain.ts';
import { fingerprint, personFrom } from './registry/facts.ts';
import { judgeOf } from './registry/weights.ts';
import {
  CANDIDATES_MAX,
  candidatesOfStored,
  type FoundFeature,
  keysOfStored,
  noteCrowded,
  placesOf,
} from './store/candidates.ts';
import { featuresOf, type StoredFeature } from './store/features.ts';
import { type EdgeRow, forgetEdges, lockEdges, writeEdges } from './store/suspicions.ts';
import { raiseSuspicions, type Suspicion } from './suspicion.ts';

/** Records compared at one desk. */
const AT_ONCE = 250;
/** Pairs are kept from this probability. */
const KEPT_MIN = 0.1;
/** Of one record, pairs that are kept, the likeliest first. */
const KEPT_MAX = 25;

type Pair = EdgeRow & Suspicion;

/** What comparing some people found. */
interface Findings {
  readonly people: readonly StoredFeature[];
  readonly pairs: readonly Pair[];
}

/**
 * Compares these records with all others. All is read and scored by the desk; then what was found is
 * written at once, so that pairs are locked for a moment only.
 *
 * @returns how many suspicions were raised
 */
export async function compareStored(ctx: Context, ids: readonly bigint[]): Promise<number> {
  if (ids.length >= AT_ONCE) await ctx.freshStatistics(['match_feature', 'match_edge']);
  const people: StoredFeature[] = [];
  const pairs = new Map<string, Pair>();
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const found = await compareSome(ctx, ids.slice(at, at + AT_ONCE));
    people.push(...found.people);
    for (const pair of found.pairs) pairs.set(`${pair.a} ${pair.b}`, pair);
  }
  return ids.length === 0 ? 0 : keepFound(ctx, ids, { people, pairs: [...pairs.values()] });
}

/** Their candidates; crowded keys are noted on the way, and then left out. */
async function candidates(ctx: Context, ids: readonly bigint[]): Promise<readonly FoundFeature[]> {
  const found = await candidatesOfStored(ctx, ids);
  const counts = new Uint16Array(ids.length + 1);
  for (const { of } of found) for (const place of of) counts[place]!++;
  const crowded = ids.filter((_, at) => counts[at + 1]! >= CANDIDATES_MAX);
  if (crowded.length === 0) return found;
  const noted = await noteCrowded(ctx, await keysOfStored(ctx, crowded), CROWD);
  if (noted === 0) return found;
  ctx.log.info('keys that too many people share are left out', { keys: noted });
  return candidatesOfStored(ctx, ids);
}

const isLive = (row: StoredFeature): boolean => row.active && row.replaced_by === null;

async function compareSome(ctx: Context, ids: readonly bigint[]): Promise<Findings> {
  const people = (await featuresOf(ctx, ids)).filter(isLive);
  const found = await candidates(
    ctx,
    people.map((each) => each.patient_id),
  );
  if (found.length === 0) return { people, pairs: [] };
  const among = placesOf(found, people.length);
  const desk = new Desk(people.map(personOf), found, (person) => among[person]!);
  const { judge, modelId, outgrown } = await judgeOf(ctx, desk, KEPT_MIN);
  if (outgrown) ctx.enqueue(compareAll, {}, { key: COMPARE_ALL });
  const pairs = people.flatMap((person, at) =>
    judge
      .ranked(at)
      .slice(0, KEPT_MAX)
      .map((scored) => {
        const explanation = explanationOf(judge.explain(at, scored.at), scored.logOdds);
        return pairOf(person, scored, explanation, modelId ?? null);
      }),
  );
  return { people, pairs };
}

const personOf = ({ facts, household_id: householdId, area }: StoredFeature): Person =>
  personFrom(facts, { householdId, area });

/**
 * Writes pairs instead of those that stood of these records, has open suspicions follow, and raises what
 * is likely.
 */
async function keepFound(
  ctx: Context,
  ids: readonly bigint[],
  { people, pairs }: Findings,
): Promise<number> {
  await lockEdges(ctx);
  await forgetEdges(ctx, ids, pairs);
  await writeEdges(ctx, pairs);
  await followRecords(ctx, ids);
  const likely = outsideCrowds(pairs.filter(({ p }) => p >= SUSPECTED_MIN));
  const raised = await raiseSuspicions(ctx, likely);
  const homes = new Set(people.flatMap((each) => each.household_id ?? []));
  return raised + (await suspectHouseholds(ctx, [...homes]));
}

function pairOf(
  person: StoredFeature,
  { candidate, logOdds, p, grade }: Scored,
  explanation: string,
  modelId: number | null,
): Pair {
  const [first, second] =
    person.patient_id < candidate.patient_id ? [person, candidate] : [candidate, person];
  return {
    a: first.patient_id,
    b: second.patient_id,
    ids: [first.fhir_id, second.fhir_id],
    logOdds,
    p,
    grade,
    explanation,
    modelId,
    facts: fingerprint(first.facts, second.facts),
  };
}
