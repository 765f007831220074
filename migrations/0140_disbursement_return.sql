-- Money that came back after it was paid, in whole or in part, and payments of less than was ordered.

alter table instruction add column returned_minor bigint;
comment on column instruction.returned_minor is
  'What came back of what was paid; null: nothing. What the payee keeps is amount_minor less this.';
alter table instruction drop constraint instruction_state_check;
alter table instruction add constraint instruction_state_check check (state in
  ('approved', 'sent', 'paid', 'not-paid', 'unknown', 'cancelled', 'returned'));
alter table instruction add constraint instruction_returned check (case
  when returned_minor is null then state <> 'returned'
  else returned_minor between 1 and amount_minor
    and state = case when returned_minor = amount_minor then 'returned' else 'paid' end end);

create table disbursement_return (
  payee_id       bigint not null,
  instruction_id uuid not null,
  return_key     text not null,
  transfer_id    uuid not null,
  amount_minor   bigint not null check (amount_minor > 0),
  reason         text not null,
  said           text,
  source         text not null,
  actor_id       text not null,
  at             timestamptz not null,
  primary key (instruction_id, return_key, payee_id)
);
comment on table disbursement_return is
  'Append only: each sum that came back of an instruction, and the ledger''s transfer by which it went '
  'back to where it was paid from. Their sum is instruction.returned_minor.';
comment on column disbursement_return.return_key is
  'The provider''s own number of the return, which tells a repeat from another return; "returned" for '
  'the whole without a number, "partly-paid" for what was never handed out.';

drop index instruction_failed;
create index instruction_failed on instruction (key) where state in ('not-paid', 'cancelled', 'returned');

alter table disbursement_exception drop constraint disbursement_exception_kind_check;
alter table disbursement_exception add constraint disbursement_exception_kind_check check (kind in
  ('unknown-instruction', 'amount-differs', 'account-differs', 'not-paid-after-paid',
   'paid-when-not-sent', 'paid-twice', 'not-understood', 'returned-too-much'));

alter table disbursement_resolution add column amount_minor bigint;
comment on column disbursement_resolution.amount_minor is
  'What was paid of a part payment, or came back; minor units.';
alter table disbursement_resolution drop constraint disbursement_resolution_result_check;
alter table disbursement_resolution add constraint disbursement_resolution_result_check
  check (result in ('paid', 'not-paid', 'partly-paid', 'returned'));
alter table disbursement_resolution drop constraint disbursement_resolution_check;
alter table disbursement_resolution add constraint disbursement_resolution_check
  check ((result in ('not-paid', 'returned')) = (reason is not null)
    and (result in ('partly-paid', 'returned')) = (amount_minor is not null));

create index instruction_gave_back on instruction (key) where returned_minor is not null;

create or replace view disbursement_instruction as
select i.payee_id, i.instruction_id, i.key, i.purpose, i.source_id, i.attempt, i.recipient_id,
       i.provider_id, i.account_kind, i.account_number, i.pay_point_id, i.amount_minor, i.currency,
       i.value_on, i.transaction_number, i.state, i.reason, i.reason_text, i.provider_reference,
       i.enquiries_count, i.enquire_at, i.batch_id, i.retry_at, i.created_at, i.sent_at, i.resolved_at,
       i.updated_at, i.version, p.fhir_id as provider_fhir_id,
       coalesce(h.fhir_id, i.payee_id::text) as payee_fhir_id, m.fhir_id as recipient_fhir_id,
       i.returned_minor,
       case when i.state = 'paid' then i.amount_minor - coalesce(i.returned_minor, 0) else 0 end
         as kept_minor
from instruction i
left join provider p on p.provider_id = i.provider_id
left join household h on h.household_id = i.payee_id
left join member m on m.member_id = i.recipient_id;

create or replace view disbursement_claim_response as
select instruction_id::text as id, instruction_id, source_id as request_key, key, updated_at,
       version, payee_id, recipient_id, provider_id, recipient_fhir_id, provider_fhir_id, payee_fhir_id, source_id::text as request_id, purpose,
       state, reason, reason_text, amount_minor, currency, value_on, transaction_number, attempt,
       provider_reference, created_at, sent_at, resolved_at,
       case state when 'paid' then case when returned_minor is null then 'complete' else 'partial' end
                  when 'not-paid' then 'error' when 'returned' then 'error'
                  when 'cancelled' then 'error' else 'queued' end as outcome,
       case state when 'cancelled' then 'cancelled' else 'active' end as status, returned_minor
from disbursement_instruction;
