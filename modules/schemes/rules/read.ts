/**
 * Reads the rules of a scheme from the extension `scheme-rules` of an InsurancePlan, and checks them
 * whole: every expression is compiled once, so that none can fail later. Kept as a numbered version
 * that is never edited: a payroll names the version it was drafted with.
 */

import type { Extension, InsurancePlan } from '@medplum/fhirtypes';
import {
  codeIn,
  currencyExponent,
  dayRange,
  extensionOf,
  FREQUENCIES,
  type Frequency,
  formatAmount,
  fromFhirMoney,
  type Issue,
  isDay,
  type PaymentPeriod,
  Problem,
  type ProblemKind,
  partOf,
  partsOf,
} from '../../../src/sdk/index.ts';
import { ROUNDING_MODES } from '../language/arithmetic.ts';
import { CalendarFault, readCalendar } from './calendar.ts';
import { checkRules } from './check.ts';
import { RESERVED } from './compiled.ts';
import {
  type Component,
  type Named,
  ORDERS,
  type Ranking,
  type RuleCase,
  type SchemeRules,
} from './types.ts';

/** Where rules stand. */
export const PLACE = `InsurancePlan.extension('scheme-rules')`;

const MINOR_MAX = 10n ** 15n;

/**
 * Reads and checks the rules of a scheme.
 *
 * @returns the rules, and the codes of areas and ids of schemes they name
 * @throws Problem with an issue for each fault, naming part and character
 */
export function readRules(plan: InsurancePlan): {
  rules: SchemeRules;
  areas: readonly string[];
  schemes: readonly string[];
} {
  const extension = extensionOf(plan, 'scheme-rules');
  if (!extension?.extension?.length) {
    throw new Problem([
      fault(
        'required',
        'scheme-rules-missing',
        PLACE,
        'A scheme has rules: give frequency, criterion and component.',
      ),
    ]);
  }
  const issues: Issue[] = [];
  const rules = new RulesReader(extension, issues).read();
  const named = rules ? checkRules(rules, issues) : { areas: [], schemes: [] };
  if (!rules || issues.length > 0) throw new Problem(issues);
  return { rules, ...named };
}

class RulesReader {
  readonly #extension: Extension;
  readonly #issues: Issue[];
  #currency: string | undefined;

  constructor(extension: Extension, issues: Issue[]) {
    this.#extension = extension;
    this.#issues = issues;
    this.#currency = codeIn(partOf(extension, 'currency'));
  }

