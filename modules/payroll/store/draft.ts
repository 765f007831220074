/**
 * Drafts a payroll: every live enrolment of the scheme becomes a line or an exclusion, in one
 * statement; those of a large scheme by two processes at once (`stream.ts`).
 */

import { type Context, type PaymentPeriod, statement } from '../../../src/sdk/index.ts';
import type { EntitlementSelect, Scheme } from '../../schemes/index.ts';
import type { PayrollKind } from '../lifecycle.ts';

/** Totals of a draft. */
export interface DraftTotals {
  readonly lines: bigint;
  readonly minor: bigint;
  readonly excluded: bigint;
}

/** A payroll that is to be drafted. */
export interface Header {
  readonly payrollId: string;
  readonly rulesVersion: number;
  readonly period: PaymentPeriod;
  readonly kind: PayrollKind;
  readonly areaId: bigint | null;
  readonly label: string;
  readonly fund: string;
}

const HEADER = statement(
  'payroll.header',
  `insert into payroll (payroll_id, scheme_id, rules_version, period_code, starts_on, ends_on,
     currency, fund, state, drafted_by, drafted_at, updated_at, kind, area_id, label)
   values ($1, $2, $3, $4, $5, $6, $7, $8, 'drafted', $9, $10, $10, $11, $12, $13)
   on conflict do nothing returning payroll_id`,
);

/** Makes the payroll's row; false when one stands in its way. */
export async function insertPayroll(
  ctx: Context,
  scheme: Scheme,
  header: Header,
): Promise<boolean> {
  const row = await ctx.db.maybe(HEADER, [
    header.payrollId,
    scheme.scheme_id,
    header.rulesVersion,
    header.period.code,
    header.period.startsOn,
    header.period.endsOn,
    scheme.currency,
    header.fund,
    ctx.actor.id,
    ctx.now,
    header.kind,
    header.areaId,
    header.label,
  ]);
  return row !== undefined;
}

const SET_RULES = statement(
  'payroll.set-rules-version',
  `update payroll set rules_version = $2, facts_on = $3 where payroll_id = $1
     and (rules_version, facts_on) is distinct from ($2, $3::date)`,
);

/** Notes the version of the rules that the payroll was drafted by, and the day of the facts. */
export async function setRulesVersion(
  ctx: Context,
  payrollId: string,
  { rulesVersion, factsOn }: Pick<EntitlementSelect, 'rulesVersion' | 'factsOn'>,
): Promise<void> {
  await ctx.db.run(SET_RULES, [payrollId, rulesVersion, factsOn]);
}

const DECIDED_VERSION = statement(
  'payroll.decided-version',
  `select rules_version from payroll where scheme_id = $1 and period_code = $2 and kind = 'regular'
     and state in ('approved', 'closed') order by key limit 1`,
);

/** The version of rules of the period's first approved payroll; undefined when there is none. */
export async function decidedVersion(
  ctx: Context,
  schemeId: bigint,
  periodCode: string,
): Promise<number | undefined> {
  const row = await ctx.db.maybe<{ rules_version: number }>(DECIDED_VERSION, [
    schemeId,
    periodCode,
  ]);
  return row?.rules_version;
}

/**
 * Enrolments judged: an entitlement's columns, and `why` there is no line (null: there is one). A
 * hold, or a line that the household has in the period already, excludes what would otherwise be
 * paid; `hold` counts only hard holds.
 *
 * @param code  SQL of the period's code
 */
export function judgedText(
  { kind, areaId }: Header,
  entitlements: EntitlementSelect,
  code: string,
): string {
  // Back-pay speaks only of those who have no line in the period; the others are no exclusions of it.
  const among = kind === 'back-pay' ? 'where l.household_id is null' : '';
  return `select e.*, case
      when e.reason_code is not null then e.reason_code
      when h.household_id is not null then 'hold'
      when l.household_id is not null then 'already-paid-period' end as why
    from (${withinArea(entitlements.text, areaId)}) e
    left join (select distinct household_id from households_hold where policy = 'hard') h
      using (household_id)
    left join payroll_line l on l.household_id = e.household_id and l.scheme_id = e.scheme_id
      and l.period_code = ${code} and l.slot = '' and l.cancelled_key = 0
    ${among}`;
}

