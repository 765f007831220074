/**
 * Compiles criteria into SQL over the household model, so that a million households are decided by
 * one statement: members are grouped once, whatever the number of criteria that count them.
 *
 * The household model (what an expression may name) is in the README of this room. What does not
 * compile is refused with the place, when the scheme is saved, and never at payroll.
 */

import { addMonths } from '../../../src/sdk/index.ts';
import { calculate, compare, exactly, not, quote, type Range, reachedBy } from './sql.ts';
import { CriterionFault, type Node, parseCriterion } from './syntax.ts';

/** What a part of an expression is. */
type Value =
  | { readonly is: 'boolean'; readonly sql: string }
  | { readonly is: 'number'; readonly range: Range; readonly age?: 'years' | 'months' }
  | { readonly is: 'code'; readonly sql: string; readonly among?: ReadonlySet<string> }
  | { readonly is: 'codes'; readonly texts: readonly string[] }
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'fact'; readonly column: string }
  | { readonly is: 'members'; readonly where: readonly string[] };

/** One column over the members of a household: how many are so, and of how many it is unknown. */
export interface MemberCount {
  readonly alias: string;
  readonly predicate: string | undefined;
}

/** Gathers what the compiled expressions of one scheme need from the tables. */
export class Compilation {
  /** The day on which ages are taken, `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly #counts = new Map<string, MemberCount>();
  readonly #facts = new Map<string, string>();
  readonly #areas = new Set<string>();

  constructor(asOf: string) {
    this.asOf = asOf;
  }

  /** Counts over members, to be selected by one GROUP BY as `<alias>_n` and `<alias>_u`. */
  get counts(): readonly MemberCount[] {
    return [...this.#counts.values()];
  }

  /** Characteristic codes and the column prefix each is pivoted into. */
  get facts(): ReadonlyMap<string, string> {
    return this.#facts;
  }

  /** Codes of areas that are named. */
  get areas(): ReadonlySet<string> {
    return this.#areas;
  }

  /**
   * SQL that is true, false or null for a household.
   *
   * @throws CriterionFault
   */
  criterion(text: string): string {
    const node = parseCriterion(text);
    return truth(this.#household(node), node.at);
  }

  /**
   * SQL bounds of how many members a filter holds for.
   *
   * @throws CriterionFault
   */
  memberCount(filter: string): Range {
    const node = parseCriterion(filter);
    return this.#count([truth(this.#member(node), node.at)]);
  }

  #count(where: readonly string[]): Range {
    const predicate = where.filter((each) => each !== 'true').join(' and ');
    let count = this.#counts.get(predicate);
    if (!count) {
      count = { alias: `k${this.#counts.size}`, predicate: predicate || undefined };
      this.#counts.set(predicate, count);
    }
    const low = `coalesce(a.${count.alias}_n, 0)`;
    return count.predicate
      ? { low, high: `(${low} + coalesce(a.${count.alias}_u, 0))` }
      : exactly(low);
  }

  // ── the household ──────────────────────────────────────────────────────────────────────────

  #household(node: Node): Value {
    if (node.kind === 'call' && !node.target) return this.#householdFunction(node);
    if (node.kind === 'name' && !node.target) {
      if (node.name === 'members') return { is: 'members', where: [] };
      if (node.name === 'size') return { is: 'number', range: this.#count([]) };
      throw unknown(
        node.name,
        node.at,
        'a household has members, size, characteristic(), livesIn()',
      );
    }
    return this.#common(node, (inner) => this.#household(inner));
  }

  #householdFunction(node: Node & { kind: 'call' }): Value {
    const [input] = node.inputs;
    if (node.name === 'characteristic') {
      const code = textOf(input, node, 'the code of the fact');
      const column = this.#facts.get(code) ?? `f${this.#facts.size}`;
      this.#facts.set(code, column);
      return { is: 'fact', column };
    }
    if (node.name === 'livesIn') {
      const code = textOf(input, node, 'the code of the area');
      this.#areas.add(code);
      return {
        is: 'boolean',
        sql:
          '(h.area_id in (select x.area_id from pay_points_area x join pay_points_area y ' +
          `on y.area_id = any(x.path) where y.code = ${quote(code)}))`,
      };
    }
    throw unknown(`${node.name}()`, node.at, 'a household has characteristic() and livesIn()');
  }

  // ── a member ───────────────────────────────────────────────────────────────────────────────

