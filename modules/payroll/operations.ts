/**
 * Operations on schemes (draft, preview, ceilings) and payrolls (retry, summary); those by which
 * payrolls are decided on are in `approval-operations.ts`.
 */

import type { OperationDefinition, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type Context,
  formatAmount,
  fromFhirMoney,
  instanceOperation,
  isUuid,
  localId,
  type Operation,
  type OperationInput,
  parameterIn,
  problem,
} from '../../src/sdk/index.ts';
import { RETRY } from '../disbursement/index.ts';
import { findScheme, type Scheme } from '../schemes/index.ts';
import { approvalOperations, READ } from './approval-operations.ts';
import { CEILING_SPANS, endCeiling, KEEP_BUDGETS, setCeiling } from './ceiling.ts';
import { retryUnpaid } from './decide.ts';
import { type Draft, type DraftRequest, draftPayroll } from './draft.ts';
import { DRAFT, PAYROLL_KINDS } from './lifecycle.ts';
import { paperOperations } from './paper-operations.ts';
import { recomputeOperation } from './recompute.ts';
import { ceilingsOf } from './store/ceilings.ts';
import { readPayroll, summary } from './store/decide.ts';
import { exclusionReasons } from './store/draft.ts';

type Parameter = NonNullable<OperationDefinition['parameter']>[number];

const given = (name: string, type: Parameter['type'], min: 0 | 1 = 0): Parameter => ({
  ...{ name, type, min },
  use: 'in',
  max: '1',
});

const DRAFTED: Parameter[] = [
  given('period', 'string'),
  given('kind', 'code'),
  given('area', 'Reference'),
  given('source', 'string'),
  given('label', 'string'),
  given('amount', 'Money'),
];

function answer(parameter: ParametersParameter[]): Parameters {
  return { resourceType: 'Parameters', parameter };
}

function moneyOf(name: string, minor: bigint, currency: string): ParametersParameter {
  const value = Number(formatAmount({ minor, currency }));
  return { name, valueMoney: { value, currency: currency as 'KES' } };
}

async function areaOf(ctx: Context, input: OperationInput): Promise<bigint | undefined> {
  const reference = parameterIn(input, 'area')?.valueReference;
  if (!reference) return undefined;
  const id = localId(reference.reference, 'Location') ?? '';
  const rid = (await ctx.fhir.rids('Location', [id])).get(id);
  if (rid !== undefined) return rid;
  throw problem('not-found', 'area-unknown', 'Name an area as Location/[id].', 'area');
}

async function requestOf(
  ctx: Context,
  scheme: Scheme,
  input: OperationInput,
): Promise<DraftRequest> {
  const code = parameterIn(input, 'kind')?.valueCode ?? 'regular';
  const kind = PAYROLL_KINDS.find((each) => each === code);
  if (!kind) {
    throw problem(
      'code-invalid',
      'payroll-kind',
      `A payroll is ${PAYROLL_KINDS.join(', ')}; not "${code}".`,
      'kind',
    );
  }
  const period = parameterIn(input, 'period')?.valueString;
  const source = parameterIn(input, 'source')?.valueString;
  const label = parameterIn(input, 'label')?.valueString;
  const money = parameterIn(input, 'amount')?.valueMoney;
  const amount = money && fromFhirMoney(money, 'amount');
  if (amount && amount.currency !== scheme.currency) {
    throw problem('value', 'currency-differs', `${scheme.name} pays ${scheme.currency}.`, 'amount');
  }
  const areaId = await areaOf(ctx, input);
  return {
    kind,
    ...(period !== undefined && { period }),
    ...(source !== undefined && { source }),
    ...(label !== undefined && { label }),
    ...(areaId !== undefined && { areaId }),
    ...(amount && { amountMinor: amount.minor }),
  };
}

