-- A sequence of its own: PostgreSQL 15 and 16 have no identity columns on partitioned tables.
create sequence audit_event_seq as bigint;

create function audit_key(id text) returns bytea
  language sql immutable parallel safe
  return case
    when id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    then '\x00'::bytea || decode(replace(id, '-', ''), 'hex')
    else convert_to(id, 'UTF8')
  end;
comment on function audit_key(text) is
  'An id as the trail keeps it: of a UUID its 16 bytes behind a zero, which no text holds.';

create function audit_id(key bytea) returns text
  language sql immutable parallel safe
  return case
    when substr(key, 1, 1) = '\x00'::bytea and length(key) = 17
    then encode(substr(key, 2), 'hex')::uuid::text
    else convert_from(key, 'UTF8')
  end;
comment on function audit_id(bytea) is 'The id that audit_key has made smaller.';

create table audit_event (
  seq         bigint not null default nextval('audit_event_seq') check (seq > 0),
  at          timestamptz not null,
  actor_id    bytea not null,
  actor_kind  text not null,
  request_id  bytea not null,
  action      text not null check (action in ('C', 'R', 'U', 'D', 'E')),
  interaction text not null,
  type        text,
  resource_id bytea,
  version     int,
  detail      text,
  primary key (seq, at)
) partition by range (at);
alter sequence audit_event_seq owned by audit_event.seq;
comment on table audit_event is
  'The trail: who did what, when; one partition a month of UTC, made ahead by a job. Append only; '
  'tampering shows by audit_block. Local table.';
comment on column audit_event.seq is 'Unique: the key has the instant only because it must.';
comment on column audit_event.actor_id is 'By audit_key, as are request_id and resource_id.';
comment on column audit_event.detail is 'JSON of codes and counts; no personal data.';
create table audit_event_rest partition of audit_event default;
comment on table audit_event_rest is
  'Rows of months that have no partition yet, so that no act is refused for want of one.';
create index audit_event_at on audit_event using brin (at);
-- Hashes are smaller than ids. Of the column itself: an expression would be prepared at each write.
create index audit_event_patient on audit_event using hash (resource_id) where type = 'Patient';
-- Without seq: few act, and equal keys are stored once.
create index audit_event_actor on audit_event (actor_id);

create table audit_block (
  block_no   bigint primary key check (block_no > 0),
  from_seq   bigint not null,
  to_seq     bigint not null,
  rows_count bigint not null check (rows_count > 0),
  root       bytea not null,
  previous   bytea not null,
  hash       bytea not null unique,
  sealed_at  timestamptz not null,
  leaves     bytea not null check (octet_length(leaves) = 32 * rows_count),
  check (to_seq >= from_seq)
);
comment on table audit_block is
  'Sealed blocks of the trail: Merkle root over the rows, chained by the hash of the block before.';

comment on column audit_block.leaves is
  'SHA-256 of each row, in order: by them a broken row is named. They are proved by the root.';
-- Hashes cannot be compressed; out of line they do not slow down reading the chain.
alter table audit_block alter column leaves set storage external;

create table audit_seal_state (
  only_one    boolean primary key default true check (only_one),
  pending_xid xid8,
  pending_to  bigint not null default 0
);
comment on table audit_seal_state is
  'Up to which row the next block may reach, once all transactions older than pending_xid are over.';
insert into audit_seal_state default values;
