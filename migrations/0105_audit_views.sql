create view audit_event_fhir as
select e.seq::text as id, e.seq as key, e.at as updated_at, 1 as version, e.at, e.actor_id,
       e.actor_kind, e.request_id, e.action, e.interaction, e.type, e.resource_id,
       e.version as resource_version, e.detail,
       case when e.type is not null and e.resource_id is not null
            then e.type || '/' || e.resource_id end as entity
from audit_event e;
comment on view audit_event_fhir is 'Published: the trail as FHIR AuditEvent.';
