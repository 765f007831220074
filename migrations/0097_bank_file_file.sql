-- Payment files for banks that are paid through by file, and the reports that come back.

create table bank_file (
  file_id      uuid primary key,
  key          bigint not null generated always as identity unique,
  provider_id  bigint not null,
  message_id   text not null unique,
  orders_count int not null check (orders_count > 0),
  pain_001     text,
  csv          text not null,
  created_at   timestamptz not null,
  taken_as     text check (taken_as in ('pain.001', 'csv')),
  taken_at     timestamptz,
  taken_by     text,
  check ((taken_as is null) = (taken_at is null) and (taken_as is null) = (taken_by is null))
);
comment on table bank_file is
  'Files of orders to pay, written in the transaction that marks the orders as sent.';
comment on column bank_file.taken_as is
  'The form in which it was first taken; the other is refused then, or a bank could be given both.';
create index bank_file_provider on bank_file (provider_id, key);

create table bank_file_order (
  file_id    uuid not null references bank_file,
  order_key  text not null,
  payment_no int not null check (payment_no > 0),
  primary key (file_id, order_key)
);
comment on table bank_file_order is
  'Which orders stand in which file and payment block, for reports on whole files and blocks.';

create table bank_file_report (
  report_id    uuid primary key,
  provider_id  bigint not null,
  content      bytea not null,
  content_hash bytea not null,
  received_at  timestamptz not null,
  received_by  text not null,
  unique (provider_id, content_hash)
);
comment on table bank_file_report is 'pain.002 reports, byte for byte; the same bytes are kept once.';

insert into access_role_permission (role, permission)
values ('finance-officer', 'bank-file.exchange')
on conflict do nothing;
