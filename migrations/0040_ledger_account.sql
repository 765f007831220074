create table ledger_account (
  account_id       bigint generated always as identity primary key,
  code             text not null unique check (code ~ '^[a-z0-9][a-z0-9:._-]{0,99}$'),
  name             text not null,
  currency         text not null check (currency ~ '^[A-Z]{3}$'),
  overdraft_allowed boolean not null default false,
  debits_posted    bigint not null default 0 check (debits_posted >= 0),
  credits_posted   bigint not null default 0 check (credits_posted >= 0),
  debits_reserved  bigint not null default 0 check (debits_reserved >= 0),
  credits_reserved bigint not null default 0 check (credits_reserved >= 0),
  created_at       timestamptz not null,
  updated_at       timestamptz not null,
  version          int not null default 1,
  unique (account_id, currency),
  constraint ledger_no_overdraft
    check (overdraft_allowed or credits_posted - debits_posted - debits_reserved >= 0)
);
comment on table ledger_account is
  'Accounts of the double-entry ledger. Balance = credits − debits posted, in minor units; what is '
  'reserved is no longer available. Reference table under Citus.';

create table ledger_transfer (
  transfer_id    uuid not null,
  kind           text not null check (kind in ('reserve', 'post', 'release', 'direct')),
  reserve_id     uuid,
  debit_account  bigint not null,
  credit_account bigint not null,
  amount_minor   bigint not null check (amount_minor > 0),
  currency       text not null,
  reference      text not null,
  at             timestamptz not null,
  actor_id       text not null,
  primary key (transfer_id),
  foreign key (debit_account, currency) references ledger_account (account_id, currency),
  foreign key (credit_account, currency) references ledger_account (account_id, currency),
  check (debit_account <> credit_account),
  check ((reserve_id is not null) = (kind in ('post', 'release')))
);
comment on table ledger_transfer is
  'Append only. A reserve is resolved once, by a post or a release; a correction is a new transfer.';
comment on column ledger_transfer.reference is 'What it is for, e.g. instruction/<id>; no personal data.';
create unique index ledger_transfer_resolved_once on ledger_transfer (reserve_id)
  where reserve_id is not null;
create index ledger_transfer_debit on ledger_transfer (debit_account, at);
create index ledger_transfer_credit on ledger_transfer (credit_account, at);

create view ledger_account_fhir as
select replace(code, ':', '.') as id, code, account_id as key, updated_at, version, name, currency,
       credits_posted - debits_posted as balance_minor,
       credits_posted - debits_posted - debits_reserved as available_minor,
       'active'::text as status
from ledger_account;
comment on view ledger_account_fhir is 'Published: accounts as FHIR Account shows them.';
