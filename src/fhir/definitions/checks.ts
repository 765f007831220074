/**
 * The compiled form of a type: what its JSON object may hold, as values that check themselves.
 *
 * One `ObjectCheck` stands for a resource type, a data type or a backbone element; it walks the
 * properties that are there and then asks for those that must be. Valid input builds nothing.
 * What is compiled from what is in `compile.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/json.html
 */

import { PRIMITIVES, type Primitive } from './primitives.ts';
import { DEPTH_MAX, isObject, type Json, kindOf, type Run, shown } from './run.ts';

/** Checks one value that has the right JSON kind already; reports what is wrong. */
export type ValueCheck = (value: unknown, run: Run) => void;

/** A rule over a whole object: true when it holds. */
export interface Rule {
  readonly key: string;
  readonly human: string;
  readonly holds: (value: Json, run: Run) => boolean;
}

/** A property of a JSON object. */
export interface Property {
  /** JSON name, e.g. `valueQuantity`, `_birthDate`. */
  readonly key: string;
  /** Name in paths, e.g. `value`, `birthDate`. */
  readonly name: string;
  readonly array: boolean;
  readonly max: number;
  /** Of primitives: the form. */
  readonly primitive: Primitive | undefined;
  /** Of objects: their check; asked for when first met, for types are recursive. */
  readonly object: ObjectCheck | undefined;
  /** Bindings, fixed values, reference targets. */
  readonly values: readonly ValueCheck[];
  /** Which choice of the type this is one form of; -1 when none. */
  readonly choice: number;
  /** True for `_birthDate`, the extensions of a primitive. */
  readonly sibling: boolean;
  /** Of `_given`: the key of the primitive, whose nulls it fills. */
  readonly partner: string;
}

/** A property that must be there. */
export interface Demand {
  readonly name: string;
  readonly min: number;
  /** Any of these keys will do. */
  readonly keys: readonly string[];
}

/** What `ObjectCheck.fill` is given. */
export interface ObjectParts {
  readonly properties: Map<string, Property>;
  readonly demands: readonly Demand[];
  readonly choices: readonly string[];
  readonly rules: readonly Rule[];
}

export class ObjectCheck {
  /** `Patient`, `HumanName`, `Patient.contact`. */
  readonly name: string;
  readonly resource: boolean;
  #parts: ObjectParts | undefined;
  readonly #make: () => ObjectParts;

  constructor(name: string, resource: boolean, make: () => ObjectParts) {
    this.name = name;
    this.resource = resource;
    this.#make = make;
  }

  /** What the object may hold, compiled when first asked for. */
  protected parts(): ObjectParts {
    this.#parts ??= this.#make();
    return this.#parts;
  }

  /** Checks an object and all below it; the caller has pushed its name. */
  check(value: Json, run: Run): void {
    const parts = this.parts();
    let seen = 0;
    let content = 0;
    for (const key in value) {
      const property = parts.properties.get(key);
      if (property === undefined) {
        if (this.resource && key === 'resourceType') continue;
        this.#unknown(key, run);
        content++;
        continue;
      }
      if (key !== 'id') content++;
      if (property.choice >= 0) {
        const bit = 1 << property.choice;
        if ((seen & bit) !== 0) this.#secondChoice(property, parts, value, run);
        seen |= bit;
      }
      visit(property, value[key], value, run);
    }
    if (content === 0 && !this.resource) {
      run.error(
        'invariant',
        'empty-element',
        'The element is empty. Give it a value, or leave it out.',
      );
    }
    for (const demand of parts.demands) if (!met(demand, value)) demandUnmet(demand, value, run);
    if (run.tooDeep) return;
    for (const rule of parts.rules) if (!rule.holds(value, run)) ruleBroken(rule, run);
  }

  #unknown(key: string, run: Run): void {
    if (run.full) return;
    const known = [...(this.#parts?.properties.keys() ?? [])];
    const near = nearest(key, known);
    run.error(
      'structure',
      'unknown-element',
      `${this.name} has no element ${shown(key)}${near ? `; did you mean "${near}"?` : '.'}`,
      /^[A-Za-z_][A-Za-z0-9_]{0,40}$/.test(key) ? key : undefined,
    );
  }

  #secondChoice(property: Property, parts: ObjectParts, value: Json, run: Run): void {
    // `valueString` and `_valueString` are one value
    const forms = new Set<string>();
    for (const each of parts.properties.values()) {
      if (each.choice === property.choice && value[each.key] !== undefined) {
        forms.add(each.sibling ? each.partner : each.key);
      }
    }
    if (forms.size < 2) return;
    const name = parts.choices[property.choice];
    run.error(
      'structure',
      'second-choice',
      `${name}[x] may have one type only, but ${[...forms].join(' and ')} are given. Keep one.`,
      name,
    );
  }
}

