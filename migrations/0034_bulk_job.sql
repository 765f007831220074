create table bulk_job (
  id          uuid primary key,
  kind        text not null check (kind in ('export', 'import')),
  state       text not null default 'waiting'
              check (state in ('waiting', 'running', 'done', 'failed', 'cancelled')),
  actor_id    text not null,
  actor       jsonb not null,
  request     text not null,
  task        jsonb not null,
  tries       int not null default 0,
  progress    text not null default 'waiting',
  position    bigint not null default 0,
  done        bigint not null default 0,
  unchanged   bigint not null default 0,
  faulty      bigint not null default 0,
  result      jsonb,
  created_at  timestamptz not null,
  finished_at timestamptz,
  expires_at  timestamptz
);
comment on table bulk_job is
  'Bulk exports and imports; their files lie in the folder bulk/<id> of the data directory.';
comment on column bulk_job.actor is
  'Who asked, with the rights of that moment: the job sees and may do what its caller could.';
comment on column bulk_job.task is 'What to do, as it was understood from the request.';
comment on column bulk_job.tries is 'Times that a process has begun; each begins in a folder of its own.';
comment on column bulk_job.position is 'Of an import: bytes of the input that are done with.';
comment on column bulk_job.result is 'Manifest of what is done, or OperationOutcome of what failed.';
create index bulk_job_actor on bulk_job (actor_id) where state in ('waiting', 'running');
create index bulk_job_expiry on bulk_job (expires_at);
