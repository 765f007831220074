/**
 * Plain paths of views as closures: names, index, `where` and `exists` with equality, `ofType()` of
 * choices, keys. Whatever could mean something else to FHIRPath (dates, quantities, arithmetic,
 * other functions) is left to the interpreter.
 */

import { problem } from '../../sdk/index.ts';
import {
  type Expression,
  parseExpression,
  UnsupportedExpression,
} from '../definitions/expression.ts';
import { isObject } from '../definitions/run.ts';
import { TYPE_SUFFIXES } from '../definitions/values.ts';
import { isNumber } from '../formats/json.ts';
import { choiceNames, type Path } from './interpret.ts';
import { joined, referenceKey, resourceKey } from './keys.ts';

/** The path as a closure; undefined when it is not plain. */
export function plain(text: string): Path | undefined {
  if (/[@]/.test(text.replace(/'(?:[^'\\]|\\.)*'/g, ''))) return undefined;
  try {
    return compile(parseExpression(text));
  } catch (error) {
    if (error instanceof UnsupportedExpression) return undefined;
    throw error;
  }
}

const NOTHING: readonly unknown[] = [];
const TRUE: readonly unknown[] = [true];
const FALSE: readonly unknown[] = [false];

function compile(expression: Expression): Path {
  switch (expression.kind) {
    case 'literal': {
      const value = [expression.value];
      return () => value;
    }
    case 'this':
      return (focus) => focus;
    case 'environment':
      if (expression.name === 'rowIndex') return (_, env) => [env.rowIndex];
      if (expression.name === 'resource') return (_, env) => [env.resource];
      break;
    case 'member': {
      if (!expression.of && /^[A-Z]/.test(expression.name)) break;
      const { name } = expression;
      const of = owner(expression.of);
      return (focus, env) => members(of(focus, env), name);
    }
    case 'index': {
      const { index } = expression;
      if (index.kind !== 'literal' || typeof index.value !== 'number') break;
      const of = compile(expression.of);
      const at = index.value;
      return (focus, env) => of(focus, env).slice(at, at + 1);
    }
    case 'type':
      return ofType(expression);
    case 'call':
      return call(expression);
    case 'binary':
      return binary(expression);
  }
  throw new UnsupportedExpression(expression.kind);
}

function owner(of: Expression | undefined): Path {
  return of ? compile(of) : (focus) => focus;
}

function members(items: readonly unknown[], name: string): readonly unknown[] {
  if (items.length === 1) {
    const value = memberOf(items[0], name);
    if (value === undefined || value === null) return NOTHING;
    if (!Array.isArray(value)) return [value];
    return value.includes(null) ? value.filter((each) => each !== null) : value;
  }
  return items.flatMap((item) => {
    const value = memberOf(item, name);
    if (value === undefined || value === null) return NOTHING;
    return Array.isArray(value) ? value.filter((each) => each !== null) : [value];
  });
}

function memberOf(item: unknown, name: string): unknown {
  if (!isObject(item)) return undefined;
  const value = item[name];
  if (value !== undefined || !choiceNames().has(name)) return value;
  for (const key in item) {
    if (key.startsWith(name) && TYPE_SUFFIXES.has(key.slice(name.length))) return item[key];
  }
  return undefined;
}

function ofType({ op, of, type }: Extract<Expression, { kind: 'type' }>): Path {
  const suffix = type.charAt(0).toUpperCase() + type.slice(1);
  if (
    op !== 'as' ||
    of.kind !== 'member' ||
    !choiceNames().has(of.name) ||
    !TYPE_SUFFIXES.has(suffix)
  ) {
    throw new UnsupportedExpression('type');
  }
  const from = owner(of.of);
  const key = of.name + suffix;
  return (focus, env) => members(from(focus, env), key);
}

function call({ of, name, args }: Extract<Expression, { kind: 'call' }>): Path {
  const from = owner(of);
  const [first] = args;
  if (name === 'getReferenceKey' && args.length <= 1) {
    const type = first?.kind === 'member' && !first.of ? first.name : undefined;
    if (first && !type) throw new UnsupportedExpression(name);
    return (focus, env) => from(focus, env).flatMap((each) => referenceKey(each, type));
  }
  if (name === 'where' && first && args.length === 1) {
    const test = compile(first);
    return (focus, env) => from(focus, env).filter((each) => isTrue(test([each], env)));
  }
  if (name === 'exists' && first && args.length === 1) {
    const test = compile(first);
    return (focus, env) =>
      from(focus, env).some((each) => isTrue(test([each], env))) ? TRUE : FALSE;
  }
  if (name === 'join' && (!first || typeof literalOf(first) === 'string') && args.length <= 1) {
    const between = first ? String(literalOf(first)) : '';
    return (focus, env) => joined(from(focus, env), between);
  }
  if (name === 'extension' && first?.kind === 'literal') {
    const url = first.value;
    return (focus, env) =>
      members(from(focus, env), 'extension').filter((each) => isObject(each) && each.url === url);
  }
  if (args.length > 0 || !Object.hasOwn(SIMPLE, name)) throw new UnsupportedExpression(name);
  const work = SIMPLE[name]!;
  return (focus, env) => work(from(focus, env));
}

function literalOf(expression: Expression): unknown {
  return expression.kind === 'literal' ? expression.value : undefined;
}

const SIMPLE: Readonly<Record<string, (values: readonly unknown[]) => readonly unknown[]>> = {
  first: (values) => (values.length > 1 ? values.slice(0, 1) : values),
  last: (values) => values.slice(-1),
  exists: (values) => (values.length > 0 ? TRUE : FALSE),
  empty: (values) => (values.length > 0 ? FALSE : TRUE),
  count: (values) => [values.length],
  not: (values) => (values.length === 0 ? NOTHING : [!truth(values)]),
  getResourceKey: (values) => values.flatMap(resourceKey),
};

function isTrue(values: readonly unknown[]): boolean {
  return values.length === 1 && values[0] === true;
}

/** A single value as a truth value; undefined when there is none. */
function truth(values: readonly unknown[]): boolean | undefined {
  if (values.length === 0) return undefined;
  if (values.length > 1) throw notSingle();
  return values[0] !== false;
}

function notSingle() {
  return problem(
    'value',
    'view-value',
    'A path of the view gives several values where FHIRPath needs one; narrow it with first() or where().',
  );
}

function binary({ op, left, right }: Extract<Expression, { kind: 'binary' }>): Path {
  const [a, b] = [compile(left), compile(right)];
  if (op === 'and' || op === 'or') {
    const decides = op === 'or';
    return (focus, env) => {
      const one = truth(a(focus, env));
      if (one === decides) return decides ? TRUE : FALSE;
      const other = truth(b(focus, env));
      if (other === decides) return decides ? TRUE : FALSE;
      return one === undefined || other === undefined ? NOTHING : decides ? FALSE : TRUE;
    };
  }
  const simple = (each: Expression): boolean =>
    each.kind === 'literal' || (each.kind === 'call' && each.name === 'getResourceKey');
  if ((op !== '=' && op !== '!=') || !(simple(left) || simple(right))) {
    throw new UnsupportedExpression(op);
  }
  return (focus, env) => {
    const [one, other] = [a(focus, env), b(focus, env)];
    if (one.length === 0 || other.length === 0) return NOTHING;
    const same = one.length === other.length && one.every((each, at) => sameValue(each, other[at]));
    return same === (op === '=') ? TRUE : FALSE;
  };
}

function sameValue(left: unknown, right: unknown): boolean {
  return left === right || (isNumber(left) && isNumber(right) && Number(left) === Number(right));
}
