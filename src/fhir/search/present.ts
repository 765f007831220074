/**
 * Of many types, those of which something is stored: a search over the whole system asks only them.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, statement } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';
import type { Search } from './parse.ts';
import { unescaped } from './text-values.ts';

const OF_IDS = statement(
  'fhir.types-of-ids',
  'select distinct r.type from resource r where r.id = any($1::uuid[]) and not r.deleted',
);

// One after the other: as a join, PostgreSQL reads every resource. A range of one type, because it is
// taken for few rows, for which an index is asked, where equality may be taken for many.
const STORED = statement(
  'fhir.types-stored',
  `select n as type from unnest($1::smallint[]) n
   cross join lateral (select from resource r where r.type >= n and r.type <= n limit 1) r`,
);

/** Types that a search over several may find stored resources of. */
export async function typesPresent(
  unit: UnitOfWork,
  { types, terms }: Search,
): Promise<ReadonlySet<string>> {
  const { definitions } = fhirOf(unit);
  const ids = terms.find((term) => term.kind === 'id');
  const rows = ids
    ? await unit.db.query<{ type: number }>(OF_IDS, [ids.values.map((id) => idKey(unescaped(id)))])
    : await unit.db.query<{ type: number }>(STORED, [types.map(definitions.typeNumber)]);
  return new Set(rows.map((row) => definitions.typeOfNumber(row.type)!));
}
