/**
 * Operations on instructions (ClaimResponse) and providers (Organization).
 */

import type { OperationDefinition, Parameters } from '@medplum/fhirtypes';
import { type Context, type Operation, operationDefinition, problem } from '../../src/sdk/index.ts';
import { enquireDue } from './enquire.ts';
import { NON_PAYMENT_REASONS, type NonPaymentReason, PAUSE, RESOLVE } from './instruction.ts';
import { applyOutcomes } from './outcomes.ts';
import { startSending } from './send.ts';
import { askNow, findInstruction } from './store/find.ts';
import { sendable, setPaused } from './store/send.ts';

function definition(
  code: string,
  resource: 'ClaimResponse' | 'Organization',
  description: string,
  parameter: NonNullable<OperationDefinition['parameter']>,
): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: operationDefinition(code),
    name: code.replaceAll('-', ''),
    status: 'active',
    kind: 'operation',
    code,
    description,
    resource: [resource],
    affectsState: true,
    system: false,
    type: false,
    instance: true,
    parameter,
  };
}

function textOf(parameters: Parameters, name: string): string | undefined {
  const found = (parameters.parameter ?? []).find((each) => each.name === name);
  return found?.valueString ?? found?.valueCode;
}

const done: Parameters = {
  resourceType: 'Parameters',
  parameter: [{ name: 'result', valueBoolean: true }],
};

const resolveUnknown: Operation = {
  permission: RESOLVE,
  definition: definition(
    'resolve-unknown',
    'ClaimResponse',
    'Closes an unknown outcome with evidence from the provider (a statement, a letter).',
    [
      { name: 'result', use: 'in', min: 1, max: '1', type: 'code' },
      { name: 'evidence', use: 'in', min: 1, max: '1', type: 'string' },
      { name: 'reason', use: 'in', min: 0, max: '1', type: 'code' },
    ],
  ),
  async run(ctx, { id, parameters }) {
    const row = await findInstruction(ctx, id!);
    if (row?.state !== 'unknown') {
      throw problem('conflict', 'wrong-state', 'Only an unknown outcome can be resolved.');
    }
    const result = textOf(parameters, 'result');
    if (result !== 'paid' && result !== 'not-paid') {
      throw problem('code-invalid', 'result-unknown', 'result is "paid" or "not-paid".', 'result');
    }
    await applyOutcomes(
      ctx,
      row.provider_id,
      [
        {
          key: row.transaction_number,
          result,
          text: textOf(parameters, 'evidence'),
          ...(result === 'not-paid' && { reason: reasonOf(parameters) }),
        },
      ],
      'officer',
    );
    return done;
  },
};

function reasonOf(parameters: Parameters): NonPaymentReason {
  const text = textOf(parameters, 'reason');
  const found = NON_PAYMENT_REASONS.find((each) => each === text);
  if (found) return found;
  throw problem(
    'code-invalid',
    'non-payment-reason',
    `Give a reason: ${NON_PAYMENT_REASONS.join(', ')}.`,
    'reason',
  );
}

const enquireNow: Operation = {
  permission: RESOLVE,
  definition: definition(
    'enquire',
    'ClaimResponse',
    'Asks the provider now what became of an instruction.',
    [],
  ),
  async run(ctx, { id }) {
    if (!(await askNow(ctx, id!))) {
      throw problem('conflict', 'wrong-state', 'Only what is sent or unknown can be asked for.');
    }
    ctx.enqueue(enquireDue, {}, { key: 'disbursement.enquire-due' });
    return done;
  },
};

function pausing(code: 'pause' | 'resume', description: string): Operation {
  return {
    permission: PAUSE,
    definition: definition(code, 'Organization', description, [
      { name: 'reason', use: 'in', min: code === 'pause' ? 1 : 0, max: '1', type: 'string' },
    ]),
    async run(ctx, { id, parameters }) {
      const providerId = await providerOf(ctx, id!);
      const why = textOf(parameters, 'reason') ?? null;
      await setPaused(ctx, providerId, code === 'pause', code === 'pause' ? why : null);
      if (code === 'resume') startSending(ctx, providerId);
      return done;
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
  resolveUnknown,
  enquireNow,
  pausing('pause', 'Stops sending to a provider; nothing in hand is lost.'),
  pausing('resume', 'Sends to a provider again.'),
];
