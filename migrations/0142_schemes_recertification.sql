-- When a household was last looked at again; with the interval of the rules it tells who is due.

alter table enrolment add column recertified_on date;
comment on column enrolment.recertified_on is
  'When somebody last confirmed the facts of the household; null: not since it was enrolled.';
