/**
 * What an actor reaches of resources that are known by their ids: those that it reads, and those
 * that it writes. Searches are narrowed inside their SQL, where counts and pages are right
 * (`conditions.ts`, `narrow.ts`).
 */

import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import type { Act } from '../authorize.ts';
import { reachConditions } from './conditions.ts';
import { isLimited } from './narrow.ts';
import { Values } from './parts.ts';

/**
 * Of stored resources of a type, those that the actor may see. Asks the database only for an actor
 * who is limited.
 */
export async function inReach(
  unit: UnitOfWork,
  type: string,
  rids: readonly bigint[],
  act: Act = 'read',
): Promise<ReadonlySet<bigint>> {
  if (rids.length === 0 || !isLimited(unit, type)) return new Set(rids);
  const values = new Values();
  const tests = reachConditions(unit, type, values, act);
  if (tests.length === 0) return new Set(rids);
  const { text, list } = values.bind(
    `select r.rid from resource r where r.rid = any(${values.add(rids, 'bigint[]')})
     and ${tests.join(' and ')}`,
  );
  const rows = await unit.db.query<{ rid: bigint }>(text, list);
  return new Set(rows.map((row) => row.rid));
}

/**
 * Refuses writes beyond the actor's reach: what stands after them must be in reach, or the actor
 * could place people where nobody asked, and lose sight of them.
 *
 * @throws Problem forbidden, naming the resource and the remedy
 */
export async function checkWritten(
  unit: UnitOfWork,
  written: readonly {
    readonly action: string;
    readonly type: string;
    readonly id: string;
    readonly rid: bigint;
  }[],
): Promise<void> {
  if (!isLimited(unit)) return;
  const standing = written.filter((each) => each.action !== 'delete');
  for (const [type, group] of Map.groupBy(standing, (each) => each.type)) {
    const seen = await inReach(
      unit,
      type,
      group.map((each) => each.rid),
      'write',
    );
    const beyond = group.find((each) => !seen.has(each.rid));
    if (beyond) throw beyondReach(type, beyond.id);
  }
}

function beyondReach(type: string, id: string) {
  return problem(
    'forbidden',
    'beyond-reach',
    `${type}/${id} would not be in the areas and schemes that you are limited to; people are ` +
      'registered together with their household, in one transaction.',
  );
}
