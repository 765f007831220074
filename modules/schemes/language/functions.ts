/**
 * Functions of the language: FHIRPath's own, and those that rules need beside them.
 */

import {
  extreme,
  numberFunction,
  ROUNDING_MODES,
  type RoundingMode,
  roundedTo,
} from './arithmetic.ts';
import type { Compiling, Scope } from './compiling.ts';
import { complianceMonths } from './compliance.ts';
import { CURVES, curve } from './curve.ts';
import { areaCode, characteristic, enrolledIn, livesIn, textInput } from './household.ts';
import { lookup } from './lookup.ts';
import { ageOf, answerOf, memberFact } from './members.ts';
import { certain, exactly, not, quote } from './sql.ts';
import type { Call } from './syntax.ts';
import {
  codeOf,
  type NumberValue,
  numberValue,
  type Scalar,
  toDate,
  toNumber,
  toScalar,
  truth,
  unknownName,
  type Value,
  wrong,
} from './values.ts';

const ROUNDING: ReadonlySet<string> = new Set(['floor', 'ceiling', 'truncate', 'round', 'abs']);
const KNOWN =
  'functions are iif(), least(), greatest(), lookup(), roundTo(), ifMissing(), ' +
  "characteristic('…'), answer('…', '…'), monthsMet('…'); of a household livesIn('…'), areaAt(), enrolledIn('…'); " +
  'of a member ageOn(), ageInMonthsOn()';

/** A call, on a value or by itself. */
export function call(
  compilation: Compiling,
  node: Call,
  scope: Scope,
  target: Value | undefined,
): Value {
  if (target) {
    const value = toScalar(target, node.at);
    return CURVES[node.name] === undefined
      ? method(node, value)
      : curveOf(compilation, node, scope, value);
  }
  if (node.name.startsWith('months')) return complianceMonths(compilation, node, scope);
  const shared = SHARED[node.name];
  if (shared) return shared(compilation, node, scope);
  if (node.name === 'characteristic') {
    const code = textInput(node, 'the code of the fact');
    return scope === 'member' ? memberFact(code) : characteristic(compilation, code);
  }
  if (node.name === 'answer') return answer(compilation, node, scope);
  // Where a household lives and what else it is enrolled in holds for each of its members.
  const own = scope === 'member' ? ofMember(compilation, node) : undefined;
  const found = own ?? ofHousehold(compilation, node);
  if (found) return found;
  throw unknownName(`${node.name}()`, node.at, KNOWN);
}

function curveOf(compilation: Compiling, node: Call, scope: Scope, target: Scalar): Value {
  const wanted = CURVES[node.name];
  if (node.inputs.length !== wanted) {
    throw wrong(`${node.name}() takes ${wanted === 0 ? 'no input' : 'one number'}`, node.at);
  }
  const inputs = node.inputs.map((each) => toNumber(compilation.one(each, scope), each.at));
  return curve(node.name, [toNumber(target, node.at), ...inputs]);
}

function answer(compilation: Compiling, node: Call, scope: Scope): Value {
  const [form, item] = node.inputs;
  if (form?.kind === 'string' && item?.kind === 'string' && node.inputs.length === 2) {
    if (form.text !== '' && item.text !== '') {
      return answerOf(compilation, form.text, item.text, scope);
    }
  }
  throw wrong(
    "answer('…', '…') needs the url of the Questionnaire and the linkId of the item in quotes",
    node.at,
  );
}

function ofHousehold(compilation: Compiling, node: Call): Value | undefined {
  switch (node.name) {
    case 'livesIn':
      return livesIn(compilation, textInput(node, 'the code of the area'));
    case 'enrolledIn':
      return enrolledIn(compilation, textInput(node, 'the id of the scheme'));
    case 'areaAt': {
      const [level] = node.inputs;
      const depth = level?.kind === 'number' ? Number(level.text) : 0;
      if (!Number.isInteger(depth) || depth < 1 || depth > 12 || node.inputs.length !== 1) {
        throw wrong('areaAt(n) needs a level from 1, the outermost area', node.at);
      }
      return areaCode(compilation, depth);
    }
    default:
      return undefined;
  }
}

