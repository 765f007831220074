-- Households and their members as typed facts, kept in the same write as the Group and Patient
-- resources they come from, so that payroll joins them set-based and never reads FHIR text.
-- Shard root: household_id; a member's own row is kept under member_id.

create table household (
  household_id bigint primary key,
  fhir_id text not null,
  area_id bigint,
  preferred_pay_point_id bigint,
  head_id bigint,
  collector_id bigint,
  collector_basis text,
  members_count smallint not null,
  active boolean not null,
  registered_at timestamptz not null,
  updated_at timestamptz not null,
  version integer not null,
  constraint household_collector_basis
    check ((collector_id is null) = (collector_basis is null)),
  constraint household_collector_basis_known
    check (collector_basis in ('declared', 'head')),
  constraint household_members_count_natural check (members_count >= 0)
);
comment on table household is
  'One row per Group that is a household: the facts that payroll and indicators join.';
comment on column household.household_id is 'Internal id (rid) of the Group.';
comment on column household.area_id is 'rid of the Location where the household lives.';
comment on column household.preferred_pay_point_id is
  'rid of the Location the household asked for; the link in force is in pay_point_link.';
comment on column household.collector_id is
  'Member who collects: the declared one, else the head; null leaves it to the only adult.';
comment on column household.collector_basis is 'Why this member collects: declared or head.';
comment on column household.members_count is 'Active members, deceased ones included.';
create index household_area on household (area_id);
create index household_fhir_id on household (fhir_id);

create table household_member (
  household_id bigint not null,
  member_id bigint not null,
  position smallint not null,
  role text,
  collector text,
  active boolean not null,
  sex text,
  birth_date date,
  birth_date_last date,
  disability boolean,
  deceased boolean not null default false,
  deceased_on date,
  primary key (household_id, member_id),
  constraint household_member_collector_known check (collector in ('primary', 'alternate')),
  constraint household_member_collector_active check (active or collector is null),
  constraint household_member_birth_range check (birth_date <= birth_date_last)
);
comment on table household_member is
  'Members of households, with a copy of the facts that rules count by: one GROUP BY over this '
  'table decides a payroll, and under Citus it stays within the shard of the household.';
comment on column household_member.position is 'Place in the Group; never decides who is paid.';
comment on column household_member.birth_date is
  'First day the member can have been born on; a birth year alone gives 1 January.';
comment on column household_member.birth_date_last is
  'Last day the member can have been born on; equal to birth_date when the day is known.';
comment on column household_member.disability is 'Null when unknown, never taken as no.';
create unique index household_member_one_head on household_member (household_id)
  where active and role = 'head';
create unique index household_member_one_collector on household_member (household_id)
  where active and collector = 'primary';
create index household_member_member on household_member (member_id);

create table household_characteristic (
  household_id bigint not null,
  code text not null,
  number_value numeric,
  code_value text,
  boolean_value boolean,
  primary key (household_id, code),
  constraint household_characteristic_one_value
    check (num_nonnulls(number_value, code_value, boolean_value) = 1)
);
comment on table household_characteristic is
  'Socio-economic facts of a household by code: a number, a code or yes/no. Missing is not zero.';

create table household_account (
  household_id bigint not null,
  kind text not null,
  provider_id bigint not null,
  account_number text not null,
  holder_name text,
  preferred boolean not null,
  primary key (household_id, provider_id, kind, account_number),
  constraint household_account_kind_known check (kind in ('mobile', 'bank'))
);
comment on table household_account is
  'Payment accounts a household may be paid to: a mobile number (E.164) or a bank account.';
comment on column household_account.provider_id is 'rid of the provider''s Organization.';
create unique index household_account_one_preferred on household_account (household_id)
  where preferred;

create table household_identifier (
  identifier_hash bigint not null,
  system text not null,
  value text not null,
  household_id bigint not null,
  primary key (identifier_hash, system, value)
);
comment on table household_identifier is
  'Who holds an identifier: the same identifier means the same household, whatever its id. '
  'Sharded by the hash, because it must be unique alone.';
create index household_identifier_household on household_identifier (household_id);
