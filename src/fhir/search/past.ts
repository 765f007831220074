/**
 * Earlier versions within an actor's reach. A resource that follows the people it is about (an
 * Observation) may have been about somebody else before: an earlier version is seen by who reaches
 * the people that it named itself, as well as by the resource as it stands now. Types with rules of
 * their own (people, households, enrolments) and scopes with conditions are judged as they stand now.
 */

import type { UnitOfWork } from '../../app.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { followsPeople, limitsOf, storedLimits } from './narrow.ts';
import { Values } from './parts.ts';

interface Past {
  readonly type: string;
  readonly content: string;
}

/** Of versions of resources that the actor reaches, those that it may see. */
export async function pastInReach<Version extends Past>(
  unit: UnitOfWork,
  versions: readonly Version[],
): Promise<Version[]> {
  if (limitsOf(unit.actor).length === 0) return [...versions];
  const named = new Map<Version, readonly string[]>();
  for (const each of versions) {
    if (followsPeople(unit, each.type)) named.set(each, peopleOf(unit, each));
  }
  if (named.size === 0) return [...versions];
  const reached = await peopleInReach(unit, new Set([...named.values()].flat()));
  return versions.filter((each) => named.get(each)?.some((one) => reached.has(one)) ?? true);
}

/** People and households that a version is about, as `type/key`. */
function peopleOf(unit: UnitOfWork, { type, content }: Past): string[] {
  const { definitions } = fhirOf(unit);
  const codes = definitions.compartment('Patient')?.parameters.get(type) ?? [];
  const keys = new Set(codes.map((code) => definitions.searchParameter(type, code)?.key));
  return definitions
    .extract(parseContent(content))
    .ref.filter((row) => keys.has(row.param))
    .map((row) => `${row.type}/${row.target}`);
}

async function peopleInReach(
  unit: UnitOfWork,
  named: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { definitions } = fhirOf(unit);
  const reached = new Set<string>();
  for (const type of ['Patient', 'Group']) {
    const number = definitions.typeNumber(type);
    const own = [...named].filter((each) => each.startsWith(`${number}/`));
    if (own.length === 0) continue;
    const values = new Values();
    const ids = values.add(
      own.map((each) => each.slice(String(number).length + 1)),
      'uuid[]',
    );
    const tests = [`r.type = ${number}`, `r.id = any(${ids})`, 'not r.deleted'];
    tests.push(...storedLimits(unit, type, values));
    const { text, list } = values.bind(`select r.id from resource r where ${tests.join(' and ')}`);
    const rows = await unit.db.query<{ id: string }>(text, list);
    for (const { id } of rows) reached.add(`${number}/${id}`);
  }
  return reached;
}
