/**
 * Decides on payrolls and follows their lines to the end.
 */

import { type Context, isUuid, statement } from '../../../src/sdk/index.ts';
import type { PayrollKind, PayrollState } from '../lifecycle.ts';
import type { Flow } from './flows.ts';
import { withoutLoops } from './loops.ts';

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
  /** The day on which households were looked at; null: as they stood at the draft. */
  readonly facts_on: string | null;
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

const READ = statement('payroll.read', 'select * from payroll where payroll_id = $1');

/** The payroll of an id; undefined when there is none. */
export function readPayroll(ctx: Context, payrollId: string): Promise<PayrollRow | undefined> {
  if (!isUuid(payrollId)) return Promise.resolve(undefined);
  return ctx.db.maybe<PayrollRow>(READ, [payrollId]);
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
  return withoutLoops(ctx, () => ctx.db.one(HOLD_BACK, [payrollId, ctx.now]));
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

/** The SELECT by which disbursement orders the open lines of a payroll that is approved. */
export function orderSelect(
  payrollId: string,
  valueOn: string,
): { text: string; values: unknown[] } {
  return {
    text: `select l.household_id as payee_id, l.line_id as source_id, l.recipient_id,
             l.provider_id, l.account_kind, l.account_number, l.pay_point_id, l.amount_minor,
             p.currency, $2::date as value_on
           from payroll_line l join payroll p on p.payroll_id = l.payroll_id
           where l.payroll_id = $1::uuid and l.state = 'open'`,
    values: [payrollId, valueOn],
  };
}

// What became of all attempts of a line: what was kept of them, the one that is under way, and why the
// last one failed. A line is paid when all of it was kept, by however many payments.
const FOLLOW = statement(
  'payroll.follow',
  `with last as (
     select i.payee_id, i.source_id, sum(i.kept_minor)::bigint as kept,
       max(i.resolved_at) filter (where i.kept_minor > 0) as paid_at,
       (array_agg(case i.state when 'approved' then 'open' else i.state end order by i.attempt desc)
         filter (where i.state in ('approved', 'sent', 'unknown')))[1] as alive,
       (array_agg(i.reason order by i.attempt desc))[1] as reason
     from (select distinct * from unnest($1::bigint[], $2::uuid[]) x(payee_id, source_id)) x
     join disbursement_instruction i using (payee_id, source_id)
     where i.purpose = 'payroll' group by i.payee_id, i.source_id),
   due as (
     select l.household_id, l.line_id, l.line_id as source_id, 0::bigint as before
     from last join payroll_line l on l.household_id = last.payee_id and l.line_id = last.source_id
     where l.state <> 'cancelled'
     union all
     select f.household_id, f.line_id, f.order_id, l.amount_minor - f.amount_minor
     from last join payroll_line f on f.household_id = last.payee_id and f.order_id = last.source_id
     join payroll_line l on l.household_id = f.household_id and l.line_id = f.order_id
     where f.payroll_id in (select payroll_id from payroll where state in ('approved', 'closed'))
       and (f.state in ('open', 'sent', 'unknown') or f.state in ('paid', 'partly-paid')
         and not exists (select from payroll_line n where n.order_id = f.order_id
           and n.household_id = f.household_id and n.key > f.key and n.state <> 'cancelled'))),
   told as (
     select d.household_id, d.line_id, s.state, s.kept,
       case when s.state in ('not-paid', 'partly-paid') then last.reason end as reason,
       case when s.kept > 0 then last.paid_at end as paid_at
     from due d
     join last on last.payee_id = d.household_id and last.source_id = d.source_id
     join payroll_line l on l.household_id = d.household_id and l.line_id = d.line_id
     cross join lateral (select greatest(last.kept - d.before, 0) as kept) k
     cross join lateral (select k.kept, case when k.kept >= l.amount_minor then 'paid'
       when last.alive is not null then last.alive
       when k.kept > 0 then 'partly-paid' else 'not-paid' end as state) s)
   update payroll_line l
   set state = told.state, reason = told.reason, paid_at = told.paid_at,
     paid_minor = case when told.kept > 0 and told.state <> 'paid' then told.kept end,
     updated_at = $3, version = version + 1
   from told
   where l.household_id = told.household_id and l.line_id = told.line_id
     and (l.state, l.reason, coalesce(l.paid_minor, 0)) is distinct from (told.state, told.reason,
       case when told.state = 'paid' then 0 else told.kept end)
   returning l.payroll_id`,
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
  return [...new Set(rows.map((row) => row.payroll_id))];
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
  `select state, reason, count(*) as n, sum(amount_minor)::bigint as minor,
     sum(paid_minor)::bigint as paid_minor
   from payroll_line where payroll_id = $1 group by state, reason order by state, reason`,
);

/** Lines that have state and reason in common. */
export interface SummaryRow {
  readonly state: string;
  readonly reason: string | null;
  readonly n: bigint;
  readonly minor: bigint;
  /** What was paid of lines that are not paid in full. */
  readonly paid_minor: bigint | null;
}

/** Lines of a payroll by state and reason. */
export function summary(ctx: Context, payrollId: string): Promise<SummaryRow[]> {
  return ctx.db.query(SUMMARY, [payrollId]);
}
