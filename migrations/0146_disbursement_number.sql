-- The transaction number says nothing that the key does not: kept, with its index, it was a seventh of
-- what an approval of a million orders costs. It is computed where it is shown, and read back into the
-- key where it is looked for.

create function disbursement_transaction_key(number text) returns bigint
  language sql immutable strict parallel safe
  return coalesce(case when number ~ '^T[0-9]{12}$' then
    case when disbursement_transaction_number(substr(number, 2, 10)::bigint) = number
      then substr(number, 2, 10)::bigint end end, 0);
comment on function disbursement_transaction_key(text) is
  'The key behind a transaction number; 0, which no instruction has, for what is none, or whose check '
  'digits are wrong.';

create function disbursement_transaction_keys(numbers text[]) returns bigint[]
  language sql immutable strict parallel safe
  return array(select disbursement_transaction_key(n) from unnest(numbers) n);
comment on function disbursement_transaction_keys(text[]) is
  'The keys behind transaction numbers: an index finds them all at once.';

drop view disbursement_claim_response;
drop view disbursement_instruction;
drop index instruction_number;
alter table instruction drop column transaction_number;

create view disbursement_instruction as
select i.payee_id, i.instruction_id, i.key, i.purpose, i.source_id, i.attempt, i.recipient_id,
       i.provider_id, i.account_kind, i.account_number, i.pay_point_id, i.amount_minor, i.currency,
       i.value_on, disbursement_transaction_number(i.key) as transaction_number, i.state, i.reason,
       i.reason_text, i.provider_reference, i.enquiries_count, i.enquire_at, i.batch_id, i.retry_at,
       i.created_at, i.sent_at, i.resolved_at, i.updated_at, i.version, p.fhir_id as provider_fhir_id,
       coalesce(h.fhir_id, i.payee_id::text) as payee_fhir_id, m.fhir_id as recipient_fhir_id,
       i.returned_minor,
       case when i.state = 'paid' then i.amount_minor - coalesce(i.returned_minor, 0) else 0 end
         as kept_minor
from instruction i
left join provider p on p.provider_id = i.provider_id
left join household h on h.household_id = i.payee_id
left join member m on m.member_id = i.recipient_id;
comment on view disbursement_instruction is
  'Published: instructions with the FHIR ids they refer to. Look for a transaction number by '
  'key = disbursement_transaction_key(number).';

create view disbursement_claim_response as
select instruction_id::text as id, instruction_id, source_id as request_key, key, updated_at,
       version, payee_id, recipient_id, provider_id, recipient_fhir_id, provider_fhir_id, payee_fhir_id,
       source_id::text as request_id, purpose, state, reason, reason_text, amount_minor, currency,
       value_on, transaction_number, attempt, provider_reference, created_at, sent_at, resolved_at,
       case state when 'paid' then case when returned_minor is null then 'complete' else 'partial' end
                  when 'not-paid' then 'error' when 'returned' then 'error'
                  when 'cancelled' then 'error' else 'queued' end as outcome,
       case state when 'cancelled' then 'cancelled' else 'active' end as status, returned_minor
from disbursement_instruction;
comment on view disbursement_claim_response is 'Published: instructions as FHIR ClaimResponse.';
