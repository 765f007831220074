/**
 * Conditions of writes: a search that must find none, one, or not several. The locks of a condition
 * are taken before it is looked up (see `store/locks.ts`), so that the answer still holds when the
 * write is done.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#ccreate
 */

import type { Reference } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  inOrder,
  Problem,
  problem,
  type Statement,
  statement,
  structureDefinition,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { systemKey, valueHash } from '../definitions/hash.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { parseSearch, type Search } from '../search/parse.ts';
import { inReach } from '../search/reach.ts';
import { sourcesOf } from '../search/source.ts';
import { parseToken } from '../search/values.ts';
import { idOf } from '../store/content.ts';
import { criterionLock, identifierLock, takeLocks } from '../store/locks.ts';
import { fhirOf } from '../types.ts';

/** A condition of one write, understood. */
export interface Condition {
  readonly type: string;
  readonly query: string;
  readonly search: Search;
  /** Set when it is exactly `identifier=system|value`. */
  readonly identifier?: { readonly system: string | undefined; readonly value: string };
  readonly locks: readonly bigint[];
  readonly place?: string;
  /** True when none is created where none matches: then what is beyond reach is simply not there. */
  readonly onlySelects?: boolean;
  /**
   * True when the resource found is not changed: where one of several matches was replaced by another of
   * them, the one that remains is meant.
   */
  readonly followsReplaced?: boolean;
}

/**
 * Understands a condition. An empty one is refused: it would match everything.
 *
 * @throws Problem naming the parameter; forbidden when the caller may not search the type, or an
 *   element that is kept from it, for whether something matched would tell
 */
export function parseCondition(
  unit: UnitOfWork,
  type: string,
  text: string,
  place?: string,
  onlySelects = false,
): Condition {
  try {
    const query = text.replace(/^[^?]*\?/, '');
    const parameters = new URLSearchParams(query.replaceAll('+', '%2B'));
    const search = parseSearch(fhirOf(unit).definitions, [type], parameters, false);
    if (search.terms.length === 0) {
      throw problem('invalid', 'condition-empty', 'The condition has no search parameter.');
    }
    authorize(unit, 'search', type);
    for (const term of search.terms) {
      if (term.kind === 'parameter') refuseMaskedSearch(unit.actor, type, term.info);
    }
    return { type, query, search, place, onlySelects, ...criterion(type, search, query) };
  } catch (error) {
    throw error instanceof Problem && place ? at(error, place) : error;
  }
}

function at(error: Problem, place: string): Problem {
  const issues = error.issues.map((issue) => ({ ...issue, expression: place }));
  return new Problem(issues, { status: error.status });
}

function criterion(
  type: string,
  search: Search,
  query: string,
): Pick<Condition, 'identifier' | 'locks'> {
  const locks: bigint[] = [];
  let identifier: Condition['identifier'];
  for (const term of search.terms) {
    if (term.kind !== 'parameter' || term.info.code !== 'identifier' || term.modifier) continue;
    for (const text of term.values) {
      const { system, code } = parseToken(text, 'identifier');
      locks.push(identifierLock(type, code));
      if (search.terms.length === 1 && term.values.length === 1 && code) {
        identifier = { system, value: code };
      }
    }
  }
  // Writers lock the identifiers they write; other criteria are exact among equal conditions only.
  return locks.length > 0 ? { locks, identifier } : { locks: [criterionLock(type, query)] };
}

const byIdentifier = new Map<number, Statement>();

/**
 * Resources of a type by hashes of identifiers. Each look-up is fenced off, so that the plan that
 * is made while the tables are small is no scan when they have grown.
 */
function rowsByIdentifier(type: number): Statement {
  let found = byIdentifier.get(type);
  if (!found) {
    found = statement(
      `fhir.by-identifier-${type}`,
      `select h.hash, t.system, r.content, r.rid, r.ver, r.lu
       from unnest($1::bigint[]) h(hash)
       cross join lateral (select t.rid, t.bucket, t.system from tok t
         where t.hash = h.hash offset 0) t
       cross join lateral (select r.content, r.rid, r.ver, r.lu from resource r
         where r.rid = t.rid and r.bucket = t.bucket and r.type = ${type} and not r.deleted
         offset 0) r`,
    );
    byIdentifier.set(type, found);
  }
  return found;
}

/** What a condition found. */
export interface Match {
  readonly id: string;
  readonly rid: bigint;
  readonly version: number;
  readonly lastUpdated: Date;
  readonly content: string;
}

/**
 * Takes locks and resolves conditions by statements that are sent behind them, which PostgreSQL
 * begins when the locks are held: their snapshots show what the holders before have committed.
 *
 * @throws Problem as `resolveConditions`
 */
