/**
 * FHIRPath Patch: operations in a Parameters resource, all or nothing, each seeing what those
 * before it have done. A path must select exactly one element; only a delete may find none.
 *
 * Spec: https://hl7.org/fhir/R4/fhirpatch.html
 */

import { type Problem, problem } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { isObject } from '../definitions/run.ts';
import { isNumber } from '../formats/json.ts';
import { type Child, explained, Locator, type Owner, type Place, parsePath } from './locate.ts';
import { Emptied } from './prune.ts';
import {
  append,
  type Given,
  inStep,
  insertAt,
  keyFor,
  lengthIn,
  malformed,
  type Part,
  valueIn,
} from './value.ts';

/** An operation with what it is applied to. */
interface Work {
  readonly locator: Locator;
  readonly emptied: Emptied;
  readonly parts: ReadonlyMap<string, Part>;
  /** `Parameters.parameter[2]` */
  readonly place: string;
}

const TYPES: Readonly<Record<string, (work: Work) => void>> = {
  add,
  insert,
  delete: remove,
  replace,
  move,
};

/**
 * Applies a FHIRPath Patch to a resource, which is changed and answered.
 *
 * @throws Problem 400 when the patch is not one; 422 when an operation does not fit the resource
 */
export function applyFhirPathPatch(
  definitions: Definitions,
  resource: unknown,
  patch: unknown,
): unknown {
  const { parameter } = patch as { parameter?: unknown };
  if (parameter === undefined) return resource;
  if (!Array.isArray(parameter)) {
    throw malformed('Parameters.parameter is a list.', 'Parameters.parameter');
  }
  const emptied = new Emptied();
  const locator = new Locator(definitions, resource as Owner);
  for (const [index, each] of parameter.entries()) {
    const place = `Parameters.parameter[${index}]`;
    const parts = partsOf(each, place);
    const type = codeOf(parts.get('type'));
    if (type === undefined || !Object.hasOwn(TYPES, type)) {
      throw malformed(`"type" is one of ${Object.keys(TYPES).join(', ')}.`, place);
    }
    TYPES[type]!({ locator, emptied, parts, place });
  }
  emptied.prune(resource as Owner);
  return resource;
}

function partsOf(parameter: unknown, place: string): Map<string, Part> {
  if (!isObject(parameter) || parameter.name !== 'operation' || !Array.isArray(parameter.part)) {
    throw malformed('Each parameter is named "operation" and has parts.', place);
  }
  const parts = new Map<string, Part>();
  for (const part of parameter.part) {
    if (!isObject(part) || typeof part.name !== 'string' || parts.has(part.name)) {
      throw malformed('The parts of an operation have different names.', place);
    }
    parts.set(part.name, part);
  }
  return parts;
}

function codeOf(part: Part | undefined): string | undefined {
  const code = part?.valueCode ?? part?.valueString;
  return typeof code === 'string' ? code : undefined;
}

function textOf({ parts, place }: Work, name: string): string {
  const text = parts.get(name)?.valueString;
  if (typeof text === 'string') return text;
  throw malformed(`The operation needs a part "${name}" with a valueString.`, place);
}

function numberOf({ parts, place }: Work, name: string): number {
  const number = parts.get(name)?.valueInteger;
  if (isNumber(number) && Number.isInteger(Number(number)) && Number(number) >= 0) {
    return Number(number);
  }
  throw malformed(`The operation needs a part "${name}" with a valueInteger from 0.`, place);
}

function given({ locator, parts, place }: Work, child: Child): Given {
  const part = parts.get('value');
  if (!part) throw malformed('The operation needs a part "value".', place);
  return valueIn(locator, part, child, place);
}

function located(work: Work, text = textOf(work, 'path')): readonly Place[] {
  const path = parsePath(text, work.place);
  return explained(text, work.place, () => work.locator.locate(path));
}

