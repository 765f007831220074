-- Members: Patients that declare the member profile or belong to a household.

create table member (
  member_id bigint primary key,
  fhir_id text not null,
  household_id bigint,
  sex text,
  birth_date date,
  birth_date_last date,
  birth_date_precision text,
  disability boolean,
  deceased boolean not null,
  deceased_on date,
  active boolean not null,
  phone text,
  updated_at timestamptz not null,
  version integer not null,
  constraint member_birth_range check (birth_date <= birth_date_last),
  constraint member_birth_precision_known
    check (birth_date_precision in ('day', 'month', 'year')),
  constraint member_birth_precision_given
    check ((birth_date is null) = (birth_date_precision is null)),
  constraint member_deceased_on_deceased check (deceased or deceased_on is null)
);
comment on table member is
  'One row per member. household_id holds one value, and it is taken by compare-and-set: '
  'that is how a member is in one household at a time, whatever is written at once.';
comment on column member.member_id is 'Internal id (rid) of the Patient.';
comment on column member.household_id is 'The household the member is an active member of.';
comment on column member.phone is 'Mobile number in E.164, where one was given and is valid.';
create index member_household on member (household_id) where household_id is not null;
create index member_fhir_id on member (fhir_id);

create table member_identifier (
  identifier_hash bigint not null,
  system text not null,
  value text not null,
  member_id bigint not null,
  primary key (identifier_hash, system, value)
);
comment on table member_identifier is
  'Who holds an identifier: the same identifier means the same member, whatever the id. '
  'Plain Patients of a registry (a hospital''s, say) are not held to it.';
create index member_identifier_member on member_identifier (member_id);
