/**
 * Finds what is to be ordered again by itself.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { NonPaymentReason } from '../instruction.ts';

/** A source of which the last attempt failed. */
export interface RetryRow {
  readonly purpose: string;
  readonly source_id: string;
}

const DUE = statement(
  'disbursement.due-retries',
  `with due as (
     select i.payee_id, i.instruction_id from instruction i
     left join disbursement_provider d using (provider_id)
     where i.retry_at <= $1::timestamptz and i.state = 'not-paid' and d.paused is not true
     order by i.retry_at limit $2 for update of i skip locked)
   update instruction i set retry_at = null, updated_at = $1::timestamptz
   from due d where i.payee_id = d.payee_id and i.instruction_id = d.instruction_id
   returning i.purpose, i.source_id`,
);

/** Takes what is due; each is taken once. */
export function dueRetries(ctx: Context, limit: number): Promise<RetryRow[]> {
  return ctx.db.query<RetryRow>(DUE, [ctx.now, limit]);
}

const ON_RESUME = statement(
  'disbursement.retry-on-resume',
  `update instruction i set retry_at = $2
   where i.provider_id = $1 and i.state = 'not-paid' and i.reason = any($3::text[])
     and i.reason in ('payer_funds', 'payer_configuration') and i.attempt <= $4
     and not exists (select 1 from instruction l
       where l.payee_id = i.payee_id and l.purpose = i.purpose and l.source_id = i.source_id
         and l.attempt > i.attempt)`,
);

/** Makes due what failed by a fault of the payer; answers how many. */
export function retryOnResume(
  ctx: Context,
  providerId: bigint,
  reasons: readonly NonPaymentReason[],
  attemptsMax: number,
): Promise<number> {
  return ctx.db.run(ON_RESUME, [providerId, ctx.now, reasons, attemptsMax]);
}
