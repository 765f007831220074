/**
 * FHIRPath rules compiled to closures over plain JSON: the invariants of R4 and of profiles.
 *
 * Collections are arrays of JSON values. Choice elements are found by name (`value` is whichever
 * of `valueString`, `valueQuantity` … is there); `x is T` and `x as T` look at the name as well,
 * because JSON says the type nowhere else. A comparison whose answer is not known for want of
 * precision (2020 against 2020-05) is taken as holding: rules refuse only what is surely wrong.
 *
 * What is not understood throws `UnsupportedExpression` when compiled, never when evaluated.
 *
 * Spec: http://hl7.org/fhirpath/N1/, https://hl7.org/fhir/R4/fhirpath.html
 */

import { isNumber } from '../formats/json.ts';
import { type Expression, UnsupportedExpression } from './expression.ts';
import { contextFunction, plainFunction } from './functions.ts';
import { isObject } from './run.ts';
import {
  comparison,
  type Evaluate,
  equal,
  equalLists,
  memberReader,
  members,
  sameType,
  TYPE_SUFFIXES,
  type Values,
} from './values.ts';

const NOTHING: Values = [];
const TRUE: Values = [true];
const FALSE: Values = [false];

const CONSTANTS: Readonly<Record<string, string>> = {
  ucum: 'http://unitsofmeasure.org',
  sct: 'http://snomed.info/sct',
  loinc: 'http://loinc.org',
};

/** Compiles an expression to a function from a focus to its values. */
export function compileExpression(expression: Expression): Evaluate {
  switch (expression.kind) {
    case 'literal': {
      const value = [expression.value];
      return () => value;
    }
    case 'empty':
      return () => NOTHING;
    case 'this':
      return (focus) => focus;
    case 'environment':
      return environment(expression.name);
    case 'member':
      return member(expression);
    case 'index': {
      const of = compileExpression(expression.of);
      const index = compileExpression(expression.index);
      return (focus, env) => {
        const value = of(focus, env)[Number(index(focus, env)[0])];
        return value === undefined ? NOTHING : [value];
      };
    }
    case 'negative': {
      const of = compileExpression(expression.of);
      return (focus, env) => of(focus, env).map((value) => -Number(value));
    }
    case 'type':
      return typeTest(expression);
    case 'call':
      return call(expression);
    case 'binary':
      return binary(expression);
  }
}

function environment(name: string): Evaluate {
  const constant = CONSTANTS[name];
  if (constant !== undefined) return () => [constant];
  if (name === 'resource') return (_, env) => (env.resource ? [env.resource] : NOTHING);
  if (name === 'rootResource') return (_, env) => (env.rootResource ? [env.rootResource] : NOTHING);
  if (name === 'context') return (_, env) => (env.context === undefined ? NOTHING : [env.context]);
  throw new UnsupportedExpression(`%${name}`);
}

function member(expression: Extract<Expression, { kind: 'member' }>): Evaluate {
  const { name } = expression;
  if (!expression.of) {
    // `Appointment.status` within an Appointment: the first name may be the type itself
    if (/^[A-Z]/.test(name)) return (focus) => focus.filter((each) => sameType(each, name));
    return memberReader(name);
  }
  const of = compileExpression(expression.of);
  const read = memberReader(name);
  return (focus, env) => {
    const items = of(focus, env);
    return items.length === 0 ? NOTHING : read(items);
  };
}

/** `value is Quantity`, `value.ofType(Quantity)`, `resource is Composition`, `$this as string`. */
function typeTest(expression: Extract<Expression, { kind: 'type' }>): Evaluate {
  const { of, type } = expression;
  const select = selectType(of, type);
  if (expression.op === 'as') return select;
  return (focus, env) => (select(focus, env).length > 0 ? TRUE : FALSE);
}

function selectType(of: Expression, type: string): Evaluate {
  if (of.kind === 'member') {
    const suffix = type.charAt(0).toUpperCase() + type.slice(1);
    const owner = of.of ? compileExpression(of.of) : (focus: Values) => focus;
    const plain = compileExpression(of);
    const key = of.name + suffix;
    return (focus, env) => {
      const found = owner(focus, env).flatMap((each) =>
        isObject(each) && TYPE_SUFFIXES.has(suffix) ? members([each], key) : [],
      );
      return found.length > 0
        ? found
        : plain(focus, env).filter((each) => isObject(each) && each.resourceType === type);
    };
  }
  const values = compileExpression(of);
  return (focus, env) => values(focus, env).filter((each) => sameType(each, type));
}

