/**
 * Operations on schemes (draft, preview) and payrolls (approve, reject, cancel, retry, summary).
 */

import type { OperationDefinition, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  instanceOperation,
  type Operation,
  type OperationInput,
  parameterIn,
  permission,
  problem,
} from '../../src/sdk/index.ts';
import { RETRY } from '../disbursement/index.ts';
import { findScheme } from '../schemes/index.ts';
import { approve, drop, retryUnpaid } from './decide.ts';
import { type Draft, draftPayroll } from './draft.ts';
import { APPROVE, CANCEL, DRAFT, REJECT } from './lifecycle.ts';
import { lockPayroll, summary } from './store/decide.ts';
import { exclusionReasons } from './store/draft.ts';

/** Reads the summary of a payroll. */
export const READ = permission('payroll.read', 'reads summaries of payrolls');

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

const PERIOD: Parameter = { name: 'period', use: 'in', min: 0, max: '1', type: 'string' };
const REASON: Parameter = { name: 'reason', use: 'in', min: 0, max: '1', type: 'string' };

function answer(parameter: ParametersParameter[]): Parameters {
  return { resourceType: 'Parameters', parameter };
}

function moneyOf(name: string, minor: bigint, currency: string): ParametersParameter {
  const value = Number(formatAmount({ minor, currency }));
  return { name, valueMoney: { value, currency: currency as 'KES' } };
}

async function draft(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id!);
  const made = await draftPayroll(ctx, scheme, parameterIn(input, 'period')?.valueString);
  return answer([
    { name: 'payroll', valueReference: { reference: `List/${made.payrollId}` } },
    ...totals(made, scheme.currency),
  ]);
}

function totals(made: Draft, currency: string): ParametersParameter[] {
  return [
    { name: 'period', valueString: made.period.code },
    { name: 'lines', valueInteger: Number(made.totals.lines) },
    moneyOf('amount', made.totals.minor, currency),
    { name: 'excluded', valueInteger: Number(made.totals.excluded) },
    ...made.reasons.map(({ reason, n }) => ({
      name: 'exclusion',
      part: [
        { name: 'reason', valueCode: reason },
        { name: 'count', valueInteger: Number(n) },
      ],
    })),
  ];
}

/** Operations of the room. */
export const operations: readonly Operation[] = [
  {
    permission: DRAFT,
    definition: instanceOperation(
      'draft-payroll',
      'InsurancePlan',
      'Drafts the payroll of a period (by default the present one).',
      [PERIOD],
    ),
    run: draft,
  },
  {
    permission: DRAFT,
    rolledBack: true,
    definition: instanceOperation(
      'preview-payroll',
      'InsurancePlan',
      'What $draft-payroll would give: the same path, rolled back.',
      [PERIOD],
    ),
    async run(ctx, input) {
      const made = await draft(ctx, input);
      return answer(made.parameter!.filter((each) => each.name !== 'payroll'));
    },
  },
  {
    permission: APPROVE,
    definition: instanceOperation(
      'approve',
      'List',
      'Approves a payroll drafted by another person; count and amount are control totals.',
      [
        { name: 'count', use: 'in', min: 0, max: '1', type: 'integer' },
        { name: 'amount', use: 'in', min: 0, max: '1', type: 'string' },
      ],
    ),
    async run(ctx, input) {
      const count = parameterIn(input, 'count')?.valueInteger;
      const amount = parameterIn(input, 'amount')?.valueString;
      if ((count === undefined) !== (amount === undefined)) {
        throw problem('required', 'control-totals', 'Declare both count and amount, or neither.');
      }
      const declared = count === undefined || amount === undefined ? undefined : { count, amount };
      const { ordered, heldBack } = await approve(ctx, input.id!, declared);
      return answer([
        { name: 'ordered', valueInteger: ordered },
        { name: 'held-back', valueInteger: heldBack },
      ]);
    },
  },
  dropping('reject', REJECT, 'Rejects a payroll drafted by another person, with a reason.'),
  dropping('cancel', CANCEL, 'Cancels a payroll that is not approved, with a reason.'),
  {
    permission: RETRY,
    definition: instanceOperation(
      'retry-unpaid',
      'List',
      'Orders again the lines that were definitively not paid, as the next attempt.',
      [],
    ),
    async run(ctx, input) {
      const ordered = await retryUnpaid(ctx, input.id!);
      return answer([{ name: 'ordered', valueInteger: ordered }]);
    },
  },
  {
    permission: READ,
    definition: instanceOperation(
      'summary',
      'List',
      'Lines of a payroll by state and reason, and exclusions by reason.',
      [],
    ),
    run: summarize,
  },
];

function dropping(
  code: 'reject' | 'cancel',
  right: Operation['permission'],
  description: string,
): Operation {
  return {
    permission: right,
    definition: instanceOperation(code, 'List', description, [REASON]),
    async run(ctx, input) {
      await drop(ctx, input.id!, code, parameterIn(input, 'reason')?.valueString);
      return answer([{ name: 'result', valueBoolean: true }]);
    },
  };
}

async function summarize(ctx: Context, input: OperationInput): Promise<Parameters> {
  const payroll = await lockPayroll(ctx, input.id!);
  if (!payroll) throw problem('not-found', 'payroll-unknown', `There is no payroll ${input.id}.`);
  const { currency } = payroll;
  const lines = await summary(ctx, payroll.payroll_id);
  const reasons = await exclusionReasons(ctx, payroll.payroll_id);
  return answer([
    { name: 'state', valueCode: payroll.state },
    { name: 'lines', valueInteger: Number(payroll.lines_count) },
    moneyOf('amount', payroll.lines_minor, currency),
    ...lines.map(({ state, reason, n, minor }) => ({
      name: 'line',
      part: [
        { name: 'state', valueCode: state },
        ...(reason ? [{ name: 'reason', valueCode: reason }] : []),
        { name: 'count', valueInteger: Number(n) },
        moneyOf('amount', minor, currency),
      ],
    })),
    ...reasons.map(({ reason, n }) => ({
      name: 'exclusion',
      part: [
        { name: 'reason', valueCode: reason },
        { name: 'count', valueInteger: Number(n) },
      ],
    })),
  ]);
}
