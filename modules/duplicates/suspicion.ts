/**
 * Suspicions about people: two records that may be one person, with the score and its explanation, for
 * somebody to look at. Nothing else happens by itself.
 */

import type { Context } from '../../src/sdk/index.ts';
import type { Grade } from './matching/grades.ts';
import { PEOPLE, type Raising, raise, rounded, taskInput } from './raise.ts';

/** A pair that may be one person; a < b. */
export interface Suspicion {
  readonly a: bigint;
  readonly b: bigint;
  /** FHIR ids of the Patients. */
  readonly ids: readonly [string, string];
  readonly p: number;
  readonly grade: Grade;
  /** JSON: what each field said. */
  readonly explanation: string;
  readonly modelId: number | null;
  /** Fingerprint of what was compared. */
  readonly facts: string;
}

/**
 * Raises those that nobody is looking at and nobody has decided on these facts.
 *
 * @returns how many
 */
export function raiseSuspicions(ctx: Context, suspicions: readonly Suspicion[]): Promise<number> {
  return raise(ctx, PEOPLE, suspicions.map(raisingOf));
}

/** As it is raised. */
export function raisingOf({ explanation, ...suspicion }: Suspicion): Raising {
  const { p, grade, modelId } = suspicion;
  return {
    ...suspicion,
    kept: grade,
    inputs: [
      taskInput('score', { valueDecimal: rounded(p) }),
      taskInput('grade', { valueCode: grade }),
      taskInput('explanation', { valueString: explanation }),
      taskInput('model', { valueString: modelId === null ? 'shipped' : String(modelId) }),
    ],
  };
}
