/** The job that sends what is due to subscribers; its handler is in `deliver.ts`. */

import { type Context, job } from '../../sdk/index.ts';

export const deliver = job<Record<string, never>>(
  'subscriptions.deliver',
  'sends what is due to the endpoints of subscriptions',
);

/** Queue of the job: one runs at a time, and serves all. */
export const DELIVERY = 'subscriptions.deliver';

/** Has what is due sent after the commit. */
export function deliverSoon(ctx: Context): void {
  ctx.enqueue(deliver, {}, { key: deliver.name, queue: DELIVERY });
}
