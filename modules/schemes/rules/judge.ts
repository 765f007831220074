/**
 * One household judged by the `fhirpath` library: criteria, components, adjustments and amount. The
 * second opinion on the compiled SQL; undetermined where any fact that is looked at is missing.
 */

import {
  addDays,
  addMonths,
  currencyExponent,
  daysBetween,
  formatAmount,
  type PaymentPeriod,
  periodsSince,
} from '../../../src/sdk/index.ts';
import { CURVES, curveAt } from '../language/curve.ts';
import {
  addDecimals,
  compareDecimals,
  multiplyDecimals,
  roundDecimal,
} from '../language/decimal.ts';
import {
  dateOf,
  decimalOf,
  Evaluator,
  type ModelFunction,
  numberOf,
  textOf,
} from '../language/evaluate.ts';
import { monthsIn, monthsUntil } from '../language/moment.ts';
import { findRow, type RuleTable, readTable } from '../language/table.ts';
import { cycleNumber } from './compiled.ts';
import type { Example, ExampleMember, FactText } from './example.ts';
import type { Component, SchemeRules } from './types.ts';

/** What the rules say of a household; undefined: undetermined. */
export interface Judgement {
  readonly criteria: readonly (boolean | undefined)[];
  /** Decimal text in the currency: of a component what it adds, of an adjustment the total after. */
  readonly steps: readonly (string | undefined)[];
  readonly amountMinor: bigint | undefined;
}

interface Subject {
  readonly example: Example;
  /** A member, where the subject is one. */
  readonly member?: ExampleMember;
  readonly [name: string]: unknown;
}

/** Judges an example by rules for a period. */
export function judge(
  rules: SchemeRules,
  period: PaymentPeriod,
  asOf: string,
  example: Example,
): Judgement {
  return judging(rules, period, asOf)(example);
}

/** Judges any number of examples by rules for a period: the rules are read once. */
export function judging(
  rules: SchemeRules,
  period: PaymentPeriod,
  asOf: string,
): (example: Example) => Judgement {
  const moment = { period, calendar: rules, cycle: cycleNumber(rules, period) };
  const tables = new Map(rules.tables.map((each) => [each.name, readTable(each.name, each.rows)]));
  const evaluator = new Evaluator(moment, functionsOf(tables, period));
  return (example) => judged(evaluator, rules, period, asOf, example);
}

function judged(
  evaluator: Evaluator,
  rules: SchemeRules,
  period: PaymentPeriod,
  asOf: string,
  example: Example,
): Judgement {
  const members = example.members
    .filter((each) => each.birthDate === undefined || each.birthDate <= asOf)
    .map(knownBirth)
    .map((each) => memberSubject(example, each, asOf, rules, evaluator));
  const household = householdSubject(example, members, period, rules);
  for (const { name, expression } of rules.variables) {
    evaluator.define(name, evaluator.all(expression, household));
  }
  const criteria = rules.criteria.map(({ expression }) => {
    const value = evaluator.one(expression, household);
    return typeof value === 'boolean' ? value : undefined;
  });
  const steps: (string | undefined)[] = [];
  let total: string | undefined = '0';
  for (const component of rules.components) {
    const amount = componentAmount(evaluator, component, household, members);
    steps.push(amount);
    total = total === undefined || amount === undefined ? undefined : addDecimals(total, amount);
    evaluator.define(component.name, amount === undefined ? undefined : numberOf(amount));
  }
  evaluator.define('components', total === undefined ? undefined : numberOf(total));
  for (const { name, expression } of rules.adjustments) {
    evaluator.define('total', total === undefined ? undefined : numberOf(total));
    total = evaluator.number(expression, household);
    evaluator.define(name, total === undefined ? undefined : numberOf(total));
    steps.push(total);
  }
  return { criteria, steps, amountMinor: total === undefined ? undefined : minorOf(total, rules) };
}

/** The library keeps no bounds: a birth date of which the day is not known is not known to it. */
function knownBirth(member: ExampleMember): ExampleMember {
  const { birthDate, birthDateLast = birthDate } = member;
  return birthDate === birthDateLast ? member : { ...member, birthDate: undefined };
}

function minorOf(total: string, rules: SchemeRules): bigint {
  const { currency, roundingUnitMinor, roundingMode } = rules;
  const unit = formatAmount({ minor: BigInt(roundingUnitMinor), currency });
  const rounded = roundDecimal(total, unit, roundingMode);
  return BigInt(multiplyDecimals(rounded, String(10 ** currencyExponent(currency))));
}

