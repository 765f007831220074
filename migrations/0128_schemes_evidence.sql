-- What a computation of long ago could know: which resources once gave facts that stand in typed tables
-- no longer, what communities decided before, and who may have lines computed again.

create table scheme_evidence_past (
  household_id bigint not null,
  member_id    bigint not null,
  resource_id  bigint not null,
  type         text not null,
  recorded_at  timestamptz not null,
  primary key (household_id, member_id, resource_id),
  constraint scheme_evidence_past_type_known check (type in ('Observation', 'QuestionnaireResponse'))
);
comment on table scheme_evidence_past is
  'Observations and QuestionnaireResponses that gave facts of a household or member and were changed, '
  'replaced or deleted since: what they said then is in their history. Shard root: household_id.';
comment on column scheme_evidence_past.member_id is 'rid of the Patient; 0: of the household.';
comment on column scheme_evidence_past.recorded_at is 'When it first gave facts of this household.';
create index scheme_evidence_past_member on scheme_evidence_past (member_id) where member_id <> 0;

create table scheme_validation_past (
  household_id bigint not null,
  scheme_id    bigint not null,
  decision     text not null,
  recorded_at  timestamptz not null,
  primary key (household_id, scheme_id, recorded_at)
);
comment on table scheme_validation_past is
  'Decisions of communities that a later one has replaced. Shard root: household_id.';

insert into access_role_permission
select role, 'payroll.recompute'
from unnest(array['auditor', 'finance-officer', 'payroll-approver']) role
on conflict do nothing;
