/**
 * The functions of FHIRPath that rules use.
 *
 * Plain functions take values; those with context evaluate their arguments for each item.
 *
 * Spec: http://hl7.org/fhirpath/N1/#functions
 */

import { matches, replaceMatches } from './regex.ts';
import { isResourceType } from './resource-types.ts';
import { isObject } from './run.ts';
import {
  children,
  descendants,
  type Environment,
  type Evaluate,
  equal,
  flat,
  members,
  type Values,
} from './values.ts';

type Plain = (focus: Values, args: readonly Values[], env: Environment) => Values;
type WithContext = (focus: Values, args: readonly Evaluate[], env: Environment) => Values;

function isTrue(values: Values): boolean {
  return values.length > 0 && values[0] !== false;
}

function distinct(values: Values): unknown[] {
  const seen = new Set<unknown>();
  const found: unknown[] = [];
  for (const value of values) {
    if (isObject(value) ? found.some((each) => equal(each, value)) : seen.has(value)) continue;
    seen.add(value);
    found.push(value);
  }
  return found;
}

function onText(work: (text: string, ...args: string[]) => unknown): Plain {
  return (focus, args) => {
    if (typeof focus[0] !== 'string') return [];
    const result = work(focus[0], ...args.map((arg) => String(arg[0] ?? '')));
    return result === undefined ? [] : [result];
  };
}

/** The parts with a text between them; undefined when that is too long to be meant. */
function shortEnough(parts: readonly string[], by: string): string | undefined {
  const length = parts.length * by.length;
  return length > TEXT_MAX ? undefined : parts.join(by);
}

/** Characters that a text may grow to. */
const TEXT_MAX = 1_000_000;

/** What a reference leads to, as far as it can be told here: its type, or the contained. */
function resolve(focus: Values, env: Environment): Values {
  return focus.flatMap((each) => {
    const literal = isObject(each) ? each.reference : each;
    if (typeof literal !== 'string') return [];
    if (literal === '#') return env.rootResource ? [env.rootResource] : [];
    if (literal.startsWith('#')) {
      const contained = members(env.rootResource ? [env.rootResource] : [], 'contained');
      return contained.filter((it) => isObject(it) && it.id === literal.slice(1));
    }
    const type = /(?:^|\/)([A-Z][A-Za-z]+)\/[^/]+(?:\/_history\/[^/]+)?$/.exec(literal)?.[1];
    return type && isResourceType(type) ? [{ resourceType: type }] : [];
  });
}

const FUNCTIONS: Readonly<Record<string, Plain>> = {
  empty: (focus) => [focus.length === 0],
  not: (focus) => (focus.length === 0 ? [] : [!isTrue(focus)]),
  count: (focus) => [focus.length],
  first: (focus) => focus.slice(0, 1),
  last: (focus) => focus.slice(-1),
  single: (focus) => focus.slice(0, 1),
  tail: (focus) => focus.slice(1),
  skip: (focus, [count]) => focus.slice(Number(count?.[0] ?? 0)),
  take: (focus, [count]) => focus.slice(0, Number(count?.[0] ?? 0)),
  hasValue: (focus) => [focus.length === 1 && !isObject(focus[0])],
  trace: (focus) => focus,
  distinct: (focus) => distinct(focus),
  isDistinct: (focus) => [distinct(focus).length === focus.length],
  combine: (focus, [other]) => [...focus, ...(other ?? [])],
  union: (focus, [other]) => distinct([...focus, ...(other ?? [])]),
  intersect: (focus, [other]) =>
    distinct(focus.filter((each) => other?.some((it) => equal(it, each)))),
  subsetOf: (focus, [other]) => [focus.every((each) => other?.some((it) => equal(it, each)))],
  allTrue: (focus) => [focus.every((each) => each === true)],
  anyTrue: (focus) => [focus.some((each) => each === true)],
  allFalse: (focus) => [focus.every((each) => each === false)],
  anyFalse: (focus) => [focus.some((each) => each === false)],
  children: (focus) => flat(focus, children),
  descendants: (focus) => flat(focus, descendants),
  extension: (focus, [url]) =>
    members(focus, 'extension').filter((each) => isObject(each) && each.url === url?.[0]),
  resolve: (focus, _, env) => resolve(focus, env),
  htmlChecks: () => [true],
  // an expression that cannot be told leaves the rule open
  matches: onText((text, source) => matches(source!, text) ?? true),
  startsWith: onText((text, prefix) => text.startsWith(prefix!)),
  endsWith: onText((text, suffix) => text.endsWith(suffix!)),
  contains: onText((text, part) => text.includes(part!)),
  length: onText((text) => text.length),
  lower: onText((text) => text.toLowerCase()),
  upper: onText((text) => text.toUpperCase()),
  trim: onText((text) => text.trim()),
  replace: onText((text, part, by) => shortEnough(text.split(part!), by!)),
  replaceMatches: onText((text, source, by) => replaceMatches(source!, text, by!)),
  indexOf: onText((text, part) => text.indexOf(part!)),
  substring: (focus, [start, length]) => {
    const text = focus[0];
    const from = Number(start?.[0] ?? 0);
    if (typeof text !== 'string' || from < 0 || from >= text.length) return [];
    return [length ? text.slice(from, from + Number(length[0])) : text.slice(from)];
  },
  toString: (focus: Values) => (focus.length === 0 || isObject(focus[0]) ? [] : [String(focus[0])]),
  toInteger: (focus) => (/^[+-]?\d+$/.test(String(focus[0] ?? '')) ? [Number(focus[0])] : []),
  toDecimal: (focus) =>
    /^[+-]?\d+(\.\d+)?$/.test(String(focus[0] ?? '')) ? [Number(focus[0])] : [],
};

const CONTEXT_FUNCTIONS: Readonly<Record<string, WithContext>> = {
  exists: (focus, [criterion], env) => [
    criterion ? focus.some((each) => isTrue(criterion([each], env))) : focus.length > 0,
  ],
  where: (focus, [criterion], env) =>
    focus.length === 0 ? focus : focus.filter((each) => isTrue(criterion!([each], env))),
  all: (focus, [criterion], env) => [focus.every((each) => isTrue(criterion!([each], env)))],
  select: (focus, [projection], env) => flat(focus, (each) => projection!([each], env)),
  repeat: (focus, [projection], env) => {
    const found: unknown[] = [];
    let level = focus;
    while (level.length > 0 && found.length < 10_000) {
      level = flat(level, (each) => projection!([each], env));
      for (const each of level) found.push(each);
    }
    return found;
  },
  iif: (focus, [criterion, yes, no], env) =>
    isTrue(criterion!(focus, env)) ? yes!(focus, env) : (no?.(focus, env) ?? []),
};

/** A function of values; undefined when it is not known here. */
export function plainFunction(name: string): Plain | undefined {
  return Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
}

/** A function that evaluates its arguments for each item; undefined when it is not one. */
export function contextFunction(name: string): WithContext | undefined {
  return Object.hasOwn(CONTEXT_FUNCTIONS, name) ? CONTEXT_FUNCTIONS[name] : undefined;
}
