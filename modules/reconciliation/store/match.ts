/**
 * Matches the lines of a statement to instructions and judges them, set-based: the number of
 * statements does not depend on the number of lines.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

const BY_KEY = statement(
  'reconciliation.by-key',
  `update reconciliation_line l
   set payee_id = i.payee_id, instruction_id = i.instruction_id, matched_by = 'key'
   from disbursement_instruction i
   where l.statement_id = $1 and l.instruction_id is null
     and i.key = disbursement_transaction_key(l.provider_key) and i.provider_id = $2`,
);

const BY_REFERENCE = statement(
  'reconciliation.by-reference',
  `with wanted as (
     select line_no, provider_reference from reconciliation_line
     where statement_id = $1 and instruction_id is null and provider_key is null
       and provider_reference is not null),
   found as (
     select w.line_no, i.payee_id, i.instruction_id
     from wanted w join disbursement_instruction i
       on i.provider_reference = w.provider_reference and i.provider_id = $2
     union
     select w.line_no, m.payee_id, m.instruction_id
     from wanted w
     join reconciliation_line m on m.provider_reference = w.provider_reference
       and m.instruction_id is not null and m.statement_id <> $1
     join reconciliation_statement s on s.statement_id = m.statement_id and s.provider_id = $2),
   single as (select *, count(*) over (partition by line_no) as n from found)
   update reconciliation_line l
   set payee_id = f.payee_id, instruction_id = f.instruction_id, matched_by = 'reference'
   from single f where l.statement_id = $1 and l.line_no = f.line_no and f.n = 1`,
);

// Only what is one to one: two equal payments to one account stay for a person.
const BY_ACCOUNT = statement(
  'reconciliation.by-account',
  `with wanted as (
     select line_no, account, amount_minor, happened_on from reconciliation_line
     where statement_id = $1 and instruction_id is null and provider_key is null
       and account is not null and happened_on is not null and result = 'paid'),
   found as (
     select w.line_no, i.payee_id, i.instruction_id,
            count(*) over (partition by w.line_no) as of_line,
            count(*) over (partition by i.instruction_id) as of_instruction
     from wanted w join disbursement_instruction i
       on i.provider_id = $2 and i.currency = $3 and i.amount_minor = w.amount_minor
      and i.state in ('sent', 'unknown', 'not-paid', 'paid')
      and i.sent_at is not null and i.account_number is not null
      and reconciliation_account_tail(i.account_number) = right(w.account, 8)
      and reconciliation_account_fits(i.account_kind, i.account_number, w.account)
      and (i.sent_at at time zone 'UTC')::date between w.happened_on - 3 and w.happened_on + 1
     where not exists (select 1 from reconciliation_line m
       where m.instruction_id = i.instruction_id and m.result = 'paid'))
   update reconciliation_line l
   set payee_id = f.payee_id, instruction_id = f.instruction_id, matched_by = 'account'
   from found f
   where l.statement_id = $1 and l.line_no = f.line_no and f.of_line = 1 and f.of_instruction = 1`,
);

/** From so many lines on, the planner is told of them before they are matched. */
const ANALYZED_FROM = 1000;

const LEFT = statement(
  'reconciliation.left',
  `select count(*) filter (where provider_reference is not null) as by_reference,
          count(*) filter (where account is not null and happened_on is not null) as by_account
   from reconciliation_line
   where statement_id = $1 and instruction_id is null and provider_key is null`,
);

/** Finds the instruction of each line: by key, else by the provider's reference, else by account. */
export async function matchLines(
  ctx: Context,
  statementId: string,
  providerId: bigint,
  currency: string,
  count: number,
): Promise<void> {
  if (count >= ANALYZED_FROM) await ctx.db.run('analyze reconciliation_line');
  await ctx.db.run(BY_KEY, [statementId, providerId]);
  const left = await ctx.db.one<{ by_reference: bigint; by_account: bigint }>(LEFT, [statementId]);
  if (left.by_reference > 0n) await ctx.db.run(BY_REFERENCE, [statementId, providerId]);
  if (left.by_account > 0n) await ctx.db.run(BY_ACCOUNT, [statementId, providerId, currency]);
}