// ── components ───────────────────────────────────────────────────────────────────────────────

function componentAmount(
  evaluator: Evaluator,
  component: Component,
  household: Subject,
  members: readonly Subject[],
): string | undefined {
  const once =
    component.filter === null
      ? evaluator.number(component.amount, household)
      : membersAmount(evaluator, component, household, members);
  const times = component.times === null ? '1' : evaluator.number(component.times, household);
  const amount =
    once === undefined || times === undefined ? undefined : multiplyDecimals(once, times);
  if (component.condition === null) return amount;
  const due = evaluator.one(component.condition, household);
  return due === true ? amount : due === false ? '0' : undefined;
}

function membersAmount(
  evaluator: Evaluator,
  component: Component,
  household: Subject,
  members: readonly Subject[],
): string | undefined {
  const chosen: { amount: string; member: ExampleMember; place: number }[] = [];
  for (const [place, subject] of members.entries()) {
    const counts = evaluator.one(component.filter ?? 'true', subject);
    if (typeof counts !== 'boolean') return undefined;
    if (!counts) continue;
    const amount = evaluator.number(component.amount, subject);
    if (amount === undefined) return undefined;
    chosen.push({ amount, member: subject.member as ExampleMember, place });
  }
  const maximum =
    component.maximum === null ? undefined : evaluator.number(component.maximum, household);
  if (component.maximum !== null && maximum === undefined) return undefined;
  const born = (each: ExampleMember) => each.birthDate ?? '';
  const order = component.order ?? 'highest-amount';
  chosen.sort((a, b) => {
    const byAmount = compareDecimals(b.amount, a.amount);
    const byBirth = born(b.member).localeCompare(born(a.member));
    const first = {
      'highest-amount': byAmount,
      'lowest-amount': -byAmount,
      youngest: byBirth,
      oldest: -byBirth,
    }[order];
    return first || byBirth || a.place - b.place;
  });
  return chosen
    .slice(0, maximum === undefined ? undefined : Math.max(0, Math.trunc(Number(maximum))))
    .reduce((sum, { amount }) => addDecimals(sum, amount), '0');
}

// ── the model ────────────────────────────────────────────────────────────────────────────────

function memberSubject(
  example: Example,
  member: ExampleMember,
  asOf: string,
  rules: SchemeRules,
  evaluator: Evaluator,
): Subject {
  const { birthDate } = member;
  const subject: Record<string, unknown> & { example: Example } = {
    example,
    member,
    sex: member.sex,
    role: member.role,
    disability: member.disability,
  };
  if (birthDate !== undefined) {
    subject.birthDate = dateOf(birthDate);
    subject.ageInMonths = completedMonths(birthDate, asOf);
    subject.age = Math.floor(completedMonths(birthDate, asOf) / 12);
  }
  for (const { name, expression } of rules.memberVariables) {
    subject[name] = evaluator.one(expression, subject);
  }
  return subject as Subject;
}

function completedMonths(birthDate: string, day: string): number {
  const [y, m, d] = birthDate.split('-').map(Number) as [number, number, number];
  const [ay, am, ad] = day.split('-').map(Number) as [number, number, number];
  return (ay - y) * 12 + am - m - (ad < d ? 1 : 0);
}

function householdSubject(
  example: Example,
  members: readonly Subject[],
  period: PaymentPeriod,
  rules: SchemeRules,
): Subject {
  return {
    example,
    members,
    size: members.length,
    area: example.area.at(-1),
    communityDecision: example.communityDecision,
    enrolment: enrolmentOf(example, period, rules),
  };
}

function enrolmentOf(example: Example, period: PaymentPeriod, rules: SchemeRules) {
  const { enrolment } = example;
  if (!enrolment) return {};
  const { startedOn, endsOn = '9999-12-31', paidCycles } = enrolment;
  const from = startedOn > period.startsOn ? startedOn : period.startsOn;
  const to = endsOn < period.endsOn ? endsOn : period.endsOn;
  const months = monthsIn(period).map((first) => ({
    first,
    last: addDays(addMonths(first, 1), -1),
  }));
  return {
    startedOn: dateOf(startedOn),
    dayCount: Math.max(0, daysBetween(from, to) + 1),
    monthCount: months.filter(({ first, last }) => startedOn <= last && endsOn >= first).length,
    wholeMonths: months.filter(({ first, last }) => startedOn <= first && endsOn >= last).length,
    cycles: periodsSince(rules, startedOn, period),
    paidCycles,
  };
}

