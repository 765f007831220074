/**
 * Instructions: orders to pay, their states, and what an outcome does to them. Pure.
 *
 * The table follows the rules that every adapter obeys: unknown is a state; paid is terminal; not
 * paid may become paid on late, verified success; statuses never go back.
 */

import { lifecycle, permission } from '../../src/sdk/index.ts';

export const STATES = [
  'approved',
  'sent',
  'paid',
  'not-paid',
  'unknown',
  'cancelled',
  'returned',
] as const;
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
    { act: 'give-back', from: ['paid'], to: 'returned', needsReason: true },
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

/** Why approved instructions are cancelled; published in the same CodeSystem. */
export const PAID_LATE = 'paid_late';
export const ORDER_CANCELLED = 'order_cancelled';

/** Reasons on the payer's side: the provider is paused, the person is not at fault. */
export const PAYER_REASONS: ReadonlySet<NonPaymentReason> = new Set([
  'payer_funds',
  'payer_configuration',
]);

/** `not-found`: the provider does not know the key; whether that proves anything is judged here. */
export type OutcomeResult =
  | 'accepted'
  | 'paid'
  /** Less was handed out than was ordered, and no more will be; `amountMinor` says how much. */
  | 'partly-paid'
  /** Money that was paid has come back: `amountMinor` of it, or all. */
  | 'returned'
  | 'not-paid'
  | 'unknown'
  | 'not-sent'
  | 'not-found';

/** What an adapter says of one instruction. */
export interface Outcome {
  /** Our key: the transaction number. */
  readonly key: string;
  readonly result: OutcomeResult;
  readonly reason?: NonPaymentReason;
  /** The provider's own code and text. */
  readonly text?: string;
  readonly providerReference?: string;
  /** What the provider says it paid (of a return: what came back), where it says so. */
  readonly amountMinor?: bigint;
  readonly currency?: string;
  readonly account?: string;
  /** The provider's own number of a return; a return of a part has one. */
  readonly returnReference?: string;
}

/** A sum that came back. */
export interface GaveBack {
  /** Tells a repeat from another return. */
  readonly key: string;
  readonly minor: bigint;
}

/** What an instruction is, as far as an outcome is judged by it. */
export interface Known {
  readonly state: InstructionState;
  readonly amount_minor: bigint;
  readonly currency: string;
  readonly account_number: string | null;
  /** From when on nothing of its batch can leave any more; in the future while it is being sent. */
  readonly silent_since: Date | null;
  /** What came back so far. */
  readonly returns: readonly GaveBack[];
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
  | {
      readonly kind: 'change';
      readonly to: InstructionState;
      readonly reason?: NonPaymentReason;
      readonly gaveBack?: GaveBack;
    }
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
  | 'not-understood'
  | 'returned-too-much';

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
    case 'partly-paid':
      return judgePartlyPaid(known, outcome);
    case 'returned':
      return judgeReturned(known, outcome);
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
  if (known.state === 'paid' || known.state === 'returned') return NONE;
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

/** Key of what was never handed out of a part payment. */
const PARTLY_PAID = 'partly-paid';
/** Key of a return of the whole that has no number. */
const WHOLE = 'returned';

/** What came back together. */
export const sumOf = (returns: readonly GaveBack[]): bigint =>
  returns.reduce((sum, each) => sum + each.minor, 0n);

/** A part payment is a payment of which the rest came back at once; the rest is owed still. */
function judgePartlyPaid(known: Known, outcome: Outcome): Verdict {
  const { amountMinor: paid, currency } = outcome;
  if (paid === undefined || paid <= 0n) return { kind: 'exception', exception: 'not-understood' };
  const rest = known.amount_minor - paid;
  const isOurs = currency === undefined || currency === known.currency;
  if (rest <= 0n || !isOurs) return judgePaid(known, outcome);
  if (known.state === 'paid' || known.state === 'returned') {
    const noted = known.returns.find((each) => each.key === PARTLY_PAID);
    return noted?.minor === rest ? NONE : { kind: 'exception', exception: 'amount-differs' };
  }
  const verdict = judgePaid(known, { ...outcome, amountMinor: known.amount_minor });
  if (verdict.kind !== 'change') return verdict;
  const reason = outcome.reason ?? 'not_collected';
  return { ...verdict, reason, gaveBack: { key: PARTLY_PAID, minor: rest } };
}

function judgeReturned(known: Known, outcome: Outcome): Verdict {
  const { amountMinor, currency, returnReference, reason = 'other' } = outcome;
  const whole = amountMinor === undefined || amountMinor === known.amount_minor;
  const key = returnReference ?? WHOLE;
  const noted = known.returns.find((each) => each.key === key);
  if (noted) {
    const same = amountMinor === undefined || amountMinor === noted.minor;
    return same ? NONE : { kind: 'exception', exception: 'amount-differs' };
  }
  if (known.state === 'approved' || known.state === 'cancelled') {
    return { kind: 'exception', exception: 'paid-when-not-sent' };
  }
  if (currency !== undefined && currency !== known.currency) {
    return { kind: 'exception', exception: 'amount-differs' };
  }
  if (known.state === 'not-paid') return NONE;
  if (known.state === 'returned') {
    return whole ? NONE : { kind: 'exception', exception: 'returned-too-much' };
  }
  if (known.state !== 'paid' && whole) return { kind: 'change', to: 'not-paid', reason };
  // Two returns of a part without numbers cannot be told from one that is told twice.
  if (!whole && returnReference === undefined) {
    return { kind: 'exception', exception: 'not-understood' };
  }
  const left = known.amount_minor - sumOf(known.returns);
  const minor = amountMinor ?? left;
  if (minor <= 0n) return { kind: 'exception', exception: 'not-understood' };
  if (minor > left) return { kind: 'exception', exception: 'returned-too-much' };
  const to = minor === left ? 'returned' : 'paid';
  return { kind: 'change', to, reason, gaveBack: { key, minor } };
}

/** True for `T`, ten digits and the two check digits that fit (ISO 7064 mod 97-10). */
export function isTransactionNumber(text: string): boolean {
  return /^T\d{12}$/.test(text) && BigInt(text.slice(1)) % 97n === 1n;
}
