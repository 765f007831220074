/**
 * What rules of schemes may ask of payments before: `enrolment.paidCycles`.
 */

/** Cycles of its scheme that have been paid to the household of the enrolment `e`. */
export const PAID_CYCLES = `(select count(distinct p.period_code) from payroll_line p
  where p.household_id = e.household_id and p.scheme_id = e.scheme_id and p.state = 'paid'
    and p.cancelled_key = 0)`;
