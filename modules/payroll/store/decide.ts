/**
 * Decides on payrolls and follows their lines to the end.
 */

import { type Context, isUuid, statement } from '../../../src/sdk/index.ts';
import type { PayrollKind, PayrollState } from '../lifecycle.ts';
import type { Flow } from './flows.ts';

/** A payroll row. */
export interface PayrollRow {
  readonly payroll_id: string;
  readonly scheme_id: bigint;
  readonly period_code: string;
  readonly starts_on: string;
  readonly ends_on: string;
  readonly currency: string;
  readonly fund: string;
  readonly state: PayrollState;
  readonly lines_count: bigint;
  readonly lines_minor: bigint;
  readonly excluded_count: bigint;
  readonly drafted_by: string;
  readonly decided_by: string | null;
  readonly drafted_at: Date;
  readonly rules_version: number;
  readonly kind: PayrollKind;
  readonly area_id: bigint | null;
  readonly label: string;
  /** Grows when it is submitted again; votes count within a round. */
  readonly round: number;
  readonly flow_id: bigint | null;
  readonly flow_version: number | null;
  readonly step: number | null;
  readonly submitted_minor: bigint | null;
}

const LOCK = statement('payroll.lock', 'select * from payroll where payroll_id = $1 for update');

/** The payroll of an id, locked; undefined when there is none. */
export function lockPayroll(ctx: Context, payrollId: string): Promise<PayrollRow | undefined> {
  if (!isUuid(payrollId)) return Promise.resolve(undefined);
  return ctx.db.maybe<PayrollRow>(LOCK, [payrollId]);
}

/** What a payroll is called and covers. */
export interface PayrollTitle {
  readonly title: string;
  readonly state: PayrollState;
  readonly currency: string;
  readonly starts_on: string;
  readonly ends_on: string;
}

const TITLE = statement(
  'payroll.title',
  `select title, state, currency, starts_on, ends_on from payroll_list_fhir where payroll_id = $1`,
);

/** Title and period of a payroll; undefined when there is none. */
export function findPayroll(ctx: Context, payrollId: string): Promise<PayrollTitle | undefined> {
  if (!isUuid(payrollId)) return Promise.resolve(undefined);
  return ctx.db.maybe<PayrollTitle>(TITLE, [payrollId]);
}

const SUBMIT = statement(
  'payroll.submit',
  `update payroll set round = $2, flow_id = $3, flow_version = $4, submitted_minor = $5, step = null
   where payroll_id = $1`,
);

/** Notes what a payroll is voted on by: the flow, its version, and the sum that decides on steps. */
export async function submit(
  ctx: Context,
  payrollId: string,
  { round, flow, linesMinor }: { round: number; flow: Flow | undefined; linesMinor: bigint },
): Promise<void> {
  const values = [payrollId, round, flow?.flow_id ?? null, flow?.version ?? null, linesMinor];
  await ctx.db.run(SUBMIT, values);
}

const TOUCH = statement(
  'payroll.touch',
  'update payroll set updated_at = $2, version = version + 1 where payroll_id = $1',
);

/** A vote that decides nothing yet is a change of the payroll all the same. */
export async function touchPayroll(ctx: Context, payrollId: string): Promise<void> {
  await ctx.db.run(TOUCH, [payrollId, ctx.now]);
}

const HOLD_BACK = statement(
  'payroll.hold-back',
  `with held as (
     select distinct household_id from households_hold where policy = 'hard'),
   stopped as (
     update payroll_line l set state = 'cancelled', cancelled_key = key, reason = 'hold',
       updated_at = $2, version = version + 1
     from held h
     where l.household_id = h.household_id and l.payroll_id = $1 and l.state = 'open'
     returning l.household_id, l.enrolment_id, l.recipient_id, l.area_id, l.amount_minor),
   noted as (
     insert into payroll_exclusion
       (household_id, exclusion_id, payroll_id, enrolment_id, recipient_id, reason, area_id, at)
     select household_id, gen_random_uuid(), $1, enrolment_id, recipient_id, 'hold', area_id, $2 from stopped)
   select count(*) as n, coalesce(sum(amount_minor), 0)::bigint as minor from stopped`,
);

/** Takes off the payroll whom a hold has come upon since the draft. */
export function holdBack(ctx: Context, payrollId: string): Promise<{ n: bigint; minor: bigint }> {
  return ctx.db.one(HOLD_BACK, [payrollId, ctx.now]);
}

const DECIDE = statement(
  'payroll.decide',
  `update payroll set state = $3, decided_by = $4, decided_at = $5, reason = $6, updated_at = $5,
     lines_count = lines_count - $7, lines_minor = lines_minor - $8,
     excluded_count = excluded_count + $7, version = version + 1
   where payroll_id = $1 and state = $2`,
);

/** Sets a decision by compare-and-set; false when the state has changed meanwhile. */
export async function decide(
  ctx: Context,
  payroll: PayrollRow,
  to: PayrollState,
  reason: string | null,
  heldBack: { n: bigint; minor: bigint } = { n: 0n, minor: 0n },
): Promise<boolean> {
  const changed = await ctx.db.run(DECIDE, [
    payroll.payroll_id,
    payroll.state,
    to,
    ctx.actor.id,
    ctx.now,
    reason,
    heldBack.n,
    heldBack.minor,
  ]);
  return changed > 0;
}

