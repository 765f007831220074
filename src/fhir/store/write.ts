/**
 * Writes a batch of resources in the open unit of work: validated, guarded, indexed, with history,
 * typed facts, trail and events; all or nothing.
 *
 * Order: permissions and validation → locks → earlier versions (row locks) → guards → references →
 * rows in one statement each for creations and changes → fact tables of the rooms → trail, events.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import {
  bucketOf,
  idKey,
  inOrder,
  inPlace,
  Problem,
  problem,
  type ResourceWrite,
  resourceWritten,
} from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import type { Definitions, IndexRows } from '../definitions/definitions.ts';
import { ROWS_MAX } from '../definitions/rows.ts';
import { refuseMasked } from '../disclosure.ts';
import { isNoneMatch } from '../interactions/respond.ts';
import { checkWritten, inReach } from '../search/reach.ts';
import { type Validation, validationOf } from '../stored-definitions.ts';
import { fhirOf, type PlannedWrite, type StoredRow, type Written } from '../types.ts';
import { compress } from './compress.ts';
import { parseContent, writeContent } from './content.ts';
import { COPY_MIN, copyRows } from './copy-rows.ts';
import { foreseen } from './foreseen.ts';
import { idLock, locksOf, takeLocks } from './locks.ts';
import { loadRows } from './read.ts';
import { checkNamed, checkReferences, checkUnreferenced } from './references.ts';
import { difference, NO_ROWS, type RowChange, withTurns } from './row-change.ts';
import { insertRows, updateRows } from './rows.ts';
import { explainViolation } from './violations.ts';

/** A plan with what stood before. */
interface Prepared {
  readonly plan: PlannedWrite;
  readonly before: StoredRow | undefined;
  readonly previous: Resource | undefined;
  readonly action: ResourceWrite['action'];
  readonly version: number;
}

/** Options of a write. */
export interface WriteOptions {
  /** The locks of these plans are already held (a bundle took them before its conditions). */
  readonly locked?: boolean;
}

/**
 * Writes resources. A delete of what is not there is left out of the answer.
 *
 * @throws Problem from validation, guards, preconditions and references, naming the place
 */
export async function writeResources(
  unit: UnitOfWork,
  plans: readonly PlannedWrite[],
  options: WriteOptions = {},
): Promise<Written[]> {
  await fhirOf(unit).parameters.refresh();
  for (const plan of plans) authorize(unit, plan.action, plan.type);
  const sentIn = plans.flatMap((plan) => plan.resource ?? []);
  const validation = await validationOf(unit, sentIn);
  for (const { resource, place } of plans) {
    if (!resource) continue;
    refuseMasked(resource, place);
    const { definitions } = fhirOf(unit);
    if (validation === definitions && foreseen(definitions, resource)) continue;
    validate(validation, resource, place);
  }
  // What follows is sent behind the locks, and so waits for them in the database.
  const locked = options.locked ? undefined : takeLocks(unit, plannedLocks(plans));
  const written = writePlans(unit, plans);
  await inOrder([locked ?? written, written]);
  return written;
}

async function writePlans(unit: UnitOfWork, plans: readonly PlannedWrite[]): Promise<Written[]> {
  const sent = await prepare(unit, plans);
  await checkNamed(unit, sent);
  await guard(unit, sent);
  const prepared = await redacted(unit, sent);
  const written = await writeRows(unit, prepared);
  await checkWritten(unit, written);
  for (const each of written) leaveTrace(unit, each);
  return written;
}

/**
 * The locks that a batch of plans takes. The id of a creation is ours and new, or not drawn yet: it
 * needs none, and a lock on its absence would make all creations wait for each other.
 */
export function plannedLocks(plans: readonly PlannedWrite[]): bigint[] {
  return plans.flatMap((plan) => [
    ...(plan.action === 'create' || !plan.id ? [] : [idLock(plan.type, plan.id)]),
    ...(plan.resource ? locksOf(plan.resource) : []),
  ]);
}

/** Refuses a resource that breaks FHIR or a profile that it declares. */
export function validate(validation: Validation, resource: Resource, place?: string): void {
  const issues = validation
    .validate(resource)
    .filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
  if (issues.length === 0) return;
  const found = new Problem(issues, { status: 422 });
  throw place ? found.within(place) : found;
}

