/**
 * Reads the resources that lead to some others by given search parameters, as compartments ask.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, statement } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';
import { idOf } from './content.ts';

const COMPARTMENT = statement(
  'fhir.compartment',
  `select r.rid, r.type, r.content from (
     select distinct f.rid from ref f
     where f.target = any($1::uuid[]) and f.type = $2 and f.param = any($3::int[])) m
   join resource r on r.rid = m.rid and r.bucket = (m.rid & 63)
   where not r.deleted and r.type = any($4::smallint[]) order by r.type, r.rid`,
);

/** A resource that leads to one of those asked for. */
export interface Referrer {
  readonly type: string;
  readonly id: string;
  readonly rid: bigint;
  readonly content: string;
}

/** Current resources of `types` that refer to resources of a type by parameters with `keys`. */
export async function loadReferrers(
  unit: UnitOfWork,
  type: string,
  ids: readonly string[],
  by: { readonly keys: readonly number[]; readonly types: readonly number[] },
): Promise<Referrer[]> {
  const { definitions } = fhirOf(unit);
  const rows = await unit.db.query<{ rid: bigint; type: number; content: string }>(COMPARTMENT, [
    ids.map(idKey),
    definitions.typeNumber(type),
    by.keys,
    by.types,
  ]);
  return rows.map((row) => ({
    type: definitions.typeOfNumber(row.type)!,
    id: idOf(row.content),
    rid: row.rid,
    content: row.content,
  }));
}

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
