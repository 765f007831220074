/**
 * The nightly run: everybody is compared with everybody, the weights are learnt anew, and how common
 * values are is counted. Records are read in portions, the work is done by another process, what it
 * found is written in one transaction, and suspicions are raised in portions.
 *
 * Killed anywhere, it goes on: before anything was written from the beginning, afterwards from the
 * next portion. Of two runs the second leaves, and looks a minute later whether the first has died.
 */

import { randomUUID } from 'node:crypto';
import { type Context, handle, handleInSteps, job, type Units } from '../../../src/sdk/index.ts';
import { COMPARE_ALL, COMPARE_LEFT, compareAll, type WholeRun } from '../compare-all.ts';
import { askForFairness } from '../fairness/keep.ts';
import { followAll } from '../follow.ts';
import { suspectAllHouseholds } from '../households/suspect.ts';
import { findDuplicates, keyOf } from '../jobs.ts';
import { probabilityOf } from '../matching/score.ts';
import { SHIPPED, type TaughtModel } from '../registry/weights.ts';
import {
  boundsOfPortions,
  copyFeatures,
  endRun,
  isRunning,
  LIFE_SECONDS,
  leaveRun,
  noteFound,
  noteRaised,
  type RunRow,
  replaceBigKeys,
  replaceCounts,
  replaceEdges,
  runOf,
  showAlive,
  startRun,
  takeOverRun,
  takeToRaise,
  verdictsInForce,
} from '../store/everybody.ts';
import { latestModel, saveModel } from '../store/models.ts';
import { lockEdges } from '../store/suspicions.ts';
import { coverWaiting, forgetWaiting } from '../store/waiting.ts';
import { raiseSuspicions } from '../suspicion.ts';
import { lookAfterWaiting } from '../waiting.ts';
import { withdrawFaded } from '../withdraw.ts';
import { RunElsewhere, type Told } from './child.ts';
import { type Order, TEACHING_MIN } from './everybody.ts';
import { moveFreshKeys } from './keys.ts';
import { type NotCompared, runReport } from './report.ts';

/** Records read in one transaction. */
const PORTION = 10_000;
/** Suspicions raised in one transaction. */
const RAISED_AT_ONCE = 100;
/** Above every internal id. */
const LAST_ID = 2n ** 63n - 1n;
/** A run shows that it lives so often in the time after which it is taken for dead. */
const BEATS = 6;

/** Rung by the clock. */
export const ringNightly = job<Record<string, never>>(
  'duplicates.ring-nightly',
  'has everybody compared',
);

export const nightlyHandlers = [
  handle(ringNightly, async (ctx) => {
    ctx.enqueue(compareAll, {}, { key: COMPARE_ALL });
  }),
  handleInSteps(compareAll, runNightly),
];

/** Does a run over everybody, or what another has left of one. */
export async function runNightly(units: Units, { left }: WholeRun): Promise<void> {
  const owner = randomUUID();
  const run = await units.run(async (ctx) => {
    const taken =
      (await takeOverRun(ctx, owner)) ?? (left ? undefined : await startRun(ctx, owner));
    if (taken && !taken.found) await coverWaiting(ctx, taken.run_id);
    if (!taken && (await isRunning(ctx))) lookLater(ctx);
    return taken;
  });
  if (!run) return;
  const own: Units = {
    run: (work) =>
      units.run(async (ctx) => {
        await showAlive(ctx, run.run_id, owner);
        return work(ctx);
      }),
  };
  try {
    await finish(own, run);
  } catch (error) {
    await units.run((ctx) => leaveRun(ctx, run.run_id, owner));
    throw error;
  }
}

function lookLater(ctx: Context): void {
  const runAt = new Date(ctx.now.getTime() + LIFE_SECONDS * 1000);
  ctx.enqueue(compareAll, { left: true }, { key: COMPARE_LEFT, runAt });
}

/** Does what is left of a run. */
async function finish(own: Units, { run_id: runId, found }: RunRow): Promise<void> {
  if (!found) await findEverywhere(own, runId);
  await raiseFound(own, runId);
  const { people, started_at: startedAt } = await own.run((ctx) => runOf(ctx, runId));
  const few = (people ?? 0) < TEACHING_MIN;
  if (!few) {
    await withdrawFaded(own, startedAt);
    await followAll(own);
    await suspectAllHouseholds(own);
    await moveFreshKeys(own);
  }
  await own.run(async (ctx) => {
    if (few) ctx.enqueue(findDuplicates, { after: '0' }, { key: keyOf(undefined) });
    const row = await endRun(ctx, runId);
    await ctx.fhir.create(runReport(row, ctx.now));
    await lookAfterWaiting(ctx);
    askForFairness(ctx);
  });
}

