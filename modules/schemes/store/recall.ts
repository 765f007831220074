/**
 * Where the facts of a computation of long ago are to be looked for: which resources spoke of a
 * household or its members by then, and what communities had decided. What they said is read from
 * their history.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A resource that gave facts of a household (member 0) or a member. */
export interface Evidence {
  readonly household_id: bigint;
  readonly member_id: bigint;
  readonly resource_id: bigint;
  /** When it first gave facts of this household. */
  readonly recorded_at: Date;
}

const OBSERVATIONS = statement(
  'schemes.recall-observations',
  `select household_id, member_id, resource_id, min(recorded_at) as recorded_at
   from (select household_id, member_id, observation_id as resource_id, recorded_at
         from scheme_compliance
         where household_id = any($1::bigint[]) and recorded_at <= $2::timestamptz
         union all
         select household_id, member_id, resource_id, recorded_at from scheme_evidence_past
         where household_id = any($1::bigint[]) and type = 'Observation'
           and recorded_at <= $2::timestamptz) e
   group by 1, 2, 3`,
);

/** Observations that gave facts of these households by an instant. */
export function observationsOf(
  ctx: Context,
  households: readonly bigint[],
  until: Date,
): Promise<Evidence[]> {
  return ctx.db.query<Evidence>(OBSERVATIONS, [households, until]);
}

const RESPONSES = statement(
  'schemes.recall-responses',
  `select distinct resource_id
   from (select response_id as resource_id from scheme_response
         where questionnaire = any($3::text[])
           and (member_id = any($2::bigint[])
             or member_id = 0 and household_id = any($1::bigint[]))
         union all
         select resource_id from scheme_evidence_past
         where type = 'QuestionnaireResponse' and (member_id = any($2::bigint[])
           or member_id = 0 and household_id = any($1::bigint[]))) e`,
);

/** Responses to forms that these households or members have given, at whatever time. */
export async function responsesOf(
  ctx: Context,
  households: readonly bigint[],
  members: readonly bigint[],
  forms: readonly string[],
): Promise<bigint[]> {
  const values = [households, members, forms];
  const rows = await ctx.db.query<{ resource_id: bigint }>(RESPONSES, values);
  return rows.map((row) => row.resource_id);
}

const ENROLMENTS = statement(
  'schemes.recall-enrolments',
  `select distinct household_id, enrolment_id from enrolment_change
   where household_id = any($1::bigint[]) and changed_at <= $2::timestamptz`,
);

/** Enrolments that these households had by an instant, those deleted since included. */
export function enrolmentsOf(
  ctx: Context,
  households: readonly bigint[],
  until: Date,
): Promise<{ household_id: bigint; enrolment_id: bigint }[]> {
  return ctx.db.query(ENROLMENTS, [households, until]);
}

const DECISIONS = statement(
  'schemes.recall-decisions',
  `select distinct on (household_id) household_id, decision
   from (select household_id, decision, recorded_at from scheme_validation
         where scheme_id = $1 and household_id = any($2::bigint[])
         union all
         select household_id, decision, recorded_at from scheme_validation_past
         where scheme_id = $1 and household_id = any($2::bigint[])) v
   where recorded_at <= $3::timestamptz order by household_id, recorded_at desc`,
);

/** What communities had decided of these households for a scheme by an instant. */
export async function decisionsOf(
  ctx: Context,
  schemeId: bigint,
  households: readonly bigint[],
  until: Date,
): Promise<ReadonlyMap<bigint, string>> {
  const rows = await ctx.db.query<{ household_id: bigint; decision: string }>(DECISIONS, [
    schemeId,
    households,
    until,
  ]);
  return new Map(rows.map((row) => [row.household_id, row.decision]));
}
