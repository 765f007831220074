create sequence resource_rid as bigint;
comment on sequence resource_rid is 'Drawn once per resource; rid = this * 64 + bucket.';

create table resource (
  lu      timestamptz not null,
  rid     bigint not null,
  id      uuid not null,
  ver     int not null check (ver > 0),
  type    smallint not null,
  bucket  smallint not null check (bucket between 0 and 63),
  deleted boolean not null default false,
  tk      bigint[] not null,
  content text not null,
  primary key (rid, bucket, type),
  unique (id, bucket, type),
  check ((rid & 63) = bucket)
) partition by list (type);
comment on table resource is
  'Current version of every stored FHIR resource; content is the JSON as sent on the wire.';
comment on column resource.rid is 'Internal id; its low six bits are the bucket, root of sharding.';
comment on column resource.id is 'Key of the FHIR id: the id itself if a UUID, else a hash of it.';
comment on column resource.lu is 'meta.lastUpdated.';
comment on column resource.tk is 'Hashes of low-cardinality tokens and of presence; see src/fhir.';

create table resource_other partition of resource default;

do $$
declare
  own record;
begin
  -- Numbers are those of src/fhir/definitions/resource-types.ts; a test compares.
  for own in select * from (values
    ('location', 71), ('organization', 100), ('patient', 103), ('group', 58), ('coverage', 31),
    ('observation', 96), ('flag', 55), ('task', 140), ('questionnaire_response', 113),
    ('insurance_plan', 66), ('encounter', 44), ('claim', 19)) as t(name, number)
  loop
    execute format('create table resource_%s partition of resource for values in (%s)',
                   own.name, own.number);
  end loop;
end $$;

create index resource_lu on resource (lu, rid);
-- What is new waits in a list of 64 kB at most, which every search by the index reads too: entering
-- each of a dozen tokens by itself costs PostgreSQL as much as all other indexes together.
create index resource_tk on resource using gin (tk)
  with (fastupdate = on, gin_pending_list_limit = 64);

create table history (
  lu      timestamptz not null,
  rid     bigint not null,
  ver     int not null,
  type    smallint not null,
  bucket  smallint not null,
  method  smallint not null check (method between 1 and 4),
  content bytea not null,
  primary key (rid, ver, bucket, lu)
) partition by range (lu);
comment on table history is
  'Superseded versions, compressed (deflate with a versioned dictionary; first byte names it).';
comment on column history.method is 'How this version came about: 1 POST, 2 PUT, 3 DELETE, 4 PATCH.';
create table history_default partition of history default;
create index history_lu on history (type, lu, rid);

create table tok (
  hash   bigint not null,
  rid    bigint not null,
  system int not null,
  bucket smallint not null,
  kind   smallint not null default 0
);
comment on table tok is 'Index of near-unique tokens; the parameter is folded into the hash.';
comment on column tok.kind is 'Of an identifier that says its type: a hash of that; else 0.';
create index tok_hash on tok (hash, rid);

-- Eight columns: with nine the header of a row that has a null would be eight bytes longer.
create table str (
  rid    bigint not null,
  param  int not null check (param & 3 = 0),
  bucket smallint not null,
  v0     text collate "C",
  v1     text collate "C",
  v2     text collate "C",
  v3     text collate "C",
  raw    text
);
comment on table str is
  'Index of strings, up to four of a resource in a row: of a key, param is all but its two lowest '
  'bits, which tell the column.';
comment on column str.raw is
  'The texts as written, separated by U+0001; empty where it is the folded one with a capital.';
-- Without rid: texts repeat, and equal keys are stored once. Nulls are indexed too: a condition of
-- an index is prepared at each write, which costs more than its entries.
create index str_v0 on str (param, v0);
create index str_v1 on str (param, v1);
create index str_v2 on str (param, v2);
create index str_v3 on str (param, v3);
create index str_rid on str (rid);

create table ref (
  target uuid not null,
  rid    bigint not null,
  param  int not null,
  type   smallint not null,
  bucket smallint not null
);
comment on table ref is 'Index of references; type 0 for what is not local.';
create index ref_target on ref (target, param, rid);
create index ref_rid on ref (rid);

create table dat (
  lower  timestamptz not null,
  upper  timestamptz not null,
  rid    bigint not null,
  param  int not null,
  bucket smallint not null
);
comment on table dat is 'Index of dates and periods, half open; infinity for an open end.';
create index dat_lower on dat (param, lower, rid);
create index dat_rid on dat (rid);

create table num (
  rid    bigint not null,
  unit   bigint not null,
  param  int not null,
  bucket smallint not null,
  low    numeric not null,
  high   numeric not null,
  val    numeric not null
);
comment on table num is 'Index of numbers and quantities: precision range [low, high) and value.';
create index num_val on num (param, unit, val, rid);
create index num_rid on num (rid);

create table pair (
  rid    bigint not null,
  h1     bigint not null default 0,
  h2     bigint not null default 0,
  h3     bigint not null default 0,
  param  int not null,
  s1     int not null default 0,
  s2     int not null default 0,
  s3     int not null default 0,
  bucket smallint not null,
  val2   numeric not null default 0,
  low2   numeric,
  high2  numeric,
  val3   numeric,
  low3   numeric,
  high3  numeric,
  lower2 timestamptz,
  upper2 timestamptz,
  lower3 timestamptz,
  upper3 timestamptz,
  txt2   text collate "C",
  raw2   text,
  txt3   text collate "C",
  raw3   text
);
comment on table pair is
  'Index of composites: what stands together in one element, in three places.';
comment on column pair.h1 is 'Hash of a token, reference or uri; of a quantity its unit and system.';
comment on column pair.s1 is 'System of a token, type of a reference; of a quantity its unit alone.';
create index pair_hash on pair (param, h1, h2, val2, rid);
create index pair_rid on pair (rid);
create index pair_lower on pair (param, h1, lower2) where lower2 is not null;
create index pair_txt on pair (param, h1, txt2) where txt2 is not null;

create table house_secret (
  name  text primary key,
  value bytea not null
);
comment on table house_secret is 'Secrets that the house made for itself on first start.';
insert into house_secret values ('cursor', sha256(gen_random_uuid()::text::bytea || gen_random_uuid()::text::bytea));

create function currency_exponent(currency text) returns int
  language sql immutable parallel safe
  return case
    when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX',
                      'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 0
    when currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 3
    else 2
  end;
comment on function currency_exponent(text) is
  'Decimal places of an ISO 4217 currency; the same table as src/sdk/money.ts (a test compares).';
