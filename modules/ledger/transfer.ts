/**
 * Transfers: the nouns of the ledger and its set-based statements.
 *
 * Two steps: a reserve holds money back on the debited account; it is resolved once, by a post (the
 * money has moved) or a release (it has not). The client makes the transfer's id before sending; the
 * same id with the same input changes nothing, with another input it is refused.
 *
 * Source: the semantics of TigerBeetle's two-phase transfers (docs/coding/two-phase-transfers.md).
 */

/** A transfer as asked for. `amountMinor` is in minor units of `currency`. */
export interface Transfer {
  readonly transferId: string;
  readonly debitAccount: bigint;
  readonly creditAccount: bigint;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** What it is for; no personal data. */
  readonly reference: string;
}

/**
 * Transfers as a SELECT with the columns transfer_id uuid, debit_account, credit_account,
 * amount_minor, currency, reference; and the accounts that it touches, which are locked first.
 */
export interface TransferSource {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly accounts: readonly bigint[];
  /** The ids were made in this unit of work, each once: none of them can stand in the ledger. */
  readonly fresh?: boolean;
}

/** What resolving reserves came to; every id is in exactly one list. */
export interface Resolution {
  /** Resolved now. */
  readonly done: readonly string[];
  /** Were resolved the same way before. */
  readonly already: readonly string[];
  /** Were resolved the other way, or do not exist. */
  readonly refused: readonly string[];
}
