/**
 * Disbursement: pays any instruction through registered providers, and knows what became of it.
 *
 * It does not know payroll: whoever owes money orders it by `createInstructions` and listens to
 * `instructionMoved`.
 */

import type { ClaimResponse } from '@medplum/fhirtypes';
import {
  codeSystem,
  formatAmount,
  identifierSystem,
  type Module,
  type ProjectedBinding,
  type ProjectedRow,
  structureDefinition,
} from '../../src/sdk/index.ts';
import {
  CALLBACK_SECRET,
  callbackHandler,
  callbackRoute,
  matchCallbacks,
  matchHandler,
} from './callback.ts';
import { enquireDue, enquireHandler } from './enquire.ts';
import { PAUSE, RESOLVE, RETRY } from './instruction.ts';
import { operations } from './operations.ts';
import { retryDue, retryHandler } from './retry.ts';
import { sendHandler, wakeHandler, wakeWaiting } from './send.ts';
import { reachRules } from './store/reach.ts';
import { topics } from './topics.ts';

export { callbackSecret, matchCallbacks } from './callback.ts';
export { enquireDue } from './enquire.ts';
export { type InstructionMoved, instructionMoved } from './events.ts';
export {
  type InstructionState,
  instructionLifecycle,
  isTransactionNumber,
  NON_PAYMENT_REASONS,
  type NonPaymentReason,
  type Outcome,
  RETRY,
} from './instruction.ts';
export { cancelOrders, createInstructions, type Orders, retryInstructions } from './orders.ts';
export { applyOutcomes } from './outcomes.ts';
export {
  type AmountLimits,
  type Capabilities,
  type Conversation,
  type OrderToPay,
  type PaymentProviderAdapter,
  type ProviderConfig,
  paymentProvider,
  type Said,
  type Wire,
} from './provider.ts';

import { OUTCOMES, STATES, STATUSES } from './store/codes.ts';

export { resolutionLifecycle } from './resolve.ts';
export { type PaymentSource, paymentSource, retryDue } from './retry.ts';
export { RETRY_RULES } from './retry-policy.ts';
export { sendWaiting } from './send.ts';
export { type Doubt, raiseDoubts, settleDoubts } from './store/doubt.ts';
export { closeException } from './store/exceptions.ts';

const instruction: ProjectedBinding = {
  kept: 'projected',
  type: 'ClaimResponse',
  profile: structureDefinition('instruction'),
  view: 'disbursement_claim_response',
  idKey: { column: 'instruction_id', type: 'uuid' },
  large: { updatedAt: true },
  search: {
    identifier: {
      type: 'token',
      column: 'transaction_number',
      key: { column: 'key', by: 'disbursement_transaction_key' },
      system: identifierSystem('transaction-number'),
      few: true,
      ordered: 'as-key',
    },
    patient: {
      type: 'reference',
      column: 'recipient_id',
      target: 'Patient',
      holds: 'rid',
      few: true,
      ordered: true,
    },
    insurer: { type: 'reference', column: 'provider_id', target: 'Organization', holds: 'rid' },
    request: {
      type: 'reference',
      column: 'request_id',
      target: 'Claim',
      holds: 'id',
      key: { column: 'request_key', type: 'uuid' },
      few: true,
    },
    outcome: {
      type: 'token',
      column: 'outcome',
      system: 'http://hl7.org/fhir/remittance-outcome',
      codes: OUTCOMES,
    },
    disposition: { type: 'string', column: 'state', codes: STATES },
    'payment-date': { type: 'date', column: 'resolved_at', ordered: true },
    created: { type: 'date', column: 'created_at' },
    status: {
      type: 'token',
      column: 'status',
      system: 'http://hl7.org/fhir/fm-status',
      codes: STATUSES,
    },
  },
  render: async (_ctx, rows) => rows.map(claimResponse),
};

function moneyOf(minor: bigint, currency: string) {
  const value = Number(formatAmount({ minor, currency }));
  return { value, currency: currency as 'KES' };
}

function reasonOf(row: ProjectedRow) {
  return {
    coding: [{ system: codeSystem('non-payment-reason'), code: row.reason as string }],
    ...(row.reason_text !== null && { text: row.reason_text as string }),
  };
}

function claimResponse(row: ProjectedRow): ClaimResponse {
  const currency = row.currency as string;
  const amount = moneyOf(row.amount_minor as bigint, currency);
  const back = (row.returned_minor as bigint | null) ?? 0n;
  const state = row.state as string;
  const resolved = row.resolved_at as Date | null;
  return {
    resourceType: 'ClaimResponse',
    identifier: [
      {
        system: identifierSystem('transaction-number'),
        value: row.transaction_number as string,
      },
    ],
    status: row.status as 'active',
    type: { coding: [{ system: codeSystem('claim-type'), code: 'cash-transfer' }] },
    use: 'claim',
    patient: row.recipient_fhir_id
      ? { reference: `Patient/${row.recipient_fhir_id}` }
      : { reference: `Group/${row.payee_fhir_id}` },
    created: (row.created_at as Date).toISOString(),
    insurer: { reference: `Organization/${row.provider_fhir_id}` },
    ...(row.purpose === 'payroll' && { request: { reference: `Claim/${row.request_id}` } }),
    outcome: row.outcome as 'complete',
    disposition: state,
    ...((state === 'paid' || state === 'returned') && {
      payment: {
        type: {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/ex-paymenttype',
              code: back > 0n ? 'partial' : 'complete',
            },
          ],
        },
        date: resolved?.toISOString().slice(0, 10),
        amount: moneyOf((row.amount_minor as bigint) - back, currency),
        ...(back > 0n && {
          adjustment: moneyOf(back, currency),
          ...(row.reason !== null && { adjustmentReason: reasonOf(row) }),
        }),
        ...(row.provider_reference !== null && {
          identifier: { value: row.provider_reference as string },
        }),
      },
    }),
    total: [
      {
        category: { coding: [{ system: codeSystem('amount-kind'), code: 'ordered' }] },
        amount,
      },
    ],
    ...(row.reason !== null && {
      error: [{ code: reasonOf(row) }],
    }),
  };
}

/** The disbursement room. */
export const disbursement: Module = {
  name: 'disbursement',
  title: 'Disbursement',
  dependsOn: ['ledger', 'households', 'providers'],
  settings: [CALLBACK_SECRET],
  permissions: [RETRY, RESOLVE, PAUSE],
  resources: [instruction],
  operations,
  contributes: [...reachRules, ...topics],
  routes: [callbackRoute],
  jobs: [sendHandler, enquireHandler, wakeHandler, callbackHandler, matchHandler, retryHandler],
  schedule: [
    { at: '* * * * *', job: enquireDue, does: 'enquires after instructions without an answer' },
    { at: '*/5 * * * *', job: wakeWaiting, does: 'sends what waits' },
    { at: '*/10 * * * *', job: retryDue, does: 'orders again what failed for a while' },
    { at: '*/10 * * * *', job: matchCallbacks, does: 'matches callbacks again' },
  ],
};
