/**
 * The trail as modules may see it: a verification that the house contributes.
 */

import type { Database } from './sql.ts';
import { extensionPoint } from './tokens.ts';

/** What a verification of the trail found. */
export interface TrailReport {
  readonly blocks: number;
  readonly rows: number;
  /** Rows written since the last block. */
  readonly unsealed: number;
  /** The first fault, in words; undefined when the chain is whole. */
  readonly fault: string | undefined;
  /** Hash of the last block, to be noted outside. */
  readonly head: string | undefined;
}

/** Recomputes the chain of the trail; contributed by the house itself. */
export const trailVerifier = extensionPoint<(db: Database) => Promise<TrailReport>>(
  'house.trail-verifier',
  'the verification of the trail',
);
