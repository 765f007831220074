/**
 * The rules of a scheme: who is eligible, and how the amount is made. Read from the extension
 * `scheme-rules` of an InsurancePlan, checked whole, and kept as a numbered version that is never
 * edited: a payroll names the version it was drafted with.
 *
 * Order of the calculation: base + supplements (count × amount, count capped) → cap → rounding →
 * least amount that is paid. Amounts are for one payment period.
 */

import type { Extension, InsurancePlan } from '@medplum/fhirtypes';
import {
  codeIn,
  extensionOf,
  FREQUENCIES,
  type Frequency,
  fromFhirMoney,
  type Issue,
  Problem,
  type ProblemKind,
  partOf,
  partsOf,
} from '../../src/sdk/index.ts';
import { Compilation } from './criteria/compile.ts';
import { CriterionFault } from './criteria/syntax.ts';

/** One condition; all must hold. */
export interface Criterion {
  /** Short name, shown as the reason where it is not met. */
  readonly name: string;
  readonly description: string | null;
  readonly expression: string;
}

/** An amount for each member for whom the filter holds. */
export interface Supplement {
  readonly name: string;
  readonly filter: string;
  /** Minor units for each member. */
  readonly amountMinor: string;
  readonly countMax: number | null;
}

/** Rules as kept, JSON; amounts are decimal text of minor units. */
export interface SchemeRules {
  readonly currency: string;
  readonly frequency: Frequency;
  readonly criteria: readonly Criterion[];
  readonly baseMinor: string;
  readonly supplements: readonly Supplement[];
  /** Most that is paid in a period. */
  readonly capMinor: string | null;
  /** Less than this is not paid at all. */
  readonly leastMinor: string | null;
  /** The amount is made a multiple of this. */
  readonly roundingUnitMinor: string;
  readonly roundingMode: 'down' | 'up' | 'half-up';
  /** The day on which ages are taken. */
  readonly ageOn: 'period-start' | 'period-end';
  /** Where the money may be handed out. */
  readonly delivery: 'any' | 'account' | 'pay-point';
}

const PLACE = `InsurancePlan.extension('scheme-rules')`;
const MINOR_MAX = 10n ** 15n;

/**
 * Reads and checks the rules of a scheme.
 *
 * @returns the rules and the codes of areas they name
 * @throws Problem with an issue for each fault, naming part and character
 */
export function readRules(plan: InsurancePlan): { rules: SchemeRules; areas: readonly string[] } {
  const extension = extensionOf(plan, 'scheme-rules');
  if (!extension?.extension?.length) {
    throw new Problem([
      fault(
        'required',
        'scheme-rules-missing',
        PLACE,
        'A scheme has rules: give frequency, criterion and base or supplement.',
      ),
    ]);
  }
  const issues: Issue[] = [];
  const rules = new RulesReader(extension, issues).read();
  const areas = rules ? compileAll(rules, issues) : [];
  if (!rules || issues.length > 0) throw new Problem(issues);
  return { rules, areas };
}

