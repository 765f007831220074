/**
 * Once a day: is the matching as right as it says, as right as it was, and do reviewers agree? Where not,
 * a Task with the report asks somebody to look; one such Task is open at a time.
 */

import type { MeasureReport, Task } from '@medplum/fhirtypes';
import { type CronLine, codeSystem, handle, job } from '../../../src/sdk/index.ts';
import { qualityOf } from './quality.ts';

const CODE = 'review-quality';

export const watchQuality = job<Record<string, never>>(
  'duplicates.watch-quality',
  'tells when the matching is less right than it says, or reviewers disagree',
);

export const watchQualityHandler = handle(watchQuality, async (ctx) => {
  const { report, alarms } = await qualityOf(ctx);
  if (alarms.length === 0) return;
  const open = await ctx.fhir.search<Task>('Task', `code=${CODE}&status=requested&_count=1`);
  if ((open.entry ?? []).length > 0) return;
  const kept = await ctx.fhir.create<MeasureReport>(report);
  await ctx.fhir.create<Task>({
    resourceType: 'Task',
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code: CODE }] },
    description: `Reviewers have decided otherwise than the matching says: ${alarms.join('; ')}.`,
    focus: { reference: `MeasureReport/${kept.id}` },
    authoredOn: ctx.now.toISOString(),
    lastModified: ctx.now.toISOString(),
  });
});

export const watchQualityLine: CronLine = {
  at: '23 4 * * *',
  job: watchQuality,
  does: 'looks whether reviewers find the matching as right as it says',
};
