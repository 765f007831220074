/**
 * What operations show of subscriptions, in SQL.
 */

import { type Context, statement } from '../../../sdk/index.ts';
import type { StatusOf } from '../notification.ts';

/** A subscription as its status is told. */
export type StatusRow = StatusOf & { readonly rid: bigint };

const SHOWN = statement(
  'subscriptions.shown',
  `select rid, id, status, topic, matched, content from subscription
   where id = any($1::text[]) order by rid`,
);

/** Subscriptions by FHIR id. */
export function readStatuses(ctx: Context, ids: readonly string[]): Promise<StatusRow[]> {
  return ctx.db.query<StatusRow>(SHOWN, [ids]);
}
