/**
 * Evaluates rules for one household by the `fhirpath` library: the second opinion on the compiled
 * SQL. Our functions are user-defined functions of the library, named values its variables.
 *
 * Where a fact is missing the library would pass over a member; `where`, `exists`, `all`, `select`
 * and `iif` are therefore given our meaning: what cannot be known makes the result undetermined.
 * The compiled SQL keeps bounds and so decides more; where both decide they agree.
 */

import fhirpath from 'fhirpath';
import { type Moment, periodText, plainDecimal } from './moment.ts';
import { type Node, parseExpression } from './syntax.ts';

/** Functions of the model, by name: they are given the household or member, and the inputs. */
export type ModelFunction = (subject: unknown, ...inputs: unknown[]) => unknown;

/** The value of an expression; undefined: undetermined. */
export type Found = unknown;

type Inner = (item: unknown) => unknown[];
interface UserFunction {
  readonly fn: (...inputs: never[]) => unknown[];
  readonly arity: Readonly<Record<number, readonly string[]>>;
  readonly variadicArity?: { readonly type: string; readonly min?: number };
  /** Inputs stay nodes of the library; else they are plain values. */
  readonly internalStructures?: true;
}

/** Thrown where a fact that is needed is missing. */
class Undetermined extends Error {}

export class Evaluator {
  readonly #moment: Moment;
  readonly #table: Readonly<Record<string, UserFunction>>;
  readonly #variables: Record<string, unknown> = {};
  readonly #parsed = new Map<string, (context: unknown) => unknown[]>();

  constructor(moment: Moment, functions: Readonly<Record<string, ModelFunction>>) {
    this.#moment = moment;
    this.#table = { ...LOGIC, ...Object.fromEntries(Object.entries(functions).map(ours)) };
  }

  /** Names a value. */
  define(name: string, value: Found): void {
    this.#variables[name] = value === undefined ? [] : value;
  }

  /**
   * The values of an expression over a household or a member; undefined: undetermined. The library
   * throws, in many words, where several values stand in the place of one: that is undetermined too.
   */
  all(text: string, context: unknown): readonly unknown[] | undefined {
    const evaluate = this.#compiled(text);
    try {
      return evaluate(context);
    } catch (error) {
      if (error instanceof Error) return undefined;
      throw error;
    }
  }

  /** The only value of an expression. */
  one(text: string, context: unknown): Found {
    const found = this.all(text, context);
    return found?.length === 1 ? plain(found[0]) : undefined;
  }

  /** The number an expression gives, as decimal text. */
  number(text: string, context: unknown): string | undefined {
    return decimalOf(this.one(text, context));
  }

  #compiled(text: string): (context: unknown) => unknown[] {
    const known = this.#parsed.get(text);
    if (known) return known;
    const path = pathOf(parseExpression(text), this.#moment);
    const evaluate = fhirpath.compile(path, undefined, {
      preciseMath: true,
      resolveInternalTypes: false,
      userInvocationTable: this.#table as never,
    });
    const run = (context: unknown) => evaluate(context, this.#variables as never) as unknown[];
    this.#parsed.set(text, run);
    return run;
  }
}

/** Decimal text of a number of the library. */
export function decimalOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return plainDecimal(value);
  if (typeof value !== 'object' || value === null || !('decimalPlaces' in value)) return undefined;
  const { asStr } = value as { asStr?: string };
  return asStr;
}

/** A number for the library. */
export function numberOf(text: string): unknown {
  const [found] = fhirpath.evaluate(
    {},
    text.startsWith('-') ? `-(${text.slice(1)})` : text,
    {},
    undefined,
    {
      preciseMath: true,
      resolveInternalTypes: false,
    },
  ) as unknown[];
  return found;
}

/** A day for the library. */
export function dateOf(day: string): unknown {
  const [found] = fhirpath.evaluate({}, `@${day}`, {}, undefined, {
    resolveInternalTypes: false,
  }) as unknown[];
  return found;
}

/** The text of a day of the library, or of a text. */
export function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'asStr' in value
    ? String((value as { asStr: string }).asStr)
    : String(value);
}

