/**
 * Referential integrity: a reference to a resource of this server must lead to one that exists, in
 * the store, among the resources written with it, or in a room's typed tables; and what is
 * referred to cannot be deleted. REFERENTIAL_INTEGRITY says how far this goes: by default it binds
 * what our rooms act on; a document of another registry is kept although it refers to what only
 * that registry has.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { idKey, type Problem, parseReference, problem, statement } from '../../sdk/index.ts';
import { REFERENTIAL_INTEGRITY } from '../../settings.ts';
import { mayRead } from '../authorize.ts';
import { isProjected, readProjected } from '../projection.ts';
import { isLimited } from '../search/narrow.ts';
import { inReach } from '../search/reach.ts';
import { fhirOf, type PlannedWrite } from '../types.ts';
import { loadRow, loadRows } from './read.ts';
import type { RowChange } from './row-change.ts';

const MISSING = statement(
  'fhir.missing-targets',
  `select w.type, w.id as key from unnest($1::smallint[], $2::uuid[]) w(type, id)
   where not exists (select 1 from resource r
     where r.id = w.id and r.type = w.type and not r.deleted
       and r.bucket = (('x' || right(w.id::text, 2))::bit(8)::int & 63))`,
);

/** @throws Problem naming element and target of the first reference that leads nowhere */
export async function checkReferences(
  unit: UnitOfWork,
  plans: readonly PlannedWrite[],
  changes: readonly RowChange[],
): Promise<void> {
  const bound = boundPlans(unit, plans);
  const written = new Set(
    changes.filter((each) => !each.deleted).map((each) => `${each.type}/${each.key}`),
  );
  const gone = new Set(
    changes.filter((each) => each.deleted).map((each) => `${each.type}/${each.key}`),
  );
  const lost = await missingTargets(unit, bound, written, gone);
  if (lost.size > 0) await refuseUnlessProjected(unit, bound, lost);
}

/**
 * Of resources that are to be written together, those that refer to what neither stands here nor
 * is among them: what `checkReferences` would say of each.
 */
export async function unknownReferences(
  unit: UnitOfWork,
  plans: readonly PlannedWrite[],
): Promise<ReadonlyMap<PlannedWrite, Problem>> {
  const { definitions } = fhirOf(unit);
  const bound = boundPlans(unit, plans);
  const found = new Map<PlannedWrite, Problem>();
  if (bound.length === 0) return found;
  const written = new Set(
    plans.map(({ type, id }) => `${definitions.typeNumber(type)}/${idKey(id)}`),
  );
  const lost = await missingTargets(unit, bound, written, new Set());
  if (lost.size === 0) return found;
  for (const plan of bound) {
    const fault = await unknownIn(unit, plan, lost);
    if (fault) found.set(plan, fault);
  }
  return found;
}

/** The plans that REFERENTIAL_INTEGRITY binds. */
function boundPlans(unit: UnitOfWork, plans: readonly PlannedWrite[]): readonly PlannedWrite[] {
  const reach = unit.setting(REFERENTIAL_INTEGRITY);
  if (reach === 'off') return [];
  return reach === 'on' ? plans : plans.filter((plan) => isOfRoom(unit, plan));
}

/** Targets, as `type number/key`, that are neither stored nor written, or that go. */
async function missingTargets(
  unit: UnitOfWork,
  bound: readonly PlannedWrite[],
  written: ReadonlySet<string>,
  gone: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const wanted = new Map<string, { type: number; key: string }>();
  // Every reference counts, not only those that a search parameter reads: extensions name areas,
  // accounts and providers.
  for (const plan of bound) {
    for (const { type, id } of localReferences(unit, plan)) {
      const target = { type: fhirOf(unit).definitions.typeNumber(type), key: idKey(id) };
      const name = `${target.type}/${target.key}`;
      if (!written.has(name)) wanted.set(name, target);
    }
  }
  if (wanted.size === 0) return new Set();
  const list = [...wanted.values()];
  const missing = await unit.db.query<{ type: number; key: string }>(MISSING, [
    list.map((each) => each.type),
    list.map((each) => each.key),
  ]);
  const lost = new Set(missing.map((row) => `${row.type}/${row.key}`));
  for (const name of wanted.keys()) if (gone.has(name)) lost.add(name);
  return lost;
}

/** A write with what stood before it. */
interface Naming {
  readonly plan: PlannedWrite;
  readonly previous: Resource | undefined;
}

/**
 * What a limited actor newly names must be in its reach: it could otherwise ask by a reference
 * whether something is there, or take somebody else's people into a household of its own. What stood
 * there before may stay. To the actor it is as if nothing were there.
 *
 * @throws Problem as `checkReferences`
 */
export async function checkNamed(unit: UnitOfWork, writes: readonly Naming[]): Promise<void> {
  if (!isLimited(unit) || unit.setting(REFERENTIAL_INTEGRITY) === 'off') return;
  const fresh = writes.flatMap(({ plan, previous }) => {
    const named = new Set([...referencesOf(previous, plan.type)].map(({ reference }) => reference));
    if (unit.setting(REFERENTIAL_INTEGRITY) !== 'on' && !isOfRoom(unit, plan)) return [];
    return [...localReferences(unit, plan)]
      .filter((each) => !named.has(each.reference))
      .map((each) => ({ ...each, plan }));
  });
  for (const [type, group] of Map.groupBy(fresh, (each) => each.type)) {
    if (!mayRead(unit, type)) continue;
    const ids = [...new Set(group.map((each) => each.id))];
    const rows = [...(await loadRows(unit, type, ids)).values()].filter((row) => !row.deleted);
    const rids = rows.map((row) => row.rid);
    const seen = await inReach(unit, type, rids);
    const hidden = new Set(rows.filter((row) => !seen.has(row.rid)).map((row) => row.id));
    const beyond = group.find((each) => hidden.has(each.id));
    if (beyond) throw unknownReference(beyond.plan, beyond.path, beyond.reference);
  }
}

