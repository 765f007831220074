/**
 * After which reasons another attempt is ordered by itself, and when. Pure.
 *
 * Only faults that pass by themselves are tried again: a provider that was down, a limit of the day.
 * Faults of the payer are tried again when an officer resumes the provider. A fault of the recipient
 * needs corrected data and a person. Another attempt is another instruction with another key, made
 * only after a definitive failure; what is unknown never gets here.
 */

import { type NonPaymentReason, PAYER_REASONS } from './instruction.ts';

/** How a reason is tried again. */
export interface RetryRule {
  /** Seconds until the second attempt; doubled for each further one. */
  readonly pauseSeconds: number;
  /** Attempts by themselves, beside the first. */
  readonly retriesMax: number;
}

/** Reasons that pass. */
export const RETRY_RULES: Readonly<Partial<Record<NonPaymentReason, RetryRule>>> = {
  provider_down: { pauseSeconds: 3600, retriesMax: 3 },
  recipient_limit: { pauseSeconds: 86_400, retriesMax: 3 },
};

/** Reasons that are tried again when the provider is resumed, as often as the others. */
export const RETRIED_ON_RESUME: readonly NonPaymentReason[] = [...PAYER_REASONS];
export const RETRIES_ON_RESUME_MAX = 3;

/**
 * When the next attempt is due.
 *
 * @param attempt  number of the attempt that has failed, from 1
 * @returns undefined: not by itself
 */
export function retryAt(
  reason: NonPaymentReason | undefined,
  attempt: number,
  now: Date,
): Date | undefined {
  const rule = reason && RETRY_RULES[reason];
  if (!rule || attempt > rule.retriesMax) return undefined;
  return new Date(now.getTime() + rule.pauseSeconds * 2 ** (attempt - 1) * 1000);
}