export async function resolveLocked(
  unit: UnitOfWork,
  locks: readonly bigint[],
  conditions: readonly Condition[],
): Promise<Map<Condition, Match | undefined>> {
  const held = takeLocks(unit, locks);
  const found = resolveConditions(unit, conditions);
  await inOrder([held, found]);
  return found;
}

/**
 * Resolves conditions: one look-up per type for those by identifier, a search each for others.
 *
 * @throws Problem multiple-matches (412) naming the condition that is not selective
 */
export async function resolveConditions(
  unit: UnitOfWork,
  conditions: readonly Condition[],
): Promise<Map<Condition, Match | undefined>> {
  const found = new Map<Condition, Match | undefined>();
  const simple = conditions.filter((each) => each.identifier);
  const byType = [...Map.groupBy(simple, (each) => each.type)];
  await inOrder(byType.map(([type, group]) => resolveIdentifiers(unit, type, group, found)));
  for (const condition of conditions) {
    if (!condition.identifier) found.set(condition, await resolveOther(unit, condition));
  }
  return found;
}

async function resolveIdentifiers(
  unit: UnitOfWork,
  type: string,
  conditions: readonly Condition[],
  found: Map<Condition, Match | undefined>,
): Promise<void> {
  const key = fhirOf(unit).definitions.searchParameter(type, 'identifier')!.key;
  const hashOf = (each: Condition): bigint => valueHash(key, each.identifier!.value);
  const rows = await unit.db.query<{
    hash: bigint;
    system: number;
    content: string;
    rid: bigint;
    ver: number;
    lu: Date;
  }>(rowsByIdentifier(fhirOf(unit).definitions.typeNumber(type)), [
    [...new Set(conditions.map(hashOf))],
  ]);
  const seen = await inReach(
    unit,
    type,
    rows.map((row) => row.rid),
    'search',
  );
  const byHash = Map.groupBy(rows, (row) => row.hash);
  for (const condition of conditions) {
    const { system } = condition.identifier!;
    const matching = (byHash.get(hashOf(condition)) ?? []).filter(
      (row) => system === undefined || row.system === systemKey(system),
    );
    const known = condition.onlySelects ? matching.filter((row) => seen.has(row.rid)) : matching;
    const distinct = [...new Map(known.map((row) => [row.rid, row])).values()];
    const meant =
      condition.followsReplaced && distinct.length > 1 ? withoutReplaced(distinct) : distinct;
    if (meant.length > 1) throw severalMatch(condition);
    const [row] = meant;
    if (row && !seen.has(row.rid)) throw matchBeyondReach(condition);
    found.set(
      condition,
      row && {
        id: idOf(row.content),
        rid: row.rid,
        version: row.ver,
        lastUpdated: row.lu,
        content: row.content,
      },
    );
  }
}

/** Those of several that were not replaced by another of them. */
function withoutReplaced<Row extends { readonly content: string }>(rows: readonly Row[]): Row[] {
  const ids = new Set(rows.map(({ content }) => idOf(content)));
  return rows.filter(({ content }) => !ids.has(replacementOf(content) ?? ''));
}

/** Id of the resource that stands for this one: by Patient.link, or by our extension of other types. */
function replacementOf(content: string): string | undefined {
  if (!content.includes('replaced-by')) return undefined;
  const { link, extension } = JSON.parse(content) as Replaceable;
  const other =
    link?.find(({ type }) => type === 'replaced-by')?.other ??
    extension?.find(({ url }) => url === REPLACED_BY)?.valueReference;
  return other?.reference?.split('/').at(-1);
}

const REPLACED_BY = structureDefinition('replaced-by');

interface Replaceable {
  readonly link?: readonly { readonly type?: string; readonly other?: Reference }[];
  readonly extension?: readonly { readonly url?: string; readonly valueReference?: Reference }[];
}

async function resolveOther(unit: UnitOfWork, condition: Condition): Promise<Match | undefined> {
  const [source] = sourcesOf(unit, condition.search);
  const rows = await source!.fetch(undefined, false, 2);
  if (rows.length > 1) throw severalMatch(condition);
  const [row] = rows;
  if (!row) return undefined;
  const meta = /"versionId":"(\d+)","lastUpdated":"([^"]+)"/.exec(row.content);
  return {
    id: row.id,
    rid: row.key,
    version: Number(meta?.[1]),
    lastUpdated: new Date(meta?.[2] ?? 0),
    content: row.content,
  };
}

/** Nothing is told but that it exists: a second one would be a duplicate. */
function matchBeyondReach(condition: Condition): Problem {
  return problem(
    'forbidden',
    'match-beyond-reach',
    `A ${condition.type} with this identifier is registered where you do not reach; ask somebody ` +
      'who does, and do not register it again.',
    condition.place ?? condition.type,
  );
}

function severalMatch(condition: Condition): Problem {
  return problem(
    'multiple-matches',
    'condition-ambiguous',
    `Several ${condition.type} match the condition; make it select one.`,
    condition.place ?? condition.type,
  );
}
