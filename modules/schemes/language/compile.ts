/**
 * Compiles rules into SQL over the household model, so that a million households are decided by
 * one statement: members are grouped once, whatever the number of rules that count them.
 *
 * The household model (what an expression may name) is in the README of this room. What does not
 * compile is refused with the place, when the scheme is saved, and never at payroll.
 */

import type { Calendar, PaymentPeriod } from '../../../src/sdk/index.ts';
import { arithmetic } from './arithmetic.ts';
import { compareValues, equality, membership } from './compare.ts';
import type { Compiling, Scope } from './compiling.ts';
import { call } from './functions.ts';
import { householdName } from './household.ts';
import { AGGREGATES, memberName, membersMethod } from './members.ts';
import { fold, isConstant, type Moment } from './moment.ts';
import { Plan } from './plan.ts';
import { certain, exactly, not } from './sql.ts';
import { type Binary, type Node, parseExpression } from './syntax.ts';
import type { RuleTable } from './table.ts';
import {
  literal,
  logic,
  type MembersValue,
  type NumberValue,
  numberValue,
  type Scalar,
  toNumber,
  toScalar,
  truth,
  unknownName,
  type Value,
  wrong,
} from './values.ts';

/** When, and by which tables. */
export interface Setting {
  /** The day on which ages are taken, `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly period: PaymentPeriod;
  /** Number of the period since the first cycle of the scheme. */
  readonly cycle?: number;
  /** What the period is one of; monthly. */
  readonly calendar?: Calendar;
  readonly tables?: readonly RuleTable[];
  /** What the expressions of other rules need already; both are then read in one pass. */
  readonly plan?: Plan;
}

interface Named {
  readonly value: Value;
  /** The first layer in which it can be used. */
  readonly at: number;
}

/** Compiles the expressions of one scheme, one after another, into one plan. */
export class Compilation implements Compiling {
  readonly plan: Plan;
  readonly asOf: string;
  readonly moment: Moment;
  readonly tables: ReadonlyMap<string, RuleTable>;
  readonly #variables = new Map<string, Named>();
  readonly #memberVariables = new Map<string, Node>();
  /** The first layer in which what has been read so far can be used. */
  #at = 0;

  constructor(setting: Setting) {
    this.plan = setting.plan ?? new Plan();
    this.asOf = setting.asOf;
    const { period, cycle, calendar = { frequency: 'monthly' } } = setting;
    this.moment = { period, cycle, calendar };
    this.tables = new Map((setting.tables ?? []).map((table) => [table.name, table]));
  }

  // ── what the rest of the room asks for ─────────────────────────────────────────────────────

