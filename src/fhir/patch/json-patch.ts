/**
 * JSON Patch: operations on the JSON form of a resource, all or nothing, each seeing what those
 * before it have done.
 *
 * Our own and not a package: those at hand copy values through JSON, which would turn `1.00` into
 * `1`, take members of the prototype for the document's, and bound neither copies nor depth.
 *
 * Spec: https://datatracker.ietf.org/doc/html/rfc6902, https://datatracker.ietf.org/doc/html/rfc6901
 */

import { Decimal } from 'decimal.js';
import { type Problem, problem } from '../../sdk/index.ts';
import { isObject } from '../definitions/run.ts';
import { DEPTH_MAX, isNumber, numberText, writeJson } from '../formats/json.ts';
import { Emptied } from './prune.ts';

/** All copies of one patch together: a document that copies itself doubles with each operation. */
const COPIED_CHARACTERS_MAX = 5_000_000;

type Container = unknown[] | Record<string, unknown>;

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  readonly value: unknown;
  /** `[3] (replace /gender)`, for what is said to the caller. */
  readonly name: string;
  /** Where it stands in the patch: `[3]`. */
  readonly place: string;
}

interface Work {
  document: unknown;
  readonly emptied: Emptied;
  copied: number;
}

/**
 * Applies a JSON Patch to a document, which is changed; the result is answered.
 *
 * @throws Problem 400 when the patch is not one; 422 when an operation does not fit the document or
 *   a `test` fails
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const work: Work = { document, emptied: new Emptied(), copied: 0 };
  for (const operation of understood(patch)) apply(work, operation);
  if (isObject(work.document)) work.emptied.prune(work.document);
  return work.document;
}

const NEEDS: Readonly<Record<string, readonly ('value' | 'from')[]>> = {
  add: ['value'],
  replace: ['value'],
  test: ['value'],
  remove: [],
  move: ['from'],
  copy: ['from'],
};

function understood(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) {
    throw malformed('A JSON Patch is a list of operations, e.g. [{"op": "replace", …}].', '$this');
  }
  return patch.map((each, index) => {
    const place = `[${index}]`;
    if (!isObject(each)) throw malformed('An operation is a JSON object.', place);
    const { op, path, from, value } = each;
    const needs = typeof op === 'string' && Object.hasOwn(NEEDS, op) ? NEEDS[op]! : undefined;
    if (!needs) {
      throw malformed(`"op" is one of ${Object.keys(NEEDS).join(', ')}.`, `${place}.op`);
    }
    if (needs.includes('value') && value === undefined) {
      throw malformed(`"${op}" needs a "value".`, `${place}.value`);
    }
    return {
      op: op as string,
      path: pointer(path, `${place}.path`),
      from: needs.includes('from') ? pointer(from, `${place}.from`) : [],
      value,
      name: `${place} (${op} ${String(path).slice(0, 100)})`,
      place,
    };
  });
}

/** The names of a JSON Pointer. */
function pointer(text: unknown, place: string): string[] {
  if (typeof text !== 'string' || !/^(\/([^~/]|~[01])*)*$/.test(text)) {
    throw malformed('Give a JSON Pointer, e.g. "/name/0/family" ("~" as ~0, "/" as ~1).', place);
  }
  const names = text.split('/').slice(1);
  const plain = names.map((each) => each.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (names.length > DEPTH_MAX) throw malformed('The pointer leads too deep.', place);
  if (plain.includes('__proto__')) throw malformed('"__proto__" is not an element.', place);
  return plain;
}

function apply(work: Work, operation: Operation): void {
  const { op, path, from, value } = operation;
  switch (op) {
    case 'add':
      return add(work, path, clone(value), operation);
    case 'remove':
      remove(work, path, operation);
      return;
    case 'replace':
      get(work, path, operation);
      return set(work, path, clone(value), operation);
    case 'test':
      if (isSame(get(work, path, operation), value)) return;
      throw unfit(operation, 'the value there is another');
    case 'copy': {
      const found = get(work, from, operation);
      work.copied += writeJson(found).length;
      if (work.copied > COPIED_CHARACTERS_MAX) throw unfit(operation, 'the copies grow too large');
      return add(work, path, clone(found), operation);
    }
    default:
      if (from.length < path.length && from.every((name, at) => name === path[at])) {
        throw unfit(operation, 'nothing can be moved into itself');
      }
      return add(work, path, remove(work, from, operation), operation);
  }
}

function get(work: Work, path: readonly string[], operation: Operation): unknown {
  let value = work.document;
  for (const name of path) {
    const found = member(value, name);
    if (found === undefined) throw unfit(operation, `there is no /${path.join('/')}`);
    value = found;
  }
  return value;
}

function member(value: unknown, name: string): unknown {
  if (Array.isArray(value))
    return /^(0|[1-9]\d{0,8})$/.test(name) ? value[Number(name)] : undefined;
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function containerOf(work: Work, path: readonly string[], operation: Operation): Container {
  const found = get(work, path.slice(0, -1), operation);
  if (Array.isArray(found) || isObject(found)) return found as Container;
  throw unfit(operation, 'it leads into a value that has no members');
}

function add(work: Work, path: readonly string[], value: unknown, operation: Operation): void {
  if (path.length === 0) {
    work.document = value;
    return;
  }
  const container = containerOf(work, path, operation);
  const name = path.at(-1)!;
  if (!Array.isArray(container)) {
    container[name] = value;
    return;
  }
  const at = name === '-' ? container.length : /^(0|[1-9]\d{0,8})$/.test(name) ? Number(name) : -1;
  if (at < 0 || at > container.length) {
    throw unfit(operation, `the list has ${container.length} items`);
  }
  container.splice(at, 0, value);
}

function set(work: Work, path: readonly string[], value: unknown, operation: Operation): void {
  if (path.length === 0) {
    work.document = value;
    return;
  }
  const container = containerOf(work, path, operation) as Record<string, unknown>;
  container[path.at(-1)!] = value;
}

function remove(work: Work, path: readonly string[], operation: Operation): unknown {
  const value = get(work, path, operation);
  if (path.length === 0) {
    work.document = undefined;
    return value;
  }
  const container = containerOf(work, path, operation);
  if (Array.isArray(container)) container.splice(Number(path.at(-1)), 1);
  else delete container[path.at(-1)!];
  work.emptied.note(container);
  return value;
}

/** A copy that shares nothing which an operation could change; decimals are never changed. */
function clone(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clone);
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, clone(each)]));
}

/** Equality of RFC 6902 §4.6: members in any order, numbers by value whatever their precision. */
function isSame(left: unknown, right: unknown): boolean {
  if (isNumber(left) && isNumber(right)) {
    return new Decimal(numberText(left)).equals(numberText(right));
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((each, at) => isSame(each, right[at]));
  }
  if (!isObject(left) || !isObject(right)) return left === right;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && isSame(left[key], right[key]))
  );
}

function malformed(says: string, place: string): Problem {
  return problem('structure', 'patch-malformed', says, place);
}

function unfit({ name, place }: Operation, says: string): Problem {
  return problem(
    'value',
    'patch-refused',
    `The patch is not applied: at operation ${name} ${says}. Read the resource again and mend it.`,
    place,
  );
}
