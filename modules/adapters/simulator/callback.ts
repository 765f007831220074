/**
 * Callbacks as the simulated provider writes them: one JSON object for one order. Pure.
 */

import { parseAmount, problem } from '../../../src/sdk/index.ts';
import { NON_PAYMENT_REASONS, type Outcome } from '../../disbursement/index.ts';

/** What a callback says. `amount` is decimal text of `currency`. */
export interface SimulatedCallback {
  readonly key: string;
  readonly result: 'paid' | 'partly-paid' | 'returned' | 'not-paid' | 'unknown';
  readonly reason?: string;
  readonly amount?: string;
  readonly currency?: string;
  readonly account?: string;
  readonly reference?: string;
  /** The number of a return. */
  readonly returned?: string;
}

const RESULTS: readonly unknown[] = ['paid', 'partly-paid', 'returned', 'not-paid', 'unknown'];

/** @throws Problem callback-malformed, amount-malformed, amount-too-precise, unknown-currency */
export function readCallback(body: Buffer): Outcome[] {
  const said = parsed(body);
  const { amount, currency, account, reference, returned } = said;
  const reason = NON_PAYMENT_REASONS.find((each) => each === said.reason);
  return [
    {
      key: said.key,
      result: said.result,
      ...(reason && { reason }),
      ...(amount !== undefined &&
        currency !== undefined && { amountMinor: parseAmount(amount, currency).minor, currency }),
      ...(account !== undefined && { account }),
      ...(reference !== undefined && { providerReference: reference }),
      ...(returned !== undefined && { returnReference: returned }),
    },
  ];
}

function parsed(body: Buffer): SimulatedCallback {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw malformed();
  }
  if (typeof value !== 'object' || value === null) throw malformed();
  const texts = Object.values(value).every((each) => typeof each === 'string');
  const said = value as SimulatedCallback;
  if (!texts || !said.key || !RESULTS.includes(said.result)) throw malformed();
  return said;
}

function malformed() {
  return problem(
    'structure',
    'callback-malformed',
    'A callback is an object of texts with key and result (paid, partly-paid, returned, not-paid, unknown).',
  );
}
