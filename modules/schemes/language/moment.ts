/**
 * What is known before any household is looked at: the period and its number. Parts of an
 * expression that name nothing else are evaluated at once, by the `fhirpath` library, so that all
 * of FHIRPath's arithmetic with days may be used in them.
 */

import fhirpath from 'fhirpath';
import {
  addDays,
  addMonths,
  type Calendar,
  daysBetween,
  type PaymentPeriod,
} from '../../../src/sdk/index.ts';
import { quote } from './sql.ts';
import { CriterionFault, type Node } from './syntax.ts';
import { literal, type Scalar, unknownName, type Value } from './values.ts';

export interface Moment {
  readonly period: PaymentPeriod;
  /** What it is a period of. */
  readonly calendar: Calendar;
  /** Undefined where the scheme does not say which cycle was its first. */
  readonly cycle: number | undefined;
}

/** First days of the months that a period touches. */
export function monthsIn(period: PaymentPeriod): string[] {
  const months: string[] = [];
  const last = period.endsOn.slice(0, 7);
  for (let day = `${period.startsOn.slice(0, 7)}-01`; day.slice(0, 7) <= last; ) {
    months.push(day);
    day = addMonths(day, 1);
  }
  return months;
}

/** The so many months that end with the last month of the period, as their first days. */
export function monthsUntil({ endsOn }: PaymentPeriod, count: number): string[] {
  const last = `${endsOn.slice(0, 7)}-01`;
  return Array.from({ length: count }, (_, at) => addMonths(last, at - count + 1));
}

const PERIOD: Readonly<Record<string, (moment: Moment) => string | undefined>> = {
  start: ({ period }) => `@${period.startsOn}`,
  end: ({ period }) => `@${period.endsOn}`,
  dayCount: ({ period }) => String(daysBetween(period.startsOn, addDays(period.endsOn, 1))),
  monthNumbers: ({ period }) => `(${monthsIn(period).map(monthNumber).join(' | ')})`,
  calendarYear: ({ period }) => String(Number(period.startsOn.slice(0, 4))),
  number: ({ cycle }) => (cycle === undefined ? undefined : String(cycle)),
};

function monthNumber(day: string): string {
  return String(Number(day.slice(5, 7)));
}

/** Names that `%period.` knows. */
export const PERIOD_NAMES = Object.keys(PERIOD);

/** FHIRPath of `%period.name`, as literal. */
export function periodText(name: string, moment: Moment, at: number): string {
  const text = PERIOD[name]?.(moment);
  if (text !== undefined) return text;
  if (name === 'number') {
    throw new CriterionFault('say in first-cycle which period is number 1', at);
  }
  throw unknownName(`%period.${name}`, at, `a period has ${PERIOD_NAMES.join(', ')}`);
}

function isPeriod(node: Node): node is Node & { kind: 'name' } {
  return node.kind === 'name' && node.target?.kind === 'variable' && node.target.name === 'period';
}

/**
 * True for a part that the period alone decides. Plain numbers and texts are left to the compiler.
 */
export function isConstant(node: Node): boolean {
  return mentions(node) && closed(node, false);
}

function mentions(node: Node): boolean {
  switch (node.kind) {
    case 'date':
    case 'duration':
      return true;
    case 'negate':
      return mentions(node.operand);
    case 'binary':
      return mentions(node.left) || mentions(node.right);
    case 'name':
      return isPeriod(node) || (node.target !== undefined && mentions(node.target));
    case 'call':
      return node.target ? mentions(node.target) : node.inputs.some(mentions);
    default:
      return false;
  }
}

/** Functions of the library that end soon, whatever they are given; `repeat` may never. */
const FOLDABLE: ReadonlySet<string> = new Set(
  'where select count exists empty all not sum min max first last round floor ceiling truncate abs'.split(
    ' ',
  ),
);

/** Nothing in it needs a household; `$this` only within a call on something constant. */
function closed(node: Node, inside: boolean): boolean {
  switch (node.kind) {
    case 'number':
    case 'string':
    case 'boolean':
    case 'date':
    case 'duration':
    case 'empty':
      return true;
    case 'this':
      return inside;
    case 'negate':
      return closed(node.operand, inside);
    case 'binary':
      return closed(node.left, inside) && closed(node.right, inside);
    case 'name':
      return isPeriod(node);
    case 'call':
      if (!node.target) {
        return node.name === 'iif' && node.inputs.every((input) => closed(input, inside));
      }
      return (
        FOLDABLE.has(node.name) &&
        closed(node.target, inside) &&
        node.inputs.every((input) => closed(input, true))
      );
    default:
      return false;
  }
}

/** The value of a constant part. */
export function fold(node: Node, moment: Moment): Value {
  let found: unknown[];
  try {
    found = fhirpath.evaluate({}, textOf(node, moment), undefined, undefined, {
      preciseMath: true,
    }) as unknown[];
  } catch (error) {
    if (error instanceof CriterionFault) throw error;
    throw new CriterionFault(`this cannot be computed: ${(error as Error).message}`, node.at);
  }
  if (found.length === 0) return { is: 'empty' };
  const items = found.map((each) => scalarOf(each, node.at));
  return items.length === 1 ? (items[0] as Scalar) : { is: 'list', items };
}

function scalarOf(value: unknown, at: number): Scalar {
  if (typeof value === 'boolean') return { is: 'boolean', sql: String(value) };
  if (typeof value === 'number' || typeof value === 'bigint') return literal(plainDecimal(value));
  if (typeof value === 'string') {
    return /^\d{4}-\d{2}-\d{2}$/.test(value) ? dateLiteral(value) : { is: 'text', text: value };
  }
  throw new CriterionFault('this is neither number, text, day nor yes or no', at);
}

/** The digits of a number without an exponent. */
export function plainDecimal(value: number | bigint): string {
  const text = String(value);
  if (!text.includes('e')) return text;
  return Number(value)
    .toFixed(20)
    .replace(/\.?0+$/, '');
}

export function dateLiteral(day: string): Scalar {
  return { is: 'date', low: quote(day), high: quote(day), literal: day };
}

/** A node as FHIRPath text, with the period's values written in. */
function textOf(node: Node, moment: Moment): string {
  const text = (inner: Node) => textOf(inner, moment);
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
    case 'negate':
      return `-(${text(node.operand)})`;
    case 'binary':
      return `(${text(node.left)} ${node.operator} ${text(node.right)})`;
    case 'name':
      return periodText(node.name, moment, node.at);
    case 'call': {
      const inputs = node.inputs.map(text).join(', ');
      return `${node.target ? `${text(node.target)}.` : ''}${node.name}(${inputs})`;
    }
    default:
      throw new CriterionFault('this is not known before a household is looked at', node.at);
  }
}
