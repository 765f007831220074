/**
 * After each approval: is anybody paid under two records for one period? A draft that was being made
 * while people were merged could not know of it. The case is told, once; nothing is taken back.
 */

import type { Bundle, Task } from '@medplum/fhirtypes';
import { type Context, identifierSystem, on, type Reaction } from '../../../src/sdk/index.ts';
import { payrollApproved } from '../../payroll/index.ts';
import { type MergeRow, standingMerge } from '../store/merges.ts';
import {
  householdsPaidTwice,
  householdsPaidTwiceIn,
  type PaidTwice,
  paidTwice,
  paidTwiceIn,
} from '../store/stakes.ts';
import { caseTask } from './cases.ts';
import { paidTwiceCase } from './merge.ts';

export const watchApprovals: Reaction = on(
  payrollApproved,
  'tells people and households who are paid under two records',
  async (ctx, events) => {
    const payrolls = [...new Set(events.map(({ payrollId }) => payrollId))];
    for (const { source_rid, target_rid } of await householdsPaidTwiceIn(ctx, payrolls)) {
      await tell(ctx, source_rid, await householdsPaidTwice(ctx, [source_rid], [target_rid]));
    }
    for (const { source_rid, target_rid } of await paidTwiceIn(ctx, payrolls)) {
      await tell(ctx, source_rid, await paidTwice(ctx, [source_rid], [target_rid]));
    }
  },
);

async function tell(ctx: Context, source: bigint, found: readonly PaidTwice[]): Promise<void> {
  const merge = await standingMerge(ctx, source);
  if (!merge) return;
  const told = await toldLines(ctx, merge);
  const fresh = found.filter(({ one, other }) => !(told.has(one) && told.has(other)));
  if (fresh.length === 0) return;
  const focus = `${merge.type}/${merge.target_id}`;
  await ctx.fhir.create(caseTask(ctx, paidTwiceCase(caseOf(merge), focus, fresh)));
}

/** Two members of two households that were merged are one case with these. */
function caseOf({ merge_id, parent_id }: MergeRow): string {
  return parent_id ?? merge_id;
}

/** Lines that cases of this merge, or of others of the same record, name already. */
async function toldLines(ctx: Context, merge: MergeRow): Promise<ReadonlySet<string>> {
  const told = new Set<string>();
  for (const about of [
    `focus=${merge.type}/${merge.target_id}`,
    `identifier=${encodeURIComponent(`${identifierSystem('merge')}|${caseOf(merge)}`)}`,
  ]) {
    const query = `code=paid-twice&${about}&_count=1000`;
    const page: Bundle<Task> = await ctx.fhir.search<Task>('Task', query);
    for (const { resource } of page.entry ?? []) {
      for (const { valueReference } of resource?.input ?? []) {
        told.add((valueReference?.reference ?? '').slice('Claim/'.length));
      }
    }
  }
  return told;
}
