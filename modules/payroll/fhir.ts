/**
 * Payrolls as List, their lines and exclusions as Claim. Items explain an amount line by line.
 */

import type { Claim, ClaimItem, List, Resource } from '@medplum/fhirtypes';
import {
  type Context,
  codeSystem,
  formatAmount,
  identifierSystem,
  type ProjectedBinding,
  type ProjectedRow,
  structureDefinition,
} from '../../src/sdk/index.ts';
import {
  explainSteps,
  readRulesVersion,
  type SchemeRules,
  type StepRow,
} from '../schemes/index.ts';
import { type Names, namesOf } from './store/names.ts';
import { EXCLUSION_STATUSES, LINE_STATUSES } from './store/statuses.ts';
import { totalsWithin } from './store/within.ts';

function moneyOf(minor: bigint, currency: string) {
  return {
    value: Number(formatAmount({ minor, currency })),
    currency: currency as 'KES',
  };
}

/** A payroll as List. */
export const payrollBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'List',
  profile: structureDefinition('payroll'),
  view: 'payroll_list_fhir',
  idKey: { column: 'payroll_id', type: 'uuid' },
  search: {
    code: { type: 'token', column: 'code', system: codeSystem('list-code') },
    status: { type: 'token', column: 'status', system: 'http://hl7.org/fhir/list-status' },
    title: { type: 'string', column: 'title' },
    date: { type: 'date', column: 'drafted_at' },
    'payroll-state': { type: 'token', column: 'state', system: codeSystem('payroll-state') },
    identifier: {
      type: 'token',
      column: 'id',
      system: identifierSystem('payroll'),
    },
  },
  render: async (ctx, rows) => {
    const { reach, breakGlass } = ctx.actor;
    if (reach.areas === 'all' || breakGlass !== undefined) return rows.map(list);
    const totals = await totalsWithin(
      ctx,
      rows.map((row) => row.id),
      reach.areas,
    );
    return rows.map((row) => list({ ...row, ...totals.get(row.id) }));
  },
};

function list(row: ProjectedRow): List {
  const currency = row.currency as string;
  return {
    resourceType: 'List',
    extension: [
      { url: structureDefinition('payroll-state'), valueCode: row.state as string },
      {
        url: structureDefinition('payroll-scheme'),
        valueReference: { reference: `InsurancePlan/${row.scheme_fhir_id}` },
      },
      {
        url: structureDefinition('payroll-period'),
        valuePeriod: { start: row.starts_on as string, end: row.ends_on as string },
      },
      { url: structureDefinition('payroll-kind'), valueCode: row.kind as string },
      ...(row.step === null || row.state !== 'drafted'
        ? []
        : [{ url: structureDefinition('payroll-step'), valueInteger: row.step as number }]),
      {
        url: structureDefinition('payroll-lines'),
        valueInteger: Number(row.lines_count),
      },
      {
        url: structureDefinition('payroll-amount'),
        valueMoney: moneyOf(row.lines_minor as bigint, currency),
      },
      {
        url: structureDefinition('payroll-excluded'),
        valueInteger: Number(row.excluded_count),
      },
    ],
    identifier: [{ system: identifierSystem('payroll'), value: row.id }],
    status: row.status as 'current',
    mode: 'snapshot',
    title: row.title as string,
    code: { coding: [{ system: codeSystem('list-code'), code: 'payroll' }] },
    date: (row.drafted_at as Date).toISOString(),
    ...(row.reason !== null && { note: [{ text: row.reason as string }] }),
  };
}

const CLAIM_STATUS = {
  type: 'token',
  column: 'status',
  system: 'http://hl7.org/fhir/fm-status',
} as const;

const CLAIM_SEARCH: ProjectedBinding['search'] = {
  _list: {
    type: 'reference',
    column: 'payroll_id',
    target: 'List',
    holds: 'id',
    key: { column: 'payroll_key', type: 'uuid' },
  },
  patient: {
    type: 'reference',
    column: 'recipient_id',
    target: 'Patient',
    holds: 'rid',
    few: true,
    ordered: true,
  },
  status: CLAIM_STATUS,
  use: {
    type: 'token',
    column: 'use',
    system: 'http://hl7.org/fhir/claim-use',
    codes: { claim: 'true' },
  },
  created: {
    type: 'date',
    column: 'drafted_at',
    ordered: { table: 'payroll', key: 'payroll_id', column: 'drafted_at', rows: 'payroll_key' },
  },
  'exclusion-reason': {
    type: 'token',
    column: 'exclusion_reason',
    system: codeSystem('exclusion-reason'),
  },
  'line-state': { type: 'token', column: 'state', system: codeSystem('instruction-state') },
};

/** A line as Claim. */
export const lineBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'Claim',
  profile: structureDefinition('payroll-line'),
  view: 'payroll_claim_fhir',
  idKey: { column: 'line_id', type: 'uuid' },
  large: {},
  search: { ...CLAIM_SEARCH, status: { ...CLAIM_STATUS, codes: LINE_STATUSES } },
  render: (ctx, rows) => claims(ctx, rows, lineClaim),
};