async function prepare(unit: UnitOfWork, plans: readonly PlannedWrite[]): Promise<Prepared[]> {
  const rows = new Map<string, Map<string, StoredRow>>();
  const hidden = new Set<string>();
  const byType = Map.groupBy(plans, (plan) => plan.type);
  for (const type of [...byType.keys()].sort()) {
    // Ids of creations have just been drawn: nothing can stand under them.
    const ids = byType.get(type)!.flatMap((plan) => (plan.action === 'create' ? [] : plan.id));
    const found = await loadRows(unit, type, ids, true);
    for (const id of await hiddenOf(unit, type, found)) hidden.add(`${type}/${id}`);
    rows.set(type, found);
  }
  return plans.flatMap((plan) => {
    const isHidden = hidden.has(`${plan.type}/${plan.id}`);
    if (isHidden && plan.action !== 'delete') throw unknownHere(plan);
    const before = isHidden ? undefined : rows.get(plan.type)?.get(plan.id);
    const live = before && !before.deleted ? before : undefined;
    checkPreconditions(plan, live);
    if (plan.action === 'delete' && !live) return [];
    return [
      {
        plan,
        before,
        previous: live && parseContent(live.content),
        action: plan.action === 'delete' ? 'delete' : live ? 'update' : 'create',
        version: (before?.ver ?? 0) + 1,
      } as const,
    ];
  });
}

/** Ids of what stands beyond the actor's reach: it is not there for it, and cannot be written. */
async function hiddenOf(
  unit: UnitOfWork,
  type: string,
  found: ReadonlyMap<string, StoredRow>,
): Promise<string[]> {
  const live = [...found.values()].filter((row) => !row.deleted);
  const seen = await inReach(
    unit,
    type,
    live.map((row) => row.rid),
    'write',
  );
  return live.filter((row) => !seen.has(row.rid)).map((row) => row.id);
}

function unknownHere({ type, id, place }: PlannedWrite): Problem {
  return problem('not-found', 'resource-unknown', `There is no ${type}/${id}.`, place);
}

function checkPreconditions(plan: PlannedWrite, live: StoredRow | undefined): void {
  if (plan.onlyNew && live) {
    throw problem(
      'duplicate',
      'id-taken',
      `Nothing matches the condition, yet ${plan.type}/${plan.id} exists; leave the id out.`,
      plan.place ?? `${plan.type}.id`,
    );
  }
  if (plan.ifMatch !== undefined && String(live?.ver) !== plan.ifMatch) {
    const present = live ? `is now version ${live.ver}` : 'does not exist';
    throw problem(
      'precondition-failed',
      'version-changed',
      `If-Match asks for version ${plan.ifMatch} of ${plan.type}/${plan.id}, which ${present}; ` +
        'read it again and repeat the change.',
      plan.place,
    );
  }
  if (plan.ifNoneMatch !== undefined && live && isNoneMatch(plan.ifNoneMatch, live.ver)) {
    throw problem(
      'precondition-failed',
      'resource-exists',
      `${plan.type}/${plan.id} exists already as version ${live.ver}, which If-None-Match excludes.`,
      plan.place,
    );
  }
}

async function guard(unit: UnitOfWork, prepared: readonly Prepared[]): Promise<void> {
  const { guards } = fhirOf(unit);
  const byType = Map.groupBy(prepared, (each) => each.plan.type);
  for (const [type, group] of byType) {
    for (const each of guards.get(type) ?? []) {
      await each.check(
        unit,
        group.map((item) => asWrite(item, item.before?.rid ?? 0n)),
      );
    }
  }
}

/** What is stored of what was sent, where a room keeps parts of it elsewhere. */
async function redacted(unit: UnitOfWork, sent: readonly Prepared[]): Promise<readonly Prepared[]> {
  const { stored } = fhirOf(unit);
  const bindings = [...new Set(sent.map((each) => each.plan.type))].flatMap((type) =>
    (stored.get(type) ?? []).filter((each) => each.redact),
  );
  let result = sent;
  for (const { type, redact } of bindings) {
    const group = result.filter((each) => each.plan.type === type);
    const kept = await redact!(
      unit,
      group.map((item) => asWrite(item, item.before?.rid ?? 0n)),
    );
    result = result.map((each) => {
      const at = group.indexOf(each);
      return at < 0 ? each : { ...each, plan: { ...each.plan, resource: kept[at] } };
    });
  }
  return result;
}

function asWrite(item: Prepared, rid: bigint): ResourceWrite {
  const { plan, previous, action, version } = item;
  return {
    action,
    type: plan.type,
    id: plan.id,
    rid,
    version,
    ...(plan.place && { place: plan.place }),
    resource: plan.resource && { ...plan.resource, id: plan.id },
    previous,
  };
}

