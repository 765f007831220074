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
    { act: 'refuse', from: ['approved', 'sent', 'unknown'], to: 'not-paid', needsReason: true },
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
  'currency_not_supported',
  'payer_funds',
  'payer_configuration',
  'provider_down',
  'expired_unclaimed',
  'not_collected',
  'refused',
  'other',
] as const;
export type NonPaymentReason = (typeof NON_PAYMENT_REASONS)[number];

/** Why an approved instruction was cancelled; published in the same CodeSystem. */
export const PAID_LATE = 'paid_late';

/** Reasons on the payer's side: the provider is paused, the person is not at fault. */
export const PAYER_REASONS: ReadonlySet<NonPaymentReason> = new Set([
  'payer_funds',
  'payer_configuration',
]);

/** `not-found`: the provider does not know the key; whether that proves anything is judged here. */
export type OutcomeResult = 'accepted' | 'paid' | 'not-paid' | 'unknown' | 'not-sent' | 'not-found';

/** What an adapter says of one instruction. */
export interface Outcome {
  /** Our key: the transaction number. */
  readonly key: string;
  readonly result: OutcomeResult;
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
  /** From when on nothing of its batch can leave any more; in the future while it is being sent. */
  readonly silent_since: Date | null;
}

/** When a provider was asked, and how long after the end of sending its "not found" is final. */
export interface Asked {
  /** An instant before the question. */
  readonly at: Date;
  /** undefined: never. */
  readonly finalAfterSeconds: number | undefined;
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
  | 'paid-twice'
  | 'not-understood';

const NONE: Verdict = { kind: 'none' };

/** Judges an outcome by what is known of the instruction; `asked` where it answers a question. */
export function judge(known: Known, outcome: Outcome, asked?: Asked): Verdict {
  switch (outcome.result) {
    case 'accepted':
      return NONE;
    case 'not-sent':
      return known.state === 'sent' ? { kind: 'change', to: 'approved' } : NONE;
    case 'unknown':
      return known.state === 'sent' ? { kind: 'change', to: 'unknown' } : NONE;
    case 'not-found':
      return isFinal(known, asked) ? judgeNotPaid(known, 'provider_down') : NONE;
    case 'not-paid':
      return judgeNotPaid(known, outcome.reason ?? 'other');
    case 'paid':
      return judgePaid(known, outcome);
  }
}

/** While a batch may still leave, and for a time after it, a provider can simply not know it yet. */
function isFinal({ silent_since }: Known, asked: Asked | undefined): boolean {
  if (asked?.finalAfterSeconds === undefined || silent_since === null) return false;
  return asked.at.getTime() - silent_since.getTime() >= asked.finalAfterSeconds * 1000;
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

/** True for `T`, ten digits and the two check digits that fit (ISO 7064 mod 97-10). */
export function isTransactionNumber(text: string): boolean {
  return /^T\d{12}$/.test(text) && BigInt(text.slice(1)) % 97n === 1n;
}
