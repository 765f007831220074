create function audit_outcome(detail text) returns text
  language sql immutable parallel safe
  return case when detail is null or detail not like '%"status":%' then '0'
              when detail like '%"status":401%' or detail like '%"status":403%' then '8'
              else '4' end;
comment on function audit_outcome(text) is
  'AuditEvent.outcome of a row of the trail: 0 success, 4 the caller''s fault, 8 refused.';

create view audit_event_fhir as
select e.seq::text as id, e.seq as key, e.at as updated_at, 1 as version, e.at,
       audit_id(e.actor_id) as actor_id, e.actor_kind, audit_id(e.request_id) as request_id,
       e.action, e.interaction, e.type, audit_id(e.resource_id) as resource_id,
       e.version as resource_version, e.detail, audit_outcome(e.detail) as outcome,
       case when e.type = 'Patient' then audit_id(e.resource_id) end as patient_id,
       e.resource_id as resource_key,
       case when e.type is not null and e.resource_id is not null
            then e.type || '/' || audit_id(e.resource_id) end as entity
from audit_event e;
comment on view audit_event_fhir is 'Published: the trail as FHIR AuditEvent.';
