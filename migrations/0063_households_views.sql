-- The published side of the room: views that other rooms may join.

create view households_household as
  select household_id, fhir_id, area_id, preferred_pay_point_id, head_id, collector_id,
         collector_basis, members_count, active, registered_at, updated_at, version
  from household;
comment on view households_household is 'Households; one row per Group that is a household.';

create view households_member as
  select household_id, member_id, position, role, collector, sex, birth_date, birth_date_last,
         disability, deceased, deceased_on
  from household_member
  where active;
comment on view households_member is
  'Active members of households with the facts that rules count by; deceased ones are included '
  'and marked, for a collector''s death must be seen.';

create view households_person as
  select member_id, fhir_id, household_id, sex, birth_date, birth_date_last,
         birth_date_precision, disability, deceased, deceased_on, active, phone
  from member;
comment on view households_person is 'Members by themselves, with the household they are in.';

create view households_characteristic as
  select household_id, code, number_value, code_value, boolean_value
  from household_characteristic;
comment on view households_characteristic is 'Socio-economic facts of households by code.';

create view households_account as
  select household_id, kind, provider_id, account_number, holder_name, preferred
  from household_account;
comment on view households_account is
  'Payment accounts of households; at most one is preferred and payroll pays that one.';

create view households_hold as
  select coalesce(h.household_id, m.household_id) as household_id, h.member_id, h.hold_id,
         h.fhir_id, h.code, h.policy, h.raised_at
  from hold h
  left join member m on m.member_id = h.member_id
  where h.active and (h.household_id is not null or m.household_id is not null);
comment on view households_hold is
  'Holds in force by household: its own, and those of the members it has now.';
