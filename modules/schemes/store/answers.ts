/**
 * Rows of answered forms: one a response, never changed in place, so that an earlier period finds
 * what had been answered by then.
 */

import { type Context, columns, statement } from '../../../src/sdk/index.ts';

export interface ResponseRow {
  /** rid of the Patient, or of the Group. */
  readonly subjectId: bigint;
  readonly ofGroup: boolean;
  readonly questionnaire: string;
  readonly responseId: bigint;
  readonly answeredOn: string;
  /** JSON: linkId → value. */
  readonly answers: string;
}

const FORGET = statement(
  'schemes.forget-responses',
  `with gone as (delete from scheme_response where response_id = any($1::bigint[])
     returning household_id, member_id, response_id)
   insert into scheme_evidence_past (household_id, member_id, resource_id, type, recorded_at)
   select household_id, member_id, response_id, 'QuestionnaireResponse', '-infinity' from gone
   on conflict do nothing`,
);

/** Whoever is no member of a household, and what is none, is left out. */
const WRITE = statement(
  'schemes.write-responses',
  `insert into scheme_response (household_id, member_id, questionnaire, response_id, answered_on,
     answers)
   select coalesce(m.household_id, h.household_id), case when w.of_group then 0 else w.subject_id end,
     w.questionnaire, w.response_id, w.answered_on, w.answers
   from unnest($1::bigint[], $2::boolean[], $3::text[], $4::bigint[], $5::date[], $6::jsonb[])
     as w(subject_id, of_group, questionnaire, response_id, answered_on, answers)
   left join households_person m on not w.of_group and m.member_id = w.subject_id
   left join households_household h on w.of_group and h.household_id = w.subject_id
   where coalesce(m.household_id, h.household_id) is not null`,
);

/** Forgets what responses said, and writes what they say now. */
export async function replaceResponses(
  ctx: Context,
  gone: readonly bigint[],
  rows: readonly ResponseRow[],
): Promise<void> {
  if (gone.length > 0) await ctx.db.run(FORGET, [gone]);
  if (rows.length === 0) return;
  await ctx.db.run(
    WRITE,
    columns(rows, ['subjectId', 'ofGroup', 'questionnaire', 'responseId', 'answeredOn', 'answers']),
  );
}
