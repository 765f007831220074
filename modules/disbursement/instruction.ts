/**
 * Instructions: orders to pay, their states, and what an outcome does to them. Pure.
 *
 * The table follows the rules that every adapter obeys: unknown is a state; paid is terminal; not
 * paid may become paid on late, verified success; statuses never go back.
 */

import { lifecycle, permission } from '../../src/sdk/index.ts';

export const STATES = ['approved', 'sent', 'paid', 'not-paid', 'unknown', 'cancelled'] as const;
export type InstructionState = (typeof STATES)[number];

/** Orders payments again after a definitive failure. */
export const RETRY = permission('disbursement.retry', 'pays again what was definitively not paid');
/** Closes an unknown outcome with evidence. */
export const RESOLVE = permission('disbursement.resolve', 'closes unknown outcomes with evidence');
/** Pauses and resumes a provider. */
export const PAUSE = permission('disbursement.pause', 'pauses and resumes a provider');

/** States of an instruction. Acts are the house's own but for cancel. */
export const instructionLifecycle = lifecycle({
  name: 'instruction',
  initial: 'approved',
  states: STATES,
  transitions: [
    { act: 'send', from: ['approved'], to: 'sent' },
    { act: 'cancel', from: ['approved'], to: 'cancelled', needsReason: true },
    { act: 'pay', from: ['sent', 'unknown', 'not-paid'], to: 'paid' },
    { act: 'refuse', from: ['sent', 'unknown'], to: 'not-paid', needsReason: true },
    { act: 'lose', from: ['sent'], to: 'unknown' },
    { act: 'put-back', from: ['sent'], to: 'approved' },
  ],
});

/** Why money was not paid; published as CodeSystem non-payment-reason. */
export const NON_PAYMENT_REASONS = [
  'recipient_not_registered',
  'recipient_invalid',
  'recipient_limit',
  'recipient_blocked',
  'name_mismatch',
  'amount_out_of_range',
  'payer_funds',
  'payer_configuration',
  'provider_down',
  'expired_unclaimed',
  'not_collected',
  'refused',
  'other',
] as const;
export type NonPaymentReason = (typeof NON_PAYMENT_REASONS)[number];

/** Reasons on the payer's side: the provider is paused, the person is not at fault. */
export const PAYER_REASONS: ReadonlySet<NonPaymentReason> = new Set([
  'payer_funds',
  'payer_configuration',
]);

/** What an adapter says of one instruction. */
export interface Outcome {
  /** Our key: the transaction number. */
  readonly key: string;
  readonly result: 'accepted' | 'paid' | 'not-paid' | 'unknown' | 'not-sent';
  readonly reason?: NonPaymentReason;
  /** The provider's own code and text. */
  readonly text?: string;
  readonly providerReference?: string;
  /** What the provider says it paid, where it says so. */
  readonly amountMinor?: bigint;
  readonly currency?: string;
  readonly account?: string;
}

/** What an instruction is, as far as an outcome is judged by it. */
export interface Known {
  readonly state: InstructionState;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly account_number: string | null;
}

/** What an outcome comes to. */
export type Verdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'change'; readonly to: InstructionState; readonly reason?: NonPaymentReason }
  | {
      readonly kind: 'exception';
      readonly exception: ExceptionKind;
      readonly to?: InstructionState;
    };

export type ExceptionKind =
  | 'unknown-instruction'
  | 'amount-differs'
  | 'account-differs'
  | 'not-paid-after-paid'
  | 'paid-when-not-sent'
  | 'paid-twice';

const NONE: Verdict = { kind: 'none' };

/** Judges an outcome by what is known of the instruction. */
export function judge(known: Known, outcome: Outcome): Verdict {
  switch (outcome.result) {
    case 'accepted':
      return NONE;
    case 'not-sent':
      return known.state === 'sent' ? { kind: 'change', to: 'approved' } : NONE;
    case 'unknown':
      return known.state === 'sent' ? { kind: 'change', to: 'unknown' } : NONE;
    case 'not-paid':
      return judgeNotPaid(known, outcome.reason ?? 'other');
    case 'paid':
      return judgePaid(known, outcome);
  }
}

function judgeNotPaid({ state }: Known, reason: NonPaymentReason): Verdict {
  if (state === 'sent' || state === 'unknown') return { kind: 'change', to: 'not-paid', reason };
  if (state === 'paid') return { kind: 'exception', exception: 'not-paid-after-paid' };
  return NONE;
}

function judgePaid(known: Known, outcome: Outcome): Verdict {
  if (known.state === 'paid') return NONE;
  if (known.state === 'approved' || known.state === 'cancelled') {
    return { kind: 'exception', exception: 'paid-when-not-sent' };
  }
  const quarantined = known.state === 'sent' ? ({ to: 'unknown' } as const) : {};
  const { amountMinor, currency, account } = outcome;
  if (
    (amountMinor !== undefined && amountMinor !== known.amount_minor) ||
    (currency !== undefined && currency !== known.currency)
  ) {
    return { kind: 'exception', exception: 'amount-differs', ...quarantined };
  }
  if (account !== undefined && known.account_number !== null && account !== known.account_number) {
    return { kind: 'exception', exception: 'account-differs', ...quarantined };
  }
  return { kind: 'change', to: 'paid' };
}

/** Pauses before the next enquiry, in seconds: 1, 5, 15, 60 minutes, then 6 hours, up to 72 hours. */
export const ENQUIRY_PAUSES_SECONDS = [60, 300, 900, 3600, 21_600] as const;
const ENQUIRIES_MAX = 4 + 12;

/** When to ask again after `count` enquiries; undefined: a person must. */
export function nextEnquiry(count: number, now: Date): Date | undefined {
  if (count >= ENQUIRIES_MAX) return undefined;
  const pause = ENQUIRY_PAUSES_SECONDS[Math.min(count, ENQUIRY_PAUSES_SECONDS.length - 1)]!;
  return new Date(now.getTime() + pause * 1000);
}

/** True for `T`, ten digits and the two check digits that fit (ISO 7064 mod 97-10). */
export function isTransactionNumber(text: string): boolean {
  return /^T\d{12}$/.test(text) && BigInt(text.slice(1)) % 97n === 1n;
}
