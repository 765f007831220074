alter table bulk_job add column line bigint not null default 0;
comment on column bulk_job.line is 'Of an import: lines of the input that are done with.';

create table bulk_import_fault (
  job     uuid not null references bulk_job on delete cascade,
  line    bigint not null,
  start   bigint not null,
  size    int not null,
  again   boolean not null,
  outcome text not null,
  primary key (job, line)
);
comment on table bulk_import_fault is
  'Lines of an import that were refused, with where they stand in the input and why.';
comment on column bulk_import_fault.again is
  'Refused for a reference that a later line may mend: tried once more at the end.';
