/**
 * Steps of approval flows as they are kept, and which of them a payroll goes through. Pure.
 */

/** How many of a pool must approve. */
export const APPROVAL_RULES = ['any', 'all', 'count'] as const;

/** A step of a flow, as it is kept. */
export interface FlowStep {
  /** From 1, in the order of the flow. */
  readonly number: number;
  readonly name: string;
  /** The pool: roles, and persons by login or id. */
  readonly roles: readonly string[];
  readonly actors: readonly string[];
  readonly rule: (typeof APPROVAL_RULES)[number];
  /** How many, where the rule is `count`. */
  readonly count: number;
  /** Payrolls below it pass the step over; null: none does. Minor units, as text for JSON. */
  readonly fromMinor: string | null;
  readonly currency: string | null;
  /** Every line must have been decided on before the step accepts. */
  readonly eachLine: boolean;
}

/** What decides which steps a payroll goes through. */
export interface Submitted {
  readonly submitted_minor: bigint;
  readonly currency: string;
}

/** Steps that apply: one whose threshold is in another currency cannot be compared, and applies. */
export function applying(steps: readonly FlowStep[], payroll: Submitted): FlowStep[] {
  return steps.filter(
    ({ fromMinor, currency }) =>
      fromMinor === null ||
      currency !== payroll.currency ||
      payroll.submitted_minor >= BigInt(fromMinor),
  );
}