function call(expression: Extract<Expression, { kind: 'call' }>): Evaluate {
  const { name } = expression;
  const of = expression.of ? compileExpression(expression.of) : (focus: Values) => focus;
  const [first] = expression.args;
  if (name === 'extension' && first?.kind === 'literal') return extensions(of, first.value);
  const args = expression.args.map(compileExpression);
  const withContext = contextFunction(name);
  if (withContext) {
    return (focus, env) => withContext(of(focus, env), args, env);
  }
  const plain = plainFunction(name);
  if (!plain) throw new UnsupportedExpression(`${name}()`);
  return (focus, env) =>
    plain(
      of(focus, env),
      args.map((arg) => arg(focus, env)),
      env,
    );
}

/** `extension('url')`, which rules of profiles ask for most. */
function extensions(of: Evaluate, url: unknown): Evaluate {
  return (focus, env) => {
    let found: unknown[] | undefined;
    for (const item of of(focus, env)) {
      const list = isObject(item) ? item.extension : undefined;
      if (!Array.isArray(list)) continue;
      for (const each of list) {
        if (!isObject(each) || each.url !== url) continue;
        if (found) found.push(each);
        else found = [each];
      }
    }
    return found ?? NOTHING;
  };
}

/** A collection as a truth value: undefined when empty. */
export function truth(values: Values): boolean | undefined {
  if (values.length === 0) return undefined;
  return values[0] !== false;
}

function logic(value: boolean | undefined): Values {
  return value === undefined ? NOTHING : value ? TRUE : FALSE;
}

type Connective = (
  left: boolean | undefined,
  right: () => boolean | undefined,
) => boolean | undefined;

const CONNECTIVES: Readonly<Record<string, Connective>> = {
  and: (left, right) => {
    if (left === false) return false;
    const other = right();
    return other === false ? false : left && other;
  },
  or: (left, right) => {
    if (left === true) return true;
    const other = right();
    return other === true ? true : left === undefined ? undefined : other;
  },
  xor: (left, right) => {
    const other = right();
    return left === undefined || other === undefined ? undefined : left !== other;
  },
  implies: (left, right) => {
    if (left === false) return true;
    const other = right();
    return other === true ? true : left === undefined ? undefined : other;
  },
};

function binary(expression: Extract<Expression, { kind: 'binary' }>): Evaluate {
  const left = compileExpression(expression.left);
  const right = compileExpression(expression.right);
  const connective = CONNECTIVES[expression.op];
  if (connective) {
    return (focus, env) =>
      logic(connective(truth(left(focus, env)), () => truth(right(focus, env))));
  }
  const operate = OPERATORS[expression.op];
  if (!operate) throw new UnsupportedExpression(expression.op);
  return (focus, env) => operate(left(focus, env), right(focus, env));
}

type Operate = (left: Values, right: Values) => Values;

function ordering(test: (order: number) => boolean): Operate {
  return (left, right) => {
    if (left.length === 0 || right.length === 0) return NOTHING;
    const order = comparison(left[0], right[0]);
    return order === undefined || test(order) ? TRUE : FALSE;
  };
}

function arithmetic(compute: (left: number, right: number) => number): Operate {
  return (left, right) =>
    isNumber(left[0]) && isNumber(right[0])
      ? [compute(Number(left[0]), Number(right[0]))]
      : NOTHING;
}

function text(values: Values): string {
  return values.length === 0 ? '' : String(values[0]);
}

const OPERATORS: Readonly<Record<string, Operate>> = {
  '=': (left, right) => {
    if (left.length === 0 || right.length === 0) return NOTHING;
    if (left.length > 1 || right.length > 1) return logic(equalLists(left, right));
    return equal(left[0], right[0]) ? TRUE : FALSE;
  },
  '!=': (left, right) =>
    left.length === 0 || right.length === 0 ? NOTHING : logic(!equalLists(left, right)),
  '~': (left, right) => logic(equalLists(left, right)),
  '!~': (left, right) => logic(!equalLists(left, right)),
  '<': ordering((order) => order < 0),
  '>': ordering((order) => order > 0),
  '<=': ordering((order) => order <= 0),
  '>=': ordering((order) => order >= 0),
  '|': (left, right) => [...left, ...right],
  in: (left, right) =>
    left.length === 0 ? NOTHING : logic(right.some((each) => equal(each, left[0]))),
  contains: (left, right) =>
    right.length === 0 ? NOTHING : logic(left.some((each) => equal(each, right[0]))),
  '&': (left, right) => [text(left) + text(right)],
  '+': (left, right) => {
    if (left.length === 0 || right.length === 0) return NOTHING;
    if (typeof left[0] === 'string') return [text(left) + text(right)];
    return [Number(left[0]) + Number(right[0])];
  },
  '-': arithmetic((left, right) => left - right),
  '*': arithmetic((left, right) => left * right),
  '/': arithmetic((left, right) => left / right),
  div: arithmetic((left, right) => Math.trunc(left / right)),
  mod: arithmetic((left, right) => left % right),
};
