/**
 * The rules of a scheme as they are kept: who is eligible, and how the amount is made.
 *
 * Order of the calculation: tables and variables → criteria → components, added up → adjustments,
 * each making a new total from the one before → rounding → least amount that is paid.
 */

import type { Frequency, PaymentPeriod } from '../../../src/sdk/index.ts';
import type { RoundingMode } from '../language/arithmetic.ts';

/** An expression under a name. */
export interface Named {
  readonly name: string;
  readonly description: string | null;
  readonly expression: string;
}

/** One condition; all must hold. The name is shown as the reason where it is not met. */
export type Criterion = Named;

/** In which order members are taken where only some are paid for. */
export const ORDERS = ['highest-amount', 'lowest-amount', 'youngest', 'oldest'] as const;

/** A part of the amount. */
export interface Component {
  readonly name: string;
  readonly description: string | null;
  /** Expression of an amount in the currency; read within a member where `filter` is given. */
  readonly amount: string;
  /** Paid for each member for whom this holds; null: paid for the household. */
  readonly filter: string | null;
  /** Paid only where this holds for the household. */
  readonly condition: string | null;
  /** Expression of how many members are paid for at most. */
  readonly maximum: string | null;
  readonly order: (typeof ORDERS)[number] | null;
  /** Expression of how many times it falls due in the period. */
  readonly times: string | null;
}

/** How the eligible are ordered where there is not room for all. */
export interface Ranking {
  readonly score: string;
  readonly direction: 'ascending' | 'descending';
  /** Expressions by which equals are ordered, each ascending; last comes the household's id. */
  readonly tieBreakers: readonly string[];
  /** Code of the area within which households are ranked; null: all together. */
  readonly within: string | null;
  /** Table `area -> places` or `area -> share`; or null. */
  readonly quotaTable: string | null;
  /** Places in all; with a table of shares they are divided by largest remainder. */
  readonly places: number | null;
  /** Per cent of the places kept free. */
  readonly reservePercent: string | null;
}

/** A household and what the rules must say of it. */
export interface RuleCase {
  readonly name: string;
  /** Code of the payment period; null: the one of the first cycle, or of January of this year. */
  readonly period: string | null;
  /** JSON of the household; see `cases.ts`. */
  readonly household: string;
  readonly decision: 'eligible' | 'ineligible' | 'undetermined' | null;
  /** Minor units. */
  readonly amountMinor: string | null;
  readonly components: readonly { readonly name: string; readonly amountMinor: string }[];
}

/** Rules as kept, JSON; amounts are decimal text of minor units. */
export interface SchemeRules {
  readonly currency: string;
  readonly frequency: Frequency;
  /** Its periods, where the frequency is `calendar`. */
  readonly calendar?: readonly PaymentPeriod[];
  /** First day of the first period for which these rules hold; null: from always. */
  readonly appliesFrom: string | null;
  /** A day in the period that is cycle number 1. */
  readonly firstCycle: string | null;
  readonly tables: readonly { readonly name: string; readonly rows: string }[];
  readonly memberVariables: readonly Named[];
  readonly variables: readonly Named[];
  readonly criteria: readonly Criterion[];
  readonly components: readonly Component[];
  readonly adjustments: readonly Named[];
  /** The amount is made a multiple of this. */
  readonly roundingUnitMinor: string;
  readonly roundingMode: RoundingMode;
  /** Less than this is not paid at all. */
  readonly minimumMinor: string | null;
  /** Months after which the facts of an enrolled household are due to be confirmed. */
  readonly recertifyMonths?: number;
  /** The day on which ages are taken. */
  readonly ageOn: 'period-start' | 'period-end';
  /** Where the money may be handed out. */
  readonly delivery: 'any' | 'account' | 'pay-point';
  readonly ranking: Ranking | null;
  readonly cases: readonly RuleCase[];
}
