/**
 * Snapshots of profiles that come with a differential only: the base's elements, changed by what
 * the profile says.
 *
 * Only what validation and documentation read is made: elements in no particular order but parents
 * before children, with ids; texts and mappings of the base stay. Shorthands are read (`valueString`
 * for `value[x]`), data types are entered where a profile says something about their parts.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html#snapshot
 */

import type { ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import { choiceKey } from './schema.ts';
import { equal, TYPE_SUFFIXES } from './values.ts';

/** A profile speaks of an element that its base does not have, or its base is not known. */
export class SnapshotFault extends Error {
  /** Place in the differential; -1 for the whole. */
  readonly at: number;

  constructor(says: string, at = -1) {
    super(says);
    this.name = 'SnapshotFault';
    this.at = at;
  }
}

type Find = (url: string) => StructureDefinition | undefined;

/** Profiles upon profiles upon profiles: no honest chain is longer. */
const CHAIN_MAX = 12;

/**
 * A definition with its snapshot; one that has it is given back as it is.
 *
 * @throws SnapshotFault when the base is not known or lacks an element
 */
export function withSnapshot(
  definition: StructureDefinition,
  find: Find,
  depth = 0,
): StructureDefinition {
  if (definition.snapshot?.element?.length) return definition;
  const url = definition.baseDefinition?.split('|')[0];
  const base = url && depth < CHAIN_MAX ? find(url) : undefined;
  if (!base) throw new SnapshotFault(`the base ${url ?? '(none)'} is not known here`);
  const whole = withSnapshot(base, find, depth + 1);
  const elements = new Elements(whole.snapshot!.element!, find);
  for (const [at, change] of (definition.differential?.element ?? []).entries()) {
    elements.apply(change, at);
  }
  return { ...definition, snapshot: { element: elements.list } };
}

class Elements {
  readonly list: ElementDefinition[];
  readonly #byId = new Map<string, ElementDefinition>();
  readonly #find: Find;

  constructor(base: readonly ElementDefinition[], find: Find) {
    this.#find = find;
    this.list = [];
    for (const element of base) this.#add({ ...element });
  }

  apply(change: ElementDefinition, at: number): void {
    const id = change.id ?? idOf(change);
    const target = this.#ensure(id);
    if (!target) throw new SnapshotFault(`the base has no element ${id}`, at);
    if (change.path && !samePath(target.path!, change.path)) {
      throw new SnapshotFault(`the path ${change.path} is not that of ${target.path}`, at);
    }
    const fixed = refixed(target, change);
    if (fixed)
      throw new SnapshotFault(`${id} is fixed to ${JSON.stringify(fixed)} by the base`, at);
    merge(target, change);
    if (target.sliceName) this.#sliced(target);
  }

  #add(element: ElementDefinition): void {
    this.list.push(element);
    this.#byId.set(element.id ?? element.path!, element);
  }

  /** The element of an id, made from what is above it where it is not there yet. */
  #ensure(id: string): ElementDefinition | undefined {
    const known = this.#byId.get(id);
    if (known) return known;
    const dot = id.lastIndexOf('.');
    if (dot < 0) return undefined;
    const parent = this.#ensure(id.slice(0, dot));
    if (!parent) return undefined;
    const last = id.slice(dot + 1);
    const colon = last.indexOf(':');
    if (colon >= 0)
      return this.#slice(`${parent.id}.${last.slice(0, colon)}`, last.slice(colon + 1));
    const found = this.#child(parent, last);
    if (found) return found;
    this.#unfold(parent);
    return this.#child(parent, last);
  }

  /** A child by name, or the choice of which the name is one form. */
  #child(parent: ElementDefinition, name: string): ElementDefinition | undefined {
    const own = this.#byId.get(`${parent.id}.${name}`);
    if (own) return own;
    const prefix = `${parent.id}.`;
    for (const [id, element] of this.#byId) {
      if (!id.startsWith(prefix) || !id.endsWith('[x]') || id.includes('.', prefix.length))
        continue;
      const short = id.slice(prefix.length, -3);
      const type = element.type?.find(({ code }) => choiceKey(short, code ?? '') === name);
      if (!type) continue;
      element.type = [type];
      return element;
    }
    return undefined;
  }

  /** A new slice: a copy of what it slices. */
  #slice(slicedId: string, name: string): ElementDefinition | undefined {
    const sliced = this.#ensure(slicedId);
    if (!sliced) return undefined;
    sliced.slicing ??= usualSlicing(sliced);
    const { slicing: _slicing, ...rest } = sliced;
    const made: ElementDefinition = { ...rest, id: `${slicedId}:${name}`, sliceName: name, min: 0 };
    this.#add(made);
    return made;
  }

  /** What a slice's name says of a choice: `valueQuantity` is a Quantity. */
  #sliced(slice: ElementDefinition): void {
    const path = slice.path ?? '';
    if (!path.endsWith('[x]')) return;
    const short = path.slice(path.lastIndexOf('.') + 1, -3);
    const type = slice.type?.find(({ code }) => choiceKey(short, code ?? '') === slice.sliceName);
    if (type) slice.type = [type];
  }

  /** Gives an element the children of what it slices, refers to, or is a type of. */
  #unfold(parent: ElementDefinition): void {
    const id = parent.id!;
    for (const sliced of slicedBy(id)) if (this.#copy(this.list, sliced, parent)) return;
    const referred = parent.contentReference;
    if (referred && this.#copy(this.list, referred.slice(referred.indexOf('#') + 1), parent))
      return;
    const [type] = parent.type ?? [];
    if (!type?.code) return;
    const profile = type.profile?.[0];
    const definition = this.#find(
      profile?.split('|')[0] ?? `http://hl7.org/fhir/StructureDefinition/${type.code}`,
    );
    if (!definition) return;
    const elements = withSnapshot(definition, this.#find, 1).snapshot!.element!;
    this.#copy(elements, elements[0]!.id ?? elements[0]!.path!, parent);
  }

  #copy(from: readonly ElementDefinition[], above: string, to: ElementDefinition): boolean {
    const prefix = `${above}.`;
    const below = from.filter(({ id, path }) => (id ?? path ?? '').startsWith(prefix));
    for (const element of below) {
      const id = to.id + (element.id ?? element.path!).slice(above.length);
      if (this.#byId.has(id)) continue;
      const path = to.path + element.path!.slice(above.replace(/:[^.]*/g, '').length);
      this.#add({ ...element, id, path });
    }
    return below.length > 0;
  }
}