  #member(node: Node): Value {
    if (node.kind === 'name' && !node.target) {
      switch (node.name) {
        case 'age':
          return { is: 'number', range: years(this.asOf), age: 'years' };
        case 'ageInMonths':
          return { is: 'number', range: months(this.asOf), age: 'months' };
        case 'sex':
          return { is: 'code', sql: `nullif(m.sex, 'unknown')`, among: SEXES };
        case 'role':
          return { is: 'code', sql: 'm.role' };
        case 'disability':
          return { is: 'boolean', sql: 'm.disability' };
        default:
          throw unknown(node.name, node.at, 'a member has age, ageInMonths, sex, role, disability');
      }
    }
    if (node.kind === 'call' && !node.target) {
      throw unknown(`${node.name}()`, node.at, 'inside members, name facts of a member only');
    }
    return this.#common(node, (inner) => this.#member(inner));
  }

  // ── both ───────────────────────────────────────────────────────────────────────────────────

  #common(node: Node, read: (inner: Node) => Value): Value {
    switch (node.kind) {
      case 'number':
        return { is: 'number', range: exactly(node.text) };
      case 'string':
        return { is: 'text', text: node.text };
      case 'boolean':
        return { is: 'boolean', sql: String(node.value) };
      case 'negate': {
        const zero = exactly('0');
        return { is: 'number', range: calculate('-', zero, number(read(node.operand), node.at)) };
      }
      case 'binary':
        return this.#binary(node, read);
      case 'call':
        return this.#method(node, read);
      default:
        throw unknown(`.${node.name}`, node.at, 'only functions may follow a dot');
    }
  }

  #method(node: Node & { kind: 'call' }, read: (inner: Node) => Value): Value {
    const target = read(node.target as Node);
    const [input] = node.inputs;
    if (target.is === 'members') return this.#membersMethod(node, target.where);
    if (target.is === 'fact' && node.name === 'exists' && !input) {
      return { is: 'boolean', sql: `coalesce(c.${target.column}_any, false)` };
    }
    if (node.name === 'not' && !input) return { is: 'boolean', sql: not(truth(target, node.at)) };
    throw unknown(`${node.name}()`, node.at, 'not() follows a condition, exists() a fact');
  }

  #membersMethod(node: Node & { kind: 'call' }, where: readonly string[]): Value {
    const [input] = node.inputs;
    const inner = input && truth(this.#member(input), input.at);
    switch (node.name) {
      case 'where':
        if (inner) return { is: 'members', where: [...where, inner] };
        break;
      case 'count':
        if (!inner) return { is: 'number', range: this.#count(where) };
        break;
      case 'exists':
        return { is: 'boolean', sql: this.#exists(inner ? [...where, inner] : where) };
      case 'empty':
        if (!inner) return { is: 'boolean', sql: not(this.#exists(where)) };
        break;
      case 'all':
        if (inner) return { is: 'boolean', sql: not(this.#exists([...where, not(inner)])) };
        break;
    }
    throw unknown(
      `${node.name}()`,
      node.at,
      'members have where(…), count(), exists(…), empty() and all(…)',
    );
  }

  #exists(where: readonly string[]): string {
    return compare('>', this.#count(where), exactly('0'));
  }

  #binary(node: Node & { kind: 'binary' }, read: (inner: Node) => Value): Value {
    const { operator, at } = node;
    const left = read(node.left);
    const right = read(node.right);
    if (LOGIC.has(operator)) {
      return { is: 'boolean', sql: logic(operator, truth(left, at), truth(right, at)) };
    }
    if (operator === '|') return { is: 'codes', texts: [...texts(left, at), ...texts(right, at)] };
    if (operator === 'in') return { is: 'boolean', sql: membership(left, texts(right, at), at) };
    if (COMPARISONS.has(operator)) {
      return { is: 'boolean', sql: this.#compare(operator, left, right, at) };
    }
    if (operator === 'div') {
      throw new CriterionFault('div is not supported; compare with / instead', at);
    }
    const range = calculate(operator, number(left, at), number(right, at));
    // Bounds of bounds grow fourfold each time; no rule that a person can review comes near.
    if (range.low.length > SQL_MAX) throw wrong('this calculation is too deep; simplify it', at);
    return { is: 'number', range };
  }

  #compare(operator: string, left: Value, right: Value, at: number): string {
    const age = this.#compareAge(operator, left, right);
    if (age) return age;
    if (left.is === 'text' && right.is !== 'text') return this.#compare(operator, right, left, at);
    if (right.is === 'text') return equality(operator, left, right.text, at);
    if (left.is === 'boolean' || right.is === 'boolean') {
      if (operator !== '=' && operator !== '!=') throw wrong('yes and no have no order', at);
      return `(${truth(left, at)} ${operator === '=' ? '=' : '<>'} ${truth(right, at)})`;
    }
    return compare(operator, number(left, at), number(right, at));
  }

  /** Age against a whole number becomes one comparison of days, which the rows answer at once. */
  #compareAge(operator: string, left: Value, right: Value): string | undefined {
    if (left.is !== 'number' || right.is !== 'number' || left.age === undefined) {
      const mirrored = MIRRORED[operator];
      const swap = right.is === 'number' && right.age !== undefined && left.is === 'number';
      return swap && mirrored ? this.#compareAge(mirrored, right, left) : undefined;
    }
    const limit = Number(right.range.low);
    const step = left.age === 'years' ? 12 : 1;
    if (!/^\d+$/.test(right.range.low) || limit * step > AGE_MONTHS_MAX) return undefined;
    const reached = (count: number) => reachedBy(addMonths(this.asOf, -count * step));
    switch (operator) {
      case '>=':
        return reached(limit);
      case '>':
        return reached(limit + 1);
      case '<':
        return not(reached(limit));
      case '<=':
        return not(reached(limit + 1));
      case '=':
        return `(${reached(limit)} and ${not(reached(limit + 1))})`;
      default:
        return `(${not(reached(limit))} or ${reached(limit + 1)})`;
    }
  }
}

const SQL_MAX = 20_000;
/** Ages beyond 200 years take the general way of comparing; their days would leave the calendar. */
const AGE_MONTHS_MAX = 2400;
const SEXES: ReadonlySet<string> = new Set(['female', 'male', 'other']);
const LOGIC = new Set(['and', 'or', 'xor', 'implies']);
const COMPARISONS = new Set(['=', '!=', '<', '<=', '>', '>=']);
const MIRRORED: Readonly<Record<string, string>> = {
  '=': '=',
  '!=': '!=',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

function wrong(message: string, at: number): CriterionFault {
  return new CriterionFault(message, at);
}

function unknown(name: string, at: number, known: string): CriterionFault {
  return new CriterionFault(`${name} is not known here: ${known}`, at);
}

function logic(operator: string, left: string, right: string): string {
  if (operator === 'xor') return `(${left} <> ${right})`;
  if (operator === 'implies') return `(${not(left)} or ${right})`;
  return `(${left} ${operator} ${right})`;
}

/** A condition; a fact by itself is a yes-or-no fact. */
function truth(value: Value, at: number): string {
  if (value.is === 'boolean') return value.sql;
  if (value.is === 'fact') return `c.${value.column}_boolean`;
  throw wrong('a condition (yes or no) is expected here', at);
}

/** A number; a fact beside a number is a number. */
function number(value: Value, at: number): Range {
  if (value.is === 'number') return value.range;
  if (value.is === 'fact') return exactly(`c.${value.column}_number`);
  throw wrong('a number is expected here', at);
}

function texts(value: Value, at: number): readonly string[] {
  if (value.is === 'text') return [value.text];
  if (value.is === 'codes') return value.texts;
  throw wrong(`codes in quotes are expected here, like ('a' | 'b')`, at);
}

function textOf(input: Node | undefined, call: Node & { kind: 'call' }, what: string): string {
  if (input?.kind === 'string' && call.inputs.length === 1 && input.text !== '') return input.text;
  throw wrong(`${call.name}('…') needs ${what} in quotes`, call.at);
}

/** A code against a text. */
function equality(operator: string, value: Value, text: string, at: number): string {
  if (operator !== '=' && operator !== '!=') throw wrong('codes have no order; use = or !=', at);
  const sql = membership(value, [text], at);
  return operator === '=' ? sql : not(sql);
}

function membership(value: Value, among: readonly string[], at: number): string {
  if (value.is !== 'code' && value.is !== 'fact') throw wrong('a code is expected here', at);
  const odd = value.is === 'code' && among.find((text) => value.among?.has(text) === false);
  if (odd) {
    const known = value.is === 'code' ? [...(value.among ?? [])].join(', ') : '';
    throw wrong(`'${odd}' is not one of ${known}`, at);
  }
  const sql = value.is === 'code' ? value.sql : `c.${value.column}_code`;
  return `(${sql} in (${among.map(quote).join(', ')}))`;
}

function years(asOf: string): Range {
  const completed = (column: string) => `extract(year from age(date '${asOf}', m.${column}))::int`;
  return { low: completed('birth_date_last'), high: completed('birth_date') };
}

function months(asOf: string): Range {
  const completed = (column: string) =>
    `(extract(year from age(date '${asOf}', m.${column})) * 12` +
    ` + extract(month from age(date '${asOf}', m.${column})))::int`;
  return { low: completed('birth_date_last'), high: completed('birth_date') };
}
