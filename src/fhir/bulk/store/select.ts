/**
 * Reads all resources of a type that an actor may see, in large portions, by keyset: what views and
 * exports walk over. Stored resources come as one text of lines for each portion (PostgreSQL joins
 * them), so that a million of them cost no million rows; projected ones follow.
 *
 * Every portion passes the reach of the actor, in SQL. A caller that needs one instant gives a unit
 * of work whose database is a snapshot.
 */

import { escapeLiteral } from 'pg';
import type { UnitOfWork } from '../../../app.ts';
import { idKey, statement } from '../../../sdk/index.ts';
import { hash64 } from '../../definitions/hash.ts';
import { conditionOf, reachConditions } from '../../search/conditions.ts';
import { parseSearch } from '../../search/parse.ts';
import { Values } from '../../search/parts.ts';
import { type Source, sourcesOf } from '../../search/source.ts';
import { fhirOf } from '../../types.ts';

/** Which resources of a type. */
export interface Selection {
  readonly type: string;
  /** Changed at or after. */
  readonly since?: Date | undefined;
  /** Only what stands in the compartments of these Patients (ids), or of any. */
  readonly patients?: readonly string[] | 'all' | undefined;
  /** Searches, any of which a resource must meet. */
  readonly filters?: readonly URLSearchParams[] | undefined;
  /** Resources in one portion. */
  readonly portion: number;
}

/** Resources as JSON, a line each, and how many. */
export interface Portion {
  readonly lines: string;
  readonly count: number;
}

/** Rows of rooms at once, and people that one search of them names. */
const PROJECTED_PAGE = 500;
const PEOPLE_AT_ONCE = 200;

/** The keys of the search parameters that lead a type into the compartment of a Patient. */
function compartmentCodes(unit: UnitOfWork, type: string): readonly string[] {
  return fhirOf(unit).definitions.compartment('Patient')!.parameters.get(type) ?? [];
}

/**
 * All resources of the selection.
 *
 * @throws Problem forbidden when the type may not be read; invalid for a filter that is no search
 */
export async function* selectResources(
  unit: UnitOfWork,
  selection: Selection,
): AsyncGenerator<Portion> {
  yield* stored(unit, selection);
  yield* selectProjected(unit, selection);
}

/** Those that rooms show. */
export async function* selectProjected(
  unit: UnitOfWork,
  selection: Selection,
): AsyncGenerator<Portion> {
  if (fhirOf(unit).projected.has(selection.type)) yield* projected(unit, selection);
}

/**
 * Those that are stored, as bytes: a line each, in no order, as PostgreSQL sends them. Content holds
 * no control characters, so that none of it is quoted.
 */
export function copyStored(unit: UnitOfWork, selection: Selection): AsyncIterable<Buffer> {
  const values = new Values();
  const { text, list } = values.bind(
    `select r.content from resource r where ${conditions(unit, selection, values)}`,
  );
  // COPY takes no parameters; the placeholders carry their types.
  const whole = text.replace(/\$(\d+)/g, (_, at: string) =>
    escapeLiteral(textOf(list[Number(at) - 1])),
  );
  return unit.db.copyOut(
    `copy (${whole}) to stdout with (format csv, delimiter E'\\x02', quote E'\\x01')`,
  );
}

/** A value as PostgreSQL reads it from a text. */
function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (!Array.isArray(value)) return String(value);
  return `{${value.map((each) => `"${textOf(each).replace(/[\\"]/g, '\\$&')}"`).join(',')}}`;
}

async function* stored(unit: UnitOfWork, selection: Selection): AsyncGenerator<Portion> {
  let after = -1n;
  for (;;) {
    const values = new Values();
    const where = conditions(unit, selection, values);
    const { text, list } = values.bind(
      `select string_agg(content, E'\\n' order by rid) as lines, count(*)::int as count, max(rid) as last
       from (select r.rid, r.content from resource r
             where ${where} and r.rid > ${values.add(after, 'bigint')}
             order by r.rid limit ${values.add(selection.portion, 'int')}) x`,
    );
    const name = `fhir.select-${(hash64(text) & 0xffffffffffffn).toString(36)}`;
    const row = await unit.db.one<{ lines: string | null; count: number; last: bigint | null }>(
      statement(name, text),
      list,
    );
    if (row.lines === null || row.last === null) return;
    yield { lines: row.lines, count: row.count };
    if (row.count < selection.portion) return;
    after = row.last;
  }
}

