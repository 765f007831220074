/**
 * What a change did to a resource, element by element, so that it can be undone although other
 * elements have changed since: the elements of a list by their value, every other element as a whole.
 *
 * A resource that nobody has touched since returns exactly, down to the order of its keys, which is
 * kept with the patch. What stands otherwise than the change left it is no longer its own to undo:
 * that is told, not overwritten.
 */

/** A resource as JSON. */
export type Body = Readonly<Record<string, unknown>>;

/** One element that changed. `at` is its place in the list before (or, of a new one, after). */
export interface Step {
  readonly path: string;
  readonly at?: number;
  /** What stood before; absent when nothing did. */
  readonly from?: unknown;
  /** What stands after; absent when nothing does. */
  readonly to?: unknown;
}

/** What happened to a resource. */
export interface Patch {
  /** Keys of the resource before, in their order. */
  readonly keys: readonly string[];
  readonly steps: readonly Step[];
  /** The change made the resource; taken back, it ends. */
  readonly made?: true;
}

/** The patch of what a change made: taken back it ends, and is never deleted. */
export const MADE: Patch = { keys: [], steps: [], made: true };

/** Kept by the store, not by who writes. */
const KEPT_BY_STORE = new Set(['resourceType', 'id', 'meta']);

/** True when two values are written alike. */
export function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** What leads from one body to the other; meta is left out. */
export function difference(before: Body, after: Body): Patch {
  const keys = Object.keys(before);
  const all = new Set([...keys, ...Object.keys(after)]);
  const steps = [...all].flatMap((path): Step[] => {
    if (KEPT_BY_STORE.has(path) || same(before[path], after[path])) return [];
    const [from, to] = [before[path], after[path]];
    if (Array.isArray(from) && Array.isArray(to)) return listSteps(path, from, to);
    return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
  });
  return { keys, steps };
}

function listSteps(path: string, from: readonly unknown[], to: readonly unknown[]): Step[] {
  if (from.length === to.length) {
    return from.flatMap((each, at) =>
      same(each, to[at]) ? [] : [{ path, at, from: each, to: to[at] }],
    );
  }
  const gone = without(from, to).map(({ at, value }) => ({ path, at, from: value }));
  return [...gone, ...without(to, from).map(({ at, value }) => ({ path, at, to: value }))];
}

/** Elements of one list that the other lacks; of equal ones each counts. */
function without(list: readonly unknown[], other: readonly unknown[]) {
  const left = other.map((each) => JSON.stringify(each));
  return list.flatMap((value, at) => {
    const found = left.indexOf(JSON.stringify(value));
    if (found < 0) return [{ at, value }];
    left.splice(found, 1);
    return [];
  });
}

/** Reads a patch as it is kept; numbers keep their digits, so that they compare as they were written. */
export function readPatch(text: string): Patch {
  const exact = (_key: string, value: unknown, { source }: { source?: string }): unknown =>
    typeof value === 'number' && source !== undefined && source !== String(value)
      ? JSON.rawJSON(source)
      : value;
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as Patch;
}

/** What became of an undoing. */
export interface Undone {
  readonly body: Body;
  /** Steps that were left, because what they wrote has been changed since. */
  readonly left: readonly Step[];
}

/** Takes a patch back from a body that may have changed since. */
export function undo(current: Body, { keys, steps }: Patch): Undone {
  const body: Record<string, unknown> = { ...current };
  const left: Step[] = [];
  // What was added goes first, then what was there returns to its place, from the front.
  const order = [...steps].sort(
    (one, other) => rank(one) - rank(other) || (one.at ?? 0) - (other.at ?? 0),
  );
  for (const step of order) {
    const done = step.at === undefined ? undoWhole(body, step) : undoInList(body, step);
    if (!done) left.push(step);
  }
  return { body: inOrderOf(keys, body), left };
}

function rank({ from }: Step): number {
  return from === undefined ? 0 : 1;
}

function undoWhole(body: Record<string, unknown>, { path, from, to }: Step): boolean {
  if (same(body[path], from)) return true;
  if (!same(body[path], to)) {
    // A list that the change began, and somebody has added to since.
    if (from === undefined && Array.isArray(to) && Array.isArray(body[path])) {
      return undoList(body, path, to);
    }
    return false;
  }
  if (from === undefined) delete body[path];
  else body[path] = from;
  return true;
}

function undoList(body: Record<string, unknown>, path: string, added: readonly unknown[]): boolean {
  let whole = true;
  for (const [at, to] of added.entries()) whole = undoInList(body, { path, at, to }) && whole;
  return whole;
}

function undoInList(body: Record<string, unknown>, { path, at = 0, from, to }: Step): boolean {
  const list = Array.isArray(body[path]) ? [...body[path]] : [];
  const find = (value: unknown): number =>
    same(list[at], value) ? at : list.findIndex((each) => same(each, value));
  if (to === undefined) list.splice(Math.min(at, list.length), 0, from);
  else {
    const place = find(to);
    if (place < 0) return from === undefined ? true : find(from) >= 0;
    if (from === undefined) list.splice(place, 1);
    else list[place] = from;
  }
  if (list.length > 0) body[path] = list;
  else delete body[path];
  return true;
}

function inOrderOf(keys: readonly string[], body: Record<string, unknown>): Body {
  const known = keys.filter((key) => key in body);
  const added = Object.keys(body).filter((key) => !keys.includes(key));
  return Object.fromEntries([...known, ...added].map((key) => [key, body[key]]));
}
