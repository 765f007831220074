-- Schemes and their rules, enrolments and their states.

create table scheme (
  scheme_id bigint primary key,
  fhir_id text not null,
  name text not null,
  currency char(3) not null,
  frequency text not null,
  time_zone text not null,
  draft_at text,
  organization_id bigint,
  active boolean not null,
  starts_on date,
  ends_on date,
  rules_version integer not null,
  version integer not null,
  updated_at timestamptz not null,
  constraint scheme_days_ordered check (starts_on <= ends_on)
);
comment on table scheme is 'One row per InsurancePlan that is a scheme; a reference table.';
comment on column scheme.scheme_id is 'rid of the InsurancePlan.';
comment on column scheme.frequency is 'How often it pays: monthly, two-monthly, quarterly, ….';
comment on column scheme.draft_at is 'Cron expression at which its payroll is drafted.';
comment on column scheme.organization_id is 'rid of the Organization that owns it.';
comment on column scheme.rules_version is 'Version of the rules in force.';
create index scheme_fhir_id on scheme (fhir_id);

create table scheme_rules (
  scheme_id bigint not null,
  version integer not null,
  rules json not null,
  made_at timestamptz not null,
  made_by text not null,
  primary key (scheme_id, version)
);
comment on table scheme_rules is
  'Versions of rules, only ever added to: a payroll names the version it was drafted with.';

create table enrolment (
  household_id bigint not null,
  enrolment_id bigint not null,
  fhir_id text not null,
  scheme_id bigint not null,
  recipient_id bigint,
  state text not null,
  reason text,
  starts_on date not null,
  ends_on date,
  version integer not null,
  changed_at timestamptz not null,
  primary key (household_id, enrolment_id),
  constraint enrolment_state_known check (state in
    ('applied', 'eligible', 'waiting', 'enrolled', 'suspended', 'graduated', 'exited')),
  constraint enrolment_end_explained
    check (reason is not null or state not in ('suspended', 'graduated', 'exited')),
  constraint enrolment_days_ordered check (starts_on <= ends_on)
);
comment on table enrolment is
  'One row per Coverage that enrols a household in a scheme. Shard root: household_id.';
comment on column enrolment.enrolment_id is 'rid of the Coverage.';
comment on column enrolment.recipient_id is
  'rid of the Patient who is paid whatever the household says; null: the household''s collector.';
create unique index enrolment_one_live on enrolment (household_id, scheme_id)
  where state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended');
create index enrolment_scheme on enrolment (scheme_id, household_id);
create index enrolment_id on enrolment (enrolment_id);

create index household_member_deceased on household_member (household_id, member_id)
  where deceased;

create view schemes_scheme as
  select scheme_id, fhir_id, name, currency, frequency, time_zone, draft_at, organization_id,
         active, starts_on, ends_on, rules_version
  from scheme;
comment on view schemes_scheme is 'Schemes with their currency, frequency and rules in force.';

create view schemes_enrolment as
  select household_id, enrolment_id, fhir_id, scheme_id, recipient_id, state, reason, starts_on,
         ends_on, changed_at
  from enrolment;
comment on view schemes_enrolment is 'Enrolments of households in schemes, all states.';
