/**
 * What disbursement is given to order again: of each line all that it is owed, from which disbursement
 * takes what the payee has kept of earlier attempts. A follow-up orders under the id of its first line.
 */

import { RECIPIENT_REASONS } from './decide.ts';

interface Select {
  readonly text: string;
  readonly values: unknown[];
}

const COLUMNS = `l.household_id as payee_id, coalesce(l.order_id, l.line_id) as source_id,
  l.recipient_id, l.provider_id, l.account_kind, l.account_number, l.pay_point_id,
  coalesce(o.amount_minor, l.amount_minor) as amount_minor, p.currency, $2::date as value_on`;

const TABLES = `payroll_line l join payroll p on p.payroll_id = l.payroll_id
  left join payroll_line o on o.line_id = l.order_id and o.household_id = l.household_id`;

/**
 * Lines of a payroll that were not paid, or not wholly. Who is held, or whose data must be corrected
 * first, is left out.
 *
 * @param lines  of these only; null: of all
 */
export function againSelect(
  payrollId: string,
  valueOn: string,
  lines: readonly string[] | null,
): Select {
  return {
    text: `select ${COLUMNS} from ${TABLES}
      where l.payroll_id = $1::uuid and l.state in ('not-paid', 'partly-paid')
        and not (coalesce(l.reason, '') = any($3::text[]))
        and ($4::uuid[] is null or l.line_id = any($4::uuid[]))
        and not exists (select 1 from households_hold h
          where h.household_id = l.household_id and h.policy = 'hard')`,
    values: [payrollId, valueOn, RECIPIENT_REASONS, lines],
  };
}

/** Open lines of a follow-up, as long as exactly what they say is still owed. */
export function followUpSelect(payrollId: string, valueOn: string): Select {
  return {
    text: `select ${COLUMNS} from ${TABLES}
      where l.payroll_id = $1::uuid and l.state = 'open' and l.amount_minor = o.amount_minor - (
        select coalesce(sum(i.kept_minor), 0) from disbursement_instruction i
        where i.payee_id = l.household_id and i.source_id = l.order_id and i.purpose = 'payroll')`,
    values: [payrollId, valueOn],
  };
}
