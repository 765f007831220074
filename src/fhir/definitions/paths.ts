/**
 * Which places of a resource a search parameter reads: its expression resolved against the
 * element trees into typed paths, so that extraction walks JSON without interpreting anything.
 *
 * Paths, unions, `as`/`ofType`, `where(…)`, `[n]`, `extension('url')` and `exists()` become paths;
 * whatever else there is becomes one computed path.
 *
 * Spec: https://hl7.org/fhir/R4/searchparameter.html
 */

import type { Types } from './compile.ts';
import { compileExpression, truth } from './evaluate.ts';
import { type Expression, parseExpression, UnsupportedExpression } from './expression.ts';
import { isResourceType } from './resource-types.ts';
import { isObject, type Json } from './run.ts';
import { choiceKey, type ElementNode } from './schema.ts';
import type { Evaluate } from './values.ts';

/** One step down: a JSON property, and which of its values go on. */
export interface Step {
  readonly key: string;
  readonly index?: number;
  readonly filter?: { readonly text: string; readonly test: (value: unknown) => boolean };
  /** The filter, when it is that a member equals a text. */
  readonly equals?: { readonly member: string; readonly value: string };
}

/** A place that is read, and the FHIR type found there. */
export interface Path {
  readonly steps: readonly Step[];
  /** FHIR type of the value; `computed` when only the value itself tells. */
  readonly type: string;
  /** From `where(resolve() is T)`: only references to this type count. */
  readonly leadsTo?: string;
  /** Instead of steps: the values of an expression over the resource. */
  readonly compute?: (resource: Json) => readonly unknown[];
  /** The element, for its binding. */
  readonly element?: ElementNode;
}

/** A path under way; `node` has the children to go on with. */
interface Place extends Path {
  readonly node: ElementNode;
}

/**
 * The paths of an expression within a resource type.
 *
 * @param otherwise evaluates what this compiler cannot read
 */
export function pathsOf(
  types: Types,
  resourceType: string,
  expression: string,
  otherwise: (expression: string) => (resource: Json) => readonly unknown[],
): Path[] {
  const root = types.schema(resourceType);
  if (!root) return [];
  const start: Place = { steps: [], type: resourceType, node: root };
  return alternatives(expression).flatMap((text) => {
    const tree = tryParse(text);
    if (!tree) return [{ steps: [], type: 'computed', compute: otherwise(text) }];
    const places = new Resolver(types, resourceType).resolve(tree, [start]);
    return places ? distinctPlaces(places) : computed(text, tree, otherwise);
  });
}

/** Parts of a composite: paths from the values of the composite's own expression. */
export function relativePaths(types: Types, from: Path, expression: string): Path[] {
  const tree = tryParse(expression);
  if (!tree || !('node' in from)) return [];
  const start: Place = { steps: [], type: from.type, node: (from as Place).node };
  return new Resolver(types, from.type).resolve(tree, [start]) ?? [];
}

/** The alternatives of a union at the top, so that one hard part does not spoil the rest. */
function alternatives(expression: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let at = 0; at < expression.length; at++) {
    const char = expression[at];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === '|' && depth === 0) {
      parts.push(expression.slice(from, at).trim());
      from = at + 1;
    }
  }
  parts.push(expression.slice(from).trim());
  return parts;
}