function one(work: Work, places: readonly Place[], text = textOf(work, 'path')): Place {
  const [place] = places;
  if (place && places.length === 1) return place;
  throw unfit(work, `"${text.slice(0, 200)}" selects ${places.length} elements, not one`);
}

function add(work: Work): void {
  const place = one(work, located(work));
  const name = textOf(work, 'name');
  const child = work.locator.child(place, name);
  if (!child) throw unfit(work, `${place.path} has no element "${name.slice(0, 64)}"`);
  append(writable(place), child, given(work, child), work.place);
}

/** The object that takes a new child; a primitive gets one beside it. */
function writable({ value, owner, key, index }: Place): Owner {
  if (isObject(value)) return value as Owner;
  const beside = `_${key}`;
  if (index === undefined) {
    owner![beside] ??= {};
    return owner![beside] as Owner;
  }
  owner![beside] ??= [];
  const list = owner![beside] as unknown[];
  while (list.length <= index) list.push(null);
  list[index] ??= {};
  return list[index] as Owner;
}

function remove(work: Work): void {
  const places = located(work);
  if (places.length === 0) return;
  take(work, one(work, places));
}

function take(work: Work, { owner, key, index }: Place): void {
  if (!owner) throw unfit(work, 'the resource itself is not deleted by a patch; use DELETE');
  if (index === undefined) {
    delete owner[key];
    delete owner[`_${key}`];
  } else {
    inStep(owner, key, (values, beside) => {
      values.splice(index, 1);
      beside.splice(index, 1);
    });
  }
  work.emptied.note(owner);
}

function replace(work: Work): void {
  const { owner, key, index, child } = one(work, located(work));
  if (!owner || !child) throw unfit(work, 'the resource itself is replaced by PUT');
  const value = given(work, child);
  const newKey = keyFor(child, value, work.place);
  if (index !== undefined) {
    return inStep(owner, key, (values, beside) => {
      values[index] = value.value ?? null;
      beside[index] = value.beside ?? null;
    });
  }
  delete owner[`_${key}`];
  if (newKey !== key || value.value === undefined) delete owner[key];
  if (value.value !== undefined) owner[newKey] = value.value;
  if (value.beside !== undefined) owner[`_${newKey}`] = value.beside;
}

function insert(work: Work): void {
  const { owner, child } = listOf(work);
  const index = numberOf(work, 'index');
  const value = given(work, child);
  const key = keyFor(child, value, work.place);
  const length = lengthIn(owner, key);
  if (index > length) throw unfit(work, `the list has ${length} items; ${index} is outside`);
  insertAt(owner, key, index, value);
}

function move(work: Work): void {
  const { owner, child } = listOf(work);
  const [source, destination] = [numberOf(work, 'source'), numberOf(work, 'destination')];
  const key = child.name;
  const length = lengthIn(owner, key);
  if (source >= length || destination >= length) {
    throw unfit(work, `the list has ${length} items; source or destination is outside`);
  }
  inStep(owner, key, (...lists) => {
    for (const list of lists) list.splice(destination, 0, ...list.splice(source, 1));
  });
}

/** The list that a path names, which may still be empty: the element before its last name. */
function listOf(work: Work): { owner: Owner; child: Child } {
  const text = textOf(work, 'path');
  const path = parsePath(text, work.place);
  if (path.kind !== 'member') throw unfit(work, `"${text.slice(0, 200)}" does not name a list`);
  const { of, name } = path;
  const owners = of
    ? explained(text, work.place, () => work.locator.locate(of))
    : located(work, '$this');
  const place = one(work, owners, text);
  const child = work.locator.child(place, name);
  if (!child?.list) throw unfit(work, `"${text.slice(0, 200)}" is not a list`);
  return { owner: writable(place), child };
}

function unfit({ place }: Work, says: string): Problem {
  return problem('value', 'patch-refused', `The patch is not applied: ${says}.`, place);
}
