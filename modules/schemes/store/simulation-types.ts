/**
 * What a simulation is asked, and what it answers.
 */

import type { PaymentPeriod } from '../../../src/sdk/index.ts';
import type { SchemeRules } from '../rules/types.ts';

/** Rules and the period that they are tried in. */
export interface Side {
  /** What the names of their columns begin with. */
  readonly of: 'now_' | 'tried_';
  readonly rules: SchemeRules;
  readonly period: PaymentPeriod;
}

/** What is told, and to whom. */
export interface Reporting {
  /** rids of the areas that the actor is limited to. */
  readonly areas: 'all' | readonly bigint[];
  /** Level of the areas that figures are split by; 1 is the outermost. */
  readonly areaLevel: number;
  /** Ages at which bands begin. */
  readonly ages: readonly number[];
  /** What may be spent, minor units of the currency. */
  readonly budgetMinor: bigint | undefined;
  /** How many of those who gain and who lose most are named. */
  readonly top: number;
  /** By what an amount is multiplied before the two are compared: periods in a year, or 1. */
  readonly factors: Readonly<Record<Side['of'], number>>;
}

/** Whose rules, over whom. */
export interface SimulationQuestion extends Reporting {
  /** 0 for a scheme that is not known yet: nobody is enrolled. */
  readonly schemeId: bigint;
  readonly sides: readonly Side[];
  /** `registry`: with those whom `$enrol` would enrol; `enrolled`: those enrolled now only. */
  readonly scope: 'registry' | 'enrolled';
  /** rid of an area: its households, and those of the areas below it. */
  readonly areaId: bigint | undefined;
  /** SQL of how many cycles have been paid before, over the enrolment `e`. */
  readonly paidCycles: string | undefined;
}

/** Households that have everything in common that is told of them. */
export interface SimulationRow {
  /** `all`, `area`, `sex`, `age`, `size`; `gain` and `loss` name one household. */
  readonly split: string;
  readonly value: string;
  readonly name: string | null;
  /** `paid`, or why not; `not-eligible:2` is the second criterion. */
  readonly now_why: string;
  readonly tried_why: string;
  readonly change: 'enters' | 'leaves' | 'more' | 'less' | 'same' | 'none';
  readonly over: boolean;
  readonly n: bigint;
  readonly people: bigint;
  readonly now_minor: bigint;
  readonly tried_minor: bigint;
}
