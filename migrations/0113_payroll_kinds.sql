-- Kinds of payroll. What a household is due for a period stands on one line, whatever the path (slot '');
-- what is paid besides, or again, has a slot of its own and names the line that it adds to.

alter table payroll
  add column kind text not null default 'regular'
    check (kind in ('regular', 'back-pay', 'follow-up', 'top-up', 'regularisation')),
  add column area_id bigint,
  add column label text not null default '';
comment on column payroll.area_id is 'Only households of this area and those below it; null: all.';
comment on column payroll.label is 'Names a top-up; empty otherwise.';
drop index payroll_one_live;
create unique index payroll_one_live on payroll (scheme_id, period_code, coalesce(area_id, 0))
  where kind = 'regular' and state not in ('rejected', 'cancelled');
create unique index payroll_one_open on payroll (scheme_id, period_code, kind, label)
  where kind <> 'regular' and state in ('drafted', 'returned');
comment on index payroll_one_open is 'Of the other kinds one is decided on before the next is drafted.';

alter table payroll_line
  add column slot text not null default '',
  add column corrects_id uuid,
  add column order_id uuid;
alter table payroll_line drop constraint payroll_line_once;
alter table payroll_line add constraint payroll_line_once
  primary key (household_id, scheme_id, period_code, slot, cancelled_key);
alter table payroll_line add constraint payroll_line_slot
  check ((slot = '') = (corrects_id is null)
    and (slot = '' or slot ~ '^(top-up:.+|difference:[1-9][0-9]*|follow-up:[1-9][0-9]*)$')
    and (order_id is not null) = (slot like 'follow-up:%'));
comment on constraint payroll_line_once on payroll_line is
  'A household is due one payment per scheme and period, whatever the path; a top-up of a name once, a '
  'difference and a follow-up one after the other.';
comment on column payroll_line.slot is
  'empty: what is due for the period; top-up:[name], difference:[n] and follow-up:[n] beside it.';
comment on column payroll_line.corrects_id is 'The line that this one adds to or pays again.';
comment on column payroll_line.order_id is
  'Of a follow-up: the line under whose id it is ordered, as that line''s next attempt, so that the same '
  'rule that guards attempts guards it from paying twice.';
create index payroll_line_order on payroll_line (order_id, household_id) where order_id is not null;

create table payroll_ceiling (
  ceiling_id  uuid primary key,
  scheme_id   bigint not null,
  per         text not null check (per in ('payroll', 'period', 'year')),
  area_id     bigint,
  fund        text,
  limit_minor bigint not null check (limit_minor >= 0),
  currency    text not null,
  starts_on   date not null,
  ends_on     date,
  set_by      text not null,
  set_at      timestamptz not null,
  ended_by    text,
  ended_at    timestamptz,
  check (starts_on <= ends_on)
);
comment on table payroll_ceiling is
  'Budgets and ceilings: what approved payrolls of a scheme may come to, per payroll, period or calendar '
  'year, in all or in an area, from all funds or one. A change ends one row and adds another.';
create index payroll_ceiling_scheme on payroll_ceiling (scheme_id) where ended_at is null;

drop view payroll_claim_fhir;
create view payroll_claim_fhir as
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
       'claim'::text as use, null::text as exclusion_reason
from payroll_line l join payroll p on p.payroll_id = l.payroll_id;
comment on view payroll_claim_fhir is 'Published: payroll lines as FHIR Claim.';

drop view payroll_exclusion_fhir;
create view payroll_exclusion_fhir as
select e.exclusion_id::text as id, e.exclusion_id, e.payroll_id as payroll_key, e.key,
       e.at as updated_at, 1 as version,
       e.payroll_id::text as payroll_id, e.household_id, e.recipient_id, e.enrolment_id, e.reason,
       e.criterion_number, e.area_id, p.currency, p.starts_on, p.ends_on, p.drafted_at,
       p.scheme_id, p.rules_version, 'cancelled'::text as status, 'claim'::text as use,
       e.reason as exclusion_reason, null::text as state
from payroll_exclusion e join payroll p on p.payroll_id = e.payroll_id;
comment on view payroll_exclusion_fhir is
  'Published: enrolments left out of payrolls as FHIR Claim with status cancelled and the reason.';

drop view payroll_list_fhir;
create view payroll_list_fhir as
select p.payroll_id::text as id, p.key, p.updated_at, p.version, p.payroll_id, p.scheme_id,
       p.period_code, p.starts_on, p.ends_on, p.currency, p.state, p.lines_count, p.lines_minor,
       p.excluded_count, p.drafted_at, p.drafted_by, p.decided_at, p.decided_by, p.reason,
       p.rules_version, s.fhir_id as scheme_fhir_id, s.name as scheme_name, p.kind, p.step, p.round,
       p.label, a.fhir_id as area_fhir_id, 'payroll'::text as code,
       concat_ws(' ', s.name, p.period_code, nullif(p.kind, 'regular'), nullif(p.label, ''), a.name)
         as title,
       case when p.state in ('rejected', 'cancelled') then 'retired' else 'current' end as status
from payroll p join scheme s on s.scheme_id = p.scheme_id
left join pay_points_area a on a.area_id = p.area_id;
comment on view payroll_list_fhir is 'Published: payrolls as FHIR List.';

create or replace view payroll_due as
select l.household_id, l.line_id, l.payroll_id, l.scheme_id, l.recipient_id, l.area_id,
       l.account_kind, l.amount_minor, p.currency, p.ends_on as due_on,
       case l.state when 'open' then 'approved' else l.state end as state, l.reason, l.paid_at,
       (l.paid_at at time zone s.time_zone)::date as paid_on
from payroll_line l
join payroll p on p.payroll_id = l.payroll_id
join scheme s on s.scheme_id = l.scheme_id
where p.state in ('approved', 'closed')
  and l.state <> 'cancelled' and l.order_id is null;
comment on view payroll_due is
  'Published: lines of approved payrolls, with the day each was due and the day it was paid, both '
  'in the calendar of the scheme. A follow-up is no second due: its first line follows what it comes to.';

create or replace view payroll_excluded as
select e.household_id, e.payroll_id, p.scheme_id, e.recipient_id, e.area_id, e.reason,
       p.ends_on as due_on
from payroll_exclusion e
join payroll p on p.payroll_id = e.payroll_id
where p.state in ('approved', 'closed') and p.kind = 'regular';
comment on view payroll_excluded is
  'Published: enrolments left out of approved regular payrolls, with the reason.';