/** Compiles every expression once, so that none can fail later; answers the areas named. */
function compileAll(rules: SchemeRules, issues: Issue[]): readonly string[] {
  // The day only changes dates within the SQL, so that any day serves for checking.
  const compilation = new Compilation('2026-01-01');
  const attempt = (place: string, run: () => unknown) => {
    try {
      run();
    } catch (error) {
      if (!(error instanceof CriterionFault)) throw error;
      issues.push(
        fault(
          'value',
          'criterion-malformed',
          place,
          `At character ${error.at + 1}: ${error.message}.`,
        ),
      );
    }
  };
  rules.criteria.forEach((criterion, index) => {
    attempt(`${PLACE}.criterion[${index}]`, () => compilation.criterion(criterion.expression));
  });
  rules.supplements.forEach((supplement, index) => {
    attempt(`${PLACE}.supplement[${index}].filter`, () =>
      compilation.memberCount(supplement.filter),
    );
  });
  return [...compilation.areas];
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
    const frequency = this.#choice('frequency', FREQUENCIES, undefined);
    const criteria = this.#criteria();
    const base = this.#money(partOf(this.#extension, 'base'), 'base');
    const supplements = this.#supplements();
    const cap = this.#money(partOf(this.#extension, 'cap'), 'cap');
    const least = this.#money(partOf(this.#extension, 'floor'), 'floor');
    const unit = this.#money(partOf(this.#extension, 'rounding-unit'), 'rounding-unit');
    if (!partOf(this.#extension, 'base') && supplements.length === 0) {
      this.#refuse('required', 'scheme-amount-missing', '', 'Give a base amount or a supplement.');
    }
    if (cap !== null && least !== null && cap < least) {
      this.#refuse('value', 'scheme-cap-low', '.cap', 'The cap is below the least amount paid.');
    }
    const roundingMode = this.#choice('rounding-mode', ROUNDING_MODES, 'half-up');
    const ageOn = this.#choice('age-on', AGE_DAYS, 'period-start');
    const delivery = this.#choice('delivery', DELIVERIES, 'any');
    if (this.#issues.length > 0 || !frequency || !roundingMode || !ageOn || !delivery) {
      return undefined;
    }
    return {
      currency: this.#currency ?? '',
      frequency,
      criteria,
      baseMinor: String(base ?? 0n),
      supplements,
      capMinor: cap === null ? null : String(cap),
      leastMinor: least === null ? null : String(least),
      roundingUnitMinor: String(unit === null || unit === 0n ? 1n : unit),
      roundingMode,
      ageOn,
      delivery,
    };
  }

  #refuse(kind: ProblemKind, code: string, part: string, diagnostics: string): void {
    this.#issues.push(fault(kind, code, `${PLACE}${part}`, diagnostics));
  }

  #choice<const Code extends string>(
    part: string,
    known: readonly Code[],
    otherwise: Code | undefined,
  ): Code | undefined {
    const code = codeIn(partOf(this.#extension, part)) ?? otherwise;
    const found = known.find((each) => each === code);
    if (!found) {
      this.#refuse(
        code === undefined ? 'required' : 'code-invalid',
        'scheme-code-unknown',
        `.${part}`,
        `Give ${part}: one of ${known.join(', ')}.`,
      );
    }
    return found;
  }

  /** Minor units of an amount that is not negative; null when there is none. */
  #money(part: Extension | undefined, place: string): bigint | null {
    if (!part) return null;
    try {
      const amount = fromFhirMoney(part.valueMoney, `${PLACE}.${place}`);
      this.#currency ??= amount.currency;
      if (amount.currency !== this.#currency) {
        this.#refuse(
          'value',
          'scheme-currencies',
          `.${place}`,
          `A scheme has one currency; this one pays ${this.#currency}.`,
        );
      }
      if (amount.minor < 0n || amount.minor > MINOR_MAX) {
        this.#refuse('value', 'amount-out-of-range', `.${place}`, 'Give an amount of 0 or more.');
      }
      return amount.minor;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.#issues.push(...error.issues);
      return null;
    }
  }

  #criteria(): Criterion[] {
    const criteria = partsOf(this.#extension, 'criterion').map((part, index) => ({
      name: part.valueExpression?.name ?? `criterion-${index + 1}`,
      description: part.valueExpression?.description ?? null,
      expression: this.#expression(part, `.criterion[${index}]`),
    }));
    if (criteria.length === 0) {
      this.#refuse(
        'required',
        'scheme-criterion-missing',
        '',
        'Say who is eligible: give at least one criterion ("true" for everybody).',
      );
    }
    return criteria;
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

  #supplements(): Supplement[] {
    return partsOf(this.#extension, 'supplement').map((part, index) => {
      const place = `supplement[${index}]`;
      const amount = this.#money(partOf(part, 'amount'), `${place}.amount`);
      if (amount === null) {
        this.#refuse('required', 'scheme-amount-missing', `.${place}`, 'Give the amount.');
      }
      const maximum = partOf(part, 'maximum');
      return {
        name: partOf(part, 'name')?.valueString ?? `supplement-${index + 1}`,
        filter: this.#expression(partOf(part, 'filter'), `.${place}.filter`),
        amountMinor: String(amount ?? 0n),
        countMax: maximum?.valuePositiveInt ?? maximum?.valueInteger ?? null,
      };
    });
  }
}

const ROUNDING_MODES = ['down', 'up', 'half-up'] as const;
const AGE_DAYS = ['period-start', 'period-end'] as const;
const DELIVERIES = ['any', 'account', 'pay-point'] as const;

function fault(kind: ProblemKind, code: string, expression: string, diagnostics: string): Issue {
  return { severity: 'error', kind, code, expression, diagnostics };
}
