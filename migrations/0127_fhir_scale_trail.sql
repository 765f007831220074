-- How the trail and what is left out of payrolls are found among millions of rows.

-- Of all types, and without a condition, which would be prepared at each write: who looked at or
-- changed a household, a Claim, a List is asked as often as of a person.
drop index audit_event_patient;
create index audit_event_resource on audit_event using hash (resource_id);
-- Kinds that hardly ever happen, and ids that are no UUIDs where nearly all are; nothing is written
-- until a range of pages is summarised.
create index audit_event_kind on audit_event
  using brin (interaction text_bloom_ops (n_distinct_per_range = 32), resource_id)
  with (pages_per_range = 16);

create or replace view audit_event_fhir as
select e.seq::text as id, e.seq as key, e.at as updated_at, 1 as version, e.at,
       audit_id(e.actor_id) as actor_id, e.actor_kind, audit_id(e.request_id) as request_id,
       e.action, e.interaction, e.type, audit_id(e.resource_id) as resource_id,
       e.version as resource_version, e.detail, audit_outcome(e.detail) as outcome,
       case when e.type = 'Patient' then audit_id(e.resource_id) end as patient_id,
       e.resource_id as resource_key,
       case when e.type is not null and e.resource_id is not null
            then e.type || '/' || audit_id(e.resource_id) end as entity,
       e.actor_id as actor_key
from audit_event e;

create view audit_actor as
with recursive actor(key) as (
  (select e.actor_id from audit_event e order by e.actor_id limit 1)
  union all
  select (select e.actor_id from audit_event e where e.actor_id > a.key order by e.actor_id limit 1)
  from actor a where a.key is not null)
select a.key, audit_id(a.key) as text from actor a where a.key is not null;
comment on view audit_actor is
  'Published: who has acted, by stepping through the index of the trail from each to the next.';

-- In the order in which Claims are paged; the reasons of a payroll are counted together anyhow.
drop index payroll_exclusion_payroll;
create index payroll_exclusion_payroll on payroll_exclusion (payroll_id, key);
