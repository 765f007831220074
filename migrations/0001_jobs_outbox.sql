create table outbox (
  seq  bigint generated always as identity primary key,
  name text not null,
  data json not null,
  at   timestamptz not null
);
comment on table outbox is
  'Events of committed work that have not yet been handed to the job queue. Local table.';
comment on column outbox.data is 'Ids and codes; no personal data.';

create table gathered (
  reaction text not null,
  seq      bigint generated always as identity,
  data     json not null,
  primary key (reaction, seq)
);
comment on table gathered is
  'Events that wait for a reaction which handles many at a time. Local table.';
comment on column gathered.data is 'Ids and codes; no personal data.';

create table job_run (
  job     text not null,
  slot_at timestamptz not null,
  primary key (job, slot_at)
);
comment on table job_run is
  'Slots of the clock that have been claimed; the process that inserts the row acts. Local table.';
