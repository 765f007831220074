/**
 * Lines of a payroll as they were frozen, to be computed again: page by page, by name, or a sample.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A line as it was frozen. */
export interface FrozenLine {
  readonly key: bigint;
  readonly line_id: string;
  readonly household_id: bigint;
  readonly enrolment_id: bigint;
  readonly household_version: number | null;
  readonly amount_minor: bigint;
  readonly step_minor: readonly (bigint | string)[] | null;
  /** Empty: what is due for the period; else what is paid besides or again. */
  readonly slot: string;
  readonly corrects_id: string | null;
}

const COLUMNS = `key, line_id::text as line_id, household_id, enrolment_id, household_version,
  amount_minor, step_minor, slot, corrects_id::text as corrects_id`;

const IN_REACH = `payroll_id = $1 and ($2::bigint[] is null or area_id = any($2::bigint[]))`;

const PAGE = statement(
  'payroll.frozen-page',
  `select ${COLUMNS} from payroll_line where ${IN_REACH} and key > $3 order by key limit $4`,
);

const NAMED = statement(
  'payroll.frozen-named',
  `select ${COLUMNS} from payroll_line where ${IN_REACH} and line_id = any($3::uuid[]) order by key`,
);

// The same seed gives the same sample, whoever draws it.
const SAMPLE = statement(
  'payroll.frozen-sample',
  `select ${COLUMNS} from payroll_line where ${IN_REACH}
   order by md5(line_id::text || $3::text), line_id limit $4`,
);

/** Which lines. */
export type LineChoice =
  | { readonly after: bigint; readonly limit: number }
  | { readonly named: readonly string[] }
  | { readonly seed: string; readonly limit: number };

/**
 * Lines of a payroll.
 *
 * @param areas  rids of the areas to which who asks is limited; null: none
 */
export function frozenLines(
  ctx: Context,
  payrollId: string,
  areas: readonly bigint[] | null,
  choice: LineChoice,
): Promise<FrozenLine[]> {
  const values = [payrollId, areas];
  if ('named' in choice) return ctx.db.query(NAMED, [...values, choice.named]);
  if ('seed' in choice) return ctx.db.query(SAMPLE, [...values, choice.seed, choice.limit]);
  return ctx.db.query(PAGE, [...values, choice.after, choice.limit]);
}

// A cycle was paid when the last that had become of the last attempt by then was that it is paid.
const PAID_BY = statement(
  'payroll.paid-cycles-by',
  `select l.household_id, count(distinct l.period_code)::int as n
   from payroll_line l
   join payroll p on p.payroll_id = l.payroll_id
   join payroll own on own.payroll_id = $2
   where l.household_id = any($1::bigint[]) and l.scheme_id = own.scheme_id
     and l.cancelled_key = 0 and p.key < own.key
     and (select h.state from disbursement_instruction i
          join disbursement_history h using (payee_id, instruction_id)
          where i.payee_id = l.household_id and i.source_id = coalesce(l.order_id, l.line_id)
            and i.purpose = 'payroll' and h.at <= own.drafted_at
          order by i.attempt desc, h.event_no desc limit 1) = 'paid'
   group by l.household_id`,
);

/** Cycles of its scheme that had been paid to households when a payroll was drafted. */
export async function paidCyclesBy(
  ctx: Context,
  payrollId: string,
  households: readonly bigint[],
): Promise<ReadonlyMap<bigint, number>> {
  const values = [households, payrollId];
  const rows = await ctx.db.query<{ household_id: bigint; n: number }>(PAID_BY, values);
  return new Map(rows.map((row) => [row.household_id, row.n]));
}
