/**
 * Turns a constraint of PostgreSQL that a fact table refused into a Problem, when the room has not
 * done so itself: the caller sent something that may not stand, and the database has the last word.
 */

import { Problem, problem } from '../../sdk/index.ts';

interface DatabaseError {
  readonly code?: string;
  readonly constraint?: string;
  readonly table?: string;
}

/** SQLSTATEs that say that what was sent may not stand beside what is there. */
const KINDS: Readonly<Record<string, 'duplicate' | 'business-rule'>> = {
  '23505': 'duplicate',
  '23P01': 'duplicate',
  '23514': 'business-rule',
  '23503': 'business-rule',
  '23502': 'business-rule',
};

/**
 * Runs `work`; a constraint violation becomes a Problem that names the constraint.
 *
 * @param places  where the written resources stand in a bundle; the only one is named
 */
export async function explainViolation<Result>(
  work: () => Promise<Result>,
  places: ReadonlyMap<string, string | undefined>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Problem) throw error;
    const { code = '', constraint, table } = error as DatabaseError;
    const kind = KINDS[code];
    if (!kind || !constraint) throw error;
    const only = places.size === 1 ? [...places.values()][0] : undefined;
    throw new Problem(
      problem(
        kind,
        'constraint-refused',
        `The rule "${constraint}" of ${table} refuses this; see the README of its room.`,
        only,
      ).issues,
      { cause: error },
    );
  }
}
