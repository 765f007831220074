/**
 * Rules compiled for one period: SQL of each criterion, of each step of the amount, and what these
 * need from the tables. The same for a payroll, for enrolment, and for the examples beside the
 * rules, so that none can differ from the others.
 */

import {
  currencyExponent,
  formatAmount,
  type PaymentPeriod,
  periodNear,
  periodsBetween,
} from '../../../src/sdk/index.ts';
import { arithmetic, extreme, roundedTo } from '../language/arithmetic.ts';
import { Compilation } from '../language/compile.ts';
import { countOf } from '../language/members.ts';
import type { Plan } from '../language/plan.ts';
import { certain } from '../language/sql.ts';
import { CriterionFault } from '../language/syntax.ts';
import { readTable } from '../language/table.ts';
import {
  BIGINT_MAX,
  literal,
  type NumberValue,
  numberValue,
  toCode,
  toNumber,
  truth,
} from '../language/values.ts';
import { asText, partsCompared } from './facts.ts';
import type { Component, SchemeRules } from './types.ts';

/** One step of the amount; SQL over the last layer. */
export interface CompiledStep {
  readonly name: string;
  readonly kind: 'component' | 'adjustment';
  /** Of a component what it adds, of an adjustment the total after it; minor units, bigint. */
  readonly minor: string;
  /** Members paid for; null where the step is of the household. */
  readonly count: string | null;
  /** Bit mask of the places in the Group of the members who qualify. */
  readonly mask: string | null;
}

export interface CompiledRules {
  readonly plan: Plan;
  /** SQL of each criterion. */
  readonly criteria: readonly string[];
  readonly steps: readonly CompiledStep[];
  /** The amount before the least amount is looked at; minor units, bigint. */
  readonly amountMinor: string;
  /** SQL of the ranking: score, then tie-breakers. */
  readonly ranks: readonly string[];
  /** SQL of the code of the group within which households are ranked. */
  readonly group: string | undefined;
  /** What the criteria compare, where that was asked for. */
  readonly facts: readonly CompiledFact[];
  /** The layer in which all of this can be selected. */
  readonly at: number;
}

/** A part of a criterion whose value tells why it was not met; SQL of its text. */
export interface CompiledFact {
  /** Of the criterion, from 1. */
  readonly criterion: number;
  readonly text: string;
  readonly sql: string;
}

/** How rules are compiled. */
export interface Compiled {
  readonly track?: Tracker;
  /** What other rules for the same day need already: both are then read in one pass. */
  readonly plan?: Plan;
  /** Values of what the criteria compare are wanted, too. */
  readonly facts?: boolean;
  /** Which members are paid for is not asked: `mask` is null, and costs nothing. */
  readonly amountsOnly?: boolean;
}

/** Called with the place of each expression before it is compiled, to say where a fault is. */
export type Tracker = (place: string) => void;

/** The number of a period since the first cycle. */
export function cycleNumber(rules: SchemeRules, period: PaymentPeriod): number | undefined {
  if (rules.firstCycle === null) return undefined;
  return periodsBetween(rules, periodNear(rules, rules.firstCycle), period) + 1;
}

/** The day on which ages are taken. */
export function ageDay(rules: SchemeRules, period: PaymentPeriod): string {
  return rules.ageOn === 'period-end' ? period.endsOn : period.startsOn;
}

/**
 * Compiles rules.
 *
 * @param asOf  the day on which ages are taken
 * @throws CriterionFault, TableFault; `track` has been told the place
 */
export function compileRules(
  rules: SchemeRules,
  period: PaymentPeriod,
  asOf: string,
  how: Compiled = {},
): CompiledRules {
  const compiler = new RulesCompiler(rules, period, asOf, how);
  return compiler.compile();
}

/** Characters of SQL; far above any rules, and below what a server plans in a moment. */
const PLAN_MAX = 2_000_000;

class RulesCompiler {
  readonly #rules: SchemeRules;
  readonly #compilation: Compilation;
  readonly #track: Tracker;
  readonly #wantsFacts: boolean;
  readonly #amountsOnly: boolean;
  #at = 1;