/** What a slice is a slice of, the nearest first: `a:b/c` of `a:b`, then of `a`. */
function slicedBy(id: string): string[] {
  const last = id.slice(id.lastIndexOf('.') + 1);
  if (!last.includes(':')) return [];
  const above = id.slice(0, Math.max(id.lastIndexOf('/'), id.lastIndexOf(':')));
  return [above, ...slicedBy(above)];
}

/** The id of an element that gives none: its path, and its slice. */
function idOf({ path = '', sliceName }: ElementDefinition): string {
  return sliceName ? `${path}:${sliceName}` : path;
}

function usualSlicing({ path = '' }: ElementDefinition): NonNullable<ElementDefinition['slicing']> {
  const type = path.endsWith('[x]') ? 'type' : 'value';
  const where = path.endsWith('[x]') ? '$this' : 'url';
  return { discriminator: [{ type, path: where }], rules: 'open' };
}

/** Whether a path names an element, by itself or by one form of its choices. */
function samePath(path: string, said: string): boolean {
  const [own, other] = [path.split('.'), said.split('.')];
  return (
    own.length === other.length &&
    own.every((step, at) => {
      if (step === other[at]) return true;
      const short = step.slice(0, -3);
      return (
        step.endsWith('[x]') &&
        other[at]!.startsWith(short) &&
        TYPE_SUFFIXES.has(other[at]!.slice(short.length))
      );
    })
  );
}

/** What the base fixes, where a change fixes something else. */
function refixed(target: ElementDefinition, change: ElementDefinition): unknown {
  for (const [key, value] of Object.entries(change)) {
    const before = target[key as keyof ElementDefinition];
    if (/^fixed[A-Z]/.test(key) && before !== undefined && !equal(before, value)) return before;
  }
  return undefined;
}

const IDENTITY = new Set(['id', 'path', 'sliceName', 'constraint', 'slicing', 'extension']);

function merge(target: ElementDefinition, change: ElementDefinition): void {
  const into = target as unknown as Record<string, unknown>;
  for (const [key, value] of Object.entries(change)) if (!IDENTITY.has(key)) into[key] = value;
  if (change.slicing) target.slicing = { ...target.slicing, ...change.slicing };
  if (!change.constraint) return;
  const keys = new Set(change.constraint.map(({ key }) => key));
  const kept = (target.constraint ?? []).filter(({ key }) => !keys.has(key));
  target.constraint = [...kept, ...change.constraint];
}
