-- Facts about members that rules of schemes may ask for, beside those that have columns.

alter table member add column facts jsonb;
comment on column member.facts is
  'Facts by code: number, true or false, text of a code or day. What is absent is not known.';

alter table household_member add column facts jsonb;
comment on column household_member.facts is 'Copy of member.facts.';

create or replace view households_member as
  select household_id, member_id, position, role, collector, sex, birth_date, birth_date_last,
         disability, deceased, deceased_on, facts
  from household_member
  where active;