  constructor(
    rules: SchemeRules,
    period: PaymentPeriod,
    asOf: string,
    { track = () => undefined, plan, facts = false, amountsOnly = false }: Compiled,
  ) {
    this.#wantsFacts = facts;
    this.#amountsOnly = amountsOnly;
    this.#rules = rules;
    this.#track = track;
    const tables = rules.tables.map(({ name, rows }, index) => {
      track(`.table[${index}]`);
      return readTable(name, rows);
    });
    const cycle = cycleNumber(rules, period);
    this.#compilation = new Compilation({
      asOf,
      period,
      calendar: rules,
      tables,
      ...(cycle !== undefined && { cycle }),
      ...(plan && { plan }),
    });
  }

  compile(): CompiledRules {
    const rules = this.#rules;
    rules.memberVariables.forEach(({ name, expression }, index) => {
      this.#track(`.member-variable[${index}]`);
      this.#compilation.defineOfMember(name, expression);
    });
    rules.variables.forEach(({ name, expression }, index) => {
      this.#track(`.variable[${index}]`);
      const { value, at } = this.#compilation.read(expression);
      this.#compilation.define(name, value, at);
    });
    const criteria = rules.criteria.map(({ expression }, index) => {
      this.#track(`.criterion[${index}]`);
      const { sql, at } = this.#compilation.criterion(expression);
      return this.#last(sql, at);
    });
    const facts = this.#wantsFacts ? this.#facts() : [];
    const components = rules.components.map((component, index) =>
      this.#component(component, `.component[${index}]`),
    );
    const ranks = this.#ranks();
    const group = this.#group();
    const { steps, total } = this.#adjusted(components.map(({ value }) => value));
    if (this.#compilation.plan.size > PLAN_MAX) {
      throw new CriterionFault('the rules are too large as a whole; look at the largest tables', 0);
    }
    return {
      plan: this.#compilation.plan,
      criteria,
      steps: [...components.map(({ step }) => step), ...steps],
      amountMinor: this.#final(total),
      ranks,
      group,
      facts,
      at: this.#at,
    };
  }

  /** Notes that a result is selected in the last layer. */
  #last(sql: string, at: number): string {
    this.#at = Math.max(this.#at, at);
    return sql;
  }

  #facts(): CompiledFact[] {
    return this.#rules.criteria.flatMap(({ expression }, index) =>
      partsCompared(expression).flatMap((text) => {
        const { value, at } = this.#compilation.read(text);
        const sql = asText(value);
        return sql === undefined ? [] : [{ criterion: index + 1, text, sql: this.#last(sql, at) }];
      }),
    );
  }

  #ranks(): string[] {
    const { ranking } = this.#rules;
    if (!ranking) return [];
    return [ranking.score, ...ranking.tieBreakers].map((expression, index) => {
      this.#track(index === 0 ? '.ranking.score' : `.ranking.tie-breaker[${index - 1}]`);
      const { value, at } = this.#compilation.number(expression);
      return this.#last(certain(value.range), at);
    });
  }

  #group(): string | undefined {
    const { ranking } = this.#rules;
    if (!ranking?.within) return undefined;
    this.#track('.ranking.within');
    const { value, at } = this.#compilation.read(ranking.within);
    return this.#last(toCode(value, 0), at);
  }

  // ── components ─────────────────────────────────────────────────────────────────────────────

  #component(
    component: Component,
    place: string,
  ): { readonly step: CompiledStep; readonly value: { value: NumberValue; at: number } } {
    const paid =
      component.filter === null
        ? this.#ofHousehold(component, place)
        : this.#ofMembers(component, component.filter, place);
    const amount = this.#times(component, place, paid.amount, paid.at);
    const due = this.#when(component, place, amount.value, amount.at);
    const { value, at } = this.#compilation.define(
      component.name,
      this.#compilation.certain(due.value),
      due.at,
    );
    const number = toNumber(value, 0);
    this.#last('', at);
    return {
      step: {
        name: component.name,
        kind: 'component',
        minor: this.#minor(number),
        count: paid.count === null ? null : this.#last(paid.count, paid.at),
        mask: paid.mask,
      },
      value: { value: number, at },
    };
  }

  #ofHousehold(component: Component, place: string) {
    this.#track(`${place}.amount`);
    const { value, at } = this.#compilation.number(component.amount);
    return { amount: value, at, count: null, mask: null };
  }

  #ofMembers(component: Component, filter: string, place: string) {
    const compilation = this.#compilation;
    this.#track(`${place}.for`);
    const wanted = compilation.ofMember(filter);
    const predicate = truth(wanted.value, 0);
    this.#track(`${place}.amount`);
    const each = compilation.ofMember(component.amount);
    const amount = toNumber(each.value, 0);
    this.#track(`${place}.maximum`);
    const maximum = component.maximum === null ? undefined : compilation.number(component.maximum);
    const layer = Math.max(wanted.at, each.at);
    const at = Math.max(1, layer, maximum?.at ?? 1);
    const mask = () =>
      this.#amountsOnly ? null : compilation.plan.overTest(maskOf, predicate, layer);
    // The same amount for every member: a count tells all, also where some cannot be judged.
    if (!/\b[mp]\./.test(amount.range.low)) {
      const range = countOf(compilation, [predicate], wanted.at);
      const counted = numberValue(range, { whole: true, most: 1000, sure: true });
      const limited = maximum ? extreme('least', [counted, maximum.value]) : counted;
      const count = compilation.certain(limited);
      return {
        amount: arithmetic('*', count, amount, 0),
        at,
        count: count.range.low,
        mask: mask(),
      };
    }
    return component.maximum === null
      ? this.#sum(predicate, amount, layer, at, mask())
      : this.#first(component, predicate, amount, maximum?.value as NumberValue, layer, at);
  }

  #sum(predicate: string, amount: NumberValue, layer: number, at: number, mask: string | null) {
    const { plan } = this.#compilation;
    const sql = certain(amount.range);
    const most = amount.most * 1000;
    const whole = amount.whole && most < BIGINT_MAX;
    const total = `coalesce(sum(${sql}) filter (where ${predicate}), 0)${whole ? '::bigint' : ''}`;
    const alias = plan.ofMembers(`case when ${sureOf(predicate, sql)} then ${total} end`, layer);
    const found = plan.ofMembers('true', layer);
    const count = plan.ofMembers(`count(*) filter (where ${predicate})`, layer);
    return {
      amount: numberValue(`(case when ${found} then ${alias} else 0 end)`, { whole, most }),
      at,
      count: `coalesce(${count}, 0)`,
      mask,
    };
  }

  /** Amounts of the first so many members, in a stated order that leaves no ties. */
  #first(
    component: Component,
    predicate: string,
    amount: NumberValue,
    maximum: NumberValue,
    layer: number,
    at: number,
  ) {
    const { plan } = this.#compilation;
    const sql = certain(amount.range);
    const order = {
      'highest-amount': `${sql} desc, m.birth_date desc nulls last`,
      'lowest-amount': `${sql}, m.birth_date desc nulls last`,
      youngest: 'm.birth_date desc nulls last',
      oldest: 'm.birth_date nulls last',
    }[component.order ?? 'highest-amount'];
    const agg = (what: string) =>
      plan.ofMembers(
        `case when ${sureOf(predicate, sql)} then array_agg(${what} ` +
          `order by ${order}, m.member_id) filter (where ${predicate}) end`,
        layer,
      );
    const [amounts, places] = [agg(sql), agg('m.position')];
    const found = plan.ofMembers('true', layer);
    const counted = plan.ofMembers(`count(*) filter (where ${predicate})`, layer);
    const upTo = certain(maximum.range);
    const whole = amount.whole && amount.most * 1000 < BIGINT_MAX;
    const paid = `(select sum(n) from unnest(${amounts}[1:(${upTo})::int]) n)`;
    const none = `when coalesce(${counted}, 0) = 0 and ${found} is not false `;
    const value =
      `(case when ${found} is null then 0 when ${upTo} is null then null ` +
      `when ${amounts} is not null then coalesce(${paid}, 0) ${none}` +
      `and ${plan.ofMembers(sureOf(predicate, sql), layer)} then 0 end)${whole ? '::bigint' : ''}`;
    return {
      amount: numberValue(value, { whole, most: amount.most * 1000 }),
      at,
      count: `least(coalesce(${counted}, 0), ${upTo})`,
      mask:
        '(select bit_or(1::bigint << n) from ' +
        `unnest(${places}[1:(${upTo})::int]) n where n < 63)`,
    };
  }

  #times(component: Component, place: string, value: NumberValue, at: number) {
    if (component.times === null) return { value, at };
    this.#track(`${place}.times`);
    const times = this.#compilation.number(component.times);
    return {
      value: arithmetic('*', this.#compilation.certain(value), times.value, 0),
      at: Math.max(at, times.at),
    };
  }

  #when(component: Component, place: string, value: NumberValue, at: number) {
    if (component.condition === null) return { value, at };
    this.#track(`${place}.when`);
    const test = this.#compilation.criterion(component.condition);
    const zero = literal('0').range.low;
    const sql = `(case when ${test.sql} then ${certain(value.range)} when not ${test.sql} then ${zero} end)`;
    return {
      value: numberValue(sql, { whole: value.whole, most: value.most }),
      at: Math.max(at, test.at),
    };
  }

  // ── the total ──────────────────────────────────────────────────────────────────────────────

  #adjusted(components: readonly { readonly value: NumberValue; readonly at: number }[]) {
    const compilation = this.#compilation;
    let total = components.reduce<NumberValue>(
      (sum, { value }) => (sum.literal === '0' ? value : arithmetic('+', sum, value, 0)),
      literal('0'),
    );
    let at = Math.max(1, ...components.map((each) => each.at));
    const keep = (name: string) => {
      const named = compilation.define(name, total, at);
      total = toNumber(named.value, 0);
      at = named.at;
    };
    keep('components');
    const steps = this.#rules.adjustments.map((adjustment, index): CompiledStep => {
      compilation.define('total', total, at);
      this.#track(`.adjustment[${index}]`);
      const read = compilation.number(adjustment.expression);
      [total, at] = [compilation.certain(read.value), Math.max(at, read.at)];
      keep(adjustment.name);
      return {
        name: adjustment.name,
        kind: 'adjustment',
        minor: this.#minor(total),
        count: null,
        mask: null,
      };
    });
    this.#last('', at);
    return { steps, total };
  }

  /** Minor units of an amount, rounded half up where it is finer. */
  #minor(amount: NumberValue): string {
    return inMinor(amount, this.#rules.currency, '1', 'half-up');
  }

  #final(total: NumberValue): string {
    const { currency, roundingUnitMinor, roundingMode } = this.#rules;
    return inMinor(total, currency, roundingUnitMinor, roundingMode);
  }
}

