/**
 * After each approval: is anybody paid under two records for one period? A draft that was being made
 * while people were merged could not know of it. The case is told, once; nothing is taken back.
 */

import type { Bundle, Task } from '@medplum/fhirtypes';
import { type Context, on, type Reaction } from '../../../src/sdk/index.ts';
import { payrollApproved } from '../../payroll/index.ts';
import { standingMerge } from '../store/merges.ts';
import { paidTwice, paidTwiceIn } from '../store/stakes.ts';
import { caseTask } from './cases.ts';
import { paidTwiceCase } from './merge.ts';

export const watchApprovals: Reaction = on(
  payrollApproved,
  'tells people who are paid under two records of one person',
  async (ctx, events) => {
    const payrolls = [...new Set(events.map(({ payrollId }) => payrollId))];
    for (const each of await paidTwiceIn(ctx, payrolls)) await tell(ctx, each);
  },
);

async function tell(
  ctx: Context,
  {
    source_rid,
    target_rid,
    target_id,
  }: { source_rid: bigint; target_rid: bigint; target_id: string },
): Promise<void> {
  const merge = await standingMerge(ctx, source_rid);
  if (!merge) return;
  const found = await paidTwice(ctx, [source_rid], [target_rid]);
  const told = await toldLines(ctx, target_id);
  const fresh = found.filter(({ one, other }) => !(told.has(one) && told.has(other)));
  if (fresh.length === 0) return;
  await ctx.fhir.create(
    caseTask(ctx, paidTwiceCase(merge.merge_id, `Patient/${target_id}`, fresh)),
  );
}

/** Lines that cases of this person name already. */
async function toldLines(ctx: Context, id: string): Promise<ReadonlySet<string>> {
  const query = `code=paid-twice&focus=Patient/${id}&_count=1000`;
  const page: Bundle<Task> = await ctx.fhir.search<Task>('Task', query);
  const references = (page.entry ?? []).flatMap(({ resource }) =>
    (resource?.input ?? []).map((input) => input.valueReference?.reference ?? ''),
  );
  return new Set(references.map((each) => each.slice('Claim/'.length)));
}
