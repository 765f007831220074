/**
 * The value of a FHIRPath Patch operation: a `value[x]`, a resource, or, for elements that have no
 * data type of their own (`Patient.contact`), the element by its parts.
 *
 * Spec: https://hl7.org/fhir/R4/fhirpatch.html
 */

import { type Problem, problem } from '../../sdk/index.ts';
import { isObject } from '../definitions/run.ts';
import { choiceKey } from '../definitions/schema.ts';
import type { Child, Locator, Owner, Place } from './locate.ts';

/** A value that a patch brings. */
export interface Given {
  /** Undefined for a primitive that has extensions only. */
  readonly value: unknown;
  /** What stands beside a primitive: its id and extensions. */
  readonly beside: unknown;
  /** Type as the name says (`Quantity` of `valueQuantity`); undefined for parts and resources. */
  readonly type: string | undefined;
}

/** A parameter or part as sent. */
export type Part = Readonly<Record<string, unknown>>;

/**
 * The value of a part.
 *
 * @param child  the element that is to have it
 * @throws Problem 400 naming the part
 */
export function valueIn(locator: Locator, part: Part, child: Child, place: string): Given {
  const keys = Object.keys(part).filter((key) => /^_?value[A-Z]/.test(key));
  const [key] = keys.map((each) => each.replace(/^_/, ''));
  if (key && keys.every((each) => each.replace(/^_/, '') === key)) {
    return { value: part[key], beside: part[`_${key}`], type: key.slice('value'.length) };
  }
  if (keys.length === 0 && isObject(part.resource)) {
    return { value: part.resource, beside: undefined, type: undefined };
  }
  if (keys.length === 0 && Array.isArray(part.part)) {
    return { value: byParts(locator, part.part, child, place), beside: undefined, type: undefined };
  }
  throw malformed('Give one value[x], a resource, or the parts of the element.', place);
}

/** An element made of its parts. */
function byParts(locator: Locator, parts: readonly unknown[], child: Child, place: string): Owner {
  const made: Owner = {};
  const here: Place = {
    owner: undefined,
    key: '',
    index: undefined,
    value: made,
    path: child.path,
    type: child.types[0],
    child,
  };
  for (const [index, each] of parts.entries()) {
    const where = `${place}.part[${index}]`;
    if (!isObject(each) || typeof each.name !== 'string') {
      throw malformed('A part has a name, which is that of an element.', where);
    }
    const inner = locator.child(here, each.name);
    if (!inner) throw malformed(`${child.path} has no element "${each.name}".`, where);
    append(made, inner, valueIn(locator, each, inner, where), where);
  }
  return made;
}

/**
 * Gives an owner an element; one that repeats gets another.
 *
 * @throws Problem 422 when it does not repeat and is there already, or cannot have this type
 */
export function append(owner: Owner, child: Child, given: Given, place: string): void {
  const key = keyFor(child, given, place);
  const keys = child.choice ? child.types.map((type) => choiceKey(child.name, type)) : [key];
  const present = keys.some((each) => owner[each] !== undefined || owner[`_${each}`] !== undefined);
  if (child.list) {
    return insertAt(owner, key, lengthIn(owner, key), given);
  }
  if (present) {
    throw problem(
      'value',
      'patch-refused',
      `"${child.name}" is there already and does not repeat; replace it.`,
      place,
    );
  }
  if (given.value !== undefined) owner[key] = given.value;
  if (given.beside !== undefined) owner[`_${key}`] = given.beside;
}

/** The JSON name of an element for the value that it is given. */
export function keyFor(child: Child, { type }: Given, place: string): string {
  if (!child.choice) return child.name;
  const found = child.types.find((each) => choiceKey('', each) === type);
  if (found) return choiceKey(child.name, found);
  throw malformed(`"${child.name}" may be ${child.types.join(', ')}, not "${type}".`, place);
}

/** Puts a value into a list; what stands beside primitives keeps its place. */
export function insertAt(owner: Owner, key: string, index: number, given: Given): void {
  inStep(owner, key, (values, beside) => {
    values.splice(index, 0, given.value ?? null);
    beside.splice(index, 0, given.beside ?? null);
  });
}

/**
 * Changes a list together with what stands beside its primitives (`given` and `_given`), which JSON
 * keeps in two lists of one length; a list of nothing but gaps is left out.
 */
export function inStep(
  owner: Owner,
  key: string,
  change: (values: unknown[], beside: unknown[]) => void,
): void {
  const length = lengthIn(owner, key);
  const lists = [key, `_${key}`].map((name) => {
    const list = Array.isArray(owner[name]) ? (owner[name] as unknown[]) : [];
    while (list.length < length) list.push(null);
    return list;
  });
  change(lists[0]!, lists[1]!);
  for (const [at, name] of [key, `_${key}`].entries()) {
    if (lists[at]!.some((each) => each !== null)) owner[name] = lists[at];
    else delete owner[name];
  }
}

/** How many items a list has, those that are only extensions included. */
export function lengthIn(owner: Owner, key: string): number {
  return Math.max(lengthOf(owner[key]), lengthOf(owner[`_${key}`]));
}

function lengthOf(list: unknown): number {
  return Array.isArray(list) ? list.length : 0;
}

/** The patch itself is wrong, whatever it is applied to. */
export function malformed(says: string, place: string): Problem {
  return problem('structure', 'patch-malformed', says, place);
}