async function draft(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id!);
  const made = await draftPayroll(ctx, scheme, await requestOf(ctx, scheme, input));
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
      'Drafts a payroll of a period (by default the present one): regular, back-pay, follow-up, top-up ' +
        '(with label and amount) or regularisation; of all or of an area; from a source of funds.',
      DRAFTED,
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
      DRAFTED,
    ),
    async run(ctx, input) {
      const made = await draft(ctx, input);
      return answer(made.parameter!.filter((each) => each.name !== 'payroll'));
    },
  },
  ...approvalOperations,
  ...paperOperations,
  recomputeOperation,
  {
    permission: RETRY,
    definition: instanceOperation(
      'retry-unpaid',
      'List',
      'Orders again what is owed of lines that were not paid, or not wholly, as the next attempt.',
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
      false,
    ),
    run: summarize,
  },
  {
    permission: KEEP_BUDGETS,
    definition: instanceOperation(
      'set-ceiling',
      'InsurancePlan',
      'Sets what approved payrolls of a scheme may come to, per payroll, period or calendar year, in ' +
        'all or in an area, from all funds or one; it replaces the former ceiling of the same.',
      [
        given('per', 'code', 1),
        given('amount', 'Money', 1),
        given('area', 'Reference'),
        given('fund', 'string'),
        given('from', 'date', 1),
        given('until', 'date'),
      ],
    ),
    run: limit,
  },
  {
    permission: KEEP_BUDGETS,
    definition: instanceOperation('end-ceiling', 'InsurancePlan', 'Ends a ceiling.', [
      given('ceiling', 'string', 1),
    ]),
    async run(ctx, input) {
      const scheme = await findScheme(ctx, input.id!);
      const id = parameterIn(input, 'ceiling')!.valueString!;
      const isId = isUuid(id);
      if (isId && (await endCeiling(ctx, id, scheme.scheme_id))) return listCeilings(ctx, input);
      throw problem('not-found', 'ceiling-unknown', 'The scheme has no such ceiling.', 'ceiling');
    },
  },
  {
    permission: READ,
    definition: instanceOperation(
      'ceilings',
      'InsurancePlan',
      'Budgets and ceilings of a scheme that are in force.',
      [],
      false,
    ),
    run: listCeilings,
  },
];

async function limit(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id!);
  const code = parameterIn(input, 'per')!.valueCode;
  const per = CEILING_SPANS.find((each) => each === code);
  const { minor, currency } = fromFhirMoney(parameterIn(input, 'amount')!.valueMoney, 'amount');
  const startsOn = parameterIn(input, 'from')!.valueDate ?? '';
  const endsOn = parameterIn(input, 'until')?.valueDate ?? null;
  const isOrdered = endsOn === null || startsOn <= endsOn;
  if (!per || minor < 0n || currency !== scheme.currency || !isOrdered) {
    throw problem(
      'business-rule',
      'ceiling-malformed',
      `Give per (${CEILING_SPANS.join(', ')}), an amount in ${scheme.currency} that is not negative, ` +
        'and days in their order.',
      'per',
    );
  }
  const areaId = (await areaOf(ctx, input)) ?? null;
  const fund = parameterIn(input, 'fund')?.valueString ?? null;
  await setCeiling(ctx, {
    ...{ schemeId: scheme.scheme_id, per, areaId, fund, limitMinor: minor, currency },
    ...{ startsOn, endsOn },
  });
  ctx.audit({ action: 'U', interaction: '$set-ceiling', type: 'InsurancePlan', id: input.id! });
  return listCeilings(ctx, input);
}

async function listCeilings(ctx: Context, input: OperationInput): Promise<Parameters> {
  const scheme = await findScheme(ctx, input.id!);
  const rows = await ceilingsOf(ctx, scheme.scheme_id);
  return answer(
    rows.map((row) => ({
      name: 'ceiling',
      part: [
        { name: 'id', valueString: row.ceiling_id },
        { name: 'per', valueCode: row.per },
        moneyOf('amount', row.limit_minor, row.currency),
        ...(row.area
          ? [{ name: 'area', valueReference: { reference: `Location/${row.area}` } }]
          : []),
        ...(row.fund ? [{ name: 'fund', valueString: row.fund }] : []),
        { name: 'from', valueDate: row.starts_on },
        ...(row.ends_on ? [{ name: 'until', valueDate: row.ends_on }] : []),
      ],
    })),
  );
}

async function summarize(ctx: Context, input: OperationInput): Promise<Parameters> {
  const payroll = await readPayroll(ctx, input.id!);
  if (!payroll) throw problem('not-found', 'payroll-unknown', `There is no payroll ${input.id}.`);
  const { currency } = payroll;
  const lines = await summary(ctx, payroll.payroll_id);
  const reasons = await exclusionReasons(ctx, payroll.payroll_id);
  return answer([
    { name: 'state', valueCode: payroll.state },
    { name: 'lines', valueInteger: Number(payroll.lines_count) },
    moneyOf('amount', payroll.lines_minor, currency),
    ...lines.map(({ state, reason, n, minor, paid_minor: paid }) => ({
      name: 'line',
      part: [
        { name: 'state', valueCode: state },
        ...(reason ? [{ name: 'reason', valueCode: reason }] : []),
        { name: 'count', valueInteger: Number(n) },
        moneyOf('amount', minor, currency),
        ...(paid === null ? [] : [moneyOf('paid', paid, currency)]),
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
