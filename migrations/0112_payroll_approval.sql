-- Approval flows as data: who must vote in which order, and what they voted. A payroll stays on the
-- version of the flow with which it was submitted.

create view access_member as
select a.actor_id, a.login, a.name, r.role
from access_actor a join access_actor_role r using (actor_id) where a.active;
comment on view access_member is 'Published: active actors with each of their roles.';

create table payroll_flow (
  flow_id   bigint not null,
  version   int not null,
  fhir_id   text not null,
  title     text not null,
  scheme_id bigint,
  in_force  boolean not null,
  steps     json not null,
  made_at   timestamptz not null,
  made_by   text not null,
  primary key (flow_id, version)
);
comment on table payroll_flow is
  'Versions of approval flows (PlanDefinition), only ever added to: payrolls under way keep theirs.';
comment on column payroll_flow.scheme_id is 'null: for every scheme that has no flow of its own.';
create unique index payroll_flow_in_force on payroll_flow (coalesce(scheme_id, 0)) where in_force;

alter table payroll
  add column round int not null default 1,
  add column flow_id bigint,
  add column flow_version int,
  add column step int,
  add column submitted_minor bigint;
comment on column payroll.round is 'Grows when a payroll that was returned is submitted again.';
comment on column payroll.step is 'Number of the step that votes now; null without a flow.';
comment on column payroll.submitted_minor is
  'Sum of the lines when it was submitted: which steps apply does not change by taking lines off.';
alter table payroll drop constraint payroll_state_check;
alter table payroll add constraint payroll_state_check
  check (state in ('drafted', 'returned', 'approved', 'closed', 'rejected', 'cancelled'));

create table payroll_vote (
  key          bigint generated always as identity primary key,
  payroll_id   uuid not null,
  round        int not null,
  step         int not null,
  act          text not null
    check (act in ('submit', 'accept', 'reject', 'return', 'accept-line', 'reject-line')),
  actor_id     text not null,
  seat_id      text not null,
  household_id bigint,
  line_id      uuid,
  reason       text,
  lines_count  bigint,
  lines_minor  bigint,
  at           timestamptz not null,
  check ((act in ('accept-line', 'reject-line')) = (line_id is not null)),
  check (reason is not null or act in ('submit', 'accept', 'accept-line'))
);
comment on table payroll_vote is
  'Append only: who submitted a payroll, who voted on it or on its lines, at which step, and why.';
comment on column payroll_vote.seat_id is 'Whose vote it is: the actor''s own, or who delegated it.';
comment on column payroll_vote.lines_minor is 'What stood on the payroll when it was voted on.';
-- Makers are written as such into each round, so that the same keys hold makers and checkers apart.
create unique index payroll_vote_person_once on payroll_vote (payroll_id, round, actor_id)
  where line_id is null;
comment on index payroll_vote_person_once is
  'A person votes once on a payroll, at whatever step, and never on one of their own making.';
create unique index payroll_vote_seat_once on payroll_vote (payroll_id, round, seat_id)
  where line_id is null;
create unique index payroll_vote_line_once on payroll_vote (payroll_id, round, step, actor_id, line_id)
  where line_id is not null;

create function payroll_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'votes are append only' using errcode = 'restrict_violation';
end $$;
comment on function payroll_refuse_change() is 'Refuses UPDATE, DELETE and TRUNCATE of votes.';
create trigger payroll_vote_append_only before update or delete or truncate on payroll_vote
  for each statement execute function payroll_refuse_change();

create table payroll_seat (
  payroll_id uuid not null,
  round      int not null,
  step       int not null,
  seat_id    text not null,
  owner_id   text not null,
  task_id    uuid not null default gen_random_uuid() unique,
  key        bigint generated always as identity unique,
  at         timestamptz not null,
  primary key (payroll_id, round, step, seat_id, owner_id)
);
comment on table payroll_seat is
  'Whom a step was put to when it opened, the delegates of who was absent included: their Tasks.';
create index payroll_seat_owner on payroll_seat (owner_id, key);

create table payroll_delegation (
  delegation_id uuid primary key,
  from_actor    text not null,
  to_actor      text,
  starts_on     date not null,
  ends_on       date not null,
  reason        text not null,
  made_by       text not null,
  made_at       timestamptz not null,
  ended_by      text,
  ended_at      timestamptz,
  check (starts_on <= ends_on),
  check (from_actor <> to_actor),
  check ((ended_by is null) = (ended_at is null))
);
comment on table payroll_delegation is
  'Who votes for whom, on which days; without a delegate somebody is absent and not waited for.';
create index payroll_delegation_from on payroll_delegation (from_actor) where ended_at is null;

create view payroll_task_fhir as
select s.task_id::text as id, s.task_id, s.key,
       greatest(s.at, v.at, case when v.key is null then p.updated_at end) as updated_at,
       case when v.key is null then p.version else p.version + 1 end as version,
       s.payroll_id, s.payroll_id::text as focus, p.scheme_id, s.step, s.owner_id, s.seat_id, s.at,
       coalesce(v.at, p.updated_at) as modified_at,
       case when v.key is not null then 'completed'
            when p.state = 'drafted' and p.round = s.round and p.step = s.step then 'requested'
            else 'cancelled' end as status,
       v.act, v.reason, v.actor_id as voted_by, 'approve-payroll'::text as code, 'order'::text as intent,
       (select t.value ->> 'name' from json_array_elements(f.steps) t
        where (t.value ->> 'number')::int = s.step) as title,
       null::bigint as nobody, null::text as nothing, null::timestamptz as never
from payroll_seat s
join payroll p using (payroll_id)
join payroll_flow f on f.flow_id = p.flow_id and f.version = p.flow_version
left join payroll_vote v on v.payroll_id = s.payroll_id and v.round = s.round and v.step = s.step
  and v.seat_id = s.seat_id and v.line_id is null and v.act <> 'submit';
comment on view payroll_task_fhir is 'Published: what waits for whose vote, and what was voted, as FHIR Task.';

insert into access_role_permission
select role, permission from (values
  ('scheme-manager', 'payroll.keep-flows'), ('finance-officer', 'payroll.keep-budgets'),
  ('payroll-approver', 'payroll.delegate'), ('scheme-manager', 'payroll.delegate-any'), ('payroll-officer', 'payroll.print'),
  ('finance-officer', 'payroll.print')) g(role, permission)
on conflict do nothing;

-- Whose facts have changed since a draft: an approval judges them again, and nobody else.
create index household_changed on household using brin (updated_at);
create index member_changed on member using brin (updated_at);
create view households_changed as
select household_id, updated_at from household
union all
select household_id, updated_at from member where household_id is not null;
comment on view households_changed is
  'Published: when facts of a household or of one of its members were written last.';
