/**
 * Figures of the demo, read from the tables of the rooms.
 */

import type { Pool } from 'pg';

/** What came of the month. */
export interface Figures {
  readonly registered: bigint;
  readonly members: bigint;
  readonly enrolled: bigint;
  readonly lines: bigint;
  readonly excluded: readonly { reason: string; n: bigint }[];
  readonly paid: bigint;
  readonly paid_minor: bigint;
  readonly unpaid: readonly { reason: string; n: bigint }[];
  readonly unknown: bigint;
  readonly exceptions: bigint;
  readonly fund_minor: bigint;
  readonly reserved_minor: bigint;
  readonly paid_out_minor: bigint;
  readonly provider_minor: bigint;
}

/** Reads the figures of a payroll. */
export async function readFigures(pool: Pool, payrollId: string, fund: string): Promise<Figures> {
  const { rows } = await pool.query(
    `select (select count(*) from household) as registered,
            (select count(*) from household_member where active) as members,
            (select count(*) from enrolment where state = 'enrolled') as enrolled,
            (select count(*) from payroll_line where payroll_id = $1) as lines,
            (select count(*) from payroll_line where payroll_id = $1 and state = 'paid') as paid,
            (select coalesce(sum(amount_minor), 0)::bigint from payroll_line
              where payroll_id = $1 and state = 'paid') as paid_minor,
            (select count(*) from payroll_line
              where payroll_id = $1 and state in ('unknown', 'sent')) as unknown,
            (select count(*) from disbursement_exception where closed_at is null) as exceptions,
            (select credits_posted - debits_posted from ledger_account where code = $2) as fund_minor,
            (select debits_reserved from ledger_account where code = $2) as reserved_minor,
            (select credits_posted from ledger_account where code = 'paid-out:kes') as paid_out_minor,
            (select coalesce(sum(amount_minor), 0)::bigint from simulator_order
              where result = 'paid') as provider_minor`,
    [payrollId, fund],
  );
  const excluded = await pool.query(
    `select reason, count(*) as n from payroll_exclusion where payroll_id = $1
     group by reason order by 2 desc`,
    [payrollId],
  );
  const unpaid = await pool.query(
    `select reason, count(*) as n from payroll_line where payroll_id = $1 and state = 'not-paid'
     group by reason order by 2 desc`,
    [payrollId],
  );
  return { ...rows[0], excluded: excluded.rows, unpaid: unpaid.rows };
}

/** Takes everything of an earlier demo away. */
export async function emptyDatabase(pool: Pool): Promise<void> {
  await pool.query('drop schema if exists graphile_worker cascade');
  await pool.query('drop schema public cascade');
  await pool.query('create schema public');
}
