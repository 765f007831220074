alter table subscription add needs text[];
comment on column subscription.needs is
  'Index values one of which a resource must have to meet the query; null: any may meet it. By them '
  'a written resource finds the few subscriptions in question among thousands.';
create index subscription_needs on subscription using gin (needs);
