create table payroll (
  payroll_id    uuid primary key,
  key           bigint not null generated always as identity unique,
  scheme_id     bigint not null,
  rules_version int not null,
  period_code   text not null,
  starts_on     date not null,
  ends_on       date not null,
  currency      text not null,
  fund          text not null,
  state         text not null
    check (state in ('drafted', 'approved', 'closed', 'rejected', 'cancelled')),
  lines_count   bigint not null default 0 check (lines_count >= 0),
  lines_minor   bigint not null default 0 check (lines_minor >= 0),
  excluded_count bigint not null default 0 check (excluded_count >= 0),
  drafted_by    text not null,
  drafted_at    timestamptz not null,
  decided_by    text,
  decided_at    timestamptz,
  reason        text,
  closed_at     timestamptz,
  updated_at    timestamptz not null,
  version       int not null default 1,
  check (starts_on <= ends_on),
  check ((state in ('rejected', 'cancelled')) <= (reason is not null)),
  check (decided_by is distinct from drafted_by or state in ('drafted', 'cancelled'))
);
comment on table payroll is 'A run of a scheme for a payment period; lines are in payroll_line.';
create unique index payroll_one_live on payroll (scheme_id, period_code)
  where state not in ('rejected', 'cancelled');

create table payroll_line (
  household_id      bigint not null,
  line_id           uuid not null,
  key               bigint not null generated always as identity,
  payroll_id        uuid not null,
  scheme_id         bigint not null,
  period_code       text not null,
  enrolment_id      bigint not null,
  recipient_id      bigint not null,
  amount_minor      bigint not null check (amount_minor > 0),
  step_minor        bigint[],
  step_counts       int[],
  step_members      bigint[],
  household_version int,
  area_id           bigint,
  pay_point_id      bigint,
  provider_id       bigint not null,
  account_kind      text not null,
  account_number    text,
  state             text not null default 'open'
    check (state in ('open', 'sent', 'paid', 'not-paid', 'unknown', 'cancelled')),
  cancelled_key     bigint not null default 0,
  reason            text,
  paid_at           timestamptz,
  updated_at        timestamptz not null,
  version           int not null default 1,
  constraint payroll_line_once primary key (household_id, scheme_id, period_code, cancelled_key),
  check (cancelled_key = case when state = 'cancelled' then key else 0 end)
) with (fillfactor = 90);
comment on table payroll_line is
  'Entitlements on a payroll, with what they were computed from frozen. Root: household_id.';
comment on constraint payroll_line_once on payroll_line is
  'A household is paid once per scheme and period, whatever the path.';
comment on column payroll_line.step_minor is
  'What explains the amount, a number for each step of the rules; see explainSteps of schemes.';
comment on column payroll_line.household_version is
  'Version of the Group that was read: its members are those that step_members counts.';
comment on column payroll_line.state is
  'open: as far as its payroll is, drafted or approved; later states follow the instruction.';
comment on column payroll_line.cancelled_key is
  '0 while the line counts; its key once cancelled, so that the household may be drafted again.';
create index payroll_line_payroll on payroll_line (payroll_id, key);
create unique index payroll_line_id on payroll_line (line_id, household_id);

create table payroll_exclusion (
  household_id     bigint not null,
  exclusion_id     uuid not null,
  key              bigint not null generated always as identity,
  payroll_id       uuid not null,
  enrolment_id     bigint not null,
  recipient_id     bigint,
  reason           text not null,
  criterion_number int,
  area_id          bigint,
  at               timestamptz not null,
  primary key (household_id, exclusion_id),
  unique (household_id, payroll_id, enrolment_id)
);
comment on table payroll_exclusion is
  'Enrolments that could have been on a payroll and are not, each with its reason.';
create index payroll_exclusion_payroll on payroll_exclusion (payroll_id, reason, key);
create index payroll_exclusion_id on payroll_exclusion (exclusion_id);
create index payroll_exclusion_recipient on payroll_exclusion (recipient_id);

create view payroll_list_fhir as
select p.payroll_id::text as id, p.key, p.updated_at, p.version, p.payroll_id, p.scheme_id,
       p.period_code, p.starts_on, p.ends_on, p.currency, p.state, p.lines_count, p.lines_minor,
       p.excluded_count, p.drafted_at, p.drafted_by, p.decided_at, p.decided_by, p.reason,
       p.rules_version, s.fhir_id as scheme_fhir_id, s.name as scheme_name,
       'payroll'::text as code,
       s.name || ' ' || p.period_code as title,
       case when p.state in ('rejected', 'cancelled') then 'retired' else 'current' end as status
from payroll p join scheme s on s.scheme_id = p.scheme_id;
comment on view payroll_list_fhir is 'Published: payrolls as FHIR List.';

create view payroll_claim_fhir as
select l.line_id::text as id, l.line_id, l.payroll_id as payroll_key, l.key,
       greatest(l.updated_at, p.decided_at) as updated_at,
       l.version + case when p.decided_at is null then 0 else 1 end as version,
       l.payroll_id::text as payroll_id,
       l.household_id, l.recipient_id, l.enrolment_id, l.provider_id, l.scheme_id, l.area_id,
       l.amount_minor, l.step_minor, l.step_counts, l.step_members, l.household_version,
       case when l.state <> 'open' then l.state when p.state = 'drafted' then 'drafted'
            else 'approved' end as state,
       l.reason, l.paid_at, l.account_kind, p.currency, p.starts_on, p.ends_on, p.drafted_at,
       p.rules_version,
       case when l.state = 'cancelled' then 'cancelled'
            when l.state = 'open' and p.state = 'drafted' then 'draft' else 'active' end as status,
       'claim'::text as use
from payroll_line l join payroll p on p.payroll_id = l.payroll_id;
comment on view payroll_claim_fhir is 'Published: payroll lines as FHIR Claim.';

create view payroll_exclusion_fhir as
select e.exclusion_id::text as id, e.exclusion_id, e.payroll_id as payroll_key, e.key,
       e.at as updated_at, 1 as version,
       e.payroll_id::text as payroll_id, e.household_id, e.recipient_id, e.enrolment_id, e.reason,
       e.criterion_number, e.area_id, p.currency, p.starts_on, p.ends_on, p.drafted_at,
       p.scheme_id, 'cancelled'::text as status, 'claim'::text as use
from payroll_exclusion e join payroll p on p.payroll_id = e.payroll_id;
comment on view payroll_exclusion_fhir is
  'Published: enrolments left out of payrolls as FHIR Claim with status cancelled and the reason.';
