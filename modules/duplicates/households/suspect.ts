/**
 * Suspicions about households, after their members were compared: each is a Task (household-review) with
 * both households, what is suspected, and which members stand in both; a household that may be registered
 * twice is held as the policy of its grade says. What is suspected no more is withdrawn, unless somebody
 * is looking at it.
 *
 * Spec: https://hl7.org/fhir/R4/task.html
 */

import type { Task } from '@medplum/fhirtypes';
import { type Context, codeSystem, type Units } from '../../../src/sdk/index.ts';
import { raiseHold } from '../../households/index.ts';
import { outsideCrowds } from '../matching/crowds.ts';
import { fingerprint } from '../registry/facts.ts';
import { HOLDS } from '../settings.ts';
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
import { noteFlags, raiseRows } from '../store/suspicions.ts';
import { withdraw } from '../withdraw.ts';
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
  return raise(
    ctx,
    suspected.filter(({ a, b }) => !known.has(`${a} ${b}`)),
  );
}

/** Looks at all households that share people, or did; by portions of their own transactions. */
export async function suspectAllHouseholds(units: Units): Promise<number> {
  const all = await units.run((ctx) => tiedHouseholds(ctx, SHARED_MIN));
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

async function raise(ctx: Context, suspected: readonly Suspected[]): Promise<number> {
  const wanted = new Map(
    suspected.map((each) => [`${each.a} ${each.b}`, { ...each, taskId: ctx.newId() }]),
  );
  const rows = [...wanted.values()].map(({ a, b, taskId, overlap, facts }) => ({
    ...{ a, b, taskId, facts },
    p: Math.min(P_MAX, overlap.score),
    grade: overlap.kind,
    modelId: null,
  }));
  const raised = await raiseRows(ctx, rows, 'Group');
  for (const { a, b } of raised) {
    const each = wanted.get(`${a} ${b}`)!;
    const flagId = await holdFor(ctx, each);
    if (flagId !== undefined) await noteFlags(ctx, [{ a, b, flagId }]);
    await ctx.fhir.update<Task>({
      resourceType: 'Task',
      id: each.taskId,
      status: 'requested',
      intent: 'order',
      code: { coding: [{ system: codeSystem('task-code'), code: 'household-review' }] },
      focus: { reference: `Group/${each.households[0].fhir_id}` },
      for: { reference: `Group/${each.households[0].fhir_id}` },
      authoredOn: ctx.now.toISOString(),
      lastModified: ctx.now.toISOString(),
      input: inputsOf(each, flagId),
    });
  }
  return raised.length;
}

/** The household registered last is held where it may be paid beside the other. */
async function holdFor(
  ctx: Context,
  { overlap, households }: Suspected,
): Promise<string | undefined> {
  if (overlap.kind !== 'same-household') return undefined;
  const policy = ctx.setting(HOLDS[gradeOfOverlap(overlap)]);
  if (policy === 'none') return undefined;
  const flag = await raiseHold(ctx, {
    subject: { type: 'Group', id: households[1].fhir_id },
    code: 'duplicate-suspected',
    policy,
    explanation: `May be the same household as Group/${households[0].fhir_id}; a Task (household-review) asks.`,
  });
  return flag.id;
}

function inputsOf(
  { households, overlap }: Pick<Suspected, 'households' | 'overlap'>,
  flagId: string | undefined,
): NonNullable<Task['input']> {
  const [one, other] = households;
  const input = (text: string, value: object) => ({ type: { text }, ...value });
  const round = (p: number): number => Math.round(p * 1e6) / 1e6;
  const explanation = {
    members: overlap.ties.map((each) => ({
      one: `Patient/${each.one}`,
      other: `Patient/${each.other}`,
      score: round(each.p),
    })),
    sizes: [one.members_count, other.members_count],
    heads: headsOf(households, overlap.ties),
  };
  return [
    input('record', { valueReference: { reference: `Group/${other.fhir_id}` } }),
    input('suspected', { valueCode: overlap.kind }),
    input('score', { valueDecimal: round(overlap.score) }),
    input('grade', { valueCode: gradeOfOverlap(overlap) }),
    input('explanation', { valueString: JSON.stringify(explanation) }),
    ...(flagId ? [input('hold', { valueReference: { reference: `Flag/${flagId}` } })] : []),
  ];
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
  const now = {
    grade: found.overlap.kind,
    p: Math.min(P_MAX, found.overlap.score),
    facts: found.facts,
  };
  if (open.facts === found.facts || !(await changeHouseholds(ctx, open, now))) return;
  const flags = [...open.flag_ids];
  if (flags.length === 0) {
    const flagId = await holdFor(ctx, found);
    if (flagId !== undefined) {
      await noteFlags(ctx, [{ a: open.a, b: open.b, flagId }]);
      flags.push(flagId);
    }
  }
  const task = await ctx.fhir.read<Task>('Task', open.task_id);
  await ctx.fhir.update<Task>({
    ...task,
    lastModified: ctx.now.toISOString(),
    input: inputsOf(found, flags[0]),
  });
}