/** Types on which a room acts whatever they declare. */
const ROOM_TYPES = new Set(['Group', 'Coverage']);

function isOfRoom(unit: UnitOfWork, { type, resource }: PlannedWrite): boolean {
  if (ROOM_TYPES.has(type)) return true;
  const declared = resource?.meta?.profile ?? [];
  return (fhirOf(unit).stored.get(type) ?? []).some(
    (binding) => binding.profile !== undefined && declared.includes(binding.profile),
  );
}

async function refuseUnlessProjected(
  unit: UnitOfWork,
  plans: readonly PlannedWrite[],
  lost: ReadonlySet<string>,
): Promise<void> {
  for (const plan of plans) {
    const fault = await unknownIn(unit, plan, lost);
    if (fault) throw fault;
  }
}

/** The first reference of a plan that leads to what is lost and no room shows. */
async function unknownIn(
  unit: UnitOfWork,
  plan: PlannedWrite,
  lost: ReadonlySet<string>,
): Promise<Problem | undefined> {
  const { definitions } = fhirOf(unit);
  for (const { type, id, path, reference } of localReferences(unit, plan)) {
    const name = `${definitions.typeNumber(type)}/${idKey(id)}`;
    if (!lost.has(name) || (await isShown(unit, type, id))) continue;
    return unknownReference(plan, path, reference);
  }
  return undefined;
}

/** True when a room shows it: to the actor, if it is limited and may read the type. */
async function isShown(unit: UnitOfWork, type: string, id: string): Promise<boolean> {
  if (!isLimited(unit) || !mayRead(unit, type)) return isProjected(unit, type, id);
  return (await readProjected(unit, type, id)) !== undefined;
}

interface Local {
  readonly type: string;
  readonly id: string;
  readonly path: string;
  readonly reference: string;
}

/** The references of a plan that lead to resources of this server. */
function* localReferences(unit: UnitOfWork, { resource, type }: PlannedWrite): Generator<Local> {
  if (!resource) return;
  const { definitions, base } = fhirOf(unit);
  const own = `${base()}/`;
  for (const { path, reference } of referencesOf(resource, type)) {
    const text = reference.startsWith(own) ? reference.slice(own.length) : reference;
    const local = parseReference(text);
    if (local && definitions.isResourceType(local.type)) {
      yield { type: local.type, id: local.id, path, reference };
    }
  }
}

function unknownReference(plan: PlannedWrite, path: string, reference: string): Problem {
  const found = problem(
    'unprocessable-reference',
    'reference-unknown',
    `${reference} does not exist here; send it first, or in the same transaction.`,
    path,
  );
  return plan.place ? found.within(plan.place) : found;
}

/** Every literal reference in a resource with its FHIRPath. */
export function* referencesOf(
  value: unknown,
  path: string,
): Generator<{ path: string; reference: string }> {
  if (Array.isArray(value)) {
    for (const [index, each] of value.entries()) yield* referencesOf(each, `${path}[${index}]`);
  } else if (value !== null && typeof value === 'object') {
    for (const [name, each] of Object.entries(value)) {
      if (name === 'reference' && typeof each === 'string') {
        yield { path: `${path}.reference`, reference: each };
      } else yield* referencesOf(each, `${path}.${name}`);
    }
  }
}

const REFERRER = statement(
  'fhir.referrer',
  `select f.target as key, r.content from ref f
   join resource r on r.rid = f.rid and r.bucket = f.bucket and not r.deleted
   where f.target = any($1::uuid[]) and f.type = $2 and not (f.rid = any($3::bigint[])) limit 1`,
);

/** @throws Problem conflict naming one resource that refers to what is to be deleted */
export async function checkUnreferenced(
  unit: UnitOfWork,
  deletes: readonly PlannedWrite[],
): Promise<void> {
  if (deletes.length === 0 || unit.setting(REFERENTIAL_INTEGRITY) === 'off') return;
  const { definitions } = fhirOf(unit);
  const rids: bigint[] = [];
  for (const [type, plans] of Map.groupBy(deletes, (plan) => plan.type)) {
    const found = await unit.fhir.rids(
      type,
      plans.map((plan) => plan.id),
    );
    rids.push(...found.values());
  }
  for (const plan of deletes) {
    const row = await unit.db.maybe<{ content: string }>(REFERRER, [
      [idKey(plan.id)],
      definitions.typeNumber(plan.type),
      rids,
    ]);
    if (!row) continue;
    const [, type = '', id = ''] =
      /^\{"resourceType":"(\w+)","id":"([^"]+)"/.exec(row.content) ?? [];
    const seen = mayRead(unit, type) && (await loadRow(unit, type, id));
    throw problem(
      'conflict',
      'still-referenced',
      `${plan.type}/${plan.id} cannot be deleted: ` +
        (seen
          ? `${type}/${id} refers to it. Delete that first, or in the same transaction.`
          : 'what you may not see refers to it. Ask somebody who may.'),
      plan.place,
    );
  }
}
