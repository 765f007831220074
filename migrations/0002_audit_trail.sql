create table audit_event (
  seq         bigint generated always as identity,
  at          timestamptz not null,
  actor_id    text not null,
  actor_kind  text not null,
  request_id  text not null,
  action      text not null check (action in ('C', 'R', 'U', 'D', 'E')),
  interaction text not null,
  type        text,
  resource_id text,
  version     int,
  detail      text,
  primary key (seq)
);
comment on table audit_event is
  'The trail: who did what, when. Append only; tampering shows by audit_block. Local table.';
comment on column audit_event.detail is 'JSON of codes and counts; no personal data.';
create index audit_event_at on audit_event using brin (at);
create index audit_event_resource on audit_event (type, resource_id) where resource_id is not null;
create index audit_event_actor on audit_event (actor_id, seq);

create table audit_block (
  block_no   bigint primary key check (block_no > 0),
  from_seq   bigint not null,
  to_seq     bigint not null,
  rows_count bigint not null check (rows_count > 0),
  root       bytea not null,
  previous   bytea not null,
  hash       bytea not null unique,
  sealed_at  timestamptz not null,
  check (to_seq >= from_seq)
);
comment on table audit_block is
  'Sealed blocks of the trail: Merkle root over the rows, chained by the hash of the block before.';

create table audit_seal_state (
  only_one    boolean primary key default true check (only_one),
  pending_xid xid8,
  pending_to  bigint not null default 0
);
comment on table audit_seal_state is
  'Up to which row the next block may reach, once all transactions older than pending_xid are over.';
insert into audit_seal_state default values;