function ofMember(compilation: Compiling, node: Call): Value | undefined {
  const months = { ageOn: 12, ageInMonthsOn: 1 }[node.name];
  if (!months) return undefined;
  const [input] = node.inputs;
  const day = input && toDate(compilation.value(input, 'household'), input.at);
  if (!day?.literal || node.inputs.length !== 1) {
    throw wrong(
      `${node.name}(…) needs one day that is the same for all, like %period.end`,
      node.at,
    );
  }
  return ageOf(months, day.literal);
}

type Shared = (compilation: Compiling, node: Call, scope: Scope) => Value;

const SHARED: Readonly<Record<string, Shared>> = {
  iif: conditional,
  least: (compilation, node, scope) => extremeOf('least', compilation, node, scope),
  greatest: (compilation, node, scope) => extremeOf('greatest', compilation, node, scope),
  lookup,
  roundTo,
  ifMissing,
};

function extremeOf(
  name: 'least' | 'greatest',
  compilation: Compiling,
  node: Call,
  scope: Scope,
): Value {
  if (node.inputs.length < 2) throw wrong(`${name}(a, b, …) needs two numbers or more`, node.at);
  return extreme(
    name,
    node.inputs.map((input) => toNumber(compilation.one(input, scope), input.at)),
  );
}

/** `iif(condition, then, else)`; unknown where the condition is. */
function conditional(compilation: Compiling, node: Call, scope: Scope): Value {
  const [test, then, otherwise] = node.inputs;
  if (!test || !then || node.inputs.length > 3) {
    throw wrong('iif(condition, then, else) is expected', node.at);
  }
  const condition = truth(compilation.one(test, scope), test.at);
  const yes = toScalar(compilation.one(then, scope), then.at);
  const no: Scalar = otherwise
    ? toScalar(compilation.one(otherwise, scope), otherwise.at)
    : { is: 'empty' };
  return chosen(condition, yes, no, node.at);
}

function chosen(condition: string, yes: Scalar, no: Scalar, at: number): Scalar {
  const pick = (a: string, b: string) =>
    `(case when ${condition} then ${a} when ${not(condition)} then ${b} end)`;
  const kinds = new Set([yes.is, no.is]);
  if (kinds.has('number')) {
    const [a, b] = [toNumber(yes, at), toNumber(no, at)];
    const low = pick(a.range.low, b.range.low);
    const exact = a.range.low === a.range.high && b.range.low === b.range.high;
    const range = exact ? exactly(low) : { low, high: pick(a.range.high, b.range.high) };
    const whole = (a.whole || yes.is === 'empty') && (b.whole || no.is === 'empty');
    return numberValue(range, { whole, most: Math.max(a.most, b.most) });
  }
  if (kinds.has('boolean')) return { is: 'boolean', sql: pick(truth(yes, at), truth(no, at)) };
  if (kinds.has('date')) {
    const [a, b] = [toDate(yes, at), toDate(no, at)];
    return { is: 'date', low: pick(a.low, b.low), high: pick(a.high, b.high) };
  }
  if (kinds.has('text') || kinds.has('code')) {
    return { is: 'code', sql: pick(codeOf(yes, at), codeOf(no, at)) };
  }
  const [a, b] = [factOf(yes, at), factOf(no, at)];
  return {
    is: 'fact',
    number: pick(a.number, b.number),
    code: pick(a.code, b.code),
    boolean: pick(a.boolean, b.boolean),
    any: `coalesce(${pick(a.any, b.any)}, false)`,
  };
}

function factOf(value: Scalar, at: number): Extract<Scalar, { is: 'fact' }> {
  if (value.is === 'fact') return value;
  if (value.is !== 'empty') throw wrong('both values must be of one kind', at);
  return {
    is: 'fact',
    number: 'null::numeric',
    code: 'null::text',
    boolean: 'null::boolean',
    any: 'false',
  };
}