async function writeRows(unit: UnitOfWork, prepared: readonly Prepared[]): Promise<Written[]> {
  const changes = prepared.map((each) => rowChange(unit, each));
  await checkReferences(
    unit,
    prepared.map((each) => each.plan),
    changes,
  );
  await checkUnreferenced(
    unit,
    prepared.filter((each) => each.action === 'delete').map((each) => each.plan),
  );
  const saved = saveRows(unit, changes);
  // The typed facts of what has its internal id already are sent behind the rows.
  const known = changes.every((each) => each.rid !== 0n);
  const rids = known ? changes.map((each) => each.rid) : await saved;
  await inOrder([saved, projectFacts(unit, prepared, rids)]);
  return prepared.map((each, at) => ({
    action: each.action,
    type: each.plan.type,
    id: each.plan.id,
    rid: rids[at]!,
    version: each.version,
    lastUpdated: unit.now,
    content: changes[at]!.content,
  }));
}

/** Writes changes and creations, a statement each; answers the rids in their order. */
async function saveRows(unit: UnitOfWork, changes: readonly RowChange[]): Promise<bigint[]> {
  const updates = changes.filter((each) => each.rid !== 0n);
  const inserts = changes.filter((each) => each.rid === 0n);
  const updated = updates.length > 0 && updateRows(unit.now, updates);
  const change = updated ? unit.db.run(updated.statement, updated.values) : Promise.resolve(0);
  const creation = insertAll(unit, inserts);
  await inOrder([change, creation]);
  const rids = await creation;
  let next = 0;
  return changes.map((each) => (each.rid === 0n ? rids[next++]! : each.rid));
}

async function insertAll(unit: UnitOfWork, inserts: readonly RowChange[]): Promise<bigint[]> {
  if (inserts.length >= COPY_MIN) return copyRows(unit.db, unit.now, inserts);
  if (inserts.length === 0) return [];
  const inserted = insertRows(unit.now, inserts);
  const rows = await unit.db.query<{ rid: bigint }>(inserted.statement, inserted.values);
  return rows.map((row) => row.rid);
}

function rowChange(unit: UnitOfWork, each: Prepared): RowChange {
  const { definitions } = fhirOf(unit);
  const { plan, before, previous, version } = each;
  const key = idKey(plan.id);
  const resource = plan.resource ?? ({ resourceType: plan.type } as Resource);
  const after = plan.resource ? rowsOf(definitions, plan, plan.resource) : NO_ROWS;
  const earlier = previous ? definitions.extract(previous) : NO_ROWS;
  return {
    type: definitions.typeNumber(plan.type),
    bucket: bucketOf(key),
    key,
    rid: before?.rid ?? 0n,
    version,
    deleted: plan.action === 'delete',
    content: writeContent(resource, plan.id, version, unit.now),
    tk: after.tk,
    ...withTurns(difference(earlier, after)),
    ...(before && {
      old: { content: compress(before.content), version: before.ver, lu: before.lu },
    }),
    method: before?.deleted ? 3 : before?.ver === 1 ? 1 : 2,
  };
}

/** @throws Problem when there are more than `ROWS_MAX`, naming the place */
function rowsOf(
  definitions: Definitions,
  { id, place }: PlannedWrite,
  resource: Resource,
): IndexRows {
  return inPlace(
    place,
    () => foreseen(definitions, resource) ?? definitions.extract({ ...resource, id }, ROWS_MAX),
  );
}

async function projectFacts(
  unit: UnitOfWork,
  prepared: readonly Prepared[],
  rids: readonly bigint[],
): Promise<void> {
  const { stored } = fhirOf(unit);
  const writes = prepared.map((each, at) => asWrite(each, rids[at]!));
  const byType = Map.groupBy(writes, (write) => write.type);
  // Areas and people before the groups that point to them.
  const order = ['Organization', 'Location', 'Patient', 'Group', 'InsurancePlan', 'Coverage'];
  const rank = (type: string): number => (order.includes(type) ? order.indexOf(type) : 99);
  const types = [...byType.keys()].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const type of types) {
    for (const binding of stored.get(type) ?? []) {
      if (!binding.project) continue;
      const places = new Map(
        prepared.map((each) => [`${each.plan.type}/${each.plan.id}`, each.plan.place]),
      );
      await explainViolation(() => binding.project!(unit, byType.get(type)!), places);
    }
  }
}

function leaveTrace(unit: UnitOfWork, each: Written): void {
  const { action, type, id, version } = each;
  unit.audit({
    action: action === 'create' ? 'C' : action === 'update' ? 'U' : 'D',
    interaction: action,
    type,
    id,
    version,
  });
  unit.emit(resourceWritten, { type, id, rid: each.rid.toString(), version, action });
}
