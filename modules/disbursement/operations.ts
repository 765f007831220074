/**
 * Operations on instructions (ClaimResponse) and providers (Organization).
 */

import { type Context, instanceOperation, type Operation, problem } from '../../src/sdk/index.ts';
import { DONE, instructionOperation, textOf } from './definitions.ts';
import { enquireDue } from './enquire.ts';
import { PAUSE, RESOLVE } from './instruction.ts';
import { resolving } from './resolve.ts';
import { retryAfterResume, retryNow } from './retry.ts';
import { adapterOf, startSending } from './send.ts';
import { askNow, peekInstruction } from './store/find.ts';
import { sendable, setPaused } from './store/send.ts';

const enquireNow: Operation = {
  permission: RESOLVE,
  definition: instructionOperation(
    'enquire',
    'Asks the provider now what became of an instruction; while its batch is being sent, at its end.',
    [],
  ),
  async run(ctx, { id }) {
    const row = await peekInstruction(ctx, id!);
    const provider = row && (await sendable(ctx, row.provider_id));
    if (provider && !adapterOf(ctx, provider.channel)?.enquire) {
      throw problem(
        'business-rule',
        'cannot-enquire',
        'This provider cannot be asked; its report or statement decides, or $resolve-unknown.',
      );
    }
    if (!(await askNow(ctx, id!))) {
      throw problem('conflict', 'wrong-state', 'Only what is sent or unknown can be asked for.');
    }
    ctx.enqueue(enquireDue, {}, { key: 'disbursement.enquire-due' });
    return DONE;
  },
};

function pausing(code: 'pause' | 'resume', description: string): Operation {
  return {
    permission: PAUSE,
    definition: instanceOperation(code, 'Organization', description, [
      { name: 'reason', use: 'in', min: code === 'pause' ? 1 : 0, max: '1', type: 'string' },
    ]),
    async run(ctx, { id, parameters }) {
      const providerId = await providerOf(ctx, id!);
      const why = textOf(parameters, 'reason') ?? null;
      await setPaused(ctx, providerId, code === 'pause', code === 'pause' ? why : null);
      if (code === 'resume') {
        startSending(ctx, providerId);
        await retryAfterResume(ctx, providerId);
      }
      return DONE;
    },
  };
}

async function providerOf(ctx: Context, id: string): Promise<bigint> {
  const rid = (await ctx.fhir.rids('Organization', [id])).get(id);
  if (rid !== undefined && (await sendable(ctx, rid))) return rid;
  throw problem('not-found', 'provider-unknown', `Organization/${id} is not a payment provider.`);
}

/** Operations of the room. */
export const operations: readonly Operation[] = [
  ...resolving,
  enquireNow,
  retryNow,
  pausing('pause', 'Stops sending to a provider; nothing in hand is lost.'),
  pausing('resume', 'Sends to a provider again.'),
];
