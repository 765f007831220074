-- Every state that an enrolment has had, so that what was true at the end of a month can be told
-- later, and newly enrolled, suspended and ended ones can be counted.

create table enrolment_change (
  household_id bigint not null,
  enrolment_id bigint not null,
  change_no    bigint not null generated always as identity,
  scheme_id    bigint not null,
  state_before text,
  state        text not null,
  reason       text,
  effective_on date not null,
  changed_at   timestamptz not null,
  primary key (household_id, enrolment_id, change_no)
);
comment on table enrolment_change is
  'Append only: each state of each enrolment, written with it. Shard root: household_id.';
comment on column enrolment_change.effective_on is
  'From when the state counts: the start of a new enrolment, the end of an ended one, else the day '
  'of the change in the time zone of the scheme.';

insert into enrolment_change
  (household_id, enrolment_id, scheme_id, state, reason, effective_on, changed_at)
select household_id, enrolment_id, scheme_id, state, reason,
       case when state in ('graduated', 'exited') then coalesce(ends_on, changed_at::date)
            when state = 'suspended' then changed_at::date else starts_on end,
       changed_at
from enrolment;

create view schemes_enrolment_change as
select c.household_id, c.enrolment_id, c.change_no, c.scheme_id, c.state_before, c.state, c.reason,
       c.effective_on, c.changed_at
from enrolment_change c
join enrolment e on e.household_id = c.household_id and e.enrolment_id = c.enrolment_id;
comment on view schemes_enrolment_change is
  'States of enrolments over time, in the order of effective_on, change_no; enrolments that were '
  'deleted as never having been are left out.';
