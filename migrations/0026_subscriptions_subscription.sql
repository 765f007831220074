create table subscription (
  rid           bigint primary key,
  id            text not null,
  version       int not null,
  status        text not null check (status in ('requested', 'active', 'error', 'off')),
  author        text not null,
  scopes        json,
  type          text,
  query         text,
  topic         text,
  filters       json,
  endpoint      text not null,
  payload       text,
  content       text not null check (content in ('empty', 'id-only', 'full-resource')),
  heartbeat_seconds int check (heartbeat_seconds > 0),
  timeout_seconds   int check (timeout_seconds > 0),
  events_max    int not null default 1 check (events_max > 0),
  ends_at       timestamptz,
  matched       bigint not null default 0,
  handled       bigint not null default 0 check (handled <= matched),
  due_at        timestamptz,
  leased_until  timestamptz,
  lease         uuid,
  failures      int not null default 0,
  failing_since timestamptz,
  sent_at       timestamptz,
  check ((type is null) <> (topic is null)),
  check ((type is null) = (query is null))
);
comment on table subscription is
  'What each Subscription waits for, where it is told, and how far that has gone.';
comment on column subscription.author is
  'Actor who wrote the Subscription last: nothing is sent that this actor may not see.';
comment on column subscription.scopes is 'Scopes of the token with which the author wrote it.';
comment on column subscription.matched is 'Number of the last event that matched.';
comment on column subscription.handled is 'Number of the last event that the endpoint has taken.';
comment on column subscription.due_at is 'When something is to be sent; null: nothing is.';
comment on column subscription.lease is 'Whoever sends at present, until leased_until.';
create index subscription_type on subscription (type) where status <> 'off';
create index subscription_topic on subscription (topic) where status <> 'off';
create index subscription_due on subscription (due_at) where due_at is not null;

create table subscription_event (
  rid     bigint not null references subscription on delete cascade,
  number  bigint not null check (number > 0),
  at      timestamptz not null,
  cause   text not null,
  type    text not null,
  focus   text not null,
  version int,
  action  text not null check (action in ('create', 'update')),
  primary key (rid, number),
  unique (rid, cause)
);
comment on table subscription_event is
  'Events that matched, numbered for each subscription without a gap; kept for a time so that a '
  'subscriber can fetch what it has missed.';
comment on column subscription_event.cause is
  'What makes an event the same when its job runs twice: the job and its place in it.';
comment on column subscription_event.focus is 'FHIR id of the resource that the event is about.';
create index subscription_event_at on subscription_event (at);

create table subscription_secret (
  id             text primary key,
  headers        json not null default '[]',
  signing        bytea not null,
  signing_before bytea,
  before_until   timestamptz
);
comment on table subscription_secret is
  'Values of channel.header and signing keys, by FHIR id; they stand in no resource and no history.';
comment on column subscription_secret.signing_before is
  'The key before the last rotation, with which is signed as well until before_until.';

insert into access_role_permission values
  ('registry-client', 'Subscription.read'), ('registry-client', 'Subscription.write'),
  ('reporting-client', 'Subscription.read'), ('reporting-client', 'Subscription.write');

create function subscription_await(event text, at timestamptz, interactions text[], types text[],
                                   keys bytea[], versions int[]) returns boolean
  language plpgsql as $$
begin
  insert into outbox (name, data, at)
  select event, json_build_object('type', w.type, 'id', audit_id(w.key), 'version', w.version,
                                  'action', w.interaction), subscription_await.at
  from unnest(interactions, types, keys, versions) with ordinality
    as w(interaction, type, key, version, n)
  where w.interaction in ('create', 'update')
    and exists (select from subscription s where s.type = w.type and s.status <> 'off')
  order by w.n;
  return found;
end $$;
comment on function subscription_await(text, timestamptz, text[], text[], bytea[], int[]) is
  'Makes events of those writes (as the trail notes them) that a Subscription waits for; true when '
  'there are any.';
