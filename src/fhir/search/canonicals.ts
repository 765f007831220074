/**
 * Canonicals in includes: `_include=QuestionnaireResponse:questionnaire` leads to a definition by its
 * url, with its version where one is written.
 *
 * Spec: https://hl7.org/fhir/R4/references.html#canonical
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { hashedKey, statement } from '../../sdk/index.ts';
import { valueHash } from '../definitions/hash.ts';
import { publishedOf } from '../published.ts';
import { idOf, parseContent, writeContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import type { Found } from './found.ts';
import { inReach } from './reach.ts';

type Named = Resource & { readonly url?: unknown; readonly version?: unknown };

/** The canonicals of a resource that stand in index rows under one of the hashes. */
export function canonicalsIn(value: unknown, hashes: ReadonlySet<string>): string[] {
  if (typeof value === 'string') {
    return value.includes(':') && hashes.has(hashedKey(value)) ? [value] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((each) => canonicalsIn(each, hashes));
}

/** What a definition is called by: its url, and that with its version. */
export function canonicalsOf(content: string): string[] {
  const { url, version } = parseContent(content) as Named;
  if (typeof url !== 'string') return [];
  return typeof version === 'string' ? [url, `${url}|${version}`] : [url];
}

const BY_URL = statement(
  'fhir.by-url',
  `select r.rid, r.content from resource r
   where r.type = $1 and not r.deleted
     and r.rid in (select t.rid from tok t where t.hash = any($2::bigint[]))`,
);

/** Definitions of a type, stored or published, that are called by one of the canonicals. */
export async function definitionsBy(
  unit: UnitOfWork,
  type: string,
  canonicals: readonly string[],
): Promise<Found[]> {
  const house = fhirOf(unit);
  const info = house.definitions.searchParameter(type, 'url');
  if (!info || canonicals.length === 0) return [];
  const wanted = new Set(canonicals);
  const isWanted = (content: string): boolean =>
    canonicalsOf(content).some((each) => wanted.has(each));
  const urls = canonicals.map((each) => valueHash(info.key, each.split('|')[0]!));
  const rows = await unit.db.query<{ rid: bigint; content: string }>(BY_URL, [
    house.definitions.typeNumber(type),
    urls,
  ]);
  const seen = await inReach(
    unit,
    type,
    rows.map((row) => row.rid),
  );
  const stored = rows
    .filter((row) => seen.has(row.rid) && isWanted(row.content))
    .map(({ rid, content }) => found(type, idOf(content), rid, content));
  const ids = new Set(stored.map((each) => each.id));
  const published = publishedOf(house, type)
    .filter((each) => !ids.has(each.id!) && isWanted(JSON.stringify(each)))
    .map((each) => found(type, each.id!, -1n, writeContent(each, each.id!, 1, house.started)));
  return [...stored, ...published];
}

function found(type: string, id: string, key: bigint, content: string): Found {
  return { type, id, key, sort: [], content, source: 0 };
}