/** An enrolment left out, as Claim with status cancelled. */
export const exclusionBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'Claim',
  profile: structureDefinition('payroll-exclusion'),
  view: 'payroll_exclusion_fhir',
  idKey: { column: 'exclusion_id', type: 'uuid' },
  large: { updatedAt: true },
  search: { ...CLAIM_SEARCH, status: { ...CLAIM_STATUS, codes: EXCLUSION_STATUSES } },
  render: (ctx, rows) => claims(ctx, rows, exclusionClaim),
};

interface Explained {
  readonly names: Names;
  readonly rules: SchemeRules | undefined;
}

async function claims(
  ctx: Context,
  rows: readonly ProjectedRow[],
  render: (row: ProjectedRow, explained: Explained) => Claim,
): Promise<Resource[]> {
  const names = await namesOf(ctx, rows);
  const rules = new Map<string, SchemeRules>();
  for (const row of rows) {
    const version = row.rules_version as number | undefined;
    const key = `${row.scheme_id}/${version}`;
    if (version === undefined || rules.has(key)) continue;
    rules.set(key, await readRulesVersion(ctx, row.scheme_id as bigint, version));
  }
  return rows.map((row) =>
    render(row, { names, rules: rules.get(`${row.scheme_id}/${row.rules_version}`) }),
  );
}

function frame(row: ProjectedRow, { names }: Explained): Omit<Claim, 'item' | 'total'> {
  const recipient = names.person.get(row.recipient_id as bigint);
  const household = names.household.get(row.household_id as bigint);
  const provider = names.provider.get(row.provider_id as bigint);
  return {
    resourceType: 'Claim',
    status: row.status as 'active',
    type: { coding: [{ system: codeSystem('claim-type'), code: 'cash-transfer' }] },
    use: 'claim',
    patient: recipient ? { reference: `Patient/${recipient}` } : { display: 'no recipient' },
    billablePeriod: { start: row.starts_on as string, end: row.ends_on as string },
    created: (row.drafted_at as Date).toISOString(),
    provider: provider
      ? { reference: `Organization/${provider}` }
      : { display: 'no payment provider' },
    priority: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/processpriority', code: 'normal' }],
    },
    insurance: [
      {
        sequence: 1,
        focal: true,
        coverage: { reference: `Coverage/${names.enrolment.get(row.enrolment_id as bigint)}` },
      },
    ],
    extension: [
      {
        url: structureDefinition('claim-household'),
        valueReference: { reference: `Group/${household}` },
      },
      {
        url: structureDefinition('claim-payroll'),
        valueReference: { reference: `List/${row.payroll_id}` },
      },
    ],
  };
}

function lineClaim(row: ProjectedRow, explained: Explained): Claim {
  const currency = row.currency as string;
  const claim = frame(row, explained);
  return {
    ...claim,
    extension: [
      ...(claim.extension ?? []),
      { url: structureDefinition('line-state'), valueCode: row.state as string },
      ...(row.reason === null
        ? []
        : [{ url: structureDefinition('line-reason'), valueCode: row.reason as string }]),
      ...(row.paid_minor === null
        ? []
        : [
            {
              url: structureDefinition('line-paid'),
              valueMoney: moneyOf(row.paid_minor as bigint, currency),
            },
          ]),
    ],
    ...(row.corrects_id !== null && {
      related: [{ claim: { reference: `Claim/${row.corrects_id}` } }],
    }),
    item: row.slot === '' ? items(row, explained.rules) : [besides(row)],
    total: moneyOf(row.amount_minor as bigint, currency),
  };
}

const BESIDES: Readonly<Record<string, string>> = {
  'top-up': 'Top-up',
  difference: 'Difference to what was granted',
  'follow-up': 'Ordered again',
};

/** What a line is that stands beside the entitlement of its period. */
function besides(row: ProjectedRow): ClaimItem {
  const [kind = '', name = ''] = (row.slot as string).split(':', 2);
  const text = kind === 'top-up' ? `${BESIDES[kind]}: ${name}` : BESIDES[kind];
  return {
    sequence: 1,
    productOrService: { coding: [{ system: codeSystem('claim-item'), code: kind }], text },
    net: moneyOf(row.amount_minor as bigint, row.currency as string),
  };
}

/** What explains the amount, step by step, so that the items sum to the total. */
function items(row: ProjectedRow, rules: SchemeRules | undefined): ClaimItem[] {
  if (!rules) return [];
  const currency = row.currency as string;
  return explainSteps(rules, row as unknown as StepRow).map((step, index) => ({
    sequence: index + 1,
    productOrService: {
      coding: [{ system: codeSystem('claim-item'), code: step.kind, display: step.name }],
      text: step.text,
    },
    ...(step.count !== undefined && { quantity: { value: step.count } }),
    ...(step.unitMinor !== undefined && { unitPrice: moneyOf(step.unitMinor, currency) }),
    net: moneyOf(step.netMinor, currency),
  }));
}

function exclusionClaim(row: ProjectedRow, explained: Explained): Claim {
  const claim = frame(row, explained);
  return {
    ...claim,
    extension: [
      ...(claim.extension ?? []),
      { url: structureDefinition('exclusion-reason'), valueCode: row.reason as string },
    ],
  } as Claim;
}
