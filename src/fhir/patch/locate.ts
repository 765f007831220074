/**
 * Finds the places that a FHIRPath selects: not the values alone, but where they stand, so that
 * they can be changed there.
 *
 * A path of a patch walks down by names, indexes and conditions (`name.where(use = 'official')
 * .given.first()`). What does not lead to a place (`select`, `resolve`, arithmetic) is refused, and
 * so are functions that a caller could make the server labour with (patterns, `repeat`, replacing).
 *
 * Spec: https://hl7.org/fhir/R4/fhirpatch.html, http://hl7.org/fhirpath/N1/
 */

import { problem } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { compileExpression, truth } from '../definitions/evaluate.ts';
import {
  type Expression,
  parseExpression,
  UnsupportedExpression,
} from '../definitions/expression.ts';
import { isObject } from '../definitions/run.ts';
import { choiceKey } from '../definitions/schema.ts';

/** A JSON object that a patch may change. */
export type Owner = Record<string, unknown>;

/** Where an element stands. */
export interface Place {
  /** The object that has it; undefined for the resource itself. */
  readonly owner: Owner | undefined;
  /** Its JSON name there. */
  readonly key: string;
  /** Its index, where it repeats. */
  readonly index: number | undefined;
  /** Undefined for a primitive that has extensions only. */
  readonly value: unknown;
  /** Definition of the element, e.g. `Patient.contact`, `HumanName`. */
  readonly path: string;
  /** Type where it is known, e.g. `HumanName`, `Quantity` of a `value[x]`. */
  readonly type: string | undefined;
  /** How it is written; undefined for the resource itself. */
  readonly child: Child | undefined;
}

/** How an element of an object is written, as the definitions say. */
export interface Child {
  readonly name: string;
  readonly path: string;
  readonly list: boolean;
  readonly choice: boolean;
  readonly types: readonly string[];
}

const PATH_LENGTH_MAX = 1000;

/** Functions that conditions may use. */
const IN_CONDITIONS = new Set(
  (
    'exists empty not count first last single hasValue where all extension startsWith endsWith ' +
    'contains length lower upper trim toString toInteger toDecimal'
  ).split(' '),
);

/** Understands the path of a patch operation. */
export function parsePath(text: string, place: string): Expression {
  if (text.length > PATH_LENGTH_MAX) {
    throw problem(
      'structure',
      'patch-path',
      `A path has at most ${PATH_LENGTH_MAX} characters.`,
      place,
    );
  }
  return explained(text, place, () => parseExpression(text));
}

/** Runs what may meet an expression that is not read here, and says so. */
export function explained<Result>(text: string, place: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof UnsupportedExpression)) throw error;
    throw problem(
      'structure',
      'patch-path',
      `The path "${text.slice(0, 100)}" does not lead to an element: ${error.message}. ` +
        'Walk by names, indexes, where(), first(), last(), extension() and ofType().',
      place,
    );
  }
}

/** Finds places in one resource. */
export class Locator {
  readonly #definitions: Definitions;
  readonly #root: Place;

