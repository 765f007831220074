create sequence disbursement_transaction as bigint;

-- ISO 7064 mod 97-10 as for IBANs and creditor references: two digits that make the whole ≡ 1.
create function disbursement_transaction_number(n bigint) returns text
  language sql immutable strict parallel safe
  return 'T' || lpad(n::text, 10, '0') || lpad((98 - (n * 100) % 97)::text, 2, '0');
comment on function disbursement_transaction_number(bigint) is
  'Human-checkable number of an instruction: T, ten digits, two check digits (ISO 7064 mod 97-10).';

create function disbursement_new_id(at timestamptz) returns uuid
  language sql volatile parallel safe
  return encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6),
    52, 1), 53, 1), 'hex')::uuid;
comment on function disbursement_new_id(timestamptz) is
  'A new UUID of version 7 (RFC 9562), so that instructions made together lie together.';

create table disbursement_batch (
  batch_id     uuid primary key,
  provider_id  bigint not null,
  orders_count int not null check (orders_count > 0),
  started_at   timestamptz not null,
  leased_until timestamptz not null,
  ended_at     timestamptz,
  check (leased_until >= started_at)
);
comment on table disbursement_batch is
  'Orders that are sent together. Nothing of it leaves after ended_at, or, where the sender has died, '
  'after leased_until: only then may its orders be asked for.';
comment on column disbursement_batch.leased_until is
  'Renewed while the sender lives; it must not send when it has lapsed.';

create table instruction (
  payee_id           bigint not null,
  instruction_id     uuid not null,
  key                bigint not null default nextval('disbursement_transaction'),
  purpose            text not null,
  source_id          uuid not null,
  attempt            int not null check (attempt > 0),
  recipient_id       bigint,
  provider_id        bigint not null,
  account_kind       text not null check (account_kind in ('mobile', 'bank', 'cash')),
  account_number     text,
  pay_point_id       bigint,
  amount_minor       bigint not null check (amount_minor > 0),
  currency           text not null,
  value_on           date not null,
  transaction_number text not null generated always as (disbursement_transaction_number(key)) stored,
  state              text not null
    check (state in ('approved', 'sent', 'paid', 'not-paid', 'unknown', 'cancelled')),
  reason             text,
  reason_text        text,
  provider_reference text,
  enquiries_count    int not null default 0,
  enquire_at         timestamptz,
  batch_id           uuid,
  retry_at           timestamptz,
  created_at         timestamptz not null,
  sent_at            timestamptz,
  resolved_at        timestamptz,
  updated_at         timestamptz not null,
  version            int not null default 1,
  primary key (payee_id, instruction_id),
  unique (payee_id, purpose, source_id, attempt),
  check ((state = 'not-paid') <= (reason is not null)),
  check ((account_kind = 'cash') or account_number is not null)
);
comment on table instruction is
  'Orders to pay. Root: the payee (household or organization). instruction_id is the provider''s key '
  'and the ledger''s reserve, made before anything is sent; another attempt is another row.';
comment on column instruction.batch_id is 'The batch in which it was sent last; null: not sent.';
comment on column instruction.retry_at is
  'When another attempt is ordered by itself; null: by a person only, or not at all.';
comment on column instruction.key is 'Sequence behind the transaction number; unique by itself.';
create index instruction_number on instruction (transaction_number);
create index instruction_waiting on instruction (provider_id, key) where state = 'approved';
create index instruction_enquiry on instruction (enquire_at) where state in ('sent', 'unknown');
create index instruction_retry on instruction (retry_at) where retry_at is not null;
create index instruction_payer_fault on instruction (provider_id)
  where state = 'not-paid' and reason in ('payer_funds', 'payer_configuration');
create index instruction_batch on instruction (batch_id) where state in ('sent', 'unknown');
create index instruction_source on instruction (source_id);
create index instruction_id_only on instruction (instruction_id);
create index instruction_recipient on instruction (recipient_id);