function met(demand: Demand, value: Json): boolean {
  for (const key of demand.keys) {
    const found = value[key];
    if (found === undefined) continue;
    if (demand.min <= 1) return true;
    if (Array.isArray(found) && found.length >= demand.min) return true;
  }
  return false;
}

function demandUnmet(demand: Demand, value: Json, run: Run): void {
  const found = value[demand.keys[0]!];
  const count = Array.isArray(found) ? found.length : 0;
  run.error(
    'required',
    'missing-element',
    count === 0
      ? `${demand.name} is required. Add it.`
      : `${demand.name} is needed at least ${demand.min} times, but is given ${count} times.`,
    demand.name.replace('[x]', ''),
  );
}

/** Reports a broken rule at the current element. */
export function ruleBroken(rule: Rule, run: Run): void {
  run.error('invariant', rule.key, `Rule ${rule.key} is broken: ${rule.human}`);
}

/** Checks what stands under one property of an object. */
export function visit(property: Property, value: unknown, owner: Json, run: Run): void {
  run.push(property.name);
  if (!property.array) {
    one(property, value, run);
  } else if (!Array.isArray(value)) {
    run.error(
      'structure',
      'not-an-array',
      `${property.key} repeats, so JSON wants an array, but this is ${kindOf(value)}. Put it in [ ].`,
    );
  } else {
    list(property, value, owner, run);
  }
  run.pop();
}

function list(property: Property, values: readonly unknown[], owner: Json, run: Run): void {
  if (values.length === 0) {
    run.error('structure', 'empty-array', 'An array must not be empty. Leave the property out.');
  }
  if (values.length > property.max) {
    run.error(
      'structure',
      'too-many',
      `${property.name} may stand at most ${property.max} times, but is given ${values.length} times.`,
    );
  }
  const at = run.depth - 1;
  for (let index = 0; index < values.length; index++) {
    run.indexes[at] = index;
    const value = values[index];
    if (value === null && property.partner !== '') nullPaired(property, index, owner, run);
    else one(property, value, run);
    if (run.full) break;
  }
  run.indexes[at] = -1;
}

/** A null stands only where the other array of the pair has something. */
function nullPaired(property: Property, index: number, owner: Json, run: Run): void {
  const partner = owner[property.partner];
  if (Array.isArray(partner) && partner[index] !== null && partner[index] !== undefined) return;
  run.error(
    'structure',
    'null-value',
    `null stands only where ${property.partner} has an extension at the same place.`,
  );
}

function one(property: Property, value: unknown, run: Run): void {
  const primitive = property.primitive;
  if (primitive !== undefined) {
    if (!primitive.is(value)) {
      badPrimitive(primitive, value, run);
      return;
    }
  } else if (!isObject(value)) {
    notObject(value, run);
    return;
  } else if (run.depth >= DEPTH_MAX) {
    tooDeep(run);
    return;
  } else {
    property.object!.check(value, run);
  }
  const checks = property.values;
  for (let at = 0; at < checks.length; at++) checks[at]!(value, run);
}

function badPrimitive(primitive: Primitive, value: unknown, run: Run): void {
  const kind = typeof value === primitive.json ? shown(value) : kindOf(value);
  const quoted =
    typeof value === 'string' && primitive.json !== 'string' ? `the text ${shown(value)}` : kind;
  const said = value === '' ? 'empty text' : quoted;
  run.error(
    typeof value === primitive.json ? 'value' : 'structure',
    value === '' ? 'empty-value' : 'bad-format',
    `This is ${said}, but must be ${primitive.wants}.`,
  );
}

function notObject(value: unknown, run: Run): void {
  const what = value === null ? 'null' : kindOf(value);
  run.error('structure', 'not-an-object', `This is ${what}, but must be an object { }.`);
}

function tooDeep(run: Run): void {
  run.tooDeep = true;
  run.error(
    'structure',
    'too-deep',
    `Elements are nested more than ${DEPTH_MAX} levels deep. Flatten the resource.`,
  );
}

/** The known name closest to a misspelt one, within two changes; undefined when none is near. */
export function nearest(wrong: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.min(3, wrong.length);
  for (const name of known) {
    if (name.startsWith('_') !== wrong.startsWith('_')) continue;
    const distance = edits(wrong.toLowerCase(), name.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

function edits(a: string, b: string, max: number): number {
  if (Math.abs(a.length - b.length) >= max) return max;
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** The form of a primitive type; undefined for a complex one. */
export function primitiveOf(type: string): Primitive | undefined {
  return Object.hasOwn(PRIMITIVES, type) ? PRIMITIVES[type] : undefined;
}
