/**
 * Versions of resources that had been recorded by an instant, current and superseded, deleted ones
 * too: what a computation of that instant could know, so that it can be done again.
 *
 * Reach is not asked here: whoever computes with a version shows none of it.
 */

import type { UnitOfWork } from '../../app.ts';
import { type RecordedVersion, statement } from '../../sdk/index.ts';
import { fhirOf } from '../types.ts';
import { decompress } from './compress.ts';
import { idOf, parseContent } from './content.ts';
import { loadRows } from './read.ts';

const ROWS = `
  select rid, ver, lu, deleted, content, null::bytea as packed
  from unnest($1::bigint[]) x(wanted)
  join resource r on r.rid = x.wanted and r.bucket = (x.wanted & 63) and r.type = $2
  where r.lu <= $3::timestamptz
  union all
  select h.rid, h.ver, h.lu, h.method = 3, null, h.content
  from unnest($1::bigint[]) x(wanted)
  join history h on h.rid = x.wanted and h.bucket = (x.wanted & 63) and h.type = $2
  where h.lu <= $3::timestamptz`;

const ALL = statement('fhir.recorded', `${ROWS} order by rid, ver`);

const LATEST = statement(
  'fhir.recorded-latest',
  `select distinct on (rid) * from (${ROWS}) r order by rid, ver desc`,
);

interface Row {
  readonly rid: bigint;
  readonly ver: number;
  readonly lu: Date;
  readonly deleted: boolean;
  readonly content: string | null;
  readonly packed: Buffer | null;
}

/** See `FhirAccess.recorded`. */
export async function loadRecorded(
  unit: UnitOfWork,
  type: string,
  keys: readonly (string | bigint)[],
  until: Date,
  which: 'latest' | 'all',
): Promise<RecordedVersion[]> {
  const ids = keys.filter((key) => typeof key === 'string');
  const known = ids.length > 0 ? await loadRows(unit, type, ids) : new Map<string, Row>();
  const rids = new Set(keys.filter((key) => typeof key === 'bigint'));
  for (const { rid } of known.values()) rids.add(rid);
  if (rids.size === 0) return [];
  const number = fhirOf(unit).definitions.typeNumber(type);
  const rows = await unit.db.query<Row>(which === 'all' ? ALL : LATEST, [[...rids], number, until]);
  return rows.map(({ rid, ver, lu, deleted, content, packed }) => {
    const text = content ?? decompress(packed!);
    return {
      ...{ rid, version: ver, recordedAt: lu, id: idOf(text) },
      ...(!deleted && { resource: parseContent(text) }),
    };
  });
}
