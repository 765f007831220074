-- What providers say they have paid, line by line, and what does not fit.

create table reconciliation_statement (
  statement_id uuid primary key,
  key          bigint not null generated always as identity unique,
  provider_id  bigint not null,
  format       text not null,
  identifier   text,
  content      bytea not null,
  content_hash bytea not null,
  currency     text not null,
  starts_on    date,
  ends_on      date,
  paid_on      date not null,
  lines_count  int not null check (lines_count > 0),
  lines_minor  bigint not null check (lines_minor >= 0),
  uploaded_by  text not null,
  uploaded_at  timestamptz not null,
  updated_at   timestamptz not null,
  version      int not null default 1,
  unique (provider_id, content_hash),
  check ((starts_on is null) = (ends_on is null)),
  check (starts_on <= ends_on)
);
comment on table reconciliation_statement is
  'Statements of providers with the bytes as they came. Root: statement_id. The same bytes are kept once.';
comment on column reconciliation_statement.starts_on is
  'First day that the statement covers wholly, UTC; null: no claim to be complete.';
comment on column reconciliation_statement.lines_minor is 'Sum of the lines that say paid.';

create table reconciliation_line (
  statement_id       uuid not null references reconciliation_statement,
  line_no            int not null check (line_no > 0),
  provider_key       text,
  provider_reference text,
  result             text not null check (result in ('paid', 'not-paid', 'pending')),
  reason             text,
  said               text,
  amount_minor       bigint not null check (amount_minor > 0),
  account            text,
  happened_on        date,
  payee_id           bigint,
  instruction_id     uuid,
  matched_by         text check (matched_by in ('key', 'reference', 'account')),
  verdict            text not null default 'noted'
    check (verdict in ('confirms', 'proves', 'noted', 'exception')),
  primary key (statement_id, line_no),
  check ((instruction_id is null) = (matched_by is null)),
  check ((instruction_id is null) = (payee_id is null))
);
comment on table reconciliation_line is
  'Lines of statements: what each says, the instruction that it matches and by what, and what follows.';
comment on column reconciliation_line.line_no is 'Line of the file, or number of the item in it.';
create index reconciliation_line_instruction on reconciliation_line (instruction_id)
  where instruction_id is not null;
create index reconciliation_line_reference on reconciliation_line (provider_reference)
  where provider_reference is not null;

create table reconciliation_exception (
  exception_id   uuid primary key default gen_random_uuid(),
  statement_id   uuid not null references reconciliation_statement,
  line_no        int,
  provider_id    bigint not null,
  payee_id       bigint,
  instruction_id uuid,
  kind           text not null check (kind in ('unmatched', 'amount-differs', 'account-differs',
    'paid-twice', 'paid-when-not-sent', 'not-paid-after-paid', 'not-on-statement')),
  amount_minor   bigint not null check (amount_minor > 0),
  currency       text not null,
  said           text not null,
  at             timestamptz not null,
  closed_at      timestamptz,
  closed_by      text,
  closure_reason text,
  check ((closed_at is null) = (closed_by is null) and (closed_at is null) = (closure_reason is null)),
  check ((line_no is null) = (kind = 'not-on-statement'))
);
comment on table reconciliation_exception is
  'What on a statement does not fit our books; a person closes it with a reason. Never deleted.';
comment on column reconciliation_exception.amount_minor is
  'What the line says, or what we hold as paid where the statement is silent.';
create unique index reconciliation_exception_line on reconciliation_exception
  (statement_id, line_no, kind);
create unique index reconciliation_exception_missing on reconciliation_exception (instruction_id)
  where kind = 'not-on-statement' and closed_at is null;
create index reconciliation_exception_open on reconciliation_exception (provider_id, at)
  where closed_at is null;

create table reconciliation_write_off (
  exception_id uuid primary key,
  account_code text not null,
  amount_minor bigint not null check (amount_minor > 0),
  currency     text not null,
  note         text,
  proposed_by  text not null,
  proposed_at  timestamptz not null,
  approved_by  text,
  approved_at  timestamptz,
  transfer_id  uuid,
  check ((approved_by is null) = (approved_at is null) and (approved_by is null) = (transfer_id is null)),
  check (approved_by <> proposed_by)
);
comment on table reconciliation_write_off is
  'Money given up on an exception: proposed by one person, approved by another, moved in the ledger.';

create table reconciliation_closing (
  exception_id uuid primary key,
  reason       text not null,
  note         text,
  proposed_by  text not null,
  proposed_at  timestamptz not null
);
comment on table reconciliation_closing is
  'Proposals to close exceptions that stand against a payment; another person closes by repeating it. '
  'Who closed stands with the exception.';

-- Telephone numbers are written with and without their country code; bank accounts are not.
create function reconciliation_account_fits(kind text, ours text, theirs text) returns boolean
  language sql immutable parallel safe
  return case
    when ours is null or theirs is null then true
    when upper(regexp_replace(ours, '[^0-9A-Za-z]', '', 'g')) = theirs then true
    when kind = 'mobile' then length(ltrim(theirs, '0')) >= 8
      and regexp_replace(ours, '[^0-9]', '', 'g') like '%' || ltrim(theirs, '0')
    else false
  end;
comment on function reconciliation_account_fits(text, text, text) is
  'Whether the account on a statement (letters and digits) is the account of an instruction.';

create view reconciliation_exception_all as
select e.exception_id, 'statement'::text as origin, e.statement_id, e.line_no, e.provider_id,
       e.payee_id, e.instruction_id, e.kind, e.amount_minor, e.currency, e.said, e.at,
       e.closed_at, e.closed_by, e.closure_reason,
       coalesce(w.proposed_by, c.proposed_by) as proposed_by,
       coalesce(w.proposed_at, c.proposed_at) as proposed_at
from reconciliation_exception e left join reconciliation_write_off w using (exception_id)
left join reconciliation_closing c using (exception_id)
union all
select d.exception_id, 'disbursement', null, null, d.provider_id, d.payee_id, d.instruction_id,
       d.kind, i.amount_minor, i.currency, d.said, d.at, d.closed_at, d.closed_by,
       d.closure_reason, coalesce(w.proposed_by, c.proposed_by), coalesce(w.proposed_at, c.proposed_at)
from disbursement_exception d
left join instruction i on i.payee_id = d.payee_id and i.instruction_id = d.instruction_id
left join reconciliation_write_off w using (exception_id)
left join reconciliation_closing c using (exception_id);
comment on view reconciliation_exception_all is
  'Published: what does not fit, from statements and from what providers answered.';

create view reconciliation_statement_fhir as
select s.statement_id::text as id, s.key, s.updated_at, s.version, s.provider_id,
       p.fhir_id as provider_fhir_id, s.format, coalesce(s.identifier, s.statement_id::text) as identifier,
       s.currency, s.starts_on, s.ends_on, s.paid_on, s.lines_count, s.lines_minor, s.uploaded_at,
       x.open_count, case when x.open_count = 0 then 'complete' else 'partial' end as outcome,
       'active'::text as status
from reconciliation_statement s
left join provider p on p.provider_id = s.provider_id
cross join lateral (
  select count(*)::int as open_count from reconciliation_exception e
  where e.statement_id = s.statement_id and e.closed_at is null) x;
comment on view reconciliation_statement_fhir is 'Published: statements as FHIR PaymentReconciliation.';

insert into access_role_permission (role, permission)
values ('finance-officer', 'PaymentReconciliation.write')
on conflict do nothing;
