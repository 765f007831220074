/**
 * Open suspicions about people whose records are not as they were when they were raised.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { Grade } from '../matching/grades.ts';
import { FINGERPRINT } from './everybody.ts';
import type { FadedRow } from './suspicions.ts';

/** A suspicion, and how its records stand to each other now. */
export interface StaleRow extends FadedRow {
  /** FHIR ids; null: the record is gone. */
  readonly a_id: string | null;
  readonly b_id: string | null;
  /** Whether both records are in use. */
  readonly live: boolean;
  /** How sure it was. */
  readonly stood: Grade;
  /** How alike they were found to be; null: not at all. */
  readonly log_odds: number | null;
  readonly grade: Grade | null;
  readonly explanation: string | null;
  readonly model_id: number | null;
  /** Fingerprint of what is compared now. */
  readonly facts: string | null;
}

const LIVE = `coalesce(fa.active and fa.replaced_by is null and fb.active and fb.replaced_by is null,
  false)`;

const stale = (which: string): string =>
  `select s.a, s.b, s.task_id, s.flag_ids, fa.fhir_id as a_id, fb.fhir_id as b_id, ${LIVE} as live,
     s.grade as stood, e.log_odds, e.grade, e.explanation, e.model_id::int, ${FINGERPRINT} as facts
   from match_suspicion s
   left join match_feature fa on fa.patient_id = s.a
   left join match_feature fb on fb.patient_id = s.b
   left join match_edge e on e.a = s.a and e.b = s.b
   where s.state = 'open' and s.about = 'Patient' and ${which}
     and (not ${LIVE} or s.facts <> ${FINGERPRINT})
     and not exists (select from review_lease l where l.task_id = s.task_id)`;

const OF_RECORDS = statement(
  'duplicates.stale-suspicions-of',
  `${stale('s.a = any($1::bigint[])')} union ${stale('s.b = any($1::bigint[])')} order by 1, 2`,
);

/** Those about these records that nobody is looking at. */
export async function staleSuspicionsOf(
  ctx: Context,
  patientIds: readonly bigint[],
): Promise<StaleRow[]> {
  return ctx.db.query<StaleRow>(OF_RECORDS, [patientIds]);
}

const NEXT = statement(
  'duplicates.next-stale-suspicions',
  `${stale('(s.a, s.b) > ($1, $2)')} order by 1, 2 limit $3`,
);

/** The next after a pair, of all that nobody is looking at. */
export async function nextStaleSuspicions(
  ctx: Context,
  after: Pick<StaleRow, 'a' | 'b'>,
  limit: number,
): Promise<StaleRow[]> {
  return ctx.db.query<StaleRow>(NEXT, [after.a, after.b, limit]);
}

const CHANGE = statement(
  'duplicates.change-suspicion',
  `update match_suspicion set p = $4, grade = $5, model_id = $6, facts = $7, flag_ids = $8,
     harm = null
   where a = $1 and b = $2 and task_id = $3 and state = 'open'`,
);

/** What is known of a suspicion now. */
export interface Changed extends Pick<FadedRow, 'a' | 'b' | 'task_id' | 'flag_ids'> {
  readonly p: number;
  readonly grade: Grade;
  readonly modelId: number | null;
  readonly facts: string;
}

/** Says what is known of an open suspicion now. */
export async function changeSuspicion(ctx: Context, now: Changed): Promise<void> {
  const { a, b, task_id: taskId, p, grade, modelId, facts, flag_ids: flagIds } = now;
  await ctx.db.run(CHANGE, [a, b, taskId, p, grade, modelId, facts, flagIds]);
}
