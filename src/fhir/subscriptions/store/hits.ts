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

/** A written resource that still stands as it was written. */
export interface Standing extends Written {
  readonly rid: bigint;
  readonly content: string;
}

/** Of the written resources of a type, those that stand as they were written. */
export async function standingOf(
  unit: UnitOfWork,
  type: string,
  written: readonly Written[],
): Promise<Standing[]> {
  const number = fhirOf(unit).definitions.typeNumber(type);
  const keys = written.map((each) => idKey(each.id));
  const rows = await unit.db.query<{ n: bigint; rid: bigint; content: string }>(
    `select w.n, r.rid, r.content
     from unnest($1::uuid[], $2::smallint[], $3::int[]) with ordinality w(id, bucket, ver, n)
     join resource r on r.type = ${number} and r.id = w.id and r.bucket = w.bucket and r.ver = w.ver
     where not r.deleted order by w.n`,
    [keys, keys.map(bucketOf), written.map((each) => each.version)],
  );
  return rows.map(({ n, rid, content }) => ({ ...written[Number(n) - 1]!, rid, content }));
}

/** Criteria as tests of a row `r`. */
export interface Candidate {
  readonly criterion: number;
  readonly tests: readonly string[];
}

/** A written resource that meets a criterion. */
export interface Hit extends Standing {
  readonly criterion: number;
}

/** The resources that meet each of the criteria. */
export async function hitsOf(
  unit: UnitOfWork,
  type: string,
  candidates: readonly Candidate[],
  standing: readonly Standing[],
  values: Values,
): Promise<Hit[]> {
  const number = fhirOf(unit).definitions.typeNumber(type);
  const [rid, version] = columns(standing, ['rid', 'version']);
  const rids = values.add(rid, 'bigint[]');
  const versions = values.add(version, 'int[]');
  const parts = candidates.map(({ criterion, tests }) => {
    const all = [`r.type = ${number}`, 'r.bucket = (s.rid & 63)', 'r.ver = s.ver', ...tests];
    return `select ${criterion} as criterion, s.n from standing s
      join resource r on r.rid = s.rid where ${all.join(' and ')}`;
  });
  const { text, list } = values.bind(
    `with standing as materialized (
       select * from unnest(${rids}, ${versions}) with ordinality u(rid, ver, n))
     ${parts.join(' union all ')} order by n`,
  );
  const found = await unit.db.query<{ criterion: number; n: bigint }>(text, list);
  return found.map(({ criterion, n }) => ({ ...standing[Number(n) - 1]!, criterion }));
}