function conditions(unit: UnitOfWork, selection: Selection, values: Values): string {
  const { definitions } = fhirOf(unit);
  const { type, since, patients, filters } = selection;
  const tests = [
    `r.type = ${definitions.typeNumber(type)}`,
    'not r.deleted',
    ...reachConditions(unit, type, values),
  ];
  if (since) tests.push(`r.lu >= ${values.add(since, 'timestamptz')}`);
  if (patients) tests.push(compartmentTest(unit, type, patients, values));
  if (filters?.length) {
    const any = filters.map((query) => {
      const { terms } = parseSearch(definitions, [type], query, false);
      return ['true', ...terms.map((term) => conditionOf(unit, type, term, values).test)].join(
        ' and ',
      );
    });
    tests.push(`(${any.map((each) => `(${each})`).join(' or ')})`);
  }
  return tests.join(' and ');
}

function compartmentTest(
  unit: UnitOfWork,
  type: string,
  patients: readonly string[] | 'all',
  values: Values,
): string {
  const { definitions } = fhirOf(unit);
  const keys = patients === 'all' ? undefined : values.add(patients.map(idKey), 'uuid[]');
  const tests: string[] = [];
  if (type === 'Patient') tests.push(keys ? `r.id = any(${keys})` : 'true');
  const params = compartmentCodes(unit, type).flatMap(
    (code) => definitions.searchParameter(type, code)?.key ?? [],
  );
  if (params.length > 0 && tests[0] !== 'true') {
    const target = keys ? `f.target = any(${keys}) and ` : '';
    tests.push(`r.rid in (select f.rid from ref f where ${target}
      f.type = ${definitions.typeNumber('Patient')} and f.param = any(${values.add(params, 'int[]')}))`);
  }
  return tests.length > 0 ? `(${tests.join(' or ')})` : 'false';
}

async function* projected(unit: UnitOfWork, selection: Selection): AsyncGenerator<Portion> {
  const seen = new Set<string>();
  for (const query of projectedQueries(unit, selection)) {
    const search = parseSearch(fhirOf(unit).definitions, [selection.type], query, false);
    // The first source is the store, which has been read.
    for (const [at, source] of sourcesOf(unit, search).slice(1).entries()) {
      for await (const page of pagesOf(source, at + 1)) {
        const fresh = page.filter((each) => !seen.has(each.id));
        for (const each of fresh) seen.add(each.id);
        if (fresh.length > 0) {
          yield { lines: fresh.map((each) => each.content).join('\n'), count: fresh.length };
        }
      }
    }
  }
}

async function* pagesOf(
  source: Source,
  at: number,
): AsyncGenerator<{ id: string; content: string }[]> {
  let key: bigint | undefined;
  for (;;) {
    const cursor =
      key === undefined ? undefined : ({ source: at, sort: [], key, direction: 'next' } as const);
    const page = await source.fetch(cursor, false, PROJECTED_PAGE);
    if (page.length > 0) yield page;
    if (page.length < PROJECTED_PAGE) return;
    key = page.at(-1)!.key;
  }
}

/** The searches that together find what the selection asks for among the rows of rooms. */
function projectedQueries(unit: UnitOfWork, selection: Selection): URLSearchParams[] {
  const { type, since, patients, filters } = selection;
  const base = filters?.length ? filters : [new URLSearchParams()];
  const queries = base.map((query) => {
    const whole = new URLSearchParams(query);
    if (since) whole.append('_lastUpdated', `ge${since.toISOString()}`);
    return whole;
  });
  if (!patients || patients === 'all') {
    return patients && compartmentCodes(unit, type).length === 0 ? [] : queries;
  }
  const codes = servedCodes(unit, type);
  return queries.flatMap((query) =>
    codes.flatMap((code) =>
      portionsOf(patients).map((ids) => {
        const whole = new URLSearchParams(query);
        whole.append(code, ids.map((id) => `Patient/${id}`).join(','));
        return whole;
      }),
    ),
  );
}

/** Compartment parameters that some room serves for the type. */
function servedCodes(unit: UnitOfWork, type: string): string[] {
  const { definitions, projected: rooms } = fhirOf(unit);
  const keyOf = (code: string): number | undefined => definitions.searchParameter(type, code)?.key;
  const wanted = new Set(compartmentCodes(unit, type).map(keyOf));
  const served = (rooms.get(type) ?? []).flatMap((binding) =>
    Object.entries(binding.search)
      .filter(([, each]) => each.type === 'reference' && each.target === 'Patient')
      .map(([code]) => code),
  );
  return [...new Set(served)].filter((code) => wanted.has(keyOf(code)));
}

function portionsOf(ids: readonly string[]): string[][] {
  const portions: string[][] = [];
  for (let at = 0; at < ids.length; at += PEOPLE_AT_ONCE) {
    portions.push(ids.slice(at, at + PEOPLE_AT_ONCE));
  }
  return portions;
}