/** No amount comes near; what does is undetermined instead of an error for all. */
const MINOR_MAX = 10n ** 15n;

function inMinor(
  amount: NumberValue,
  currency: string,
  unitMinor: string,
  mode: SchemeRules['roundingMode'],
): string {
  const scale = 10n ** BigInt(currencyExponent(currency));
  const sql = certain(amount.range);
  if (unitMinor === '1' && amount.whole && amount.most * Number(scale) < BIGINT_MAX) {
    return scale === 1n ? sql : `(${sql} * ${scale})`;
  }
  const unit = formatAmount({ minor: BigInt(unitMinor), currency });
  const rounded = roundedTo(sql, unit, mode);
  return `(case when abs(${sql}) < ${MINOR_MAX / scale} then (${rounded} * ${scale})::bigint end)`;
}

function maskOf(predicate: string): string {
  const place = `bit_or(1::bigint << m.position)`;
  return `${place} filter (where (${predicate}) and m.position < 63)`;
}

/** All members can be judged, and the amount of each who counts is known. */
function sureOf(predicate: string, amount: string): string {
  const doubt = `(${predicate}) is null or ((${predicate}) and (${amount}) is null)`;
  return `count(*) filter (where ${doubt}) = 0`;
}

/** Names that expressions may not take, for they mean something already. */
export const RESERVED: ReadonlySet<string> = new Set(['period', 'total', 'components', 'context']);