  constructor(definitions: Definitions, resource: Owner) {
    this.#definitions = definitions;
    const type = String(resource.resourceType);
    this.#root = {
      owner: undefined,
      key: '',
      index: undefined,
      value: resource,
      path: type,
      type,
      child: undefined,
    };
  }

  /** The places that a path selects, in order. */
  locate(path: Expression, focus: readonly Place[] = [this.#root]): readonly Place[] {
    switch (path.kind) {
      case 'this':
        return focus;
      case 'member':
        return this.#member(path.of, path.name, focus);
      case 'index':
        return this.#index(path, focus);
      case 'type':
        return this.locate(path.of, focus).filter((each) => isOfType(each, path.type));
      case 'call':
        return this.#call(path, focus);
      default:
        throw new UnsupportedExpression(`it is a ${path.kind} expression`);
    }
  }

  #member(of: Expression | undefined, name: string, focus: readonly Place[]): readonly Place[] {
    if (!of && /^[A-Z]/.test(name)) {
      const isBase = name === 'Resource' || name === 'DomainResource';
      return focus.filter((each) => each.type === name || (isBase && each.owner === undefined));
    }
    const owners = of ? this.locate(of, focus) : focus;
    return owners.flatMap((each) => this.#children(each, name));
  }

  #index(path: Extract<Expression, { kind: 'index' }>, focus: readonly Place[]): readonly Place[] {
    const { index } = path;
    if (index.kind !== 'literal' || typeof index.value !== 'number') {
      throw new UnsupportedExpression('an index is a number');
    }
    const found = this.locate(path.of, focus)[index.value];
    return found ? [found] : [];
  }

  #call(path: Extract<Expression, { kind: 'call' }>, focus: readonly Place[]): readonly Place[] {
    const places = path.of ? this.locate(path.of, focus) : focus;
    const [argument] = path.args;
    switch (path.name) {
      case 'first':
        return places.slice(0, 1);
      case 'last':
        return places.slice(-1);
      case 'tail':
        return places.slice(1);
      case 'single':
        return places;
      case 'extension':
        return places
          .flatMap((each) => this.#children(each, 'extension'))
          .filter(({ value }) => isObject(value) && value.url === literal(argument));
      case 'where':
        return this.#where(places, argument);
      default:
        throw new UnsupportedExpression(`${path.name}() does not lead to an element`);
    }
  }

  #where(places: readonly Place[], condition: Expression | undefined): readonly Place[] {
    if (!condition) throw new UnsupportedExpression('where() needs a condition');
    checkCondition(condition);
    const holds = compileExpression(condition);
    const resource = this.#root.value as Owner;
    return places.filter(({ value }) =>
      truth(holds([value], { resource, rootResource: resource, context: value })),
    );
  }

  /** How an element of a place is written; undefined when its type has no such element. */
  child(place: Place, name: string): Child | undefined {
    const bare = name.replace(/\[x\]$/, '');
    const info = this.#definitions.elementInfo(`${pathBelow(place)}.${bare}`);
    if (!info) return undefined;
    const { path, max, types } = info;
    return { name: bare, path, list: max > 1, choice: path.endsWith('[x]'), types };
  }

  /** The elements of a name, choices of every type included. */
  #children(place: Place, name: string): Place[] {
    const owner = ownerOf(place);
    const child = this.child(place, name);
    if (!owner || !child) return [];
    if (!child.choice) return placesAt(owner, name, child, child.types[0]);
    for (const type of child.types) {
      const key = choiceKey(name, type);
      const found = placesAt(owner, key, child, type);
      if (found.length > 0) return found;
    }
    return [];
  }
}

function placesAt(owner: Owner, key: string, child: Child, type: string | undefined): Place[] {
  const make = (value: unknown, index: number | undefined): Place => {
    const resourceType = isObject(value) ? value.resourceType : undefined;
    const known = typeof resourceType === 'string' ? resourceType : type;
    return { owner, key, index, value, path: child.path, type: known, child };
  };
  const value = owner[key];
  const beside = owner[`_${key}`];
  if (!Array.isArray(value) && !Array.isArray(beside)) {
    return value === undefined && beside === undefined ? [] : [make(value, undefined)];
  }
  const values = (value ?? []) as unknown[];
  const length = Math.max(values.length, Array.isArray(beside) ? beside.length : 0);
  return Array.from({ length }, (_, index) => make(values[index] ?? undefined, index));
}

/** The object in which the children of a place stand; for a primitive, the one beside it. */
export function ownerOf({ value, owner, key, index }: Place): Owner | undefined {
  if (isObject(value)) return value as Owner;
  const beside = owner?.[`_${key}`];
  const found = index === undefined ? beside : (beside as unknown[] | undefined)?.[index];
  return isObject(found) ? (found as Owner) : undefined;
}

/** Where the definitions describe the children of a place. */
function pathBelow({ path, type, value }: Place): string {
  const isOwn = !path.includes('.') || type === undefined || /Element$/.test(type);
  if (isObject(value) && typeof value.resourceType === 'string') return value.resourceType;
  return isOwn ? path : type;
}

function isOfType({ type, path, value }: Place, wanted: string): boolean {
  if (type === wanted || path === wanted) return true;
  return isObject(value) && value.resourceType === wanted;
}

function literal(expression: Expression | undefined): unknown {
  return expression?.kind === 'literal' ? expression.value : undefined;
}

/** @throws UnsupportedExpression when a condition uses what could be made to labour */
function checkCondition(expression: Expression): void {
  switch (expression.kind) {
    case 'call':
      if (!IN_CONDITIONS.has(expression.name)) {
        throw new UnsupportedExpression(`${expression.name}() is not for conditions of a patch`);
      }
      if (expression.of) checkCondition(expression.of);
      return expression.args.forEach(checkCondition);
    case 'member':
      if (expression.of) checkCondition(expression.of);
      return;
    case 'environment':
      if (['ucum', 'sct', 'loinc'].includes(expression.name)) return;
      throw new UnsupportedExpression(`%${expression.name} is not for conditions of a patch`);
    case 'index':
      checkCondition(expression.of);
      return checkCondition(expression.index);
    case 'negative':
    case 'type':
      return checkCondition(expression.of);
    case 'binary':
      checkCondition(expression.left);
      return checkCondition(expression.right);
    default:
  }
}
