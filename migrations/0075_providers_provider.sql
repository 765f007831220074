-- Payment service providers as typed facts: only a registered, active one disburses.

create table provider (
  provider_id bigint primary key,
  fhir_id text not null,
  name text not null,
  channel text,
  active boolean not null,
  version integer not null,
  updated_at timestamptz not null
);
comment on table provider is
  'One row per Organization that is a payment service provider; configuration, a reference table.';
comment on column provider.provider_id is 'rid of the Organization.';
comment on column provider.channel is
  'Name of the adapter that speaks to it; null: it can be named, but not paid through.';
create unique index provider_fhir_id on provider (fhir_id);

create view providers_provider as
  select provider_id, fhir_id, name, channel, active,
         active and channel is not null as disburses
  from provider;
comment on view providers_provider is
  'Payment service providers; disburses says whether money may go through it now.';
