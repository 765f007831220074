/**
 * The nightly run: everybody is compared with everybody, the weights are learnt anew, and how common
 * values are is counted. Reading and writing go by portions of their own transactions; the work in
 * between is done by another process. Killed, it starts again: what was raised stays raised once.
 */

import { handle, handleInSteps, job, type Units } from '../../../src/sdk/index.ts';
import { COMPARE_ALL, CROWD, compareAll } from '../compare-all.ts';
import { askForFairness } from '../fairness/keep.ts';
import { findDuplicates, keyOf } from '../jobs.ts';
import { probabilityOf } from '../matching/score.ts';
import { fingerprint } from '../registry/facts.ts';
import { SHIPPED, type TaughtModel } from '../registry/weights.ts';
import {
  endRun,
  factsOfRecords,
  forgetEarlier,
  portionOfFeatures,
  replaceBigKeys,
  replaceCounts,
  startRun,
} from '../store/everybody.ts';
import type { StoredFeature } from '../store/features.ts';
import { latestModel, saveModel } from '../store/models.ts';
import { type EdgeRow, writeEdges } from '../store/suspicions.ts';
import { outsideCrowds, raiseSuspicions, SUSPECTED_MIN, type Suspicion } from '../suspicion.ts';
import { withdrawFaded } from '../withdraw.ts';
import { RunElsewhere } from './child.ts';
import { type Findings, type FoundPair, TEACHING_MIN } from './everybody.ts';

/** Records of one portion. */
const PORTION = 5_000;
/** Pairs written in one transaction. */
const PAIRS = 200;

type Ids = readonly (readonly [bigint, string])[];

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

async function runNightly(units: Units): Promise<void> {
  const runId = await units.run(startRun);
  const elsewhere = new RunElsewhere();
  try {
    const ids = await tellAll(units, elsewhere);
    const inForce = await units.run(latestModel);
    const now = inForce ? (JSON.parse(inForce.content) as TaughtModel) : SHIPPED;
    const found = await elsewhere.found(now, inForce !== undefined);
    const modelId = await keepFindings(units, found, inForce?.model_id ?? null);
    const likely = found.pairs.filter(({ logOdds }) => probabilityOf(logOdds) >= SUSPECTED_MIN);
    const raisable = new Set(outsideCrowds(likely));
    let raised = 0;
    for (let at = 0; at < found.pairs.length; at += PAIRS) {
      const some = found.pairs.slice(at, at + PAIRS);
      raised += await keepPairs(units, some, { ids, modelId, raisable });
    }
    await units.run((ctx) => forgetEarlier(ctx, runId));
    if (found.learnt) await withdrawFaded(units, runId);
    await units.run(async (ctx) => {
      if (ids.length < TEACHING_MIN) {
        ctx.enqueue(findDuplicates, { after: '0' }, { key: keyOf(undefined) });
      }
      await endRun(ctx, runId, {
        people: ids.length,
        compared: found.compared,
        pairs: found.pairs.length,
        raised,
        skipped: JSON.stringify(found.skipped),
        modelId,
      });
      askForFairness(ctx);
    });
  } finally {
    elsewhere.end();
  }
}

/** Hands all records in use to the run; answers their ids in order. */
async function tellAll(units: Units, elsewhere: RunElsewhere): Promise<Ids> {
  const ids: [bigint, string][] = [];
  for (let after = 0n; ; ) {
    const rows: StoredFeature[] = await units.run((ctx) => portionOfFeatures(ctx, after, PORTION));
    const live = rows.filter((row) => row.active && row.replaced_by === null);
    for (const row of live) ids.push([row.patient_id, row.fhir_id]);
    await elsewhere.tell(live.map((row) => [row.facts, row.household_id, row.area] as const));
    if (rows.length < PORTION) return ids;
    after = rows.at(-1)!.patient_id;
  }
}

/** Keeps counts and model; answers the model that the pairs were scored by. */
async function keepFindings(
  units: Units,
  { learnt, refused, counts }: Findings,
  before: number | null,
): Promise<number | null> {
  return units.run(async (ctx) => {
    await replaceCounts(ctx, counts);
    await replaceBigKeys(ctx, CROWD);
    if (!learnt) return before;
    const content = JSON.stringify(learnt);
    const model = {
      people: learnt.people,
      content,
      ...(refused !== undefined && { reason: refused }),
    };
    const id = await saveModel(ctx, model);
    if (refused === undefined) return id;
    ctx.log.warn('a learnt model was refused; the one before stays in force', { reason: refused });
    return before;
  });
}

/** What the pairs of a run are kept with. */
interface Scope {
  readonly ids: Ids;
  readonly modelId: number | null;
  readonly raisable: ReadonlySet<FoundPair>;
}

/** Writes pairs and raises the likely ones, by what stands now: a record may be gone by then. */
async function keepPairs(
  units: Units,
  pairs: readonly FoundPair[],
  { ids, modelId, raisable }: Scope,
): Promise<number> {
  return units.run(async (ctx) => {
    const wanted = pairs.flatMap(({ a, b }) => [ids[a]![0], ids[b]![0]]);
    const live = await factsOfRecords(ctx, wanted);
    const rows = pairs.flatMap((pair): (EdgeRow & Suspicion & { raisable: boolean })[] => {
      const [a, b] = [ids[pair.a]![0], ids[pair.b]![0]];
      const [first, second] = [live.get(a), live.get(b)];
      if (!first || !second) return [];
      const { logOdds, grade, explanation } = pair;
      return [
        {
          ...{ a, b, logOdds, grade, explanation, modelId },
          ids: [first.fhir_id, second.fhir_id],
          p: probabilityOf(logOdds),
          raisable: raisable.has(pair),
          facts: fingerprint(first.facts, second.facts),
        },
      ];
    });
    await writeEdges(ctx, rows);
    return raiseSuspicions(
      ctx,
      rows.filter((row) => row.raisable),
    );
  });
}
