-- A run over everybody that can be killed anywhere: who does it, that it lives, how far it is, and
-- which suspicions it has still to raise.

alter table match_run add column owner text, add column alive_at timestamptz,
  add column found_at timestamptz, add column seconds real, add column memory_mb int;
comment on column match_run.owner is 'Who does the run; another who takes it over writes itself here.';
comment on column match_run.alive_at is
  'When its process last showed that it lives; a run of the dead is taken over.';
comment on column match_run.found_at is
  'When pairs, counts and model were written, in one transaction; null: nothing was written yet.';
comment on column match_run.seconds is 'CPU time of the process that compared.';
comment on column match_run.memory_mb is 'The most memory that it held.';
-- Runs that were killed left their row open.
update match_run set ended_at = started_at where ended_at is null;
create unique index match_run_one on match_run ((true)) where ended_at is null;
comment on index match_run_one is 'Two runs at once there are not.';

create table match_to_raise (
  a bigint not null,
  b bigint not null,
  primary key (a, b)
);
comment on table match_to_raise is
  'Pairs found by the last run over everybody that are still to be raised as suspicions; empty when it is done.';
