/**
 * FHIR ids of what lines refer to, for a page of them at once.
 */

import { type Context, type ProjectedRow, statement } from '../../../src/sdk/index.ts';

/** FHIR ids by internal id. */
export interface Names {
  readonly household: ReadonlyMap<bigint, string>;
  readonly person: ReadonlyMap<bigint, string>;
  readonly provider: ReadonlyMap<bigint, string>;
  readonly enrolment: ReadonlyMap<bigint, string>;
}

const NAMES = statement(
  'payroll.names',
  `select 'household' as kind, household_id as id, fhir_id from households_household
     where household_id = any($1::bigint[])
   union all
   select 'person', member_id, fhir_id from households_person where member_id = any($2::bigint[])
   union all
   select 'provider', provider_id, fhir_id from providers_provider
     where provider_id = any($3::bigint[])
   union all
   select 'enrolment', enrolment_id, fhir_id from schemes_enrolment
     where household_id = any($1::bigint[]) and enrolment_id = any($4::bigint[])`,
);

/** Looks the ids of a page up in one statement. */
export async function namesOf(ctx: Context, rows: readonly ProjectedRow[]): Promise<Names> {
  const ids = (column: string): bigint[] => [
    ...new Set(rows.map((row) => row[column]).filter((id) => typeof id === 'bigint')),
  ];
  const found = await ctx.db.query<{ kind: keyof Names; id: bigint; fhir_id: string }>(NAMES, [
    ids('household_id'),
    ids('recipient_id'),
    ids('provider_id'),
    ids('enrolment_id'),
  ]);
  const names = {
    household: new Map<bigint, string>(),
    person: new Map<bigint, string>(),
    provider: new Map<bigint, string>(),
    enrolment: new Map<bigint, string>(),
  };
  for (const row of found) names[row.kind].set(row.id, row.fhir_id);
  return names;
}
