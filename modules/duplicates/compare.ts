/**
 * Compares stored records with the rest of the registry: right after they were written, whatever way
 * they came, and on demand. What is alike is kept as a pair; what is likely is raised.
 *
 * Bounded: keys that too many share are noted and left out, and a record has a limited number of
 * candidates, so that one telephone for a village, or ten thousand namesakes, hold nobody up.
 */

import type { Context } from '../../src/sdk/index.ts';
import { COMPARE_ALL, CROWD, compareAll } from './compare-all.ts';
import { suspectHouseholds } from './households/suspect.ts';
import { outsideCrowds, SUSPECTED_MIN } from './matching/crowds.ts';
import { Desk, type Scored } from './registry/desk.ts';
import { explanationOf } from './registry/explain.ts';
import { fingerprint, personFrom } from './registry/facts.ts';
import { judgeOf } from './registry/weights.ts';
import {
  CANDIDATES_MAX,
  candidatesOfStored,
  keysOfStored,
  noteCrowded,
} from './store/candidates.ts';
import type { StoredFeature } from './store/features.ts';
import { type EdgeRow, forgetEdges, lockEdges, writeEdges } from './store/suspicions.ts';
import { raiseSuspicions, type Suspicion } from './suspicion.ts';

/** Records compared at one desk. */
const AT_ONCE = 50;
/** Pairs are kept from this probability. */
const KEPT_MIN = 0.1;
/** Of one record, pairs that are kept, the likeliest first. */
const KEPT_MAX = 25;

/**
 * Compares these records with all others.
 *
 * @returns how many suspicions were raised
 */
export async function compareStored(ctx: Context, ids: readonly bigint[]): Promise<number> {
  let raised = 0;
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    raised += await compareSome(ctx, ids.slice(at, at + AT_ONCE));
  }
  return raised;
}

type Found = StoredFeature & { readonly of_id: bigint };

/** Their candidates; crowded keys are noted on the way, and then left out. */
async function candidates(ctx: Context, ids: readonly bigint[]): Promise<readonly Found[]> {
  const found = await candidatesOfStored(ctx, ids);
  const byPerson = Map.groupBy(found, (each) => each.of_id);
  const crowded = [...byPerson].flatMap(([id, all]) => (all.length >= CANDIDATES_MAX ? [id] : []));
  if (crowded.length === 0) return found;
  const noted = await noteCrowded(ctx, await keysOfStored(ctx, crowded), CROWD);
  if (noted > 0) ctx.log.info('keys that too many people share are left out', { keys: noted });
  const again = await candidatesOfStored(ctx, crowded);
  return [...found.filter((each) => !crowded.includes(each.of_id)), ...again];
}

const isLive = (row: StoredFeature): boolean => row.active && row.replaced_by === null;

async function compareSome(ctx: Context, ids: readonly bigint[]): Promise<number> {
  const found = await candidates(ctx, ids);
  const all = [...new Map(found.map((each) => [each.patient_id, each])).values()];
  const place = new Map(all.map((each, at) => [each.patient_id, at]));
  const people = all.filter((each) => ids.includes(each.patient_id) && isLive(each));
  if (people.length === 0) return 0;
  const desk = new Desk(
    people.map((each) =>
      personFrom(each.facts, { householdId: each.household_id, area: each.area }),
    ),
    all,
  );
  const { judge, modelId, outgrown } = await judgeOf(ctx, desk);
  if (outgrown) ctx.enqueue(compareAll, {}, { key: COMPARE_ALL });
  const byPerson = Map.groupBy(found, (each) => each.of_id);
  const pairs = new Map<string, EdgeRow & Suspicion>();
  for (const [at, person] of people.entries()) {
    const others = (byPerson.get(person.patient_id) ?? [])
      .filter((each) => each.patient_id !== person.patient_id && isLive(each))
      .map((each) => place.get(each.patient_id)!);
    for (const scored of judge.ranked(at, others, KEPT_MIN).slice(0, KEPT_MAX)) {
      const other = place.get(scored.candidate.patient_id)!;
      const why = explanationOf(judge.explain(at, other), scored.logOdds);
      const pair = pairOf(person, scored, why, modelId ?? null);
      pairs.set(`${pair.a} ${pair.b}`, pair);
    }
  }
  const rows = [...pairs.values()];
  await lockEdges(ctx);
  await forgetEdges(
    ctx,
    people.map((each) => each.patient_id),
    rows,
  );
  await writeEdges(ctx, rows);
  const raised = await raiseSuspicions(
    ctx,
    outsideCrowds(rows.filter(({ p }) => p >= SUSPECTED_MIN)),
  );
  const homes = new Set(people.flatMap((each) => each.household_id ?? []));
  return raised + (await suspectHouseholds(ctx, [...homes]));
}

function pairOf(
  person: StoredFeature,
  { candidate, logOdds, p, grade }: Scored,
  explanation: string,
  modelId: number | null,
): EdgeRow & Suspicion {
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
