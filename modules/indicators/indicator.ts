/**
 * Indicators as rooms bring them: a code, what it means, how it is split, and the SELECT that counts
 * it. The room of indicators knows nobody; whoever owns the facts writes the SELECT over its own
 * published views, in `measures.ts`.
 */

import { extensionPoint } from '../../src/sdk/index.ts';
import type { Category, Dimension } from './dimensions.ts';

/** One figure that is reported. */
export interface Indicator {
  /** Code in CodeSystem `indicator`, e.g. `PAID_AMT`. */
  readonly code: string;
  readonly title: string;
  /** What is counted, in one sentence. */
  readonly means: string;
  /** `stock`: as it is at the end of the period's last day; `flow`: what happened in the period. */
  readonly kind: 'stock' | 'flow';
  /** A number of things, money in minor units, or days. */
  readonly unit: 'count' | 'amount' | 'days';
  readonly category?: Category;
  /** How it is shown: each split is a set of dimensions whose cells sum to the total. */
  readonly splits: readonly (readonly Dimension[])[];
}

/** For what the figures are wanted. */
export interface IndicatorQuestion {
  /** First and last day, both included. */
  readonly startsOn: string;
  readonly endsOn: string;
  /** Only these areas (rids of Locations); null for all, also for what has no area. */
  readonly areas: readonly bigint[] | null;
  /** Ages at which bands begin, for `indicators_age_band`. */
  readonly ageBounds: readonly number[];
}

/** Indicators that one SELECT gives together. */
export interface IndicatorSource {
  /** Id of the Measure that shows them; a row of `indicator_measure`. */
  readonly measure: string;
  readonly indicators: readonly Indicator[];
  /**
   * A SELECT (parameters from $1) of columns `indicator text, area_id bigint, scheme_id bigint,
   * sex text, age_band text, category text, currency text, count bigint, value bigint`, grouped by
   * all but the last two. Sex, age band and category are never null: `unknown`, `unknown`, `''`.
   */
  readonly select: (question: IndicatorQuestion) => {
    readonly text: string;
    readonly values: readonly unknown[];
  };
}

/** Where rooms bring indicators. */
export const indicatorSource = extensionPoint<IndicatorSource>(
  'indicators.source',
  'indicators and the SELECT that counts them',
);

/** The areas by which figures are added up; brought by the room that keeps areas. */
export interface AreaTree {
  /**
   * A SELECT without parameters of `area_id bigint, fhir_id text, name text, code text,
   * dhis2_uid text, path bigint[], active boolean`; `path` leads from the outermost area to itself.
   */
  readonly text: string;
}

/** Where the tree of areas is brought. */
export const areaTree = extensionPoint<AreaTree>(
  'indicators.area-tree',
  'the tree of areas by which figures are added up',
);
