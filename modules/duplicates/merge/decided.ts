/**
 * Records that reviewers have decided to be two are not merged by the way: whoever knows better says why
 * (`overrule`), and a second person agrees, whatever was paid. A merge that was taken back counts as such
 * a decision. A pair that is being asked about anew is open.
 *
 * Spec: https://hl7.org/fhir/R5/operation-patient-merge.html, "Target/Source not duplicates"
 */

import {
  type Context,
  inputParameter,
  type OperationInput,
  parameterIn,
  problem,
} from '../../../src/sdk/index.ts';
import { formerGroupRids } from '../store/merges.ts';
import { type DecidedPair, decidedApart, insertVerdict } from '../store/review.ts';
import { recordsOf } from '../store/stakes.ts';
import type { Merged } from './living.ts';

export const OVERRULE = inputParameter(
  'overrule',
  'string',
  'Why the records are one, although it was decided that they are two; it takes two people then.',
);

/** Why the caller overrules what was decided; undefined when nothing was said. */
export function overruleIn(input: OperationInput): string | undefined {
  return parameterIn(input, 'overrule')?.valueString?.trim() || undefined;
}

/** Two records that are to become one, by both of their ids. */
export interface ToBeOne {
  readonly type: Merged;
  readonly source: { readonly id: string; readonly rid: bigint };
  readonly target: { readonly id: string; readonly rid: bigint };
}

/** What was decided against a merge, and what the caller says to it. */
export interface Against {
  readonly decided: readonly DecidedPair[];
  /** For people to read: which records. */
  readonly says: readonly string[];
  readonly overrule: string | undefined;
}

/** Decisions that stand between these records, or between any that they answer for. */
export async function decidedAgainst(
  ctx: Context,
  pairs: readonly ToBeOne[],
  overrule?: string,
): Promise<Against> {
  const decided: DecidedPair[] = [];
  const says: string[] = [];
  for (const { type, source, target } of pairs) {
    const found = await decidedApart(
      ctx,
      await allOf(ctx, type, source),
      await allOf(ctx, type, target),
    );
    if (found.length === 0) continue;
    decided.push(...found);
    const day = found[0]!.decided_at.toISOString().slice(0, 10);
    says.push(`${type}/${source.id} and ${type}/${target.id} were decided to be two on ${day}`);
  }
  return { decided, says, overrule };
}

async function allOf(
  ctx: Context,
  type: Merged,
  { id, rid }: ToBeOne['source'],
): Promise<readonly bigint[]> {
  return type === 'Patient' ? recordsOf(ctx, rid) : [rid, ...(await formerGroupRids(ctx, id))];
}

/** @throws Problem merge-decided (422) when something was decided against it and is not overruled */
export function checkDecided({ decided, says, overrule }: Against): void {
  if (decided.length === 0 || overrule !== undefined) return;
  throw problem(
    'business-rule',
    'merge-decided',
    `${says.join('; ')}. Send overrule with the reason if that was wrong; a second person must agree.`,
    'overrule',
  );
}

/** Writes down that what was decided is decided otherwise now. */
export async function overruleDecided(ctx: Context, { decided, overrule }: Against): Promise<void> {
  for (const { a, b } of decided) {
    await insertVerdict(ctx, {
      ...{ a, b, verdict: 'duplicate' as const, final: true, reason: overrule! },
      ...{ taskId: null, p: null, grade: null, modelId: null },
    });
  }
}
