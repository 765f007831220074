-- Matching bound to the registry: what of each Patient is compared and by which keys it is found, how
-- common values are, the models that weigh them, and the pairs that were found alike.
-- Shard root: patient_id; of pairs the record with the smaller id.

create table match_feature (
  patient_id   bigint primary key,
  fhir_id      text not null,
  household_id bigint,
  area         text,
  active       boolean not null,
  replaced_by  text,
  keys         int4[] not null,
  facts        text not null,
  changed_at   timestamptz not null
);
comment on table match_feature is
  'One row per Patient: its compared facts, normalised, and its keys; written a moment after the Patient.';
comment on column match_feature.patient_id is 'Internal id (rid) of the Patient.';
comment on column match_feature.household_id is 'rid of the Group that is the household, if known.';
comment on column match_feature.area is 'L: and rid of the Location of the household, if known.';
comment on column match_feature.replaced_by is 'FHIR id of the Patient that replaced this one.';
comment on column match_feature.keys is 'Keys of blocks: who shares one is compared; hashes.';
comment on column match_feature.facts is 'JSON of normalised values, in the order of facts.ts.';
-- New keys wait in a list and are entered by the hundred: a person has about twenty.
create index match_feature_keys on match_feature using gin (keys)
  with (fastupdate = on, gin_pending_list_limit = 256);

create index match_feature_household on match_feature (household_id)
  where household_id is not null;

create table match_big_key (
  key    int4 primary key,
  people int not null
);
comment on table match_big_key is
  'Keys that too many people share to be compared one by one; single look-ups leave them out.';

create table match_value (
  kind smallint not null,
  hash int4 not null,
  held int not null,
  primary key (kind, hash)
);
comment on table match_value is
  'How many people hold a value, as counted by the last run over everybody; rare ones are absent.';
comment on column match_value.kind is 'Field, and whether counted in all or in one area; counts.ts.';

create table match_model (
  model_id   bigint generated always as identity primary key,
  learnt_at  timestamptz not null,
  people     int not null,
  accepted   boolean not null,
  reason     text,
  content    text not null,
  check (accepted = (reason is null))
);
comment on table match_model is 'Weights learnt from the registry; a refused one says why.';

create table match_run (
  run_id     bigint generated always as identity primary key,
  started_at timestamptz not null,
  ended_at   timestamptz,
  people     int,
  compared   bigint,
  pairs      int,
  raised     int,
  skipped    text,
  model_id   bigint
);
comment on table match_run is 'Runs over everybody, and what could not be compared.';
comment on column match_run.skipped is 'JSON: rule, keys and people that too many share.';

create table match_edge (
  a           bigint not null,
  b           bigint not null,
  log_odds    real not null,
  grade       text not null check (grade in ('certain', 'probable', 'possible', 'certainly-not')),
  explanation text not null,
  model_id    bigint,
  found_at    timestamptz not null,
  primary key (a, b),
  check (a < b)
);
comment on table match_edge is 'Pairs of Patients found alike (p at least .1), as last scored.';
create index match_edge_b on match_edge (b);

create table match_suspicion (
  a         bigint not null,
  b         bigint not null,
  task_id   text not null,
  flag_ids  text[] not null,
  p         real not null,
  grade     text not null,
  model_id  bigint,
  facts     text not null,
  state     text not null default 'open' check (state in ('open', 'closed')),
  opened_at timestamptz not null,
  primary key (a, b),
  check (a < b)
);
comment on table match_suspicion is
  'One row per pair that somebody is to look at; the key is what keeps two runs from raising it twice.';
comment on column match_suspicion.facts is
  'Fingerprint of both records'' compared facts: what was decided holds until it changes.';
create index match_suspicion_b on match_suspicion (b);

insert into access_role_permission
select role, permission from (values
  ('registrar', 'duplicates.match'), ('registry-client', 'duplicates.match'),
  ('scheme-manager', 'duplicates.find'), ('registrar', 'duplicates.find'),
  ('registrar', 'duplicates.override')) g(role, permission)
on conflict do nothing;
