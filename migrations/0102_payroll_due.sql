-- What is due and what became of it, for indicators. Due is the last day of the payment period.

create index payroll_line_paid on payroll_line (paid_at) where paid_at is not null;
create index payroll_ends on payroll (ends_on);

create view payroll_due as
select l.household_id, l.line_id, l.payroll_id, l.scheme_id, l.recipient_id, l.area_id,
       l.account_kind, l.amount_minor, p.currency, p.ends_on as due_on,
       case l.state when 'open' then 'approved' else l.state end as state, l.reason, l.paid_at,
       (l.paid_at at time zone s.time_zone)::date as paid_on
from payroll_line l
join payroll p on p.payroll_id = l.payroll_id
join scheme s on s.scheme_id = l.scheme_id
where p.state in ('approved', 'closed')
  and l.state <> 'cancelled';
comment on view payroll_due is
  'Published: lines of approved payrolls, with the day each was due and the day it was paid, both '
  'in the calendar of the scheme.';

create view payroll_excluded as
select e.household_id, e.payroll_id, p.scheme_id, e.recipient_id, e.area_id, e.reason,
       p.ends_on as due_on
from payroll_exclusion e
join payroll p on p.payroll_id = e.payroll_id
where p.state in ('approved', 'closed');
comment on view payroll_excluded is
  'Published: enrolments left out of approved payrolls, with the reason.';
