-- What limits actors beside their roles: areas and schemes they reach, elements kept from them.

create table access_reach (
  actor_id text not null references access_actor on delete cascade,
  limits   text not null check (limits in ('areas', 'schemes')),
  fhir_id  text not null,
  primary key (actor_id, limits, fhir_id)
);
comment on table access_reach is
  'Areas (Location ids, with all below them) and schemes (InsurancePlan ids) an actor is limited '
  'to. No row of a kind: not limited by it.';

create table access_mask (
  role text not null references access_role on delete cascade,
  path text not null
    check (path ~ '^[A-Z][A-Za-z]+(\.[a-z][A-Za-z]*)+(:[a-z0-9-]+)?$'),
  primary key (role, path)
);
comment on table access_mask is
  'Elements kept from a role, e.g. Patient.identifier or Group.extension:payment-account. An '
  'element is masked for who holds no role that reads the type and shows it.';

insert into access_role values
  ('area-officer', 'reads people and payments; for actors limited to areas'),
  ('statistician', 'reads facts about people without who they are');
insert into access_role_permission
select role, unnest(permissions) from (values
  ('area-officer', array['Patient.read', 'Group.read', 'Coverage.read', 'Claim.read',
    'ClaimResponse.read', 'Flag.read', 'Task.read', 'Location.read', 'Organization.read',
    'InsurancePlan.read', 'Flag.write', 'Task.write', 'access.break-glass']),
  ('statistician', array['Patient.read', 'Group.read', 'Coverage.read', 'Claim.read',
    'ClaimResponse.read', 'Location.read', 'Organization.read', 'InsurancePlan.read',
    'Measure.read', 'MeasureReport.read', 'indicators.read'])) as r(role, permissions);
insert into access_mask
select 'statistician', path from unnest(array[
  'Patient.identifier', 'Patient.name', 'Patient.telecom', 'Patient.address', 'Patient.photo',
  'Patient.contact', 'Patient.text',
  'Group.identifier', 'Group.name', 'Group.text', 'Group.extension:payment-account']) path;