function ours([name, run]: [string, ModelFunction]): [string, UserFunction] {
  const fn = (items: unknown[], ...inputs: unknown[][]) => {
    const value = run(items[0], ...inputs.map((input) => (input.length > 1 ? input : input[0])));
    return value === undefined ? [] : [value];
  };
  return [name, { fn: fn as never, arity: {}, variadicArity: { type: 'Any' } }];
}

function decided(found: unknown[]): boolean {
  const [value] = found.map(plain);
  if (typeof value !== 'boolean') throw new Undetermined();
  return value;
}

/** The value in a node of the library. */
function plain(value: unknown): unknown {
  const isNode = typeof value === 'object' && value !== null && 'parentResNode' in value;
  return isNode ? (value as { data?: unknown }).data : value;
}

function own(
  arity: UserFunction['arity'],
  fn: (items: unknown[], ...inputs: Inner[]) => unknown[],
): UserFunction {
  return { fn: fn as never, arity, internalStructures: true };
}

/** Three-valued over several members: one that decides is enough. */
function anyOf(items: unknown[], test: Inner, wanted: boolean): boolean | undefined {
  const found = items.map((item) => plain(test(item)[0]));
  if (found.includes(wanted)) return true;
  return found.every((each) => typeof each === 'boolean') ? false : undefined;
}

function answered(value: boolean | undefined): unknown[] {
  return value === undefined ? [] : [value];
}

const LOGIC: Readonly<Record<string, UserFunction>> = {
  where: own({ 1: ['Expr'] }, (items, test) => items.filter((item) => decided(test!(item)))),
  exists: own({ 0: [], 1: ['Expr'] }, (items, test) =>
    test ? answered(anyOf(items, test, true)) : [items.length > 0],
  ),
  all: own({ 1: ['Expr'] }, (items, test) => {
    const odd = anyOf(items, test!, false);
    return odd === undefined ? [] : [!odd];
  }),
  select: own({ 1: ['Expr'] }, (items, value) =>
    items.flatMap((item) => {
      const found = value!(item);
      if (found.length === 0) throw new Undetermined();
      return found;
    }),
  ),
  iif: own({ 2: ['Expr', 'Expr'], 3: ['Expr', 'Expr', 'Expr'] }, (items, test, yes, no) => {
    const [condition] = test!(items as never).map(plain);
    if (typeof condition !== 'boolean') return [];
    return condition ? yes!(items as never) : (no?.(items as never) ?? []);
  }),
};

/** A node as FHIRPath for the library. */
function pathOf(node: Node, moment: Moment): string {
  const text = (inner: Node) => pathOf(inner, moment);
  switch (node.kind) {
    case 'number':
      return node.text;
    case 'string':
      return `'${node.text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
    case 'boolean':
      return String(node.value);
    case 'date':
      return `@${node.text}`;
    case 'duration':
      return `${node.text} ${node.unit}`;
    case 'empty':
      return '{}';
    case 'this':
      return '$this';
    case 'variable':
      return `%\`${node.name}\``;
    case 'negate':
      return `(-(${text(node.operand)}))`;
    case 'binary':
      return `(${text(node.left)} ${node.operator} ${text(node.right)})`;
    case 'name':
      return namePath(node, moment);
    case 'call':
      return callPath(node, moment);
  }
}

function namePath(node: Node & { kind: 'name' }, moment: Moment): string {
  const { target, name } = node;
  if (!target) return name;
  if (target.kind === 'variable' && target.name === 'period') {
    return periodText(name, moment, node.at);
  }
  const plain = target.kind === 'name' && target.name === 'enrolment';
  return plain ? `enrolment.${name}` : `${pathOf(target, moment)}.select(${name})`;
}

function callPath(node: Node & { kind: 'call' }, moment: Moment): string {
  const inputs = node.inputs.map((input) => pathOf(input, moment)).join(', ');
  if (!node.target) return `${node.name}(${inputs})`;
  const target = pathOf(node.target, moment);
  // The library's sum of nothing is nothing; ours is 0.
  if (node.name === 'sum') return `${target}.aggregate($this + $total, 0)`;
  return `${target}.${node.name}(${inputs})`;
}
