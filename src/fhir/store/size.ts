/**
 * About how many resources of a type there are, as PostgreSQL's statistics have it, or as the size
 * of its table tells while there are none; asked for once in a while, because it only decides
 * between two ways of finding the same.
 */

import type { UnitOfWork } from '../../app.ts';
import { statement } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';

const KEPT_MS = 60_000;

const SIZE = statement(
  'fhir.size',
  `select greatest(reltuples, pg_relation_size(oid) / 1500)::float8 as rows from pg_class
   where oid = (select tableoid from resource where type >= $1 and type <= $1 limit 1)`,
);

interface Size {
  readonly rows: number;
  readonly at: number;
}

const sizes = new WeakMap<Buffer, Map<number, Size>>();

/** Rows of the partition in which a type stands; 0 when nobody knows. */
export async function sizeOf(unit: UnitOfWork, type: number): Promise<number> {
  const { cursorKey } = fhirOf(unit);
  const known = sizes.get(cursorKey) ?? new Map<number, Size>();
  sizes.set(cursorKey, known);
  const at = unit.now.getTime();
  const last = known.get(type);
  if (last && Math.abs(at - last.at) < KEPT_MS) return last.rows;
  const found = await unit.db.maybe<{ rows: number }>(SIZE, [type]);
  const size = { rows: found?.rows ?? 0, at };
  known.set(type, size);
  return size.rows;
}
