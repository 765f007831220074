/**
 * Open suspicions about people follow their records while nobody looks at them. Who was corrected and is
 * not alike any more, or is not in use, is held no longer than that takes; and what is surer now than it
 * was is held as the policy of its new grade says.
 */

import type { Flag } from '@medplum/fhirtypes';
import type { Context, Units } from '../../src/sdk/index.ts';
import { release } from './holds.ts';
import { SUSPECTED_MIN } from './matching/crowds.ts';
import { probabilityOf } from './matching/score.ts';
import { holdOf, inputsOf, PEOPLE, type Raising } from './raise.ts';
import { HOLDS } from './settings.ts';
import {
  changeSuspicion,
  nextStaleSuspicions,
  type StaleRow,
  staleSuspicionsOf,
} from './store/stale.ts';
import { raisingOf } from './suspicion.ts';
import { taskInHand, UNLIKE, withdraw } from './withdraw.ts';

const UNUSED = 'One of the records is not in use any more.';
/** Suspicions of one transaction. */
const AT_ONCE = 50;

/** Follows these records, after they were compared. */
export async function followRecords(ctx: Context, patientIds: readonly bigint[]): Promise<void> {
  for (const row of await staleSuspicionsOf(ctx, patientIds)) await follow(ctx, row);
}

/** Follows all records, after everybody was compared; by portions of their own transactions. */
export async function followAll(units: Units): Promise<void> {
  for (let after: Pick<StaleRow, 'a' | 'b'> = { a: 0n, b: 0n }; ; ) {
    const begin = after;
    const rows = await units.run(async (ctx) => {
      const next = await nextStaleSuspicions(ctx, begin, AT_ONCE);
      for (const row of next) await follow(ctx, row);
      return next;
    });
    if (rows.length < AT_ONCE) return;
    after = rows.at(-1)!;
  }
}

async function follow(ctx: Context, row: StaleRow): Promise<void> {
  const { log_odds: bits, a_id: one, b_id: other, grade, explanation, facts } = row;
  if (!row.live || one === null || other === null || facts === null) {
    await withdraw(ctx, row, UNUSED);
  } else if (
    bits === null ||
    probabilityOf(bits) < SUSPECTED_MIN ||
    grade === null ||
    explanation === null
  ) {
    await withdraw(ctx, row, UNLIKE);
  } else {
    const { a, b, model_id: modelId } = row;
    const p = probabilityOf(bits);
    const ids = [one, other] as const;
    await change(ctx, row, raisingOf({ a, b, ids, p, grade, explanation, modelId, facts }));
  }
}

/** Says in the Task what is known now, and holds as the policy of the grade says. */
async function change(ctx: Context, row: StaleRow, raising: Raising): Promise<void> {
  const task = await taskInHand(ctx, row.task_id);
  if (task === 'taken') return;
  if (task === undefined) return void (await withdraw(ctx, row, UNLIKE)); // to be raised anew
  const flagIds = await heldBy(ctx, row, raising);
  const { p, modelId, facts } = raising;
  const grade = raising.grade ?? row.stood;
  await changeSuspicion(ctx, { ...row, p, grade, modelId, facts, flag_ids: flagIds });
  await ctx.fhir.update({
    ...task,
    lastModified: ctx.now.toISOString(),
    input: inputsOf(PEOPLE, raising, flagIds[0]),
  });
}

/** The holds of a suspicion after its grade has changed. One that an officer has lifted stays lifted. */
async function heldBy(
  ctx: Context,
  { stood, flag_ids: before }: StaleRow,
  raising: Raising,
): Promise<readonly string[]> {
  const policy = (grade: Raising['grade']): string =>
    grade === undefined || grade === 'certainly-not' ? 'none' : ctx.setting(HOLDS[grade]);
  if (policy(stood) === policy(raising.grade)) return before;
  if (before.length > 0 && !(await anyStands(ctx, before))) return before;
  await release(ctx, before);
  const flag = holdOf(ctx, PEOPLE, raising);
  if (flag === undefined) return [];
  await ctx.fhir.update(flag);
  return [flag.id];
}

async function anyStands(ctx: Context, flagIds: readonly string[]): Promise<boolean> {
  const known = await ctx.fhir.rids('Flag', flagIds);
  const flags = await ctx.fhir.readByRid<Flag>('Flag', [...known.values()]);
  return [...flags.values()].some(({ status }) => status === 'active');
}
