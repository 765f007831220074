/**
 * After each run, by night or asked for, how it treats groups of people is kept as a MeasureReport.
 * Where a group is held wrongly more often than others, a Task asks somebody to look at it; one such
 * Task is open at a time.
 */

import type { MeasureReport, Task } from '@medplum/fhirtypes';
import { type Context, codeSystem, handle, job } from '../../../src/sdk/index.ts';
import { fairnessRows, type GroupRow } from '../store/fairness.ts';
import { fairnessReport, flaggedGroups } from './report.ts';

/** Decisions and holds of so long count. */
const YEAR_MS = 366 * 24 * 3600 * 1000;

export const reportFairness = job<Record<string, never>>(
  'duplicates.report-fairness',
  'reports how the matching treats groups of people',
);

/** Two runs that end together are reported once. */
const REPORT_FAIRNESS = 'duplicates fairness';

/** Asks for the report of what stands after a run. */
export function askForFairness(ctx: Context): void {
  ctx.enqueue(reportFairness, {}, { key: REPORT_FAIRNESS });
}

export const fairnessHandler = handle(reportFairness, async (ctx) => {
  const since = new Date(ctx.now.getTime() - YEAR_MS);
  await ctx.freshStatistics(['match_edge', 'match_feature', 'match_suspicion', 'match_verdict']);
  const rows = await fairnessRows(ctx, since);
  if (rows.length === 0) return;
  const report = await ctx.fhir.create<MeasureReport>(
    fairnessReport(rows, { since, now: ctx.now }),
  );
  const flagged = flaggedGroups(rows);
  if (flagged.length === 0) return;
  const open = await ctx.fhir.search<Task>(
    'Task',
    'code=fairness-review&status=requested&_count=1',
  );
  if ((open.entry ?? []).length > 0) return;
  await ctx.fhir.create<Task>(reviewTask(ctx, `MeasureReport/${report.id}`, flagged));
});

function reviewTask(ctx: Context, focus: string, flagged: readonly GroupRow[]): Task {
  const groups = flagged.map(({ dimension, grp }) => `${dimension}: ${grp}`).join('; ');
  return {
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code: 'fairness-review' }] },
    description: `Held wrongly half as often again as everybody, beyond chance: ${groups}.`,
    focus: { reference: focus },
    authoredOn: ctx.now.toISOString(),
    lastModified: ctx.now.toISOString(),
  };
}
