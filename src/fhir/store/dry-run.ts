/**
 * Work that is tried and undone within an open transaction: what would a write say?
 *
 * A savepoint keeps the transaction usable also when the database itself refused.
 *
 * Spec: https://www.postgresql.org/docs/17/sql-savepoint.html
 */

import type { UnitOfWork } from '../../app.ts';
import { type Issue, Problem } from '../../sdk/index.ts';

/** Does the work and undoes it; answers what a Problem says, nothing when it went well. */
export async function dryRun(unit: UnitOfWork, work: () => Promise<unknown>): Promise<Issue[]> {
  await unit.db.query('savepoint dry_run');
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof Problem) return [...error.issues];
    throw error;
  } finally {
    await unit.db.query('rollback to savepoint dry_run');
  }
}