// The provider is asked by a scalar subquery so that the reference leads: a plan that starts from
// the statements reads all lines for each line.
const REPEATED = `exists (
  select 1 from reconciliation_line m
  where m.provider_reference = l.provider_reference and m.result = l.result
    and m.statement_id <> l.statement_id
    and (select s.provider_id from reconciliation_statement s
         where s.statement_id = m.statement_id) = $2)`;

const PAID_BEFORE = `(l.instruction_id is not null and l.paid_above > 0 or exists (
  select 1 from reconciliation_line m
  where m.instruction_id = l.instruction_id and m.result in ('paid', 'partly-paid')
    and m.statement_id <> l.statement_id
    and not ((m.provider_reference is null or l.provider_reference is null)
             and m.happened_on is not distinct from l.happened_on)))`;

// Money that came back: known already, or proved now. A return of a part needs the provider's number,
// without which it cannot be told from one that is told twice.
const CAME_BACK = `case
  when l.ours_currency <> $3 or l.amount_minor > l.ours_minor then 'amount-differs'
  when l.state in ('approved', 'cancelled') then 'paid-when-not-sent'
  when l.state = 'not-paid' and l.paid_here = 0 or l.state = 'returned' then 'confirms'
  when exists (select from disbursement_return r where r.instruction_id = l.instruction_id
    and r.payee_id = l.payee_id and r.amount_minor = l.amount_minor
    and r.return_key = coalesce(l.provider_reference, 'returned')) then 'confirms'
  when l.amount_minor > l.ours_minor - l.back_minor
    or l.amount_minor < l.ours_minor and l.provider_reference is null then 'amount-differs'
  else 'proves' end`;

const JUDGE = statement(
  'reconciliation.judge',
  `with line as (
     select l.*, i.state, i.amount_minor as ours_minor, i.currency as ours_currency,
            i.account_kind, i.account_number, coalesce(i.returned_minor, 0) as back_minor,
            count(*) filter (where l.result in ('paid', 'partly-paid'))
              over (partition by l.instruction_id) as paid_here,
            count(*) filter (where l.result in ('paid', 'partly-paid')) over (partition by l.instruction_id
              order by l.line_no rows between unbounded preceding and 1 preceding) as paid_above
     from reconciliation_line l
     left join disbursement_instruction i
       on i.payee_id = l.payee_id and i.instruction_id = l.instruction_id
     where l.statement_id = $1),
   judged as (
     select l.*, case
       when l.result = 'pending' or ${REPEATED} then 'noted'
       when l.instruction_id is null then 'unmatched'
       when l.result = 'not-paid' then case
         when l.state in ('paid', 'returned') or l.paid_here > 0 then 'not-paid-after-paid'
         when l.state in ('sent', 'unknown') then 'proves' else 'confirms' end
       when l.result = 'returned' then ${CAME_BACK}
       when ${PAID_BEFORE} then 'paid-twice'
       when l.amount_minor > l.ours_minor or l.ours_currency <> $3
         or l.amount_minor < l.ours_minor and l.result = 'paid' then 'amount-differs'
       when not reconciliation_account_fits(l.account_kind, l.account_number, l.account)
         then 'account-differs'
       when l.state in ('approved', 'cancelled') then 'paid-when-not-sent'
       when l.result = 'partly-paid' and l.state in ('paid', 'returned')
         and l.amount_minor < l.ours_minor then case when exists (
           select from disbursement_return r where r.instruction_id = l.instruction_id
             and r.payee_id = l.payee_id and r.return_key = 'partly-paid'
             and r.amount_minor = l.ours_minor - l.amount_minor) then 'confirms'
           else 'amount-differs' end
       when l.state in ('paid', 'returned') then 'confirms'
       else 'proves' end as kind
     from line l),
   noted as (
     insert into reconciliation_exception (statement_id, line_no, provider_id, payee_id,
       instruction_id, kind, amount_minor, currency, said, at)
     select statement_id, line_no, $2, payee_id, instruction_id, kind, amount_minor, $3,
            concat_ws(' ', result, provider_key, provider_reference, said), $4
     from judged where kind not in ('noted', 'confirms', 'proves')),
   found as (
     update reconciliation_exception e
     set closed_at = $4, closed_by = $5, closure_reason = 'found-later'
     from judged j
     where e.kind = 'not-on-statement' and e.closed_at is null
       and e.instruction_id = j.instruction_id and j.result in ('paid', 'partly-paid'))
   update reconciliation_line l
   set verdict = case when j.kind in ('noted', 'confirms', 'proves') then j.kind
                 else 'exception' end
   from judged j where l.statement_id = j.statement_id and l.line_no = j.line_no`,
);

