create table search_parameter (
  url          text primary key,
  resource_id  text unique,
  definition   text not null,
  state        text not null check (state in ('waiting', 'indexing', 'active', 'removing')),
  announced_at timestamptz not null default clock_timestamp(),
  at_type      smallint not null default 0,
  at_rid       bigint not null default 0,
  done         bigint not null default 0 check (done >= 0),
  total        bigint
);
comment on table search_parameter is
  'Search parameters beside those of HL7, and how far their index is.';
comment on column search_parameter.resource_id is
  'Id of the SearchParameter resource; null for one that a module brings.';
comment on column search_parameter.announced_at is
  'When its state last began; work waits until every process must know of it.';
