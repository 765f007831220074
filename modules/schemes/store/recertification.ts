/**
 * Enrolments that are due to be looked at again, in the order of internal ids: counted from the last
 * confirmation, else from the beginning of the enrolment.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** An enrolment that is due. */
export interface DueRow {
  readonly household_id: bigint;
  readonly household_fhir_id: string;
  readonly coverage_fhir_id: string;
  readonly state: string;
  readonly starts_on: string;
  readonly recertified_on: string | null;
  readonly due_on: string;
}

const DUE = statement(
  'schemes.recertifications-due',
  `select e.household_id, h.fhir_id as household_fhir_id, e.fhir_id as coverage_fhir_id, e.state,
     e.starts_on, e.recertified_on, d.due_on
   from enrolment e join households_household h on h.household_id = e.household_id,
     lateral (select (coalesce(e.recertified_on, e.starts_on)
                      + make_interval(months => $2::int))::date as due_on) d
   where e.scheme_id = $1 and e.household_id > $4 and e.state in ('enrolled', 'suspended')
     and d.due_on <= $3::date and ($5::bigint[] is null or h.area_id = any($5::bigint[]))
   order by e.household_id limit $6`,
);

/** A page of enrolments that are due by a day, after an internal id. */
export function enrolmentsDue(
  ctx: Context,
  question: {
    readonly schemeId: bigint;
    readonly months: number;
    readonly by: string;
    readonly after: bigint;
    readonly areas: 'all' | readonly bigint[];
    readonly limit: number;
  },
): Promise<DueRow[]> {
  const { schemeId, months, by, after, areas, limit } = question;
  const within = areas === 'all' ? null : areas;
  return ctx.db.query<DueRow>(DUE, [schemeId, months, by, after, within, limit]);
}
