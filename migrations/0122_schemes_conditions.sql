-- What rules ask for beside the facts of households: conditions met month by month, and what the
-- community has decided.

create table scheme_compliance (
  household_id bigint not null,
  member_id    bigint not null,
  condition    text not null,
  month        date not null,
  outcome      text not null,
  observation_id bigint not null,
  recorded_at  timestamptz not null,
  primary key (household_id, member_id, condition, month),
  constraint scheme_compliance_outcome_known check (outcome in ('met', 'not-met', 'exempt')),
  constraint scheme_compliance_month_first check (extract(day from month) = 1)
);
comment on table scheme_compliance is
  'Whether a condition was met in a month: one row per Observation and month. A month without a '
  'row has no data. Shard root: household_id.';
comment on column scheme_compliance.member_id is 'rid of the Patient; 0: of the whole household.';
comment on column scheme_compliance.observation_id is 'rid of the Observation.';
create index scheme_compliance_observation on scheme_compliance (observation_id);

create table scheme_validation (
  household_id bigint not null,
  scheme_id    bigint not null,
  decision     text not null,
  reason       text,
  meeting      text,
  decided_on   date not null,
  recorded_by  text not null,
  recorded_at  timestamptz not null,
  primary key (household_id, scheme_id),
  constraint scheme_validation_decision_known check (decision in ('accepted', 'rejected'))
);
comment on table scheme_validation is
  'What the meeting of a community decided of a household for a scheme. Shard root: household_id.';

create view schemes_compliance as
  select household_id, member_id, condition, month, outcome from scheme_compliance;
comment on view schemes_compliance is 'Conditions met or not, by member and month.';

create view schemes_validation as
  select household_id, scheme_id, decision, decided_on from scheme_validation;
comment on view schemes_validation is 'Decisions of communities on households.';

alter table enrolment add column rank_position integer;
alter table enrolment add column score numeric;
comment on column enrolment.rank_position is
  'Place in the ranking when the household was enrolled or put on the waiting list.';
comment on column enrolment.score is 'The score it was ranked by.';
