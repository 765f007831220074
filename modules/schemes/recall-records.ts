/**
 * Conditions met by month, and answers of forms, as they had been recorded by an instant: what the
 * Observations and QuestionnaireResponses said then, in the order in which they were written.
 */

import type { Observation, QuestionnaireResponse } from '@medplum/fhirtypes';
import type { Context, RecordedVersion } from '../../src/sdk/index.ts';
import { readResponse } from './answers.ts';
import { counts, readObservation } from './compliance.ts';
import type { Plan } from './language/plan.ts';
import type { FactText } from './rules/example.ts';
import { type Evidence, observationsOf, responsesOf } from './store/recall.ts';

/** Of what instant, and which facts. */
export interface RecallQuestion {
  readonly schemeId: bigint;
  /** What was recorded later is not seen. */
  readonly at: Date;
  /** The day on which members, areas and characteristics are looked at; null: as they stood. */
  readonly factsOn: string | null;
  /** The day on which ages are taken, and on which who lives is counted. */
  readonly asOf: string;
  /** What the rules ask for; the rest is not read. */
  readonly plan: Plan;
  /** Cycles paid to a household by then. */
  readonly paidCycles: ReadonlyMap<bigint, number>;
}

/** Condition → month `YYYY-MM` → outcome. */
export type Recorded = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Conditions of each household, by FHIR id of the member; those of the household itself under ''.
 *
 * @param members  FHIR id by rid
 */
export async function recordsOf(
  ctx: Context,
  { plan, at }: RecallQuestion,
  households: readonly bigint[],
  members: ReadonlyMap<bigint, string>,
): Promise<Map<bigint, Map<string, Recorded>>> {
  const records = new Map<bigint, Map<string, Recorded>>();
  if (plan.compliance.length === 0) return records;
  const evidence = await observationsOf(ctx, households, at);
  const rids = [...new Set(evidence.map((each) => each.resource_id))];
  const versions = Map.groupBy(
    await ctx.fhir.recorded('Observation', rids, at, 'all'),
    (each) => each.rid,
  );
  for (const [householdId, group] of Map.groupBy(evidence, (each) => each.household_id)) {
    const byMember = new Map<string, Recorded>();
    for (const [memberId, own] of Map.groupBy(group, (each) => each.member_id)) {
      const id = memberId === 0n ? '' : members.get(memberId);
      if (id !== undefined) byMember.set(id, replay(own, versions, id));
    }
    records.set(householdId, byMember);
  }
  return records;
}

/** What stands after all that was written of one person (or household) in its order. */
function replay(
  evidence: readonly Evidence[],
  versions: ReadonlyMap<bigint, readonly RecordedVersion[]>,
  memberId: string,
): Recorded {
  const written = evidence
    .flatMap(({ resource_id: rid, recorded_at: from }) =>
      (versions.get(rid) ?? []).filter((each) => each.recordedAt >= from),
    )
    .sort((a, b) => Number(a.recordedAt) - Number(b.recordedAt) || Number(a.rid - b.rid));
  let standing: { rid: bigint; condition: string; month: string; outcome: string }[] = [];
  for (const { rid, resource } of written) {
    standing = standing.filter((each) => each.rid !== rid);
    const observation = resource as Observation | undefined;
    if (!counts(observation)) continue;
    const { type, id, condition, outcome, months } = readObservation(observation);
    if (memberId === '' ? type !== 'Group' : id !== memberId) continue;
    for (const day of months) {
      const month = day.slice(0, 7);
      standing = standing.filter((each) => each.condition !== condition || each.month !== month);
      standing.push({ rid, condition, month, outcome });
    }
  }
  const found: Record<string, Record<string, string>> = {};
  for (const { condition, month, outcome } of standing) {
    found[condition] = { ...found[condition], [month]: outcome };
  }
  return found;
}

/** The newest answers to each form as of the day of ages, by `Patient/id` or `Group/id`. */
export async function answersBy(
  ctx: Context,
  { plan, at, asOf }: RecallQuestion,
  households: readonly bigint[],
  members: readonly bigint[],
): Promise<Map<string, Record<string, Record<string, FactText>>>> {
  const found = new Map<string, Record<string, Record<string, FactText>>>();
  if (plan.forms.size === 0) return found;
  const rids = await responsesOf(ctx, households, members, [...plan.forms.keys()]);
  const versions = await ctx.fhir.recorded('QuestionnaireResponse', rids, at, 'latest');
  const given = versions.flatMap(({ rid, resource, recordedAt }) => {
    const day = recordedAt.toISOString().slice(0, 10);
    const said = resource && readResponse(resource as QuestionnaireResponse, day);
    return said && said.answeredOn <= asOf ? [{ ...said, rid }] : [];
  });
  given.sort((a, b) => a.answeredOn.localeCompare(b.answeredOn) || Number(a.rid - b.rid));
  for (const { type, id, questionnaire, answers } of given) {
    const key = `${type}/${id}`;
    const facts = plainFacts(JSON.parse(answers) as Record<string, unknown>);
    found.set(key, { ...found.get(key), [questionnaire]: facts });
  }
  return found;
}

/** Decimals that keep their text become numbers. */
export function plainFacts(facts: Readonly<Record<string, unknown>>): Record<string, FactText> {
  return Object.fromEntries(
    Object.entries(facts).map(([code, value]) => [
      code,
      typeof value === 'object' ? Number(value) : (value as FactText),
    ]),
  );
}