create table instruction_event (
  payee_id       bigint not null,
  instruction_id uuid not null,
  event_no       bigint not null generated always as identity,
  at             timestamptz not null,
  state          text not null,
  reason         text,
  actor_id       text not null,
  source         text not null,
  primary key (payee_id, instruction_id, event_no)
);
comment on table instruction_event is 'Append only: each state that an instruction has had, and why.';

create table disbursement_message (
  message_id  uuid primary key,
  provider_id bigint,
  channel     text not null,
  kind        text not null check (kind in ('request', 'answer', 'callback')),
  received_at timestamptz not null,
  source      text not null,
  body        bytea not null,
  body_hash   bytea not null,
  verdict     text not null check (verdict in ('accepted', 'refused')),
  about       text check (about in ('send', 'enquire')),
  batch_id    uuid,
  request_id  uuid,
  order_keys  text[] not null default '{}',
  match_at    timestamptz,
  handled_at  timestamptz,
  check ((kind = 'answer') <= (request_id is not null)),
  check ((kind = 'callback') = (about is null))
);
comment on table disbursement_message is
  'Append only: what was said to providers, before its first byte left, and what they said, byte for '
  'byte, before it was understood. Our secrets are masked. A repeated callback is not kept twice.';
comment on column disbursement_message.received_at is 'When it came in, or was about to go out.';
comment on column disbursement_message.order_keys is
  'Transaction numbers that a request or answer is about; each is of one attempt.';
comment on column disbursement_message.match_at is
  'When a callback about an unknown instruction is matched again; null: not to be matched.';
create unique index disbursement_message_once on disbursement_message
  (provider_id, channel, body_hash, verdict) nulls not distinct where kind = 'callback';
create index disbursement_message_match on disbursement_message (match_at)
  where match_at is not null and handled_at is null;
create index disbursement_message_keys on disbursement_message using gin (order_keys);

create table disbursement_exception (
  exception_id   uuid primary key,
  provider_id    bigint not null,
  payee_id       bigint,
  instruction_id uuid,
  provider_key   text not null,
  kind           text not null check (kind in ('unknown-instruction', 'amount-differs',
    'account-differs', 'not-paid-after-paid', 'paid-when-not-sent', 'paid-twice',
    'not-understood')),
  said           text not null,
  at             timestamptz not null,
  closed_at      timestamptz,
  closed_by      text,
  closure_reason text,
  unique (provider_id, provider_key, kind, said)
);
comment on table disbursement_exception is
  'What a provider said that does not fit our books; a person closes it with a reason.';

create index disbursement_exception_open on disbursement_exception (instruction_id)
  where closed_at is null;

create table disbursement_provider (
  provider_id  bigint primary key,
  paused       boolean not null default false,
  paused_why   text,
  changed_at   timestamptz not null,
  fund_account text
);
comment on table disbursement_provider is 'Whether we send to a provider; a payer-side fault pauses it.';

create view disbursement_instruction as
select i.*, p.fhir_id as provider_fhir_id,
       coalesce(h.fhir_id, i.payee_id::text) as payee_fhir_id, m.fhir_id as recipient_fhir_id
from instruction i
left join provider p on p.provider_id = i.provider_id
left join household h on h.household_id = i.payee_id
left join member m on m.member_id = i.recipient_id;
comment on view disbursement_instruction is 'Published: instructions with the FHIR ids they refer to.';

create view disbursement_claim_response as
select instruction_id::text as id, instruction_id, source_id as request_key, key, updated_at,
       version, payee_id, recipient_id, provider_id, recipient_fhir_id, provider_fhir_id, payee_fhir_id, source_id::text as request_id, purpose,
       state, reason, reason_text, amount_minor, currency, value_on, transaction_number, attempt,
       provider_reference, created_at, sent_at, resolved_at,
       case state when 'paid' then 'complete' when 'not-paid' then 'error'
                  when 'cancelled' then 'error' else 'queued' end as outcome,
       case state when 'cancelled' then 'cancelled' else 'active' end as status
from disbursement_instruction;
comment on view disbursement_claim_response is 'Published: instructions as FHIR ClaimResponse.';
