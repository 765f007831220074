/**
 * JSON values as FHIRPath sees them: members, children, equality, order.
 *
 * Leaves to `evaluate.ts` and `functions.ts` what expressions do with them.
 */

import { isNumber } from '../formats/json.ts';
import { type Interval, intervalOf } from './dates.ts';
import { isObject, type Json } from './run.ts';

/** What stands around an evaluation. */
export interface Environment {
  readonly resource: Json | undefined;
  readonly rootResource: Json | undefined;
  /** What the whole expression is evaluated on. */
  readonly context?: unknown;
}

/** A FHIRPath collection. */
export type Values = readonly unknown[];
/** A compiled expression: from a focus to its values. */
export type Evaluate = (focus: Values, env: Environment) => Values;

/** Names of types as they stand at the end of a choice element's JSON name. */
export const TYPE_SUFFIXES: ReadonlySet<string> = new Set(
  (
    'Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid ' +
    'PositiveInt String Time UnsignedInt Uri Url Uuid Address Age Annotation Attachment ' +
    'CodeableConcept Coding ContactDetail ContactPoint Contributor Count DataRequirement Distance ' +
    'Dosage Duration Expression HumanName Identifier Meta Money ParameterDefinition Period ' +
    'Population ProdCharacteristic Quantity Range Ratio Reference RelatedArtifact SampledData ' +
    'Signature SubstanceAmount Timing TriggerDefinition UsageContext'
  ).split(' '),
);

/** Items that one step of a rule may give; a body has fewer values than this. */
const ITEMS_MAX = 2_000_000;

/** A rule that somebody wrote gives more items at one step than any resource has. */
export class TooManyItems extends Error {}

/** @throws TooManyItems */
export function checkCount(count: number): void {
  if (count > ITEMS_MAX) throw new TooManyItems(`more than ${ITEMS_MAX} items`);
}

/** What each item gives, one after another; ends what would grow for ever. */
export function flat(
  items: readonly unknown[],
  give: (item: unknown) => readonly unknown[],
): unknown[] {
  const found: unknown[] = [];
  for (const item of items) {
    for (const each of give(item)) found.push(each);
    checkCount(found.length);
  }
  return found;
}

/** The values of a named element of each item, choice elements included. */
export function members(items: readonly unknown[], name: string): unknown[] {
  let reader = readers.get(name);
  if (!reader) {
    reader = memberReader(name);
    if (readers.size < READERS_MAX) readers.set(name, reader);
  }
  return reader(items);
}

const READERS_MAX = 2_000;
const readers = new Map<string, (items: readonly unknown[]) => unknown[]>();

/** `members` for one name, with what can be said of the name said once. */
export function memberReader(name: string): (items: readonly unknown[]) => unknown[] {
  const sibling = `_${name}`;
  /** JSON names that were met: is it this element, written as a choice. */
  const forms = new Map<string, boolean>();
  const isForm = (key: string): boolean => {
    let is = forms.get(key);
    if (is === undefined) {
      is = key.startsWith(name) && TYPE_SUFFIXES.has(key.slice(name.length));
      if (forms.size < READERS_MAX) forms.set(key, is);
    }
    return is;
  };
  return (items) => {
    const found: unknown[] = [];
    for (const item of items) {
      if (!isObject(item)) continue;
      let value = item[name];
      if (value === undefined) {
        for (const key in item) {
          if (key === sibling || isForm(key)) {
            value = item[key];
            break;
          }
        }
      }
      if (Array.isArray(value)) {
        for (const each of value) if (each !== null && each !== undefined) found.push(each);
        checkCount(found.length);
      } else if (value !== undefined && value !== null) {
        found.push(value);
      }
    }
    return found;
  };
}

/** All direct children of an item. */
export function children(item: unknown): unknown[] {
  if (!isObject(item)) return [];
  const found: unknown[] = [];
  for (const key in item) {
    if (key === 'resourceType' || (key.startsWith('_') && key.slice(1) in item)) continue;
    const value = item[key];
    if (Array.isArray(value)) {
      for (const each of value) if (each !== null) found.push(each);
    } else if (value !== null && value !== undefined) found.push(value);
  }
  return found;
}

/** Everything below an item. */
export function descendants(item: unknown): unknown[] {
  const found: unknown[] = [];
  const walk = (each: unknown) => {
    for (const child of children(each)) {
      found.push(child);
      walk(child);
    }
  };
  walk(item);
  return found;
}

/** Whether an item is of a type, as far as JSON tells. */
export function sameType(item: unknown, type: string): boolean {
  if (isObject(item)) {
    const own = item.resourceType;
    if (typeof own !== 'string') return !/^[A-Z]/.test(type) || TYPE_SUFFIXES.has(type);
    return own === type || type === 'Resource' || type === 'DomainResource';
  }
  const simple = type.toLowerCase();
  if (typeof item === 'boolean') return simple === 'boolean';
  if (isNumber(item)) {
    const whole = typeof item === 'number' && Number.isInteger(item);
    return simple === 'decimal' || (whole && /^(integer|unsignedint|positiveint)$/.test(simple));
  }
  return (
    typeof item === 'string' && /^[a-z]/.test(type) && !/^(boolean|decimal|integer)$/.test(type)
  );
}

/** Deep equality; numbers by value. */
export function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (isNumber(left) && isNumber(right)) return Number(left) === Number(right);
  if (Array.isArray(left) && Array.isArray(right)) return equalLists(left, right);
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length && keys.every((key) => equal(left[key], right[key]))
  );
}

export function equalLists(left: readonly unknown[], right: readonly unknown[]): boolean {
  return left.length === right.length && left.every((each, at) => equal(each, right[at]));
}

/** Order of two values: negative, 0, positive; undefined when it cannot be told. */
export function comparison(left: unknown, right: unknown): number | undefined {
  if (isNumber(left) && isNumber(right)) return Number(left) - Number(right);
  if (typeof left === 'string' && typeof right === 'string') return textOrder(left, right);
  if (isObject(left) && isObject(right)) {
    const sameUnit = left.code === right.code && left.system === right.system;
    return sameUnit ? comparison(left.value, right.value) : undefined;
  }
  return undefined;
}

function textOrder(left: string, right: string): number | undefined {
  const [a, b] = [intervalOf(left), intervalOf(right)];
  if (!a || !b) return left < right ? -1 : left > right ? 1 : 0;
  return intervalOrder(a, b);
}

/** Order of two intervals; undefined when they overlap without being equal. */
export function intervalOrder(a: Interval, b: Interval): number | undefined {
  if (a.lower === b.lower && a.upper === b.upper) return 0;
  const [aLower, aUpper] = [Date.parse(a.lower), Date.parse(a.upper)];
  const [bLower, bUpper] = [Date.parse(b.lower), Date.parse(b.upper)];
  if (aUpper <= bLower) return -1;
  return bUpper <= aLower ? 1 : undefined;
}
