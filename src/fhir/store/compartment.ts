/**
 * What leads to some resources, as compartments ask.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, statement } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';

const PRESENT = statement(
  'fhir.compartment-types',
  `select distinct r.type from ref f
   join resource r on r.rid = f.rid and r.bucket = f.bucket and not r.deleted
   where f.target = any($1::uuid[]) and f.type = any($2::smallint[])`,
);

/** Types of stored resources that refer to resources by any element. */
export async function typesReferring(
  unit: UnitOfWork,
  to: readonly { readonly type: string; readonly id: string }[],
): Promise<Set<string>> {
  const { definitions } = fhirOf(unit);
  const rows = await unit.db.query<{ type: number }>(PRESENT, [
    to.map((each) => idKey(each.id)),
    [...new Set(to.map((each) => definitions.typeNumber(each.type)))],
  ]);
  return new Set(rows.map((row) => definitions.typeOfNumber(row.type)!));
}