/** Judges each line, notes exceptions, and closes those of payments that were missed before. */
export async function judgeLines(
  ctx: Context,
  statementId: string,
  providerId: bigint,
  currency: string,
): Promise<void> {
  await ctx.db.run(JUDGE, [statementId, providerId, currency, ctx.now, ctx.actor.id]);
}

const PROOFS = statement(
  'reconciliation.proofs',
  `select i.transaction_number as key, l.result, l.reason, l.said, l.provider_reference,
          l.amount_minor
   from reconciliation_line l join disbursement_instruction i
     on i.payee_id = l.payee_id and i.instruction_id = l.instruction_id
   where l.statement_id = $1 and l.verdict = 'proves' order by l.result = 'returned', l.line_no`,
);

/** Lines that prove what we did not know; what came back after what was paid, whatever their order. */
export function proofs(
  ctx: Context,
  statementId: string,
): Promise<
  {
    key: string;
    result: 'paid' | 'partly-paid' | 'returned' | 'not-paid';
    reason: string | null;
    said: string | null;
    provider_reference: string | null;
    amount_minor: bigint;
  }[]
> {
  return ctx.db.query(PROOFS, [statementId]);
}

// Sent and paid within the period: whenever it was executed, this statement must show it.
const MISSING = statement(
  'reconciliation.missing',
  `insert into reconciliation_exception
     (statement_id, provider_id, payee_id, instruction_id, kind, amount_minor, currency, said, at)
   select s.statement_id, s.provider_id, i.payee_id, i.instruction_id, 'not-on-statement',
          i.amount_minor, i.currency, concat_ws(' ', i.transaction_number, i.provider_reference), $2
   from reconciliation_statement s
   join disbursement_instruction i on i.provider_id = s.provider_id and i.currency = s.currency
    and i.state = 'paid' and i.sent_at >= s.starts_on::timestamp at time zone 'UTC'
    and i.resolved_at < (s.ends_on + 1)::timestamp at time zone 'UTC'
   where s.statement_id = $1 and not exists (
     select 1 from reconciliation_line l
     where l.instruction_id = i.instruction_id and l.result in ('paid', 'partly-paid'))
   on conflict do nothing`,
);

/** Notes what we hold as paid in the statement's period and no statement shows. */
export function noteMissing(ctx: Context, statementId: string): Promise<number> {
  return ctx.db.run(MISSING, [statementId, ctx.now]);
}

const COUNTS = statement(
  'reconciliation.counts',
  `select 'line' as what, verdict as name, count(*) as n from reconciliation_line
   where statement_id = $1 group by verdict
   union all
   select 'exception', kind, count(*) from reconciliation_exception
   where statement_id = $1 and closed_at is null group by kind
   order by 1, 2`,
);

/** Lines of a statement by verdict, and its open exceptions by kind. */
export function countsOf(
  ctx: Context,
  statementId: string,
): Promise<{ what: 'line' | 'exception'; name: string; n: bigint }[]> {
  return ctx.db.query(COUNTS, [statementId]);
}
