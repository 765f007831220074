/**
 * The wire between the house and a provider: what is said is committed before its first byte leaves,
 * what is answered as it comes. The same commit renews the lease of the batch, and refuses when it
 * has lapsed: a process that stood still can then send nothing more.
 */

import type { Units } from '../../src/sdk/index.ts';
import { maskSecrets } from './mask.ts';
import type { Said, Wire } from './provider.ts';
import { renewBatch } from './store/batch.ts';
import { recordSpoken, type Spoken } from './store/message.ts';

/** The lease of the batch has lapsed: others ask after its orders, and it must not be sent. */
export class SendingLapsed extends Error {}

/** Opens the wire to a provider; `batchId` where it is to send. */
export function openWire(
  units: Units,
  to: { providerId: bigint; channel: string; batchId?: string },
): Wire {
  const { providerId, channel, batchId = null } = to;
  const about = batchId === null ? 'enquire' : 'send';
  const keysOf = new Map<string, readonly string[]>();
  const keep = (
    kind: Spoken['kind'],
    body: string,
    keys: readonly string[],
    requestId: string | null,
  ): Promise<string> =>
    units.run(async (ctx) => {
      if (kind === 'request' && batchId !== null && !(await renewBatch(ctx, batchId))) {
        throw new SendingLapsed('the lease of the batch has lapsed');
      }
      return recordSpoken(ctx, {
        providerId,
        channel,
        kind,
        about,
        batchId,
        requestId,
        keys,
        body,
      });
    });
  return {
    async request({ keys, body, secrets }: Said) {
      const id = await keep('request', maskSecrets(body, secrets), keys, null);
      keysOf.set(id, keys);
      return id;
    },
    async answer(requestId, body, secrets) {
      const keys = keysOf.get(requestId) ?? [];
      await keep('answer', maskSecrets(body, secrets), keys, requestId);
    },
  };
}
