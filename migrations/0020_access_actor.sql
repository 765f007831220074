create table access_role (
  role        text primary key check (role ~ '^[a-z][a-z0-9-]*$'),
  description text not null
);
comment on table access_role is 'Roles; what each grants is in access_role_permission.';

create table access_role_permission (
  role       text not null references access_role on delete cascade,
  permission text not null,
  primary key (role, permission)
);
comment on table access_role_permission is 'Permissions that a role grants; * grants all.';

create table access_actor (
  actor_id    text primary key,
  kind        text not null check (kind in ('user', 'client')),
  name        text not null,
  login       text not null unique,
  secret_hash text,
  jwks        jsonb,
  active      boolean not null default true,
  created_at  timestamptz not null default now(),
  changed_at  timestamptz not null default now()
);
comment on table access_actor is 'People and programs that may sign in.';
comment on column access_actor.login is 'What a user types; the client_id of a client.';
comment on column access_actor.secret_hash is 'scrypt of password or client secret; never the text.';

create table access_actor_role (
  actor_id text not null references access_actor on delete cascade,
  role     text not null references access_role on delete restrict,
  primary key (actor_id, role)
);

comment on table access_actor_role is 'Roles of each actor.';

create table access_oidc (
  model      text not null,
  id         text not null,
  payload    jsonb not null,
  grant_id   text,
  user_code  text,
  uid        text,
  expires_at timestamptz,
  primary key (model, id)
);
comment on table access_oidc is 'State of the embedded OpenID provider: sessions, grants, codes.';
create index access_oidc_grant on access_oidc (grant_id) where grant_id is not null;
create index access_oidc_uid on access_oidc (uid) where uid is not null;
create index access_oidc_expiry on access_oidc (expires_at);

insert into access_role values
  ('administrator', 'everything'),
  ('registrar', 'keeps households, members, holds and forms'),
  ('scheme-manager', 'keeps schemes, pay points, providers, and enrols'),
  ('payroll-officer', 'drafts payrolls'),
  ('payroll-approver', 'approves or rejects payrolls drafted by others'),
  ('finance-officer', 'keeps accounts, statements and exceptions'),
  ('auditor', 'reads everything, the trail included'),
  ('registry-client', 'a registry that pushes people and households'),
  ('reporting-client', 'a system that reads indicators');

insert into access_role_permission
select role, unnest(permissions) from (values
  ('administrator', array['*']),
  ('registrar', array['*.read', 'Patient.write', 'Group.write', 'Flag.write', 'Task.write',
    'QuestionnaireResponse.write', 'Communication.write']),
  ('scheme-manager', array['*.read', 'InsurancePlan.write', 'Coverage.write', 'Location.write',
    'Organization.write', 'schemes.enrol', 'pay-points.link', 'providers.link']),
  ('payroll-officer', array['*.read', 'payroll.draft', 'payroll.cancel', 'disbursement.retry']),
  ('payroll-approver', array['*.read', 'payroll.approve', 'payroll.reject']),
  ('finance-officer', array['*.read', 'ledger.keep', 'disbursement.retry', 'disbursement.resolve',
    'disbursement.pause', 'reconciliation.match', 'reconciliation.close']),
  ('auditor', array['*.read', 'audit.verify', 'indicators.read']),
  ('registry-client', array['Patient.read', 'Patient.write', 'Group.read', 'Group.write',
    'Location.read', 'Organization.read', 'QuestionnaireResponse.write']),
  ('reporting-client', array['Measure.read', 'MeasureReport.read', 'Location.read',
    'indicators.read'])) as r(role, permissions);
