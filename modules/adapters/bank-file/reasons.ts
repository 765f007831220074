/**
 * ISO 20022 external status and return reasons as our reasons of non-payment. Pure.
 *
 * Source: ISO 20022 External Code Sets, ExternalStatusReason1Code and ExternalReturnReason1Code.
 */

import type { NonPaymentReason } from '../../disbursement/index.ts';

const REASONS: Readonly<Record<string, NonPaymentReason>> = {
  AC01: 'recipient_invalid',
  AC03: 'recipient_invalid',
  AC04: 'recipient_blocked',
  AC06: 'recipient_blocked',
  AC07: 'recipient_blocked',
  AC14: 'recipient_invalid',
  AG01: 'recipient_blocked',
  AG02: 'payer_configuration',
  AM01: 'amount_out_of_range',
  AM02: 'amount_out_of_range',
  AM03: 'amount_out_of_range',
  AM04: 'payer_funds',
  AM09: 'amount_out_of_range',
  AM14: 'amount_out_of_range',
  AM21: 'recipient_limit',
  BE01: 'name_mismatch',
  BE06: 'recipient_not_registered',
  DT01: 'payer_configuration',
  FF01: 'payer_configuration',
  MD07: 'recipient_blocked',
  MS02: 'refused',
  MS03: 'refused',
  NARR: 'other',
  RC01: 'recipient_invalid',
  RR01: 'refused',
  RR02: 'refused',
  RR03: 'refused',
  RR04: 'refused',
  TM01: 'provider_down',
};

/** Codes that say "we have had this before": the first one counts, so nothing is known. */
export const DUPLICATES: ReadonlySet<string> = new Set(['AM05', 'DU01', 'DU03', 'DU04', 'DUPL']);

/** Our reason for a code. */
export function reasonOf(code: string | undefined): NonPaymentReason {
  return (code && REASONS[code]) || 'other';
}
