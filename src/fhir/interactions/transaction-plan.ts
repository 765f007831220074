/**
 * What the entries of a transaction come to, once their conditions are resolved: which resource
 * each creates, changes, deletes or merely names.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#trules
 */

import type { UnitOfWork } from '../../app.ts';
import { inPlace, type Problem, problem } from '../../sdk/index.ts';
import type { FhirResponse, PlannedWrite, Written } from '../types.ts';
import type { Entry } from './bundle.ts';
import { type Condition, type Match, resolveConditions } from './conditions.ts';
import { authorizePatch, noneMatches, patchLocks, patchPlan, type WantedPatch } from './patch.ts';
import { versionOf } from './respond.ts';
import { checkedId, conditionalPlan, refusePart } from './write.ts';

export type Matches = ReadonlyMap<Condition, Match | undefined>;

/** An entry with what it comes to. */
export interface Step {
  readonly entry: Entry;
  plan?: PlannedWrite;
  /** Set when `ifNoneExist` found one. */
  match?: Match;
  /** Index of the entry whose resource this one shares. */
  sameAs?: number;
  written?: Written;
  response?: FhirResponse;
}

/**
 * Plans every entry.
 *
 * @throws Problem naming the entry that cannot be done, or the two that meet in one resource
 */
export async function planSteps(
  unit: UnitOfWork,
  steps: readonly Step[],
  matches: Matches,
): Promise<void> {
  for (const step of steps) planOne(unit, step, steps, matches);
  for (const step of steps) {
    if (!step.entry.patch) continue;
    step.plan = await patchPlan(unit, wantedPatch(step.entry, matches));
  }
  checkUnique(steps);
}

function planOne(unit: UnitOfWork, step: Step, steps: readonly Step[], matches: Matches): void {
  const { entry } = step;
  const { type, resource, place, condition } = entry;
  const match = condition && matches.get(condition);
  switch (entry.method) {
    case 'POST': {
      if (entry.operation) return;
      const twin = condition && steps.findIndex((other) => isTwin(other, step));
      if (twin !== undefined && twin >= 0 && twin < entry.index) step.sameAs = twin;
      else if (match) step.match = match;
      else step.plan = { action: 'create', type, id: unit.newId(), resource, place };
      return;
    }
    case 'PUT':
      inPlace(place, () => refusePart(resource!));
      step.plan = condition
        ? conditionalPlan(unit, type, resource!, match?.id, place)
        : { action: 'update', type, id: checkedId(entry.id!), resource, place };
      step.plan = {
        ...step.plan,
        ifMatch: versionOf(entry.request.headers['if-match']),
        ifNoneMatch: entry.request.headers['if-none-match'],
      };
      return;
    case 'DELETE': {
      const id = condition ? match?.id : entry.id;
      const ifMatch = versionOf(entry.request.headers['if-match']);
      if (id !== undefined) step.plan = { action: 'delete', type, id, place, ifMatch };
      return;
    }
    default:
  }
}

/** The locks of patches; of a conditional one, of what it selects before the locks are held. */
export async function locksOfPatches(
  unit: UnitOfWork,
  entries: readonly Entry[],
): Promise<bigint[]> {
  const patches = entries.filter((entry) => entry.patch);
  if (patches.length === 0) return [];
  const conditions = patches.flatMap((entry) => (entry.condition ? [entry.condition] : []));
  const matches = await resolveConditions(unit, conditions);
  const locks: bigint[] = [];
  for (const { type } of patches) authorizePatch(unit, type);
  for (const entry of patches) locks.push(...(await patchLocks(unit, wantedPatch(entry, matches))));
  return locks;
}

function wantedPatch(entry: Entry, matches: Matches): WantedPatch {
  const { type, condition, patch, place, request } = entry;
  const id = condition ? matches.get(condition)?.id : entry.id;
  if (id === undefined) throw noneMatches(type, place);
  const ifMatch = versionOf(request.headers['if-match']);
  return { type, id, patch: patch!, ifMatch, place };
}

/** Two creations under the same condition are one resource. */
function isTwin(other: Step, step: Step): boolean {
  const { condition, method, type } = other.entry;
  return (
    method === 'POST' &&
    type === step.entry.type &&
    condition?.query === step.entry.condition?.query &&
    other.entry.index < step.entry.index &&
    other.sameAs === undefined
  );
}

/** @throws Problem when two entries come to one resource and one of them changes it */
function checkUnique(steps: readonly Step[]): void {
  const seen = new Map<string, { place: string; action: string }>();
  for (const { entry, plan, match } of steps) {
    const id = plan?.id ?? match?.id;
    if (id === undefined) continue;
    const name = `${entry.type}/${id}`;
    const other = seen.get(name);
    const action = plan?.action ?? 'match';
    // A creation that finds what another entry changes only names it; what is deleted has no name.
    const meet = [other?.action, action];
    const harmless = meet.includes('match') && !meet.includes('delete');
    if (other && !harmless) throw twice(other.place, entry.place, name);
    if (!other || action !== 'match') seen.set(name, { place: entry.place, action });
  }
}

function twice(first: string, second: string, name: string): Problem {
  return problem(
    'invalid',
    'resource-twice',
    `${first} and ${second} both come to ${name}; send it once.`,
    second,
  );
}
