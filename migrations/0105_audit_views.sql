create function audit_outcome(detail text) returns text
  language sql immutable parallel safe
  return case when detail is null or detail not like '%"status":%' then '0'
              when detail like '%"status":401%' or detail like '%"status":403%' then '8'
              else '4' end;
comment on function audit_outcome(text) is
  'AuditEvent.outcome of a row of the trail: 0 success, 4 the caller''s fault, 8 refused.';

create view audit_event_fhir as
select e.seq::text as id, e.seq as key, e.at as updated_at, 1 as version, e.at, e.actor_id,
       e.actor_kind, e.request_id, e.action, e.interaction, e.type, e.resource_id,
       e.version as resource_version, e.detail, audit_outcome(e.detail) as outcome,
       case when e.type = 'Patient' then e.resource_id end as patient_id,
       case when e.type is not null and e.resource_id is not null
            then e.type || '/' || e.resource_id end as entity
from audit_event e;
comment on view audit_event_fhir is 'Published: the trail as FHIR AuditEvent.';
