-- Requests that are answered later (Prefer: respond-async), with their answers.

create table fhir_async (
  id          uuid primary key,
  actor_id    text not null,
  actor       jsonb not null,
  request_id  text not null,
  request     text not null,
  state       text not null default 'waiting' check (state in ('waiting', 'running', 'done')),
  created_at  timestamptz not null,
  started_at  timestamptz,
  finished_at timestamptz,
  answer      text,
  check ((state = 'done') = (finished_at is not null)),
  check (state <> 'done' or answer is not null)
);
comment on table fhir_async is
  'Requests whose callers come back for the answer; read by the caller who sent them only, and '
  'removed a day after they are done.';
comment on column fhir_async.actor is
  'Who asked, with rights, reach, scopes and masks as they were then: the token itself is not kept.';
comment on column fhir_async.request is 'JSON: method, path, query, headers, body.';
comment on column fhir_async.answer is 'A Bundle of type batch-response with one entry.';
create index fhir_async_waiting on fhir_async (actor_id) where state <> 'done';
create index fhir_async_old on fhir_async (created_at);
