/**
 * `_include` and `_revinclude`: resources that the matches of a page refer to, or that refer to
 * them; each once; `:iterate` to a fixed point with a cap that is said.
 */

import type { UnitOfWork } from '../../app.ts';
import { hashedKey, idKey, statement } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { readProjectedMany } from '../projection.ts';
import { idOf, parseContent } from '../store/content.ts';
import { loadRowsByRid } from '../store/read.ts';
import { fhirOf } from '../types.ts';
import { canonicalsIn, canonicalsOf, definitionsBy } from './canonicals.ts';
import { shownReferrers } from './include-shown.ts';
import type { Include } from './parse.ts';
import { inReach } from './reach.ts';
import type { Found } from './source.ts';

/** Included resources of one page at most. */
export const INCLUDED_MAX = 5000;
const ROUNDS_MAX = 10;

/** What was included, and whether the cap cut it short. */
export interface Included {
  readonly found: readonly Found[];
  readonly cut: boolean;
}

/** Finds what a page's matches include. */
export async function includesOf(
  unit: UnitOfWork,
  matches: readonly Found[],
  includes: readonly Include[],
): Promise<Included> {
  const seen = new Set(matches.map((each) => `${each.type}/${each.id}`));
  const all: Found[] = [];
  let fresh: readonly Found[] = matches;
  for (let round = 0; round < ROUNDS_MAX && fresh.length > 0; round += 1) {
    const wanted = includes.filter((each) => round === 0 || each.iterate);
    const next: Found[] = [];
    for (const include of wanted) {
      const found = include.reverse
        ? await referrers(unit, fresh, include)
        : await referred(unit, fresh, include);
      for (const each of found) {
        const name = `${each.type}/${each.id}`;
        if (seen.has(name) || !mayRead(unit, each.type)) continue;
        if (all.length >= INCLUDED_MAX) return { found: all, cut: true };
        seen.add(name);
        all.push(each);
        next.push(each);
      }
    }
    fresh = next;
  }
  // A round that was still finding when the rounds were over may have left something out.
  const open = fresh.length > 0 && includes.some((each) => each.iterate);
  return { found: all, cut: open };
}

async function referred(
  unit: UnitOfWork,
  from: readonly Found[],
  include: Include,
): Promise<Found[]> {
  const { definitions } = fhirOf(unit);
  const wanted = new Map<string, Set<string>>();
  const found: Found[] = [];
  for (const each of from) {
    if (include.source !== '*' && include.source !== each.type) continue;
    const info = definitions.searchParameter(each.type, include.code);
    const resource = parseContent(each.content);
    const rows = definitions.extract(resource).ref;
    if (info?.canonical) {
      const own = rows.filter((row) => row.type === 0 && row.param === info.key);
      const names = canonicalsIn(resource, new Set(own.map((row) => row.target)));
      for (const type of include.target ? [include.target] : info.targets) {
        if (names.length > 0 && mayRead(unit, type)) {
          found.push(...(await definitionsBy(unit, type, names)));
        }
      }
    }
    for (const row of rows) {
      const type = definitions.typeOfNumber(row.type);
      if (!type || (include.code !== '*' && row.param !== info?.key)) continue;
      if (include.code === '*' ? !mayBe(include, type) : !info?.targets.includes(type)) continue;
      if (include.target && include.target !== type) continue;
      const keys = wanted.get(type) ?? new Set();
      wanted.set(type, keys.add(row.target));
    }
  }
  for (const [type, keys] of wanted) found.push(...(await byKeys(unit, type, [...keys])));
  return found;
}

/** What `*` brings along may be limited to types. */
function mayBe(include: Include, type: string): boolean {
  return include.only === undefined || include.only.includes(type);
}

const BY_KEY = statement(
  'fhir.by-key',
  `select r.rid, r.content from resource r
   where r.type = $1 and r.id = any($2::uuid[]) and not r.deleted`,
);

async function byKeys(unit: UnitOfWork, type: string, keys: readonly string[]): Promise<Found[]> {
  const rows = await unit.db.query<{ rid: bigint; content: string }>(BY_KEY, [
    fhirOf(unit).definitions.typeNumber(type),
    keys,
  ]);
  if (!mayRead(unit, type)) return [];
  const projected = await readProjectedMany(unit, type, keys);
  const seen = await inReach(
    unit,
    type,
    rows.map((row) => row.rid),
  );
  return [
    ...rows
      .filter((row) => seen.has(row.rid))
      .map((row) => asFound(type, idOf(row.content), row.rid, row.content)),
    ...projected.map((each) => asFound(type, each.id, each.key, each.content)),
  ];
}

const REFERRERS = statement(
  'fhir.referrers',
  `select distinct f.rid, r.type from ref f
   join resource r on r.rid = f.rid and r.bucket = f.bucket and not r.deleted
   where f.target = any($1::uuid[]) and f.type = any($2::smallint[])
     and ($3::int[] is null or f.param = any($3)) limit $4`,
);

async function referrers(
  unit: UnitOfWork,
  to: readonly Found[],
  include: Include,
): Promise<Found[]> {
  const { definitions } = fhirOf(unit);
  const all = include.code === '*';
  const parameters = all
    ? []
    : definitions.searchParameters(include.source).filter((each) => each.code === include.code);
  const targets = to.filter((each) => {
    if (include.target && include.target !== each.type) return false;
    return all || parameters.some((parameter) => parameter.targets.includes(each.type));
  });
  const types = [...new Set(targets.map((each) => definitions.typeNumber(each.type)))];
  const canonicals = parameters.some((each) => each.canonical)
    ? targets.flatMap((each) => canonicalsOf(each.content))
    : [];
  const rows = await unit.db.query<{ rid: bigint; type: number }>(REFERRERS, [
    [...targets.map((each) => idKey(each.id)), ...canonicals.map(hashedKey)],
    canonicals.length > 0 ? [0, ...types] : types,
    all ? null : parameters.map((each) => each.key),
    INCLUDED_MAX + 1,
  ]);
  const found: Found[] = [];
  for (const [number, group] of Map.groupBy(rows, (row) => row.type)) {
    const type = definitions.typeOfNumber(number)!;
    if (include.source !== '*' && include.source !== type) continue;
    if (all && !mayBe(include, type)) continue;
    const loaded = await loadRowsByRid(
      unit,
      type,
      group.map((row) => row.rid),
    );
    found.push(...loaded.map((row) => asFound(type, row.id, row.rid, row.content)));
  }
  found.push(...(await shownReferrers(unit, targets, include, INCLUDED_MAX + 1)));
  return found;
}

function asFound(type: string, id: string, key: bigint, content: string): Found {
  return { type, id, key, rid: key, sort: [], content, source: 0 };
}
