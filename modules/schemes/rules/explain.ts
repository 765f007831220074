/**
 * Why a household got exactly so much: the steps of an amount as lines whose sum is the amount, in
 * words and numbers. Pure: what it needs was kept with the payroll line.
 */

import { formatAmount } from '../../../src/sdk/index.ts';
import { compareDecimals } from '../language/decimal.ts';
import { readTable } from '../language/table.ts';
import type { Component, SchemeRules } from './types.ts';

/** What the SELECT of entitlements says of the steps. */
export interface StepRow {
  readonly amount_minor: bigint;
  readonly step_minor: readonly (bigint | string)[] | null;
  readonly step_counts: readonly (number | null)[] | null;
  readonly step_members: readonly (bigint | string | null)[] | null;
}

/** One line of the explanation. */
export interface ExplainedStep {
  readonly kind: 'component' | 'adjustment' | 'rounding';
  readonly name: string;
  /** A sentence for people. */
  readonly text: string;
  /** What it adds, or takes. */
  readonly netMinor: bigint;
  /** Members paid for. */
  readonly count?: number;
  /** Minor units for each of them, where it is the same for all. */
  readonly unitMinor?: bigint;
  /** Places in Group.member of those who qualify, from 0. */
  readonly members?: readonly number[];
}

/** Lines that add up to the amount; components that came to nothing are left out. */
export function explainSteps(rules: SchemeRules, row: StepRow): ExplainedStep[] {
  const lines: ExplainedStep[] = [];
  let total = 0n;
  rules.components.forEach((_, index) => {
    const netMinor = BigInt(row.step_minor?.[index] ?? 0n);
    total += netMinor;
    if (netMinor === 0n) return;
    lines.push(componentLine(rules, index, netMinor, row));
  });
  rules.adjustments.forEach((adjustment, index) => {
    const after = BigInt(row.step_minor?.[rules.components.length + index] ?? total);
    const netMinor = after - total;
    total = after;
    if (netMinor === 0n) return;
    const text = `${label(adjustment)}: ${signed(netMinor, rules.currency)}`;
    lines.push({ kind: 'adjustment', name: adjustment.name, text, netMinor });
  });
  const rest = row.amount_minor - total;
  if (rest !== 0n) {
    const unit = formatAmount({ minor: BigInt(rules.roundingUnitMinor), currency: rules.currency });
    const text = `Rounded (${rules.roundingMode}) to ${unit}: ${signed(rest, rules.currency)}`;
    lines.push({ kind: 'rounding', name: 'rounding', text, netMinor: rest });
  }
  return lines;
}

function componentLine(
  rules: SchemeRules,
  index: number,
  netMinor: bigint,
  row: StepRow,
): ExplainedStep {
  const component = rules.components[index]!;
  const { currency } = rules;
  const count = row.step_counts?.[index] ?? undefined;
  const amount = `${formatAmount({ minor: netMinor, currency })} ${currency}`;
  const line = { kind: 'component', name: component.name, netMinor } as const;
  const applied = appliedRow(rules, component, count ?? 1, netMinor);
  if (count === undefined) return { ...line, text: `${label(component)}: ${amount}${applied}` };
  const even = count > 0 && netMinor % BigInt(count) === 0n && sameForAll(component.amount);
  const unitMinor = even ? netMinor / BigInt(count) : undefined;
  const each = unitMinor === undefined ? '' : ` × ${formatAmount({ minor: unitMinor, currency })}`;
  const people = count === 1 ? '1 member' : `${count} members`;
  const members = placesIn(BigInt(row.step_members?.[index] ?? 0n));
  const unnamed = count - members.length;
  const beyond = unnamed > 0 ? ` (${unnamed} of them beyond place ${PLACES} of the household)` : '';
  return {
    ...line,
    text: `${label(component)}: ${people}${each} = ${amount}${applied}${beyond}`,
    count,
    ...(unitMinor !== undefined && { unitMinor }),
    members,
  };
}

function label(named: { readonly name: string; readonly description: string | null }): string {
  return named.description ?? named.name;
}

/** A plain amount is the same for every member. */
function sameForAll(expression: string): boolean {
  return /^\d+(\.\d+)?$/.test(expression);
}

function signed(minor: bigint, currency: string): string {
  const sign = minor > 0n ? '+' : '';
  return `${sign}${formatAmount({ minor, currency })} ${currency}`;
}

/** Places of members that are kept with a line, a bit each. */
const PLACES = 63;

/**
 * The row of a table that gave an amount, in the words of the table: where the amount is looked up and
 * nothing else, is of the household or of one member, and stands in one row only.
 */
function appliedRow(
  rules: SchemeRules,
  { amount, times }: Component,
  count: number,
  netMinor: bigint,
): string {
  const [, name, column] = /^lookup\('([\w-]+)(?:\.([\w-]+))?',[^()]*\)$/.exec(amount.trim()) ?? [];
  const given = rules.tables.find((each) => each.name === name);
  if (!given || times !== null || count !== 1) return '';
  const { name: title, values, rows } = readTable(given.name, given.rows);
  const at = column === undefined ? 0 : values.indexOf(column);
  const exact = formatAmount({ minor: netMinor, currency: rules.currency });
  const found = rows.filter((each) => compareDecimals(each.values[at] ?? '', exact) === 0);
  return found.length === 1 ? ` (${title}: ${found[0]!.text})` : '';
}

/** Places whose bit is set. */
function placesIn(mask: bigint): number[] {
  const places: number[] = [];
  for (let place = 0; place < PLACES; place += 1) {
    if ((mask >> BigInt(place)) & 1n) places.push(place);
  }
  return places;
}
