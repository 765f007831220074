/**
 * Voting: at each step of a flow somebody of the pool accepts, rejects or returns a payroll, or decides
 * on lines of it. Callers hold the lock of the payroll, so that votes come one after the other.
 *
 * Without a flow one other person than the maker decides; the vote is written all the same.
 */

import { type Context, dayOf, problem } from '../../src/sdk/index.ts';
import { applying, type FlowStep } from './flow-step.ts';
import { type PayrollRow, submit } from './store/decide.ts';
import { flowInForce, flowVersion } from './store/flows.ts';
import {
  castVote,
  decideLines,
  isMaker,
  noteMakers,
  openLines,
  openStep,
  seatsOf,
  standing,
  undecidedLines,
  type VoteAct,
} from './store/votes.ts';

/** What an accepting vote has come to. */
export interface Passed {
  /** True when nothing more is waited for. */
  readonly final: boolean;
  /** The step that votes next, or still. */
  readonly step: FlowStep | undefined;
  /** Votes that the step has. */
  readonly accepted: number;
}

const todayOf = (ctx: Context): string => dayOf(ctx.now, 'UTC');

/** Puts a payroll to the flow in force: a new round of votes, whose makers are written first. */
export async function submitToFlow(
  ctx: Context,
  payroll: Pick<PayrollRow, 'payroll_id' | 'scheme_id' | 'currency'>,
  round: number,
  linesMinor: bigint,
): Promise<void> {
  const flow = await flowInForce(ctx, payroll.scheme_id);
  await submit(ctx, payroll.payroll_id, { round, flow, linesMinor });
  await noteMakers(ctx, payroll.payroll_id, round);
  if (!flow) return;
  const [first] = applying(flow.steps, { ...payroll, submitted_minor: linesMinor });
  await openStep(ctx, { payroll_id: payroll.payroll_id, round }, first!, todayOf(ctx));
}

async function stepsOf(ctx: Context, payroll: PayrollRow): Promise<FlowStep[]> {
  if (payroll.flow_id === null) return [];
  const flow = await flowVersion(ctx, payroll.flow_id, payroll.flow_version!);
  return applying(flow.steps, { ...payroll, submitted_minor: payroll.submitted_minor! });
}

/** The seat for which this actor votes now. */
async function seatFor(ctx: Context, step: FlowStep | undefined): Promise<string> {
  if (!step) return ctx.actor.id;
  const [seat] = await seatsOf(ctx, step, todayOf(ctx));
  if (seat !== undefined) return seat;
  throw problem(
    'forbidden',
    'not-in-pool',
    `The payroll waits for "${step.name}"; you are not among those who decide there.`,
  );
}

/**
 * Casts a vote on the whole payroll.
 *
 * @throws Problem not-in-pool, voted-already, lines-undecided
 */
export async function vote(
  ctx: Context,
  payroll: PayrollRow,
  act: VoteAct,
  reason: string | null,
): Promise<Passed> {
  const steps = await stepsOf(ctx, payroll);
  const step = steps.find((each) => each.number === payroll.step);
  const seat = await seatFor(ctx, step);
  if (act === 'accept' && step?.eachLine) await demandLines(ctx, payroll);
  if (!(await castVote(ctx, payroll, { act, seat, reason }))) {
    throw problem(
      'forbidden',
      'voted-already',
      'A person has one vote on a payroll, and none on one that they made or submitted.',
    );
  }
  if (act !== 'accept' || !step) return { final: true, step: undefined, accepted: 1 };
  const stands = await standing(ctx, payroll, step, todayOf(ctx));
  const accepted = Number(stands.accepted);
  if (!isPassed(step, accepted, Number(stands.waiting))) return { final: false, step, accepted };
  const next = steps.find((each) => each.number > step.number);
  if (!next) return { final: true, step: undefined, accepted };
  await openStep(ctx, payroll, next, todayOf(ctx));
  return { final: false, step: next, accepted: 0 };
}

/** An empty pool passes nothing: one vote is needed at the least. */
export function isPassed(
  { rule, count }: Pick<FlowStep, 'rule' | 'count'>,
  accepted: number,
  waiting: number,
): boolean {
  if (accepted < 1) return false;
  return rule === 'any' || (rule === 'all' ? waiting === 0 : accepted >= count);
}

async function demandLines(ctx: Context, payroll: PayrollRow): Promise<void> {
  const undecided = await undecidedLines(ctx, payroll);
  if (undecided === 0n) return;
  throw problem(
    'business-rule',
    'lines-undecided',
    `At this step each line is decided on; ${undecided} are not ($accept-lines, $reject-lines).`,
  );
}

/**
 * Accepts lines, or rejects them with a reason: a rejected one leaves the payroll, is listed with its
 * reason, and stays off at every later step.
 *
 * @throws Problem same-person, not-in-pool, line-unknown
 */
export async function voteOnLines(
  ctx: Context,
  payroll: PayrollRow,
  lines: readonly string[],
  reason: string | null,
): Promise<void> {
  const step = (await stepsOf(ctx, payroll)).find((each) => each.number === payroll.step);
  if (await isMaker(ctx, payroll.payroll_id)) {
    throw problem('forbidden', 'same-person', 'Who made a payroll does not decide on its lines.');
  }
  const seat = await seatFor(ctx, step);
  const open = new Set(await openLines(ctx, payroll.payroll_id, lines));
  const lost = lines.find((each) => !open.has(each));
  if (lost !== undefined) {
    throw problem('not-found', 'line-unknown', `Claim/${lost} is no open line here.`, 'line');
  }
  await decideLines(ctx, payroll, seat, lines, reason);
}
