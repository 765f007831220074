/**
 * What of payments a merge of two people or households has to know: how much is at stake, and in which
 * periods both were paid.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** How people, or households, stand in the lines of payrolls. */
interface Whose {
  /** What the names of statements begin with. */
  readonly prefix: string;
  readonly column: string;
  /** Lines of two that are no line of one: two people of one household are paid by one line. */
  readonly apart: string;
}

const PEOPLE: Whose = {
  prefix: 'duplicates.',
  column: 'recipient_id',
  apart: 'and a.household_id <> b.household_id',
};
const HOUSEHOLDS: Whose = { prefix: 'duplicates.households-', column: 'household_id', apart: '' };

const stakeOf = (whose: Whose) =>
  statement(
    `${whose.prefix}money-at-stake`,
    `select coalesce(max(minor), 0)::bigint as minor from (
       select sum(amount_minor) as minor from payroll_due
       where ${whose.column} = any($1::bigint[]) and due_on >= $2::date group by currency) s`,
  );

const twiceOf = (whose: Whose) =>
  statement(
    `${whose.prefix}paid-twice`,
    `select a.line_id::text as one, b.line_id::text as other, s.fhir_id as scheme, a.due_on
     from payroll_due a
     join payroll_due b on b.scheme_id = a.scheme_id and b.due_on = a.due_on
     join schemes_scheme s on s.scheme_id = a.scheme_id
     where a.${whose.column} = any($1::bigint[]) and b.${whose.column} = any($2::bigint[])
       ${whose.apart} and a.state <> 'not-paid' and b.state <> 'not-paid'
     order by a.due_on desc, one, other limit 200`,
  );

const twiceInOf = (whose: Whose) =>
  statement(
    `${whose.prefix}paid-twice-in-payroll`,
    `select distinct m.source_rid, m.target_rid, m.source_id, m.target_id
     from payroll_due b
     join merge_record m on m.target_rid = b.${whose.column} and m.state = 'merged'
     join payroll_due a on a.${whose.column} = m.source_rid and a.scheme_id = b.scheme_id
       and a.due_on = b.due_on ${whose.apart}
     where (a.payroll_id = any($1::uuid[]) or b.payroll_id = any($1::uuid[]))
       and a.state <> 'not-paid' and b.state <> 'not-paid'`,
  );

const STAKE = stakeOf(PEOPLE);
const STAKE_OF_HOUSEHOLDS = stakeOf(HOUSEHOLDS);

/**
 * What people were due within a year, in minor units; of several currencies the largest sum.
 *
 * @param since  `YYYY-MM-DD`
 */
export async function moneyAtStake(
  ctx: Context,
  people: readonly bigint[],
  since: string,
): Promise<bigint> {
  return (await ctx.db.one<{ minor: bigint }>(STAKE, [people, since])).minor;
}

/** What households were due within a year, in minor units; of several currencies the largest sum. */
export async function householdsMoneyAtStake(
  ctx: Context,
  households: readonly bigint[],
  since: string,
): Promise<bigint> {
  const values = [households, since];
  return (await ctx.db.one<{ minor: bigint }>(STAKE_OF_HOUSEHOLDS, values)).minor;
}

/** Two payments of one scheme for one period, to two records of one person or household. */
export interface PaidTwice {
  readonly one: string;
  readonly other: string;
  readonly scheme: string;
  readonly due_on: string;
}

const TWICE = twiceOf(PEOPLE);
const HOUSEHOLDS_TWICE = twiceOf(HOUSEHOLDS);

/** Periods in which both people were paid, or are about to be. */
export function paidTwice(
  ctx: Context,
  source: readonly bigint[],
  target: readonly bigint[],
): Promise<PaidTwice[]> {
  return ctx.db.query<PaidTwice>(TWICE, [source, target]);
}

/** Periods in which both households were paid, or are about to be. */
export function householdsPaidTwice(
  ctx: Context,
  source: readonly bigint[],
  target: readonly bigint[],
): Promise<PaidTwice[]> {
  return ctx.db.query<PaidTwice>(HOUSEHOLDS_TWICE, [source, target]);
}

/** Two merged records, by internal and by FHIR ids. */
export interface MergedPair {
  readonly source_rid: bigint;
  readonly target_rid: bigint;
  readonly source_id: string;
  readonly target_id: string;
}

const TWICE_IN = twiceInOf(PEOPLE);
const HOUSEHOLDS_TWICE_IN = twiceInOf(HOUSEHOLDS);

/** Households of which two registrations are paid for one period, with a line on these payrolls. */
export function householdsPaidTwiceIn(
  ctx: Context,
  payrolls: readonly string[],
): Promise<MergedPair[]> {
  return ctx.db.query<MergedPair>(HOUSEHOLDS_TWICE_IN, [payrolls]);
}

/** People of whom two records are paid for one period, with one of the lines on these payrolls. */
export function paidTwiceIn(ctx: Context, payrolls: readonly string[]): Promise<MergedPair[]> {
  return ctx.db.query<MergedPair>(TWICE_IN, [payrolls]);
}

const ALL_OF = statement(
  'duplicates.all-records-of',
  `select $1::bigint as rid union select former_rid from patient_alias where survivor_rid = $1`,
);

/** A record and all that it answers for. */
export async function recordsOf(ctx: Context, rid: bigint): Promise<bigint[]> {
  return (await ctx.db.query<{ rid: bigint }>(ALL_OF, [rid])).map((row) => row.rid);
}
