/**
 * How the simulated provider behaves: by seed and key, so that a run can be repeated exactly.
 */

import { createHash } from 'node:crypto';
import { NON_PAYMENT_REASONS, type NonPaymentReason } from '../../disbursement/index.ts';

/** Shares in thousandths. */
export interface Behaviour {
  readonly seed: number;
  readonly refuse_per_mille: number;
  readonly delay_per_mille: number;
  readonly lose_before_per_mille: number;
  readonly lose_after_per_mille: number;
  readonly wrong_amount_per_mille: number;
}

/** Pays everything at once. */
export const HONEST: Behaviour = {
  seed: 1,
  refuse_per_mille: 0,
  delay_per_mille: 0,
  lose_before_per_mille: 0,
  lose_after_per_mille: 0,
  wrong_amount_per_mille: 0,
};

/** What it does with an order. */
export type Deed =
  | { readonly kind: 'pay' }
  | { readonly kind: 'refuse'; readonly reason: NonPaymentReason }
  | { readonly kind: 'delay' }
  | { readonly kind: 'lose-before' }
  | { readonly kind: 'lose-after' }
  | { readonly kind: 'wrong-amount' };

const REFUSALS = NON_PAYMENT_REASONS.filter(
  (reason) => reason !== 'payer_funds' && reason !== 'payer_configuration',
);

/** Decides what happens to a key. */
export function deedOf(behaviour: Behaviour, key: string): Deed {
  const hash = createHash('sha256').update(`${behaviour.seed}|${key}`).digest();
  let point = hash.readUInt32BE(0) % 1000;
  const within = (share: number): boolean => {
    point -= share;
    return point < 0;
  };
  if (within(behaviour.refuse_per_mille)) {
    return { kind: 'refuse', reason: REFUSALS[hash[4]! % REFUSALS.length]! };
  }
  if (within(behaviour.delay_per_mille)) return { kind: 'delay' };
  if (within(behaviour.lose_before_per_mille)) return { kind: 'lose-before' };
  if (within(behaviour.lose_after_per_mille)) return { kind: 'lose-after' };
  if (within(behaviour.wrong_amount_per_mille)) return { kind: 'wrong-amount' };
  return { kind: 'pay' };
}
