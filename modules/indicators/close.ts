/**
 * Closing: the figures of a finished period are counted once more and kept for every area. A
 * correction closes the period again, as the next version; nothing is edited silently.
 */

import { type Context, dayOf, handle, type JobHandler, job, problem } from '../../src/sdk/index.ts';
import { knownMeasure, sourcesOf, treeOf } from './evaluate.ts';
import { periodClosed } from './events.ts';
import { monthsDue, type ReportingPeriod } from './period.ts';
import { AGE_BOUNDS, CLOSE_AFTER_DAYS, TIME_ZONE } from './settings.ts';
import {
  beginClosing,
  dropClosing,
  hashClosing,
  lastClosedMonth,
  latestClosing,
  listMeasures,
  writeReports,
} from './store/closings.ts';
import { keepFigures } from './store/figures.ts';

/** What a closing did. */
export interface Closing {
  readonly version: number;
  /** False: the figures are those of the version that stands. */
  readonly changed: boolean;
}

/**
 * Closes a period of a Measure, or closes it again.
 *
 * @throws Problem period-open while the period lasts, measure-unknown
 */
export async function closePeriod(
  ctx: Context,
  measureId: string,
  period: ReportingPeriod,
): Promise<Closing> {
  const measure = await knownMeasure(ctx, measureId, true);
  const today = dayOf(ctx.now, ctx.setting(TIME_ZONE));
  if (period.endsOn >= today) {
    throw problem(
      'business-rule',
      'period-open',
      `The period lasts until ${period.endsOn}; close it after that day.`,
      'periodEnd',
    );
  }
  const earlier = await latestClosing(ctx, measureId, period);
  const version = (earlier?.version ?? 0) + 1;
  await beginClosing(ctx, measure, period, version);
  const question = { ...period, areas: null, ageBounds: ctx.setting(AGE_BOUNDS) };
  for (const source of sourcesOf(ctx, measureId)) {
    await keepFigures(ctx, source, question, version);
  }
  const hash = await hashClosing(ctx, measureId, period, version);
  if (earlier?.figures_hash.equals(hash)) {
    await dropClosing(ctx, measureId, period, version);
    return { version: earlier.version, changed: false };
  }
  await writeReports(ctx, treeOf(ctx), measureId, period, version);
  ctx.audit({
    action: 'E',
    interaction: '$close-period',
    type: 'Measure',
    id: measureId,
    version,
    detail: { start: period.startsOn, end: period.endsOn },
  });
  ctx.emit(periodClosed, { measureId, ...period, version });
  return { version, changed: true };
}

/** Finds the months that are to be closed. */
export const closeDue = job<Record<string, never>>(
  'indicators.close-due',
  'finds the months whose figures are to be closed',
);

interface CloseMonth {
  readonly measureId: string;
  readonly startsOn: string;
  readonly endsOn: string;
}

/** Closes one month of one Measure. */
export const closeMonth = job<CloseMonth>(
  'indicators.close-month',
  'counts the figures of a month and keeps them',
);

/** Handlers of both; a month is a unit of work of its own. */
export const closeHandlers: readonly JobHandler[] = [
  handle(closeDue, async (ctx) => {
    const today = dayOf(ctx.now, ctx.setting(TIME_ZONE));
    const lag = ctx.setting(CLOSE_AFTER_DAYS);
    for (const { measure_id: measureId } of await listMeasures(ctx)) {
      const last = await lastClosedMonth(ctx, measureId);
      for (const month of monthsDue(last, today, lag)) {
        const key = `indicators.close-month:${measureId}:${month.startsOn}`;
        ctx.enqueue(closeMonth, { measureId, ...month }, { key });
      }
    }
  }),
  handle(closeMonth, async (ctx, { measureId, startsOn, endsOn }) => {
    const period = { startsOn, endsOn };
    if (await latestClosing(ctx, measureId, period)) return;
    await closePeriod(ctx, measureId, period);
  }),
] as JobHandler[];