  /** Compiles a household's expression; its SQL can be used in layer `at` (at least 1). */
  read(text: string): Named {
    this.#at = 0;
    const value = this.one(parseExpression(text), 'household');
    return { value, at: Math.max(1, this.#at) };
  }

  /** SQL that is true, false or null for a household. */
  criterion(text: string): { sql: string; at: number } {
    const { value, at } = this.read(text);
    return { sql: truth(value, 0), at };
  }

  /** A number of the household. */
  number(text: string): { value: NumberValue; at: number } {
    const { value, at } = this.read(text);
    return { value: toNumber(value, 0), at };
  }

  /** Names a value for the expressions that follow, where `%name` reads it. */
  define(name: string, value: Value, at: number): Named {
    const named = { value: value.is === 'members' ? value : this.#kept(toScalar(value, 0), at) };
    const kept = named.value === value ? at : at + 1;
    this.#variables.set(name, { ...named, at: kept });
    return { ...named, at: kept };
  }

  /** Names a value of each member, by its bare name. */
  defineOfMember(name: string, text: string): void {
    const node = parseExpression(text);
    if (!/^[A-Za-z_]\w*$/.test(name) || OF_MEMBER.has(name) || this.#memberVariables.has(name)) {
      throw wrong(`"${name}" cannot be the name of a member-variable; choose another word`, 0);
    }
    toScalar(this.value(node, 'member'), node.at);
    this.#memberVariables.set(name, node);
  }

  /** Compiles an expression over one member. */
  ofMember(text: string): { value: Scalar; at: number } {
    this.#at = 0;
    const node = parseExpression(text);
    return { value: toScalar(this.value(node, 'member'), node.at), at: this.#at };
  }

  /** Puts a value into a column where that is shorter than writing it again. */
  #kept(value: Scalar, at: number): Scalar {
    const column = (sql: string) => this.plan.column(sql, at);
    switch (value.is) {
      case 'number': {
        if (value.literal !== undefined || isShort(value.range.low)) return value;
        const { age, ratio, ...plain } = value;
        if (ratio && value.range.low === value.range.high) {
          const over = this.#kept(ratio.over, at) as NumberValue;
          return arithmetic('/', over, this.#kept(ratio.under, at) as NumberValue, 0);
        }
        const range =
          value.range.low === value.range.high
            ? exactly(column(value.range.low))
            : { low: column(value.range.low), high: column(value.range.high) };
        return { ...plain, range };
      }
      case 'boolean':
        return isShort(value.sql) ? value : { is: 'boolean', sql: column(value.sql) };
      case 'code':
        return isShort(value.sql) ? value : { ...value, sql: column(value.sql) };
      case 'date':
        return isShort(value.low)
          ? value
          : { is: 'date', low: column(value.low), high: column(value.high) };
      default:
        return value;
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────

  /** Notes that what is being read needs layer `at`. */
  needs(at: number): void {
    this.#at = Math.max(this.#at, at);
  }

  /** Runs a reading and tells which layer it needs by itself. */
  within<Result>(run: () => Result): { result: Result; at: number } {
    const outer = this.#at;
    this.#at = 0;
    const result = run();
    const at = this.#at;
    this.#at = Math.max(outer, at);
    return { result, at };
  }

  /** Compiles a node. */
  value(node: Node, scope: Scope): Value {
    const value = this.#read(node, scope);
    // Nested choices double what they are made of; nobody could review a rule that comes near.
    if (lengthOf(value) > SQL_MAX) throw wrong('this is too deep; name parts of it', node.at);
    return value;
  }

  #read(node: Node, scope: Scope): Value {
    if (isConstant(node)) return fold(node, this.moment);
    switch (node.kind) {
      case 'number':
        return literal(node.text);
      case 'string':
        return { is: 'text', text: node.text };
      case 'boolean':
        return { is: 'boolean', sql: String(node.value) };
      case 'empty':
        return { is: 'empty' };
      case 'variable':
        return this.#variable(node, scope);
      case 'negate':
        return arithmetic('-', literal('0'), toNumber(this.value(node.operand, scope), node.at), 0);
      case 'binary':
        return this.#binary(node, scope);
      case 'name':
        return this.#name(node, scope);
      case 'call':
        return this.#call(node, scope);
      default:
        throw wrong('this cannot stand here', node.at);
    }
  }

  #variable(node: Node & { kind: 'variable' }, scope: Scope): Value {
    const found = this.#variables.get(node.name);
    if (!found) {
      const known = [...this.#variables.keys(), 'period'].map((name) => `%${name}`).join(', ');
      throw unknownName(`%${node.name}`, node.at, `variables that stand before it are ${known}`);
    }
    if (scope === 'member' && found.value.is === 'members') {
      throw wrong('inside members, other members cannot be counted; name the count first', node.at);
    }
    const constant = found.value.is === 'number' && found.value.literal !== undefined;
    if (!constant) this.needs(found.at);
    return found.value;
  }

  #name(node: Node & { kind: 'name' }, scope: Scope): Value {
    if (node.target) {
      if (node.target.kind === 'name' && node.target.name === 'enrolment' && !node.target.target) {
        return householdName(this, `enrolment.${node.name}`, node.at);
      }
      const target = this.value(node.target, scope);
      if (target.is === 'members') return this.#project(target, node);
      throw unknownName(`.${node.name}`, node.at, 'only functions may follow a dot here');
    }
    if (scope === 'household') return householdName(this, node.name, node.at);
    const variable = this.#memberVariables.get(node.name);
    return variable ? this.value(variable, 'member') : memberName(this, node.name, node.at);
  }

  /** `members.age` is `members.select(age)`. */
  #project({ where, layer }: MembersValue, node: Node & { kind: 'name' }): Value {
    const { target: _, ...bare } = node;
    const { result, at } = this.within(() => this.value(bare as Node, 'member'));
    return { is: 'values', where, of: toScalar(result, node.at), layer: Math.max(layer, at) };
  }

  #call(node: Node & { kind: 'call' }, scope: Scope): Value {
    if (node.target) {
      const target = this.value(node.target, scope);
      if (target.is === 'members' || (target.is === 'values' && AGGREGATES.has(node.name))) {
        return membersMethod(this, node, target);
      }
      if (target.is === 'values') {
        const only = membersMethod(this, { name: 'single', at: node.at }, target);
        return call(this, node, scope, only);
      }
      return call(this, node, scope, target);
    }
    return call(this, node, scope, undefined);
  }

  #binary(node: Binary, scope: Scope): Value {
    const { operator, at } = node;
    const left = this.one(node.left, scope);
    const right = this.one(node.right, scope);
    if (LOGIC.has(operator)) {
      return { is: 'boolean', sql: logic(operator, truth(left, at), truth(right, at)) };
    }
    if (operator === '|') {
      const items = [left, right].flatMap((each) =>
        each.is === 'list' ? each.items : [toScalar(each, at)],
      );
      return { is: 'list', items };
    }
    if (operator === 'in') return { is: 'boolean', sql: membership(this, left, right, at) };
    if (operator === '=' || operator === '!=') {
      const sql = equality(this, left, right, at);
      return { is: 'boolean', sql: operator === '=' ? sql : not(sql) };
    }
    if (COMPARISONS.has(operator)) {
      return { is: 'boolean', sql: compareValues(this, operator, left, right, at) };
    }
    const sides = [toNumber(left, at), toNumber(right, at)] as const;
    const [first, second] = scope === 'household' ? this.#shortened(operator, sides) : sides;
    return arithmetic(operator, first, second, at);
  }

  /** Bounds multiply what they are made of: long sides become columns first. */
  #shortened(
    operator: string,
    sides: readonly [NumberValue, NumberValue],
  ): readonly [NumberValue, NumberValue] {
    const exact = sides.every(({ range }) => range.low === range.high);
    const length = sides.reduce((sum, { range }) => sum + range.low.length, 0);
    if (exact || operator === '+' || operator === '-' || length < LONG) return sides;
    const at = Math.max(1, this.#at);
    const [first, second] = sides.map((side) => this.#kept(side, at) as NumberValue);
    this.needs(at + 1);
    return [first as NumberValue, second as NumberValue];
  }

  /** A value of which there is one: of several members' values, the only one. */
  one(node: Node, scope: Scope): Value {
    const value = this.value(node, scope);
    return value.is === 'values'
      ? membersMethod(this, { name: 'single', at: node.at }, value)
      : value;
  }

  /** A number for which one SQL stands, null where its bounds differ. */
  certain(value: NumberValue): NumberValue {
    return value.range.low === value.range.high
      ? value
      : numberValue(certain(value.range), { whole: value.whole, most: value.most });
  }
}

const OF_MEMBER = new Set(
  'age ageInMonths sex role disability birthDate members example member true false'.split(' '),
);

const SQL_MAX = 200_000;

/** Characters of the longest SQL of a value. */
function lengthOf(value: Value): number {
  switch (value.is) {
    case 'number':
      return Math.max(value.range.low.length, value.range.high.length);
    case 'boolean':
    case 'code':
      return value.sql.length;
    case 'date':
      return Math.max(value.low.length, value.high.length);
    case 'fact':
      return Math.max(value.number.length, value.code.length, value.boolean.length);
    case 'members':
      return value.where.reduce((sum, each) => sum + each.length, 0);
    case 'values':
      return lengthOf(value.of) + value.where.reduce((sum, each) => sum + each.length, 0);
    default:
      return 0;
  }
}

function isShort(sql: string): boolean {
  return /^\w+(::\w+)?$/.test(sql);
}

/** Characters of SQL from which a side is worth a column. */
const LONG = 400;

const LOGIC = new Set(['and', 'or', 'xor', 'implies']);
const COMPARISONS = new Set(['<', '<=', '>', '>=']);