  read(): SchemeRules | undefined {
    const before = this.#issues.length;
    const frequency = this.#choice(this.#extension, 'frequency', FREQUENCIES, undefined);
    const criteria = this.#named('criterion');
    if (criteria.length === 0) {
      this.#refuse(
        'required',
        'scheme-criterion-missing',
        '',
        'Say who is eligible: give at least one criterion ("true" for everybody).',
      );
    }
    const unit = this.#money(partOf(this.#extension, 'rounding-unit'), '.rounding-unit');
    const minimum = this.#money(partOf(this.#extension, 'minimum-payable'), '.minimum-payable');
    const parts = {
      appliesFrom: this.#day('applies-from'),
      firstCycle: this.#day('first-cycle'),
      tables: this.#tables(),
      memberVariables: this.#named('member-variable'),
      variables: this.#named('variable'),
      criteria,
      components: this.#components(),
      adjustments: this.#named('adjustment'),
      roundingUnitMinor: String(unit === null || unit === 0n ? 1n : unit),
      minimumMinor: minimum === null ? null : String(minimum),
      ranking: this.#ranking(),
      cases: this.#cases(),
    };
    const recertify = partOf(this.#extension, 'recertify-months')?.valuePositiveInt;
    const roundingMode = this.#choice(this.#extension, 'rounding-mode', ROUNDING_MODES, 'half-up');
    const ageOn = this.#choice(this.#extension, 'age-on', AGE_DAYS, 'period-start');
    const delivery = this.#choice(this.#extension, 'delivery', DELIVERIES, 'any');
    if (this.#issues.length === before) this.#checkCurrency();
    this.#checkNames(parts);
    const whole = this.#issues.length === before;
    if (!whole || !frequency || !roundingMode || !ageOn || !delivery) return undefined;
    const calendar = this.#calendar(frequency);
    if (this.#issues.length > before) return undefined;
    return {
      ...{ currency: this.#currency ?? '', frequency, ...(calendar && { calendar }) },
      ...{ ...parts, roundingMode, ageOn, delivery },
      ...(recertify && recertify <= 1200 && { recertifyMonths: recertify }),
    };
  }

  #refuse(kind: ProblemKind, code: string, part: string, diagnostics: string): void {
    this.#issues.push(fault(kind, code, `${PLACE}${part}`, diagnostics));
  }

  #checkCurrency(): void {
    if (this.#currency === undefined) {
      this.#refuse('required', 'scheme-amount-missing', '.currency', 'Give the currency.');
      return;
    }
    try {
      currencyExponent(this.#currency);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#issues.push(
        ...error.issues.map((each) => ({ ...each, expression: `${PLACE}.currency` })),
      );
    }
  }

  /** A name means one thing in the rules. */
  #checkNames(
    parts: Pick<SchemeRules, 'tables' | 'variables' | 'components' | 'adjustments'>,
  ): void {
    const seen = new Set<string>(RESERVED);
    for (const [part, list] of [
      ['variable', parts.variables],
      ['component', parts.components],
      ['adjustment', parts.adjustments],
    ] as const) {
      list.forEach(({ name }, index) => {
        if (seen.has(name)) {
          this.#refuse(
            'value',
            'scheme-name-twice',
            `.${part}[${index}]`,
            `The name "${name}" stands for something already; choose another.`,
          );
        }
        seen.add(name);
      });
    }
  }

  #choice<const Code extends string>(
    within: Extension,
    part: string,
    known: readonly Code[],
    otherwise: Code | undefined,
    place = '',
  ): Code | undefined {
    const code = codeIn(partOf(within, part)) ?? otherwise;
    const found = known.find((each) => each === code);
    if (!found) {
      this.#refuse(
        code === undefined ? 'required' : 'code-invalid',
        'scheme-code-unknown',
        `${place}.${part}`,
        `Give ${part}: one of ${known.join(', ')}.`,
      );
    }
    return found;
  }

  #day(part: string): string | null {
    const found = partOf(this.#extension, part);
    if (!found) return null;
    const day = found.valueDate && dayRange(found.valueDate).first;
    if (day && isDay(day)) return day;
    this.#refuse('value', 'day-malformed', `.${part}`, `Give ${part} as a date.`);
    return null;
  }

  /** Minor units of an amount that is not negative; null when there is none. */
  #money(part: Extension | undefined, place: string): bigint | null {
    if (!part) return null;
    try {
      const amount = fromFhirMoney(part.valueMoney, `${PLACE}${place}`);
      this.#currency ??= amount.currency;
      if (amount.currency !== this.#currency) {
        this.#refuse(
          'value',
          'scheme-currencies',
          place,
          `A scheme has one currency; this one pays ${this.#currency}.`,
        );
      }
      if (amount.minor < 0n || amount.minor > MINOR_MAX) {
        this.#refuse('value', 'amount-out-of-range', place, 'Give an amount of 0 or more.');
      }
      return amount.minor;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#issues.push(...error.issues);
      return null;
    }
  }

  #named(part: string): Named[] {
    return partsOf(this.#extension, part).map((each, index) => ({
      name: each.valueExpression?.name ?? `${part}-${index + 1}`,
      description: each.valueExpression?.description ?? null,
      expression: this.#expression(each, `.${part}[${index}]`),
    }));
  }

  #expression(part: Extension | undefined, place: string): string {
    const { expression, language } = part?.valueExpression ?? {};
    if (!expression || language !== 'text/fhirpath') {
      this.#refuse(
        'required',
        'criterion-language',
        place,
        'Give an Expression with language text/fhirpath and expression.',
      );
    }
    return expression ?? 'true';
  }

  #optional(part: Extension | undefined, place: string): string | null {
    if (!part) return null;
    const number = part.valuePositiveInt ?? part.valueInteger;
    return number === undefined ? this.#expression(part, place) : String(number);
  }

  #components(): Component[] {
    const components = partsOf(this.#extension, 'component').map((part, index) => {
      const place = `.component[${index}]`;
      return {
        name: partOf(part, 'name')?.valueString ?? `component-${index + 1}`,
        description: partOf(part, 'description')?.valueString ?? null,
        amount: this.#amount(part, place),
        filter: this.#optional(partOf(part, 'for'), `${place}.for`),
        condition: this.#optional(partOf(part, 'when'), `${place}.when`),
        maximum: this.#optional(partOf(part, 'maximum'), `${place}.maximum`),
        order: partOf(part, 'order')
          ? (this.#choice(part, 'order', ORDERS, undefined, place) ?? null)
          : null,
        times: this.#optional(partOf(part, 'times'), `${place}.times`),
      };
    });
    if (components.length === 0) {
      this.#refuse('required', 'scheme-amount-missing', '', 'Say how much: give a component.');
    }
    return components;
  }

  #amount(component: Extension, place: string): string {
    const part = partOf(component, 'amount');
    if (part?.valueExpression) return this.#expression(part, `${place}.amount`);
    const minor = this.#money(part, `${place}.amount`);
    if (minor !== null) {
      return formatAmount({ minor, currency: this.#currency ?? '' }).replace(/\.0+$/, '');
    }
    if (!part) {
      this.#refuse(
        'required',
        'scheme-amount-missing',
        `${place}.amount`,
        'Give the amount as Money or as Expression.',
      );
    }
    return '0';
  }

  #calendar(frequency: Frequency): readonly PaymentPeriod[] | undefined {
    const text = partOf(this.#extension, 'calendar')?.valueString;
    const refuse = (why: string) => this.#refuse('value', 'scheme-calendar', '.calendar', why);
    if ((text !== undefined) !== (frequency === 'calendar')) {
      refuse('A calendar goes with the frequency calendar, and with no other.');
    }
    if (text === undefined) return undefined;
    try {
      return readCalendar(text);
    } catch (error) {
      if (!(error instanceof CalendarFault)) throw error;
      refuse(`Calendar, ${error.message}.`);
      return undefined;
    }
  }

  #tables(): { name: string; rows: string }[] {
    return partsOf(this.#extension, 'table').map((part, index) => {
      const name = partOf(part, 'name')?.valueString ?? '';
      const rows = partOf(part, 'rows')?.valueString ?? '';
      if (!/^[A-Za-z][A-Za-z0-9_-]*$/.test(name) || rows === '') {
        this.#refuse(
          'required',
          'scheme-table-malformed',
          `.table[${index}]`,
          'A table has a name (letters, digits, - and _) and rows.',
        );
      }
      return { name, rows };
    });
  }

  #ranking(): Ranking | null {
    const part = partOf(this.#extension, 'ranking');
    if (!part) return null;
    const place = '.ranking';
    const places = partOf(part, 'places');
    return {
      score: this.#expression(partOf(part, 'score'), `${place}.score`),
      direction:
        this.#choice(part, 'direction', ['ascending', 'descending'], undefined, place) ??
        'ascending',
      tieBreakers: partsOf(part, 'tie-breaker').map((each, index) =>
        this.#expression(each, `${place}.tie-breaker[${index}]`),
      ),
      within: this.#optional(partOf(part, 'within'), `${place}.within`),
      quotaTable: partOf(part, 'quota-table')?.valueString ?? null,
      places: places?.valuePositiveInt ?? places?.valueInteger ?? null,
      reservePercent: decimalIn(partOf(part, 'reserve-percent')),
    };
  }

  #cases(): RuleCase[] {
    return partsOf(this.#extension, 'test-case').map((part, index) => {
      const place = `.test-case[${index}]`;
      const money = (within: Extension, name: string) =>
        this.#money(partOf(within, name), `${place}.${name}`);
      const amount = money(part, 'amount');
      return {
        name: partOf(part, 'name')?.valueString ?? `test-case-${index + 1}`,
        period: partOf(part, 'period')?.valueString ?? null,
        household: partOf(part, 'household')?.valueString ?? '{}',
        decision: partOf(part, 'decision')
          ? (this.#choice(part, 'decision', DECISIONS, undefined, place) ?? null)
          : null,
        amountMinor: amount === null ? null : String(amount),
        components: partsOf(part, 'component').map((each) => ({
          name: partOf(each, 'name')?.valueString ?? '',
          amountMinor: String(money(each, 'amount') ?? 0n),
        })),
      };
    });
  }
}

function decimalIn(part: Extension | undefined): string | null {
  const value = part?.valueDecimal ?? part?.valueInteger ?? part?.valuePositiveInt;
  return value === undefined ? null : String(value);
}

const AGE_DAYS = ['period-start', 'period-end'] as const;
const DELIVERIES = ['any', 'account', 'pay-point'] as const;
const DECISIONS = ['eligible', 'ineligible', 'undetermined'] as const;

/** An issue of rules. */
export function fault(
  kind: ProblemKind,
  code: string,
  expression: string,
  diagnostics: string,
): Issue {
  return { severity: 'error', kind, code, expression, diagnostics };
}
