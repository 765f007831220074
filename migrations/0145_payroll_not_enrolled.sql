-- Who waits for a place, or has left since the payroll before, is listed on a payroll with the reason.
create index enrolment_not_paid on enrolment (scheme_id, household_id)
  where state in ('waiting', 'exited', 'graduated');
