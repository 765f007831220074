/**
 * Taking a merge back when others came after it: the later ones that touched the same resources are
 * taken back first, the latest before, then the merge itself; then the later ones are done again from
 * what stands. So the order in which merges are taken back does not matter. Pure.
 *
 * What people changed meanwhile stays as they left it, and is told.
 */

import type { Coverage, Patient } from '@medplum/fhirtypes';
import { isLiveEnrolment, planGroupMerge } from './group-plan.ts';
import { endedEnrolment } from './household.ts';
import type { Merged } from './living.ts';
import { type Body, difference, MADE, type Patch, type Step, same, undo } from './patch.ts';
import { planMerge, type World } from './plan.ts';

/** A merge with the patches that undo it, by `Type/id`. */
export interface Layer {
  readonly type: Merged;
  /** Id of the merge. */
  readonly id: string;
  /** Rises with each merge. */
  readonly order: number;
  readonly source: string;
  readonly target: string;
  /** The day on which it was done. */
  readonly day: string;
  readonly result: Patient | undefined;
  readonly patches: ReadonlyMap<string, Patch>;
}

/** What is left as it stands, because it was changed after the merge. */
export interface Left {
  readonly key: string;
  readonly path: string;
}

export interface Replayed {
  /** Every touched resource as it is to stand. */
  readonly world: World;
  readonly left: readonly Left[];
  /** New patches of the later merges, in the order in which they were given. */
  readonly later: readonly ReadonlyMap<string, Patch>[];
}

/**
 * Of later merges (oldest first), those that meet these, or one that does: merges of one person, and
 * merges of people and of households that touched the same resource.
 */
export function meeting<L extends Layer>(own: readonly Layer[], later: readonly L[]): L[] {
  const met: Layer[] = [...own];
  return later.filter((layer) => {
    const meets = met.some((each) => isMet(each, layer));
    if (meets) met.push(layer);
    return meets;
  });
}

/** Merges of other people in one household leave different rows of it, and do not meet. */
function isMet(one: Layer, other: Layer): boolean {
  const people = one.type === 'Patient' && other.type === 'Patient';
  return [...other.patches.keys()].some(
    (key) => one.patches.has(key) && (!people || key.startsWith('Patient/')),
  );
}

/** What stands while merges are taken off and laid on again. */
interface Table {
  readonly now: Map<string, Body>;
  /** Enrolments that a merge of households made, as they stood when it was taken off. */
  readonly made: Map<string, Body>;
  readonly today: string;
}

/**
 * @param world  every touched resource as it stands; what was deleted is absent
 * @param own  the merges that are taken back, oldest first
 * @param later  the merges that meet them, oldest first
 * @param today  `YYYY-MM-DD`
 */
export function replay(
  world: World,
  own: readonly Layer[],
  later: readonly Layer[],
  today: string,
): Replayed {
  const table = { now: new Map(world), made: new Map<string, Body>(), today };
  const left = new Map<Layer, Map<string, readonly Step[]>>();
  for (const layer of [...own, ...later].sort((one, other) => other.order - one.order)) {
    left.set(layer, undoLayer(table, layer));
  }
  const patches = later.map((layer) => redo(table, world, layer, left.get(layer)!));
  return {
    world: table.now,
    left: own.flatMap((layer) =>
      [...left.get(layer)!].flatMap(([key, steps]) => steps.map(({ path }) => ({ key, path }))),
    ),
    later: patches,
  };
}

/** Takes a merge off; answers what was left, by resource. */
function undoLayer({ now, made, today }: Table, { patches }: Layer): Map<string, readonly Step[]> {
  const left = new Map<string, readonly Step[]>();
  for (const [key, patch] of patches) {
    const body = now.get(key);
    if (!body) {
      left.set(key, [{ path: '' }]);
      continue;
    }
    if (patch.made) {
      made.set(key, body);
      if (isLiveEnrolment(body)) now.set(key, endedAgain(body, today));
      else left.set(key, [{ path: 'status' }]);
      continue;
    }
    const undone = undo(body, patch);
    now.set(key, undone.body);
    if (undone.left.length > 0) left.set(key, undone.left);
  }
  return left;
}

function endedAgain(body: Body, today: string): Body {
  return endedEnrolment(body as unknown as Coverage, today, 'error-corrected') as never;
}

/** Does a later merge again, on what stands without the earlier one. */
function redo(
  { now, made }: Table,
  current: World,
  layer: Layer,
  kept: ReadonlyMap<string, readonly Step[]>,
): ReadonlyMap<string, Patch> {
  const before = new Map(now);
  const key = `Patient/${layer.target}`;
  for (const [each, body] of planAgain(now, layer)) {
    const chosen = each === key ? asChosen(body, before, layer, layer.result) : body;
    const stood = layer.patches.get(each)?.made ? made.get(each) : undefined;
    now.set(each, stood ?? asLeft(chosen, current.get(each), kept.get(each) ?? []));
  }
  return new Map(
    [...now].flatMap(([each, body]) => {
      const stood = before.get(each);
      if (same(stood, body)) return [];
      const isMade = stood === undefined || layer.patches.get(each)?.made;
      return [[each, isMade ? MADE : difference(stood, body)] as const];
    }),
  );
}

function planAgain(now: World, { type, id, source, target, day }: Layer): World {
  return type === 'Group'
    ? planGroupMerge(now, { merge: id, source, target, today: day }).after
    : planMerge(now, { source, target, today: day }, undefined).after;
}

/** Fields that somebody decided on at the merge stay decided. */
function asChosen(body: Body, before: World, layer: Layer, result: Patient | undefined): Body {
  const patch = layer.patches.get(`Patient/${layer.target}`);
  const chosen: Record<string, unknown> = { ...body };
  for (const { path, at, to } of patch?.steps ?? []) {
    if (at !== undefined || Array.isArray(to)) continue;
    const its = before.get(`Patient/${layer.source}`)?.[path];
    if (result !== undefined || same(its, to)) {
      if (to === undefined) delete chosen[path];
      else chosen[path] = to;
    }
  }
  return chosen;
}

/** Elements that people changed after the merge stay as they changed them. */
function asLeft(body: Body, current: Body | undefined, steps: readonly Step[]): Body {
  if (!current || steps.length === 0) return body;
  const kept: Record<string, unknown> = { ...body };
  for (const { path } of steps) {
    if (current[path] === undefined) delete kept[path];
    else kept[path] = current[path];
  }
  return kept;
}
