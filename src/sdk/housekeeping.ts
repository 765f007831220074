/**
 * Housekeeping: records that need not be kept for ever, and how a room removes its own.
 *
 * A room contributes an entry to `housekeeping`; one nightly job of the house asks each in turn, in
 * portions, so that no transaction is long. What carries money, a decision about a family or the
 * trail is never contributed.
 */

import type { Context } from './context.ts';
import { extensionPoint, type Setting } from './tokens.ts';

/** Old records of one kind. */
export interface OldRecords {
  /** What is removed, in the plural, for the log: `slots of the clock`. */
  readonly what: string;
  /** Days that they are kept. */
  readonly days: Setting<number>;
  /**
   * Removes at most `limit` records older than `before`; answers how many. Called until it answers
   * fewer than `limit`, each time in a unit of work of its own.
   */
  remove(ctx: Context, before: Date, limit: number): Promise<number>;
}

/** Rooms say here what of theirs may go when it is old. */
export const housekeeping = extensionPoint<OldRecords>(
  'house.housekeeping',
  'records that are removed when they are old enough',
);
