/**
 * An element that is open while XML is read, and what has been gathered in it so far.
 *
 * The one intricate thing is FHIR's repeating primitives: JSON has two lists, one of values and one
 * of ids and extensions, of the same length, with null where there is nothing.
 *
 * Spec: https://hl7.org/fhir/R4/json.html#primitive
 */

import type { Field, Shape } from './shapes.ts';

export class Frame {
  /** `wrapper` is an element that holds one resource, such as `contained`. */
  readonly kind: 'resource' | 'object' | 'primitive' | 'wrapper';
  readonly shape: Shape;
  /** Undefined for a resource. */
  readonly field: Field | undefined;
  /** Place in its list; -1 for an element that does not repeat. */
  readonly index: number;
  /** The properties so far; for a primitive its id and extensions. */
  readonly value: Record<string, unknown> = {};
  /** Of a primitive. */
  text: string | undefined;
  /** Place of the last child in the order of the type. */
  order = -1;
  /** Of a wrapper. */
  holds: unknown;
  readonly #counts = new Map<Field, number>();

  constructor(kind: Frame['kind'], shape: Shape, field?: Field, index = -1) {
    this.kind = kind;
    this.shape = shape;
    this.field = field;
    this.index = index;
  }

  has({ name }: Field): boolean {
    return Object.hasOwn(this.value, name) || Object.hasOwn(this.value, `_${name}`);
  }

  /** The place of the next occurrence of a repeating child. */
  next(field: Field): number {
    const count = this.#counts.get(field) ?? 0;
    this.#counts.set(field, count + 1);
    return count;
  }

  /** Takes a child that has closed. */
  take(child: Frame, value: unknown): void {
    const { field, index } = child;
    if (!field) this.holds = value;
    else if (child.kind === 'primitive') this.#takePrimitive(child, value);
    else this.#put(field.name, index, value);
  }

  #takePrimitive({ field, index, value: rest }: Frame, value: unknown): void {
    const { name } = field!;
    if (value !== undefined) this.#put(name, index, value);
    // An element without anything stays visible, so that validation can name it.
    if (value === undefined || Object.keys(rest).length > 0) this.#put(`_${name}`, index, rest);
  }

  #put(name: string, index: number, value: unknown): void {
    if (index < 0) {
      this.value[name] = value;
      return;
    }
    this.value[name] ??= [];
    const list = this.value[name] as unknown[];
    while (list.length < index) list.push(null);
    list.push(value);
  }

  /** What the element is in JSON. Values are filled up with null, to say how many there are. */
  finished(): unknown {
    if (this.kind === 'wrapper') return this.holds;
    for (const [{ name, kind }, count] of this.#counts) {
      const list = this.value[name];
      if (kind !== 'primitive' || !Array.isArray(list)) continue;
      while (list.length < count) list.push(null);
    }
    return this.value;
  }
}
