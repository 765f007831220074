/**
 * The job that indexes new search parameters and takes away the rows of retired ones: resources in
 * batches, each batch in a transaction of its own that holds them, so that writers and the job
 * never write rows of one resource at once. It goes on where it stopped.
 */

import { setTimeout } from 'node:timers/promises';
import type { UnitOfWork } from '../../app.ts';
import { type Context, handleInSteps, job, type Units } from '../../sdk/index.ts';
import type { Definitions, IndexRows } from '../definitions/definitions.ts';
import { parseContent } from '../store/content.ts';
import { difference } from '../store/row-change.ts';
import { fhirOf } from '../types.ts';
import { KNOWN_AFTER_SECONDS } from './registry.ts';
import {
  countOf,
  forgetParameter,
  type Kept,
  loadParameters,
  noteProgress,
  type OwnRows,
  openWrites,
  takeBatch,
  takeNext,
  writeOwnRows,
} from './store.ts';

/** Indexes what waits. */
export const indexParameters = job<Record<string, never>>(
  'fhir.index-parameters',
  'indexes new search parameters and removes retired ones',
);

const BATCH = 500;
/** Looks for transactions that began before everybody knew, this many times. */
const LOOKS_MAX = 50;
const LOOK_MS = 200;

export const indexParametersHandler = handleInSteps(indexParameters, async (units) => {
  while (await step(units));
});

/** One batch; false when nothing waits. */
async function step(units: Units): Promise<boolean> {
  const wait = await units.run(async (ctx) => {
    const next = await takeNext(ctx.db);
    if (!next) return undefined;
    if (next.age < KNOWN_AFTER_SECONDS) return KNOWN_AFTER_SECONDS - next.age;
    if (next.state === 'waiting' || next.total === null) {
      await oldWritesOver(ctx, next.age - KNOWN_AFTER_SECONDS / 2);
      const total = await countOf(ctx.db, typesOf(ctx, next));
      const state = next.state === 'waiting' ? 'indexing' : next.state;
      await noteProgress(ctx.db, { ...next, state, total });
      return 0;
    }
    await batch(ctx as UnitOfWork, next);
    return 0;
  });
  if (wait) await setTimeout(wait * 1000);
  return wait !== undefined;
}

/** Waits for writers that may not know of the change yet. */
async function oldWritesOver(ctx: Context, seconds: number): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look += 1) {
    if ((await openWrites(ctx.db, seconds + (look * LOOK_MS) / 1000)) === 0) return;
    await setTimeout(LOOK_MS);
  }
  throw new Error('a transaction has been writing for long; the index is begun later');
}

function typesOf(ctx: Context, { definition }: Kept): number[] {
  const { definitions } = fhirOf(ctx as UnitOfWork);
  const types = (definition.base ?? []).flatMap((type) =>
    definitions.isResourceType(type) ? [type] : definitions.resourceTypes,
  );
  return [...new Set(types.map((type) => definitions.typeNumber(type)))].sort((a, b) => a - b);
}

async function batch(unit: UnitOfWork, at: Kept): Promise<void> {
  const type = typesOf(unit, at).find((each) => each >= at.atType);
  if (type === undefined) return finish(unit, at);
  const after = type === at.atType ? at.atRid : 0n;
  const rows = await takeBatch(unit.db, type, after, BATCH);
  const around = fhirOf(unit).parameters.around(await loadParameters(unit.db), at);
  const remove = at.state === 'removing';
  const own = rows.map(({ rid, content }): OwnRows => ownRows(around, rid, content, remove));
  await writeOwnRows(unit.db, type, own, remove);
  const last = rows.at(-1);
  await noteProgress(unit.db, {
    ...at,
    atType: rows.length < BATCH ? type + 1 : type,
    atRid: rows.length < BATCH || !last ? 0n : last.rid,
    done: at.done + BigInt(rows.length),
  });
}

/** The rows that are there because of one parameter. */
function ownRows(
  around: { readonly with: Definitions; readonly without: Definitions },
  rid: bigint,
  content: string,
  remove: boolean,
): OwnRows {
  const resource = parseContent(content);
  const all: IndexRows = around.with.extract(resource);
  const others = around.without.extract(resource);
  const { add } = difference(others, all);
  return { rid, tk: remove ? others.tk : all.tk, rows: add };
}

async function finish(unit: UnitOfWork, at: Kept): Promise<void> {
  if (at.state === 'removing') await forgetParameter(unit.db, at.url);
  else await noteProgress(unit.db, { ...at, state: 'active' });
  fhirOf(unit).parameters.expire();
}
