/**
 * Fact rows of households by the hundred thousand, made in SQL: what the store's projectors would
 * have written, without the FHIR text, so that payroll can be measured at national size.
 */

import type { Pool } from 'pg';

/**
 * Fills households of five with facts, accounts at the provider, and enrolments in the scheme.
 *
 * @param analysed  false: PostgreSQL is left to know nothing of them, as after an import
 */
export async function fillFacts(
  pool: Pool,
  households: number,
  providerId: bigint,
  schemeId: bigint,
  analysed = true,
): Promise<void> {
  await pool.query(
    `insert into household (household_id, fhir_id, head_id, collector_id, collector_basis,
       members_count, active, registered_at, updated_at, version)
     select n * 64, 'h' || n, n * 640, n * 640, 'head', 5, true, now(), now(), 1
     from generate_series(1, $1::bigint) n`,
    [households],
  );
  await pool.query(
    `insert into household_member (household_id, member_id, position, role, active, sex,
       birth_date, birth_date_last, deceased)
     select n * 64, n * 640 + k * 64, k, case k when 0 then 'head' else 'child' end, true,
       case (n + k) % 2 when 0 then 'female' else 'male' end, d, d, false
     from generate_series(1, $1::bigint) n, generate_series(0, 4) k,
       lateral (select case k when 0 then date '1980-01-01' + (n % 5000)::int
                       else date '2006-01-01' + ((n * 7 + k * 1000) % 7000)::int end as d) b`,
    [households],
  );
  await pool.query(
    `insert into household_characteristic (household_id, code, number_value)
     select n * 64, 'poverty-score', n % 100 from generate_series(1, $1::bigint) n`,
    [households],
  );
  await pool.query(
    `insert into household_account (household_id, kind, provider_id, account_number, preferred)
     select n * 64, 'mobile', $2, '+2547' || lpad(n::text, 8, '0'), true
     from generate_series(1, $1::bigint) n`,
    [households, providerId],
  );
  await pool.query(
    `insert into enrolment (household_id, enrolment_id, fhir_id, scheme_id, state, starts_on,
       version, changed_at)
     select n * 64, n * 64 + 1000000000000, 'c' || n, $2, 'enrolled', '2026-01-01', 1, now()
     from generate_series(1, $1::bigint) n`,
    [households, schemeId],
  );
  if (analysed) await pool.query('analyze');
}