/**
 * Fills a payroll by one statement.
 *
 * Ids of lines and exclusions are the payroll's id with its last 48 bits replaced by a running
 * number: rows come in the order of the households and go to the right end of every index, which
 * at a million rows is a third of the time that random ids take.
 */
export async function insertLines(
  ctx: Context,
  header: Header,
  entitlements: EntitlementSelect,
): Promise<DraftTotals> {
  const { payrollId, period } = header;
  const at = entitlements.values.length;
  const [id, code, now] = [`$${at + 1}::uuid`, `$${at + 2}::text`, `$${at + 3}::timestamptz`];
  return ctx.db.one<DraftTotals>(
    `with judged as materialized (
       select j.*, ($${at + 4} || lpad(to_hex(row_number() over ()), 12, '0'))::uuid as id
       from (${judgedText(header, entitlements, code)}) j),
     lines as (
       insert into payroll_line (household_id, line_id, payroll_id, scheme_id, period_code,
         enrolment_id, recipient_id, amount_minor, step_minor, step_counts, step_members,
         household_version, area_id, pay_point_id, provider_id, account_kind, account_number, updated_at)
       select household_id, id, ${id}, scheme_id, ${code}, enrolment_id, recipient_id, amount_minor,
         step_minor, step_counts, step_members, household_version, area_id, pay_point_id,
         provider_id, account_kind, account_number, ${now}
       from judged where why is null
       returning amount_minor),
     excluded as (
       insert into payroll_exclusion (household_id, exclusion_id, payroll_id, enrolment_id,
         recipient_id, reason, criterion_number, area_id, at)
       select household_id, id, ${id}, enrolment_id, recipient_id, why, criterion_number, area_id,
         ${now}
       from judged where why is not null
       returning 1),
     counted as (select count(*) as lines, coalesce(sum(amount_minor), 0)::bigint as minor from lines)
     select lines, minor, (select count(*) from excluded) as excluded from counted`,
    [...entitlements.values, payrollId, period.code, ctx.now, payrollId.slice(0, 24)],
  );
}

/** SQL of what is due in an area and those below it; the rid is ours. */
export function withinArea(text: string, areaId: bigint | null): string {
  if (areaId === null) return text;
  return `select e.* from (${text}) e
    join pay_points_area a on a.area_id = e.area_id and a.path @> array[${areaId}::bigint]`;
}

const IS_LARGE = statement(
  'payroll.is-large',
  `select count(*) = $2 as large from (
     select from schemes_enrolment where scheme_id = $1 and state in ('enrolled', 'suspended')
     limit $2) e`,
);

/** From so many enrolments on, two processes are worth another connection (20 ms). */
const LARGE = 20_000;

/** Whether a scheme has so many enrolments that two processes share a draft. */
export async function isLarge(ctx: Context, schemeId: bigint): Promise<boolean> {
  return (await ctx.db.one<{ large: boolean }>(IS_LARGE, [schemeId, LARGE])).large;
}

const TOTALS = statement(
  'payroll.totals',
  `update payroll set lines_count = $2, lines_minor = $3, excluded_count = $4
   where payroll_id = $1`,
);

/** Writes the totals on the payroll. */
export async function writeTotals(
  ctx: Context,
  payrollId: string,
  totals: DraftTotals,
): Promise<void> {
  await ctx.db.run(TOTALS, [payrollId, totals.lines, totals.minor, totals.excluded]);
}

const REASONS = statement(
  'payroll.reasons',
  `select reason, count(*) as n from payroll_exclusion where payroll_id = $1
   group by reason order by n desc, reason`,
);

/** Exclusions of a payroll by reason. */
export function exclusionReasons(
  ctx: Context,
  payrollId: string,
): Promise<{ reason: string; n: bigint }[]> {
  return ctx.db.query(REASONS, [payrollId]);
}

const KNOWN_PERIOD = statement(
  'payroll.known-period',
  `select 1 as n from payroll where scheme_id = $1 and period_code = $2 and kind = 'regular'
     and area_id is null limit 1`,
);

/** True when a payroll, in whatever state, was ever drafted for the period. */
export async function hasPayroll(
  ctx: Context,
  schemeId: bigint,
  periodCode: string,
): Promise<boolean> {
  return (await ctx.db.maybe(KNOWN_PERIOD, [schemeId, periodCode])) !== undefined;
}