function tryParse(text: string): Expression | undefined {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

function tryCompile(tree: Expression): Evaluate | undefined {
  try {
    return compileExpression(tree);
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

function computed(
  text: string,
  tree: Expression,
  otherwise: (expression: string) => (resource: Json) => readonly unknown[],
): Path[] {
  const evaluate = tryCompile(tree);
  const compute = evaluate
    ? (resource: Json) => evaluate([resource], { resource, rootResource: resource })
    : otherwise(text);
  return [{ steps: [], type: 'computed', compute }];
}

function distinctPlaces(places: readonly Place[]): Place[] {
  const seen = new Set<string>();
  return places.filter((place) => {
    const signature = signatureOf(place);
    return !seen.has(signature) && seen.add(signature);
  });
}

/** Two paths with one signature read the same values, but for `leadsTo`. */
export function signatureOf(path: Path): string {
  const steps = path.steps.map(
    (step) => `${step.key}[${step.index ?? ''}]${step.filter?.text ?? ''}`,
  );
  return `${steps.join('.')}:${path.type}`;
}

/** Resolves a tree to places; undefined when it is more than places. */
class Resolver {
  readonly #types: Types;
  readonly #resourceType: string;

  constructor(types: Types, resourceType: string) {
    this.#types = types;
    this.#resourceType = resourceType;
  }

  resolve(tree: Expression, from: readonly Place[]): Place[] | undefined {
    switch (tree.kind) {
      case 'this':
        return [...from];
      case 'member':
        return this.#member(tree, from);
      case 'type':
        return this.resolve(tree.of, from)?.filter(
          (place) => tree.op === 'as' && place.type === tree.type,
        );
      case 'index':
        return this.#index(tree, from);
      case 'call':
        return this.#call(tree, from);
      case 'binary': {
        if (tree.op !== '|') return undefined;
        const [left, right] = [this.resolve(tree.left, from), this.resolve(tree.right, from)];
        return left && right ? [...left, ...right] : undefined;
      }
      default:
        return undefined;
    }
  }

  #member(
    tree: Extract<Expression, { kind: 'member' }>,
    from: readonly Place[],
  ): Place[] | undefined {
    if (!tree.of && (isResourceType(tree.name) || /^(Domain)?Resource$/.test(tree.name))) {
      const own = tree.name === this.#resourceType || !isResourceType(tree.name);
      return own ? [...from] : [];
    }
    const owners = tree.of ? this.resolve(tree.of, from) : from;
    return owners?.flatMap((owner) => this.#below(owner, tree.name));
  }

  #below(owner: Place, name: string): Place[] {
    const children = owner.node.children.length > 0 ? owner.node.children : this.#childrenOf(owner);
    const child = children.find((each) => each.name === name);
    if (!child) return [];
    const target = child.contentReference && this.#types.element(child.contentReference);
    if (target) {
      return [{ steps: [...owner.steps, { key: name }], type: 'BackboneElement', node: target }];
    }
    return child.types.map((type) => ({
      steps: [...owner.steps, { key: child.choice ? choiceKey(name, type.code) : name }],
      type: type.code,
      node: child,
      element: child,
    }));
  }

  #childrenOf(place: Place): readonly ElementNode[] {
    return this.#types.schema(place.type)?.children ?? [];
  }

  #index(
    tree: Extract<Expression, { kind: 'index' }>,
    from: readonly Place[],
  ): Place[] | undefined {
    const { index } = tree;
    if (index.kind !== 'literal' || typeof index.value !== 'number') return undefined;
    const at = index.value;
    return this.resolve(tree.of, from)?.map((place) => lastStep(place, { index: at }));
  }

  #call(tree: Extract<Expression, { kind: 'call' }>, from: readonly Place[]): Place[] | undefined {
    const owners = tree.of ? this.resolve(tree.of, from) : [...from];
    const [argument] = tree.args;
    if (tree.name === 'where' && argument) return owners && this.#where(owners, argument);
    if (tree.name === 'extension' && argument?.kind === 'literal') {
      const url = String(argument.value);
      const filter = {
        text: `url=${url}`,
        test: (each: unknown) => isObject(each) && each.url === url,
      };
      return owners?.flatMap((owner) =>
        this.#below(owner, 'extension').map((place) =>
          lastStep(place, { filter, equals: { member: 'url', value: String(argument.value) } }),
        ),
      );
    }
    return tree.name === 'first'
      ? owners?.map((place) => lastStep(place, { index: 0 }))
      : undefined;
  }

  #where(owners: readonly Place[], criterion: Expression): Place[] | undefined {
    const type = resolvedType(criterion);
    if (type) return owners.map((place) => ({ ...place, leadsTo: type }));
    const evaluate = tryCompile(criterion);
    if (!evaluate) return undefined;
    const filter = {
      text: JSON.stringify(criterion),
      test: (each: unknown) =>
        truth(evaluate([each], { resource: undefined, rootResource: undefined })) === true,
    };
    const equals = equalityOf(criterion);
    return owners.map((place) => lastStep(place, { filter, ...(equals && { equals }) }));
  }
}

/** T of `resolve() is T`. */
function resolvedType(criterion: Expression): string | undefined {
  const isResolve =
    criterion.kind === 'type' && criterion.of.kind === 'call' && criterion.of.name === 'resolve';
  return isResolve ? criterion.type : undefined;
}

/** `system = 'phone'` */
function equalityOf(criterion: Expression): Step['equals'] {
  if (criterion.kind !== 'binary' || criterion.op !== '=') return undefined;
  const { left, right } = criterion;
  if (left.kind !== 'member' || left.of || right.kind !== 'literal') return undefined;
  return typeof right.value === 'string' ? { member: left.name, value: right.value } : undefined;
}

function lastStep(place: Place, change: Partial<Step>): Place {
  const steps = [...place.steps];
  const last = steps.pop();
  return last ? { ...place, steps: [...steps, { ...last, ...change }] } : place;
}