const CANCEL_LINES = statement(
  'payroll.cancel-lines',
  `update payroll_line set state = 'cancelled', cancelled_key = key, updated_at = $2,
     version = version + 1
   where payroll_id = $1 and state = 'open'`,
);

/** Cancels the lines of a payroll that is dropped before its approval. */
export function cancelLines(ctx: Context, payrollId: string): Promise<number> {
  return ctx.db.run(CANCEL_LINES, [payrollId, ctx.now]);
}

/** Reasons that lie with the recipient: paying again waits until the data are corrected. */
export const RECIPIENT_REASONS = [
  'recipient_not_registered',
  'recipient_invalid',
  'recipient_blocked',
  'name_mismatch',
];

/**
 * The SELECT by which disbursement orders the lines of a payroll in a state. Before approval holds
 * take lines off the payroll; what is ordered again is held here.
 */
export function orderSelect(
  payrollId: string,
  state: string,
  valueOn: string,
  lines: readonly string[] | null = null,
): { text: string; values: unknown[] } {
  return {
    text: `select l.household_id as payee_id, coalesce(l.order_id, l.line_id) as source_id, l.recipient_id,
             l.provider_id, l.account_kind, l.account_number, l.pay_point_id, l.amount_minor,
             p.currency, $3::date as value_on
           from payroll_line l join payroll p on p.payroll_id = l.payroll_id
           where l.payroll_id = $1::uuid and l.state = $2
             and not (coalesce(l.reason, '') = any($4::text[]))
             and ($5::uuid[] is null or l.line_id = any($5::uuid[]))
             and ($2 <> 'not-paid' or not exists (select 1 from households_hold h
               where h.household_id = l.household_id and h.policy = 'hard'))`,
    values: [payrollId, state, valueOn, RECIPIENT_REASONS, lines],
  };
}

const FOLLOW = statement(
  'payroll.follow',
  `with last as (
     select distinct on (i.payee_id, i.source_id) i.payee_id, i.source_id, i.reason, i.resolved_at,
            case i.state when 'approved' then 'open' when 'cancelled' then 'not-paid'
                         else i.state end as state
     from unnest($1::bigint[], $2::uuid[]) x(payee_id, source_id)
     join disbursement_instruction i using (payee_id, source_id)
     where i.purpose = 'payroll'
     order by i.payee_id, i.source_id, (i.state = 'paid') desc, i.attempt desc),
   moved as (
     update payroll_line l
     set state = last.state,
       reason = last.reason, paid_at = case when last.state = 'paid' then last.resolved_at end,
       updated_at = $3, version = version + 1
     from last
     where l.household_id = last.payee_id and l.line_id = last.source_id
       and (l.state, l.reason) is distinct from (last.state, last.reason)
     returning l.payroll_id),
   followed as (
     update payroll_line l
     set state = last.state,
       reason = last.reason, paid_at = case when last.state = 'paid' then last.resolved_at end,
       updated_at = $3, version = version + 1
     from last
     where l.household_id = last.payee_id and l.order_id = last.source_id
       and l.state in ('open', 'sent', 'unknown') and l.payroll_id in (
         select payroll_id from payroll where state in ('approved', 'closed'))
     returning l.payroll_id)
   select payroll_id from moved union select payroll_id from followed`,
);

/** Brings lines to the state of their instructions; answers the payrolls touched. */
export async function followLines(
  ctx: Context,
  lines: readonly { household: bigint; line: string }[],
): Promise<string[]> {
  const rows = await ctx.db.query<{ payroll_id: string }>(FOLLOW, [
    lines.map((each) => each.household),
    lines.map((each) => each.line),
    ctx.now,
  ]);
  return rows.map((row) => row.payroll_id);
}

const CLOSE = statement(
  'payroll.close-resolved',
  `update payroll p set state = 'closed', closed_at = $2, updated_at = $2, version = version + 1
   where p.payroll_id = any($1::uuid[]) and p.state = 'approved'
     and not exists (select 1 from payroll_line l where l.payroll_id = p.payroll_id
                     and l.state in ('open', 'sent', 'unknown'))
   returning payroll_id`,
);

/** Closes payrolls whose last line is resolved; answers which. */
export async function closeResolved(ctx: Context, payrolls: readonly string[]): Promise<string[]> {
  const rows = await ctx.db.query<{ payroll_id: string }>(CLOSE, [payrolls, ctx.now]);
  return rows.map((row) => row.payroll_id);
}

const SUMMARY = statement(
  'payroll.summary',
  `select state, reason, count(*) as n, sum(amount_minor)::bigint as minor
   from payroll_line where payroll_id = $1 group by state, reason order by state, reason`,
);

/** Lines of a payroll by state and reason. */
export function summary(
  ctx: Context,
  payrollId: string,
): Promise<{ state: string; reason: string | null; n: bigint; minor: bigint }[]> {
  return ctx.db.query(SUMMARY, [payrollId]);
}