/** `roundTo(number, unit, 'mode')`. */
function roundTo(compilation: Compiling, node: Call, scope: Scope): Value {
  const [input, unit, mode] = node.inputs;
  const known = ROUNDING_MODES.find((each) => mode?.kind === 'string' && each === mode.text);
  if (!input || unit?.kind !== 'number' || Number(unit.text) <= 0 || !known) {
    const modes = ROUNDING_MODES.map((each) => `'${each}'`).join(', ');
    throw wrong(`roundTo(number, unit, mode) needs a number above 0 and one of ${modes}`, node.at);
  }
  const value = toNumber(compilation.one(input, scope), input.at);
  return rounded(compilation.certain(value), unit.text, known);
}

function rounded(value: NumberValue, unit: string, mode: RoundingMode): NumberValue {
  return numberValue(roundedTo(certain(value.range), unit, mode), {
    sure: value.sure,
    most: value.most + Number(unit),
  });
}

/** `ifMissing(value, instead)`: the rule itself says what a missing fact counts as. */
function ifMissing(compilation: Compiling, node: Call, scope: Scope): Value {
  const [first, second] = node.inputs;
  if (!first || !second || node.inputs.length !== 2) {
    throw wrong('ifMissing(value, instead) is expected', node.at);
  }
  const value = toScalar(compilation.one(first, scope), first.at);
  const instead = toScalar(compilation.one(second, scope), second.at);
  const kinds = new Set([value.is, instead.is]);
  const either = (a: string, b: string) => `coalesce(${a}, ${b})`;
  if (kinds.has('boolean')) {
    return { is: 'boolean', sql: either(truth(value, node.at), truth(instead, node.at)) };
  }
  if (kinds.has('text') || kinds.has('code')) {
    return { is: 'code', sql: either(codeOf(value, node.at), codeOf(instead, node.at)) };
  }
  if (kinds.has('date')) {
    const [a, b] = [toDate(value, node.at), toDate(instead, node.at)];
    return { is: 'date', low: either(a.low, b.low), high: either(a.high, b.high) };
  }
  const [a, b] = [toNumber(value, node.at), toNumber(instead, node.at)];
  return numberValue(exactly(either(certain(a.range), certain(b.range))), {
    whole: a.whole && b.whole,
    most: Math.max(a.most, b.most),
    sure: b.sure,
  });
}

/** A call on one value. */
function method(node: Call, target: Scalar): Value {
  const { name, inputs, at } = node;
  if (ROUNDING.has(name)) {
    const [places] = inputs;
    const digits = places?.kind === 'number' ? places.text : '0';
    if ((places && name !== 'round') || !/^\d$/.test(digits) || inputs.length > 1) {
      throw wrong(`${name}() takes no input; round(n) takes a number of places`, at);
    }
    return numberFunction(name, toNumber(target, at), digits);
  }
  if (name === 'not' && inputs.length === 0) return { is: 'boolean', sql: not(truth(target, at)) };
  if (name === 'exists' && inputs.length === 0) return { is: 'boolean', sql: known(target) };
  if (name === 'empty' && inputs.length === 0) return { is: 'boolean', sql: not(known(target)) };
  if (name === 'startsWith') {
    return {
      is: 'boolean',
      sql: `starts_with(${codeOf(target, at)}, ${quote(textInput(node, 'a text'))})`,
    };
  }
  throw unknownName(
    `${name}()`,
    at,
    'a value has not(), exists(), empty(), round(), floor(), ceiling(), truncate(), abs(), ' +
      'sqrt(), ln(), log(base), exp(), power(n)',
  );
}

function known(value: Scalar): string {
  switch (value.is) {
    case 'fact':
      return value.any;
    case 'number':
      return `(${value.range.low} is not null)`;
    case 'date':
      return `(${value.low} is not null)`;
    case 'empty':
      return 'false';
    case 'text':
      return 'true';
    default:
      return `(${value.sql} is not null)`;
  }
}
