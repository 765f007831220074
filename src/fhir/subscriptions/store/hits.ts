/**
 * Which of some written resources meet which of some criteria: one statement, a part for each
 * criterion, so that PostgreSQL plans each as a look-up of few rows.
 */

import type { UnitOfWork } from '../../../app.ts';
import { bucketOf, columns, idKey } from '../../../sdk/index.ts';
import type { Values } from '../../search/parts.ts';
import { fhirOf } from '../../types.ts';

/** A resource that was written. */
export interface Written {
  readonly id: string;
  readonly version: number;
  readonly action: 'create' | 'update';
  readonly cause: string;
}

/** Criteria as tests of a row `r`. */
export interface Candidate {
  readonly criterion: number;
  readonly tests: readonly string[];
}

/** A written resource that meets a criterion. */
export interface Hit extends Written {
  readonly rid: bigint;
  readonly criterion: number;
}

/** The written resources that meet each of the criteria and still stand as they were written. */
export async function hitsOf(
  unit: UnitOfWork,
  type: string,
  candidates: readonly Candidate[],
  written: readonly Written[],
  values: Values,
): Promise<Hit[]> {
  const number = fhirOf(unit).definitions.typeNumber(type);
  const keys = written.map((each) => idKey(each.id));
  const rows = written.map((each, at) => ({
    ...each,
    key: keys[at]!,
    bucket: bucketOf(keys[at]!),
  }));
  const [key, bucket, version] = columns(rows, ['key', 'bucket', 'version']);
  const standing = `select r.rid, w.n from unnest(
      ${values.add(key, 'uuid[]')}, ${values.add(bucket, 'smallint[]')},
      ${values.add(version, 'int[]')}) with ordinality w(id, bucket, ver, n)
    join resource r on r.type = ${number} and r.id = w.id and r.bucket = w.bucket and r.ver = w.ver
    where not r.deleted`;
  const parts = candidates.map(({ criterion, tests }) => {
    const all = [`r.type = ${number}`, 'r.bucket = (s.rid & 63)', ...tests].join(' and ');
    return `select ${criterion} as criterion, s.n, s.rid from standing s
      join resource r on r.rid = s.rid where ${all}`;
  });
  const { text, list } = values.bind(
    `with standing as materialized (${standing}) ${parts.join(' union all ')} order by n`,
  );
  const found = await unit.db.query<{ criterion: number; n: bigint; rid: bigint }>(text, list);
  return found.map(({ criterion, n, rid }) => ({ ...written[Number(n) - 1]!, rid, criterion }));
}