/**
 * Has everybody compared, and writes what is found: all of it or nothing.
 *
 * @param own shows with each unit of work that the run lives
 */
export async function findEverywhere(own: Units, runId: number): Promise<void> {
  const elsewhere = new RunElsewhere();
  const beat = setInterval(
    () => void own.run(async () => {}).catch(() => elsewhere.end()),
    (LIFE_SECONDS / BEATS) * 1000,
  );
  try {
    const { order, modelId } = await own.run(orderNow);
    await elsewhere.begin(order);
    await tellAll(own, elsewhere);
    const told = await elsewhere.found();
    clearInterval(beat);
    await own.run((ctx) => keepFound(ctx, runId, { elsewhere, told, modelId }));
  } finally {
    clearInterval(beat);
    elsewhere.end();
  }
}

/** By what everybody is compared today, and the number of its model. */
async function orderNow(ctx: Context): Promise<{ order: Order; modelId: number | null }> {
  await ctx.freshStatistics(['match_feature']);
  const inForce = await latestModel(ctx);
  const now = inForce ? (JSON.parse(inForce.content) as TaughtModel) : SHIPPED;
  const verdicts = (await verdictsInForce(ctx)).map(
    ({ a, b, same }) => [Number(a), Number(b), same] as const,
  );
  return {
    order: { now, taught: inForce !== undefined, verdicts },
    modelId: inForce?.model_id ?? null,
  };
}

/** Hands all records in use to the run. */
async function tellAll(own: Units, elsewhere: RunElsewhere): Promise<void> {
  const bounds = await own.run((ctx) => boundsOfPortions(ctx, PORTION));
  let after = -1n;
  for (const end of [...bounds, LAST_ID]) {
    const begin = after;
    await own.run(async (ctx) => {
      for await (const bytes of copyFeatures(ctx, begin, end)) await elsewhere.tell(bytes);
    });
    after = end;
  }
}

interface Finding {
  readonly elsewhere: RunElsewhere;
  readonly told: Told;
  /** The model before. */
  readonly modelId: number | null;
}

/** Writes pairs, counts, model and what is to be raised. */
async function keepFound(ctx: Context, runId: number, finding: Finding): Promise<void> {
  const { elsewhere, told } = finding;
  await lockEdges(ctx);
  const { started_at: startedAt } = await runOf(ctx, runId);
  const modelId = await keepModel(ctx, finding);
  const whole = told.people >= TEACHING_MIN;
  const { pairs } = await replaceEdges(ctx, elsewhere.lines(), { startedAt, modelId, whole });
  await replaceCounts(ctx, elsewhere.lines());
  await replaceBigKeys(ctx, told.crowded.keys, told.crowded.people);
  const { people, compared, seconds, memory } = told;
  await forgetWaiting(ctx, runId);
  const left: NotCompared = { rules: told.skipped, ...told.unseen };
  const skipped = JSON.stringify(left);
  await noteFound(ctx, runId, { people, compared, pairs, skipped, modelId, seconds, memory });
}

/** Keeps the model; answers the one that the pairs were scored by. */
async function keepModel(ctx: Context, { told, modelId }: Finding): Promise<number | null> {
  const { learnt, refused } = told;
  if (!learnt) return modelId;
  const content = JSON.stringify(learnt);
  const reason = refused === undefined ? {} : { reason: refused };
  const id = await saveModel(ctx, { people: learnt.people, content, ...reason });
  if (refused === undefined) return id;
  ctx.log.warn('a learnt model was refused; the one before stays in force', { reason: refused });
  return modelId;
}

/** Raises what was found and is not looked at yet, in portions. */
export async function raiseFound(own: Units, runId: number): Promise<void> {
  for (;;) {
    const taken = await own.run(async (ctx) => {
      await lockEdges(ctx);
      const next = await takeToRaise(ctx, RAISED_AT_ONCE);
      const raised = await raiseSuspicions(
        ctx,
        next.pairs.map((each) => ({
          ...{ a: each.a, b: each.b, ids: [each.a_id, each.b_id] },
          ...{ p: probabilityOf(each.log_odds), grade: each.grade, facts: each.facts },
          ...{ explanation: each.explanation, modelId: each.model_id },
        })),
      );
      await noteRaised(ctx, runId, raised);
      return next.taken;
    });
    if (taken < RAISED_AT_ONCE) return;
  }
}
