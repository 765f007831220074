/**
 * Taking a merge back when others came after it: the later ones that touched the same resources are
 * taken back first, the latest before, then the merge itself; then the later ones are done again from
 * what stands. So the order in which merges are taken back does not matter. Pure.
 *
 * What people changed meanwhile stays as they left it, and is told.
 */

import type { Patient } from '@medplum/fhirtypes';
import { type Body, difference, type Patch, type Step, same, undo } from './patch.ts';
import { planMerge, type World } from './plan.ts';

/** A merge with the patches that undo it, by `Type/id`. */
export interface Layer {
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

/** Of later merges (oldest first), those that meet the merge, or one of them that does. */
export function meeting<L extends Layer>(merge: Layer, later: readonly L[]): L[] {
  const touched = new Set(merge.patches.keys());
  return later.filter(({ patches }) => {
    if (![...patches.keys()].some((key) => touched.has(key))) return false;
    for (const key of patches.keys()) touched.add(key);
    return true;
  });
}

/**
 * @param world  every touched resource as it stands; what was deleted is absent
 * @param later  the merges that meet it, oldest first
 */
export function replay(world: World, merge: Layer, later: readonly Layer[]): Replayed {
  const now = new Map(world);
  const kept = later.map(() => new Map<string, readonly Step[]>());
  for (const [index, layer] of [...later.entries()].reverse()) {
    undoLayer(now, layer, kept[index]!);
  }
  const own = new Map<string, readonly Step[]>();
  undoLayer(now, merge, own);
  const patches = later.map((layer, index) => redo(now, world, layer, kept[index]!));
  const left = [...own].flatMap(([key, steps]) => steps.map(({ path }) => ({ key, path })));
  return { world: now, left, later: patches };
}

function undoLayer(
  now: Map<string, Body>,
  { patches }: Layer,
  left: Map<string, readonly Step[]>,
): void {
  for (const [key, patch] of patches) {
    const body = now.get(key);
    if (!body) {
      left.set(key, [{ path: '' }]);
      continue;
    }
    const undone = undo(body, patch);
    now.set(key, undone.body);
    if (undone.left.length > 0) left.set(key, undone.left);
  }
}

/** Does a later merge again, on what stands without the earlier one. */
function redo(
  now: Map<string, Body>,
  current: World,
  layer: Layer,
  kept: ReadonlyMap<string, readonly Step[]>,
): ReadonlyMap<string, Patch> {
  const { source, target, day, result } = layer;
  const before = new Map(now);
  const { after } = planMerge(now, { source, target, today: day }, undefined);
  const key = `Patient/${target}`;
  for (const [each, body] of after) {
    const chosen = each === key ? asChosen(body, before, layer, result) : body;
    now.set(each, asLeft(chosen, current.get(each), kept.get(each) ?? []));
  }
  return new Map(
    [...now].flatMap(([each, body]) => {
      const stood = before.get(each)!;
      return same(stood, body) ? [] : [[each, difference(stood, body)] as const];
    }),
  );
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
