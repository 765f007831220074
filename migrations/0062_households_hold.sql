-- Holds: Flags that stop or warn about payments to a household or one of its members.

create table hold (
  hold_id bigint primary key,
  fhir_id text not null,
  household_id bigint,
  member_id bigint,
  code text not null,
  policy text not null,
  active boolean not null,
  raised_at timestamptz not null,
  released_at timestamptz,
  version integer not null,
  constraint hold_subject_one check (num_nonnulls(household_id, member_id) = 1),
  constraint hold_policy_known check (policy in ('soft', 'hard')),
  constraint hold_released_at_released check (active = (released_at is null))
);
comment on table hold is
  'One row per Flag that is a hold. hard: nobody is paid while it stands; soft: an officer is '
  'warned. Payroll knows no reason beyond the code: whoever raises a hold explains it.';
create index hold_household on hold (household_id) where active;
create index hold_member on hold (member_id) where active;