function factValue(value: FactText | undefined): unknown {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return value;
  return dateOf(value);
}

function functionsOf(
  tables: ReadonlyMap<string, RuleTable>,
  period: PaymentPeriod,
): Record<string, ModelFunction> {
  const of = (subject: unknown) => subject as Subject;
  const own = (subject: unknown) => of(subject).member ?? of(subject).example;
  const numbers = (inputs: readonly unknown[]) => {
    const texts = inputs.map(decimalOf);
    return texts.includes(undefined) ? undefined : (texts as string[]);
  };
  const extreme = (side: number, inputs: readonly unknown[]) => {
    const texts = numbers(inputs);
    return texts && numberOf(texts.toSorted((a, b) => side * compareDecimals(a, b))[0] as string);
  };
  const on = (subject: unknown, day: unknown) => {
    const birthDate = of(subject).member?.birthDate;
    return birthDate === undefined ? undefined : completedMonths(birthDate, textOf(day));
  };
  const outcomes =
    (outcome: string | undefined) =>
    (subject: unknown, ...inputs: unknown[]) => {
      const [condition, ...which] = inputs.flat();
      const records = own(subject).compliance[String(condition)] ?? {};
      return monthsMeant(period, which).filter((month) =>
        outcome === undefined ? records[month] === undefined : records[month] === outcome,
      ).length;
    };
  const curves = Object.keys(CURVES).map((name): [string, ModelFunction] => [
    name,
    (...inputs) => {
      const texts = numbers(inputs);
      return texts && curveAt(name, texts);
    },
  ]);
  return {
    ...Object.fromEntries(curves),
    characteristic: (subject, code) => factValue(own(subject).characteristics[String(code)]),
    answer: (subject, form, item) => factValue(own(subject).answers[String(form)]?.[String(item)]),
    livesIn: (subject, code) => {
      const { area } = of(subject).example;
      return area.length === 0 ? undefined : area.includes(String(code));
    },
    areaAt: (subject, level) => of(subject).example.area[Number(level) - 1],
    enrolledIn: (subject, id) => of(subject).example.enrolledIn.includes(String(id)),
    ageOn: (subject, day) => {
      const months = on(subject, day);
      return months === undefined ? undefined : Math.floor(months / 12);
    },
    ageInMonthsOn: on,
    least: (_, ...inputs) => extreme(1, inputs),
    greatest: (_, ...inputs) => extreme(-1, inputs),
    ifMissing: (_, value, instead) => value ?? instead,
    roundTo: (_, value, unit, mode) => {
      const texts = numbers([value, unit]);
      return (
        texts && numberOf(roundDecimal(texts[0] as string, texts[1] as string, mode as 'down'))
      );
    },
    lookup: (_, name, ...keys) => found(tables, String(name), keys),
    monthsMet: outcomes('met'),
    monthsNotMet: outcomes('not-met'),
    monthsExempt: outcomes('exempt'),
    monthsNoData: outcomes(undefined),
  };
}

/** Months (`2026-01`) of a period: all, those of a calendar, or those of a span that ends with it. */
function monthsMeant(period: PaymentPeriod, which: readonly unknown[]): string[] {
  const [span] = which as { value?: unknown; unit?: string }[];
  const back = typeof span === 'object' ? decimalOf(span.value) : undefined;
  const days =
    back === undefined
      ? monthsIn(period)
      : monthsUntil(period, Number(back) * (span?.unit?.startsWith('year') ? 12 : 1));
  const months = days.map((day) => day.slice(0, 7));
  if (which.length === 0 || back !== undefined) return months;
  return months.filter((month) => which.map(Number).includes(Number(month.slice(5))));
}

function found(
  tables: ReadonlyMap<string, RuleTable>,
  path: string,
  keys: readonly unknown[],
): unknown {
  const [name = '', column] = path.split('.');
  const table = tables.get(name);
  if (!table || keys.includes(undefined)) return undefined;
  const row = findRow(
    table,
    keys.map((key) => decimalOf(key) ?? textOf(key)),
  );
  const text = row?.values[column === undefined ? 0 : table.values.indexOf(column)];
  if (text === undefined) return undefined;
  return /^-?\d+(\.\d+)?$/.test(text) ? numberOf(text) : text;
}
