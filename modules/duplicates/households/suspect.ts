/**
 * Suspicions about households, after their members were compared: each is a Task (household-review) with
 * both households, what is suspected, and which members stand in both; a household that may be registered
 * twice is held as the policy of its grade says. What is suspected no more is withdrawn, unless somebody
 * is looking at it.
 */

import type { Context, Units } from '../../../src/sdk/index.ts';
import { outsideCrowds } from '../matching/crowds.ts';
import { HOUSEHOLDS, holdOf, inputsOf, type Raising, raise, rounded, taskInput } from '../raise.ts';
import { fingerprint } from '../registry/facts.ts';
import {
  changeHouseholds,
  type HouseholdTie,
  leasedTasks,
  type OpenHouseholds,
  openHouseholds,
  tiedHouseholds,
  tiesOfHouseholds,
} from '../store/household-pairs.ts';
import { type HouseholdRow, householdsOf } from '../store/households.ts';
import { noteFlag } from '../store/suspicions.ts';
import { taskInHand, withdraw } from '../withdraw.ts';
import { gradeOfOverlap, type Overlap, overlapOf, type Tie } from './overlap.ts';

/** Households of one transaction at night. */
const AT_ONCE = 100;
/** Expected members in both below which nothing is looked at. */
const SHARED_MIN = 0.9;
/** Nothing is sure before somebody has looked: what is certain would rank last. */
const P_MAX = 0.99;

/** What is suspected of two households; a < b. */
interface Suspected {
  readonly a: bigint;
  readonly b: bigint;
  readonly households: readonly [HouseholdRow, HouseholdRow];
  readonly overlap: Overlap<Tie & HouseholdTie>;
  readonly facts: string;
}

/**
 * Raises, changes and withdraws suspicions about these households.
 *
 * @returns how many were raised
 */
export async function suspectHouseholds(
  ctx: Context,
  households: readonly bigint[],
): Promise<number> {
  if (households.length === 0) return 0;
  const open = await openHouseholds(ctx, households);
  const ties = await tiesOfHouseholds(ctx, households);
  if (open.length === 0 && ties.length === 0) return 0;
  const suspected = outsideCrowds(await suspectedOf(ctx, ties));
  const now = new Map(suspected.map((each) => [`${each.a} ${each.b}`, each]));
  const leased = await leasedTasks(
    ctx,
    open.map((each) => each.task_id),
  );
  for (const each of open) {
    const found = now.get(`${each.a} ${each.b}`);
    if (found) await follow(ctx, each, found);
    else if (!leased.has(each.task_id)) await withdraw(ctx, each, 'They share nobody any more.');
  }
  const known = new Set(open.map(({ a, b }) => `${a} ${b}`));
  const fresh = suspected.filter(({ a, b }) => !known.has(`${a} ${b}`));
  return raise(ctx, HOUSEHOLDS, fresh.map(raisingOf));
}

/** Looks at all households that share people, or did; by portions of their own transactions. */
export async function suspectAllHouseholds(units: Units): Promise<number> {
  const all = await units.run(async (ctx) => {
    // The pairs of a run were written a moment ago: without statistics everybody is joined with everybody.
    await ctx.freshStatistics(['match_feature', 'match_edge']);
    return tiedHouseholds(ctx, SHARED_MIN);
  });
  let raised = 0;
  for (let at = 0; at < all.length; at += AT_ONCE) {
    const some = all.slice(at, at + AT_ONCE);
    raised += await units.run((ctx) => suspectHouseholds(ctx, some));
  }
  return raised;
}

async function suspectedOf(ctx: Context, ties: readonly HouseholdTie[]): Promise<Suspected[]> {
  const pairs = Map.groupBy(ties, (each) => `${each.one_household} ${each.other_household}`);
  const ids = new Set(ties.flatMap((each) => [each.one_household, each.other_household]));
  const rows = new Map((await householdsOf(ctx, [...ids])).map((row) => [row.household_id, row]));
  return [...pairs.values()].flatMap((group): Suspected[] => {
    const { one_household: a, other_household: b } = group[0]!;
    const [one, other] = [rows.get(a), rows.get(b)];
    if (!one?.active || !other?.active) return [];
    const overlap = overlapOf(
      group.map((each) => ({ ...each, given: each.one, found: each.other })),
      one.members_count,
      other.members_count,
    );
    if (!overlap) return [];
    const shared = overlap.ties.map((each) => `${each.one} ${each.other}`).sort();
    const facts = fingerprint(overlap.kind, shared.join('\n'));
    return [{ a, b, households: [one, other], overlap, facts }];
  });
}

function raisingOf({ a, b, households, overlap, facts }: Suspected): Raising {
  const [one, other] = households;
  const explanation = {
    members: overlap.ties.map((each) => ({
      one: `Patient/${each.one}`,
      other: `Patient/${each.other}`,
      score: rounded(each.p),
    })),
    sizes: [one.members_count, other.members_count],
    heads: headsOf(households, overlap.ties),
  };
  const grade = gradeOfOverlap(overlap);
  return {
    ...{ a, b, facts, modelId: null, kept: overlap.kind },
    ids: [one.fhir_id, other.fhir_id],
    p: Math.min(P_MAX, overlap.score),
    // The household registered last is held where it may be paid beside the other.
    grade: overlap.kind === 'same-household' ? grade : undefined,
    inputs: [
      taskInput('suspected', { valueCode: overlap.kind }),
      taskInput('score', { valueDecimal: rounded(overlap.score) }),
      taskInput('grade', { valueCode: grade }),
      taskInput('explanation', { valueString: JSON.stringify(explanation) }),
    ],
  };
}

/** Whether one person heads both, two people do, or it is not said. */
function headsOf(
  [one, other]: readonly [HouseholdRow, HouseholdRow],
  ties: readonly HouseholdTie[],
): 'same' | 'different' | 'unknown' {
  if (!one.head || !other.head) return 'unknown';
  const same = ties.some((each) => each.one === one.head && each.other === other.head);
  return same ? 'same' : 'different';
}

/** Follows what is suspected of two households while nobody looks at it. */
async function follow(ctx: Context, open: OpenHouseholds, found: Suspected): Promise<void> {
  const raising = raisingOf(found);
  const now = { grade: raising.kept, p: raising.p, facts: raising.facts };
  if (open.facts === found.facts) return;
  const task = await taskInHand(ctx, open.task_id);
  if (task === undefined || task === 'taken') return;
  if (!(await changeHouseholds(ctx, open, now))) return;
  const flag = open.flag_ids.length > 0 ? undefined : holdOf(ctx, HOUSEHOLDS, raising);
  if (flag) {
    await ctx.fhir.update(flag);
    await noteFlag(ctx, open, flag.id);
  }
  await ctx.fhir.update({
    ...task,
    lastModified: ctx.now.toISOString(),
    input: inputsOf(HOUSEHOLDS, raising, flag?.id ?? open.flag_ids[0]),
  });
}
