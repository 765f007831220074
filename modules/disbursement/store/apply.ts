/**
 * Writes what outcomes have come to: states by compare-and-set, events, exceptions.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { ExceptionKind, InstructionState } from '../instruction.ts';

/** One change of state. */
export interface StateChange {
  readonly payeeId: bigint;
  readonly instructionId: string;
  readonly from: InstructionState;
  readonly to: InstructionState;
  readonly reason: string | null;
  readonly reasonText: string | null;
  readonly providerReference: string | null;
  /** When another attempt is ordered by itself. */
  readonly retryAt?: Date | undefined;
  /** What comes back by this change. */
  readonly returnedMinor?: bigint | undefined;
}

/** A sum that came back, to be noted. */
export interface ReturnRow {
  readonly payeeId: bigint;
  readonly instructionId: string;
  readonly key: string;
  readonly transferId: string;
  readonly amountMinor: bigint;
  readonly reason: string;
  readonly said: string | null;
}

// What was paid and comes back in part stays paid, on the day on which it was.
const CHANGE = statement(
  'disbursement.change',
  `with wanted as (
     select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[],
       $7::text[], $11::timestamptz[], $12::bigint[])
       w(payee_id, instruction_id, was, state, reason, reason_text, reference, retry_at, returned)),
   changed as (
     update instruction i
     set state = w.state, reason = w.reason, reason_text = w.reason_text,
       provider_reference = coalesce(w.reference, i.provider_reference),
       resolved_at = case when w.state = i.state then i.resolved_at
         when w.state in ('paid', 'not-paid', 'cancelled', 'returned') then $8::timestamptz end,
       enquire_at = case when w.state = 'unknown' then coalesce(i.enquire_at, $8::timestamptz) end,
       sent_at = case when w.state = 'approved' then null else i.sent_at end,
       returned_minor = case when w.returned is null then i.returned_minor
         else coalesce(i.returned_minor, 0) + w.returned end,
       retry_at = w.retry_at,
       updated_at = $8::timestamptz, version = version + 1
     from wanted w
     where i.payee_id = w.payee_id and i.instruction_id = w.instruction_id and i.state = w.was
     returning i.payee_id, i.instruction_id, i.state, i.reason),
   noted as (
     insert into instruction_event (payee_id, instruction_id, at, state, reason, actor_id, source)
     select payee_id, instruction_id, $8::timestamptz, state, reason, $9, $10 from changed)
   select instruction_id from changed`,
);

/** Applies changes; answers the ids that changed. */
export async function changeStates(
  ctx: Context,
  changes: readonly StateChange[],
  source: string,
): Promise<Set<string>> {
  if (changes.length === 0) return new Set();
  const rows = await ctx.db.query<{ instruction_id: string }>(CHANGE, [
    changes.map((each) => each.payeeId),
    changes.map((each) => each.instructionId),
    changes.map((each) => each.from),
    changes.map((each) => each.to),
    changes.map((each) => each.reason),
    changes.map((each) => each.reasonText),
    changes.map((each) => each.providerReference),
    ctx.now,
    ctx.actor.id,
    source,
    changes.map((each) => each.retryAt ?? null),
    changes.map((each) => each.returnedMinor ?? null),
  ]);
  return new Set(rows.map((row) => row.instruction_id));
}

const RETURNS = statement(
  'disbursement.note-returns',
  `insert into disbursement_return (payee_id, instruction_id, return_key, transfer_id, amount_minor,
     reason, said, source, actor_id, at)
   select r.*, $8, $9, $10 from unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[],
     $6::text[], $7::text[]) r`,
);

/** Notes what came back; answers it as the ledger moves it. */
export async function noteReturns(
  ctx: Context,
  returns: readonly ReturnRow[],
  source: string,
): Promise<{ transferId: string; reserveId: string; amountMinor: bigint }[]> {
  if (returns.length === 0) return [];
  await ctx.db.run(RETURNS, [
    returns.map((each) => each.payeeId),
    returns.map((each) => each.instructionId),
    returns.map((each) => each.key),
    returns.map((each) => each.transferId),
    returns.map((each) => each.amountMinor),
    returns.map((each) => each.reason),
    returns.map((each) => each.said),
    source,
    ctx.actor.id,
    ctx.now,
  ]);
  return returns.map(({ transferId, instructionId, amountMinor }) => ({
    transferId,
    reserveId: instructionId,
    amountMinor,
  }));
}

/** Something a provider said that does not fit. */
export interface ExceptionRow {
  readonly providerId: bigint;
  readonly payeeId: bigint | null;
  readonly instructionId: string | null;
  readonly key: string;
  readonly kind: ExceptionKind;
  readonly said: string;
}

const EXCEPTION = statement(
  'disbursement.except',
  `insert into disbursement_exception
     (exception_id, provider_id, payee_id, instruction_id, provider_key, kind, said, at)
   select gen_random_uuid(), e.*, $7
   from unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::text[]) e
   on conflict (provider_id, provider_key, kind, said) do nothing`,
);

/** Notes exceptions; the same one again changes nothing. */
export async function noteExceptions(
  ctx: Context,
  exceptions: readonly ExceptionRow[],
): Promise<void> {
  if (exceptions.length === 0) return;
  await ctx.db.run(EXCEPTION, [
    exceptions.map((each) => each.providerId),
    exceptions.map((each) => each.payeeId),
    exceptions.map((each) => each.instructionId),
    exceptions.map((each) => each.key),
    exceptions.map((each) => each.kind),
    exceptions.map((each) => each.said),
    ctx.now,
  ]);
}

const LATER = statement(
  'disbursement.later-attempts',
  `select l.payee_id, l.instruction_id, l.state, l.provider_id,
     disbursement_transaction_number(l.key) as transaction_number
   from unnest($1::bigint[], $2::uuid[]) x(payee_id, instruction_id)
   join instruction i using (payee_id, instruction_id)
   join instruction l on l.payee_id = i.payee_id and l.purpose = i.purpose
     and l.source_id = i.source_id and l.attempt > i.attempt
   order by l.payee_id, l.instruction_id for update of l`,
);

/** Later attempts of instructions, locked. */
export function laterAttempts(
  ctx: Context,
  paid: readonly { payeeId: bigint; instructionId: string }[],
): Promise<
  {
    payee_id: bigint;
    instruction_id: string;
    state: InstructionState;
    transaction_number: string;
    provider_id: bigint;
  }[]
> {
  return ctx.db.query(LATER, [
    paid.map((each) => each.payeeId),
    paid.map((each) => each.instructionId),
  ]);
}
