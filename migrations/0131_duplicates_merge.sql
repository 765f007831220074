-- Merges of people and how to undo them; who answers for whom; what reviewers have decided.

create table merge_record (
  merge_id    uuid primary key,
  key         bigint not null generated always as identity unique,
  source_rid  bigint not null,
  target_rid  bigint not null,
  source_id   text not null,
  target_id   text not null,
  state       text not null default 'merged' check (state in ('merged', 'undone')),
  result      text,
  proposed_by text,
  merged_by   text not null,
  merged_at   timestamptz not null,
  undone_by   text,
  undone_at   timestamptz,
  check (source_rid <> target_rid),
  check (proposed_by is distinct from merged_by),
  check ((state = 'undone') = (undone_by is not null)),
  check ((undone_by is null) = (undone_at is null))
);
comment on table merge_record is 'One row a merge: the source was replaced by the target.';
comment on column merge_record.result is 'The result-patient as it was given, JSON; null without one.';
comment on column merge_record.proposed_by is 'The first of two people, where money was at stake.';
create unique index merge_record_once on merge_record (source_rid) where state = 'merged';
comment on index merge_record_once is 'A record is replaced by one other.';
create index merge_record_target on merge_record (target_rid);

create table merge_patch (
  merge_id       uuid not null,
  place          int not null,
  type           text not null,
  id             text not null,
  patch          text not null,
  version_before int not null,
  version_after  int not null,
  primary key (merge_id, place),
  unique (merge_id, type, id)
);
comment on table merge_patch is
  'What a merge changed in each resource, as it is undone: elements with what stood before and after.';

create table patient_alias (
  survivor_key uuid not null,
  former_key   uuid not null,
  survivor_rid bigint not null,
  former_rid   bigint not null,
  former_id    text not null,
  primary key (survivor_key, former_key)
);
comment on table patient_alias is
  'Which records a record answers for, through any number of merges: a search for the survivor finds '
  'what is settled under the former ids.';
create index patient_alias_former on patient_alias (former_key);
create index patient_alias_survivor on patient_alias (survivor_rid);

create table merge_proposal (
  proposal_id    uuid primary key,
  source_rid     bigint not null,
  target_rid     bigint not null,
  source_version int not null,
  target_version int not null,
  result         text,
  task_id        text not null,
  state          text not null default 'open' check (state in ('open', 'accepted', 'lapsed')),
  proposed_by    text not null,
  proposed_at    timestamptz not null,
  decided_by     text,
  decided_at     timestamptz,
  check (decided_by <> proposed_by or state = 'lapsed'),
  check ((state = 'open') = (decided_by is null)),
  check ((decided_by is null) = (decided_at is null))
);
comment on table merge_proposal is
  'Merges of people whose payments are at stake: one proposes, another merges the same versions.';
create unique index merge_proposal_open on merge_proposal (source_rid, target_rid)
  where state = 'open';

create table match_verdict (
  key        bigint primary key generated always as identity,
  a          bigint not null,
  b          bigint not null,
  verdict    text not null check (verdict in ('duplicate', 'not-duplicate', 'field-check')),
  final      boolean not null,
  reason     text not null,
  task_id    text,
  p          real,
  grade      text,
  model_id   bigint,
  a_version  int not null,
  b_version  int not null,
  decided_by text not null,
  decided_at timestamptz not null,
  check (a < b)
);
comment on table match_verdict is
  'Append only: what reviewers decided of two records, as labelled data. a and b are rids of Patients.';
comment on column match_verdict.final is
  'False while a second person has to agree; a final verdict binds the matching.';
create index match_verdict_pair on match_verdict (a, b, key);
create index match_verdict_b on match_verdict (b);

create function match_verdict_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'verdicts are append only' using errcode = 'restrict_violation';
end $$;
comment on function match_verdict_refuse_change() is 'Refuses UPDATE, DELETE and TRUNCATE of verdicts.';
create trigger match_verdict_append_only before update or delete or truncate on match_verdict
  for each statement execute function match_verdict_refuse_change();

create view match_verdict_last as
select distinct on (a, b) a, b, verdict, task_id, p, grade, model_id, a_version, b_version, decided_at
from match_verdict where final order by a, b, key desc;
comment on view match_verdict_last is 'Published: what stands of each pair that was decided.';

create table review_lease (
  task_id  text primary key,
  owner_id text not null,
  until    timestamptz not null
);
comment on table review_lease is 'Who is looking at which suspicion now, so that two do not at once.';

alter table match_suspicion add column harm double precision;
comment on column match_suspicion.harm is
  'Expected harm: what both records were due within a year, in minor units and one, × p × (1 − p); null '
  'until it is ranked.';
create index match_suspicion_queue on match_suspicion (harm desc, a, b) where state = 'open';

insert into access_role values
  ('duplicates-officer', 'reviews suspected duplicates, merges people and takes merges back')
on conflict do nothing;
insert into access_role_permission
select role, unnest(permissions) from (values
  ('duplicates-officer', array['*.read', 'duplicates.merge', 'duplicates.unmerge', 'duplicates.review',
    'schemes.enrol', 'Patient.write', 'Group.write', 'Coverage.write', 'Consent.write',
    'RelatedPerson.write', 'EpisodeOfCare.write', 'Flag.write', 'Task.write', 'Linkage.write',
    'Provenance.write', 'payroll.read']),
  ('auditor', array['duplicates.review-quality'])) as r(role, permissions)
on conflict do nothing;
insert into access_role_permission values ('duplicates-officer', 'duplicates.review-quality')
on conflict do nothing;
