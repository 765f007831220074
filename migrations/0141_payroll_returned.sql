-- Lines of which a part was paid, or came back; and lines that are cancelled after their approval.

alter table payroll_line add column paid_minor bigint;
comment on column payroll_line.paid_minor is
  'What the household has of a line that is not paid in full; null: nothing, or all where it is paid.';
alter table payroll_line drop constraint payroll_line_state_check;
alter table payroll_line add constraint payroll_line_state_check check (state in
  ('open', 'sent', 'paid', 'not-paid', 'partly-paid', 'unknown', 'cancelled'));
alter table payroll_line add constraint payroll_line_paid check
  (paid_minor is null or (paid_minor between 1 and amount_minor - 1 and state <> 'paid'));

create or replace view payroll_claim_fhir as
select l.line_id::text as id, l.line_id, l.payroll_id as payroll_key, l.key,
       greatest(l.updated_at, p.decided_at) as updated_at,
       l.version + case when p.decided_at is null then 0 else p.version end as version,
       l.payroll_id::text as payroll_id,
       l.household_id, l.recipient_id, l.enrolment_id, l.provider_id, l.scheme_id, l.area_id,
       l.amount_minor, l.step_minor, l.step_counts, l.step_members, l.household_version,
       case when l.state <> 'open' then l.state
            when p.state in ('drafted', 'returned') then 'drafted' else 'approved' end as state,
       l.reason, l.paid_at, l.account_kind, p.currency, p.starts_on, p.ends_on, p.drafted_at,
       p.rules_version, l.slot, l.corrects_id, p.kind,
       case when l.state = 'cancelled' then 'cancelled'
            when l.state = 'open' and p.state in ('drafted', 'returned') then 'draft'
            else 'active' end as status,
       'claim'::text as use, null::text as exclusion_reason, l.paid_minor
from payroll_line l join payroll p on p.payroll_id = l.payroll_id;

create or replace view payroll_due as
select l.household_id, l.line_id, l.payroll_id, l.scheme_id, l.recipient_id, l.area_id,
       l.account_kind, l.amount_minor, p.currency, p.ends_on as due_on,
       case l.state when 'open' then 'approved' else l.state end as state, l.reason, l.paid_at,
       (l.paid_at at time zone s.time_zone)::date as paid_on,
       case l.state when 'paid' then l.amount_minor else coalesce(l.paid_minor, 0) end as paid_minor
from payroll_line l
join payroll p on p.payroll_id = l.payroll_id
join scheme s on s.scheme_id = l.scheme_id
where p.state in ('approved', 'closed')
  and l.state <> 'cancelled' and l.order_id is null;
comment on view payroll_due is
  'Published: lines of approved payrolls, with the day each was due, what is paid of it and the day it '
  'was paid last, days in the calendar of the scheme. A follow-up is no second due: its first line '
  'follows what it comes to.';

-- A follow-up can have two lines of a household (an entitlement and a top-up that both failed), and
-- each that is taken off again is listed.
alter table payroll_exclusion drop constraint payroll_exclusion_household_id_payroll_id_enrolment_id_key;
