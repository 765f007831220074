/**
 * The trail as modules may see it: a verification that the house contributes.
 */

import type { Database } from './sql.ts';
import { extensionPoint } from './tokens.ts';

/** The first row that is not as it was sealed. */
export interface BrokenRow {
  /** Number of the row, which is the id of its AuditEvent; `from–to` where removed rows left a gap. */
  readonly id: string;
  /** When the act was recorded, as the row says now; undefined when the row is gone. */
  readonly recorded: Date | undefined;
  /** Number of its block. */
  readonly block: number;
}

/** What a verification of the trail found. */
export interface TrailReport {
  readonly blocks: number;
  readonly rows: number;
  /** Rows written since the last block. */
  readonly unsealed: number;
  /** The first fault, in words; undefined when the chain is whole. */
  readonly fault: string | undefined;
  /** The row of that fault; undefined when a block is at fault, not a row. */
  readonly brokenRow: BrokenRow | undefined;
  /** Hash of the last block, to be noted outside. */
  readonly head: string | undefined;
}

/** Recomputes the chain of the trail; contributed by the house itself. */
export const trailVerifier = extensionPoint<(db: Database) => Promise<TrailReport>>(
  'house.trail-verifier',
  'the verification of the trail',
);
