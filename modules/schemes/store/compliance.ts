/**
 * Rows of conditions met month by month, and of what communities have decided.
 */

import { type Context, columns, problem, statement } from '../../../src/sdk/index.ts';

export interface ComplianceRow {
  /** rid of the Patient, or of the Group; 0: not known. */
  readonly subjectId: bigint;
  readonly ofGroup: boolean;
  readonly condition: string;
  readonly month: string;
  readonly outcome: string;
  readonly observationId: bigint;
  /** Where the Observation stands in a Bundle. */
  readonly place: string | undefined;
}

const FORGET = statement(
  'schemes.forget-compliance',
  `with gone as (delete from scheme_compliance where observation_id = any($1::bigint[])
     returning household_id, member_id, observation_id, recorded_at)
   insert into scheme_evidence_past (household_id, member_id, resource_id, type, recorded_at)
   select household_id, member_id, observation_id, 'Observation', min(recorded_at) from gone
   group by 1, 2, 3 on conflict do nothing`,
);

const WRITE = statement(
  'schemes.write-compliance',
  `with said as materialized (
     select coalesce(m.household_id, h.household_id) as household_id,
       case when w.of_group then 0 else w.subject_id end as member_id,
       w.condition, w.month, w.outcome, w.observation_id
     from unnest($1::bigint[], $2::boolean[], $3::text[], $4::date[], $5::text[], $6::bigint[])
       as w(subject_id, of_group, condition, month, outcome, observation_id)
     left join households_person m on not w.of_group and m.member_id = w.subject_id
     left join households_household h on w.of_group and h.household_id = w.subject_id
     where coalesce(m.household_id, h.household_id) is not null),
   replaced as (
     insert into scheme_evidence_past (household_id, member_id, resource_id, type, recorded_at)
     select c.household_id, c.member_id, c.observation_id, 'Observation', min(c.recorded_at)
     from said join scheme_compliance c using (household_id, member_id, condition, month)
     group by 1, 2, 3 on conflict do nothing)
   insert into scheme_compliance (household_id, member_id, condition, month, outcome,
     observation_id, recorded_at)
   select household_id, member_id, condition, month, outcome, observation_id, $7 from said
   on conflict (household_id, member_id, condition, month) do update set
     outcome = excluded.outcome, observation_id = excluded.observation_id,
     recorded_at = excluded.recorded_at`,
);

/**
 * Forgets what Observations said, and writes what they say now; of two about the same, the later.
 *
 * @throws Problem `compliance-stranger` where somebody is in no household
 */
export async function replaceCompliance(
  ctx: Context,
  gone: readonly bigint[],
  rows: readonly ComplianceRow[],
): Promise<void> {
  if (gone.length > 0) await ctx.db.run(FORGET, [gone]);
  if (rows.length === 0) return;
  const latest = new Map(
    rows.map((row) => [`${row.subjectId}/${row.ofGroup}/${row.condition}/${row.month}`, row]),
  );
  const list = [...latest.values()];
  const written = await ctx.db.run(WRITE, [
    ...columns(list, ['subjectId', 'ofGroup', 'condition', 'month', 'outcome', 'observationId']),
    ctx.now,
  ]);
  if (written === list.length) return;
  const found = problem(
    'unprocessable-reference',
    'compliance-stranger',
    'The subject is no member of a household, and no household; register it first.',
    'Observation.subject',
  );
  const { place } = list[0] as ComplianceRow;
  throw place && list.length === 1 ? found.within(place) : found;
}

/** What a meeting decided of a household. */
export interface ValidationRow {
  readonly householdId: bigint;
  readonly decision: string;
  readonly reason: string | null;
}

const VALIDATE = statement(
  'schemes.record-validation',
  `with replaced as (
     insert into scheme_validation_past (household_id, scheme_id, decision, recorded_at)
     select household_id, scheme_id, decision, recorded_at from scheme_validation
     where scheme_id = $1 and household_id = any($2::bigint[])
     on conflict do nothing)
   insert into scheme_validation (household_id, scheme_id, decision, reason, meeting, decided_on,
     recorded_by, recorded_at)
   select w.household_id, $1, w.decision, w.reason, $5, $6, $7, $8
   from unnest($2::bigint[], $3::text[], $4::text[]) as w(household_id, decision, reason)
   join households_household h on h.household_id = w.household_id
   order by 1
   on conflict (household_id, scheme_id) do update set
     decision = excluded.decision, reason = excluded.reason, meeting = excluded.meeting,
     decided_on = excluded.decided_on, recorded_by = excluded.recorded_by,
     recorded_at = excluded.recorded_at`,
);

/** Records decisions on households; answers how many. */
export function writeValidation(
  ctx: Context,
  schemeId: bigint,
  rows: readonly ValidationRow[],
  meeting: { readonly name: string | null; readonly on: string },
): Promise<number> {
  return ctx.db.run(VALIDATE, [
    schemeId,
    ...columns(rows, ['householdId', 'decision', 'reason']),
    meeting.name,
    meeting.on,
    ctx.actor.id,
    ctx.now,
  ]);
}
