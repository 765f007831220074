-- Indicators: which Measures there are, the figures of closed periods, and the mapping to DHIS2.
-- Small tables, kept whole on one node: figures are sums, not households.

create table indicator_measure (
  measure_id text primary key,
  key        bigint not null generated always as identity unique,
  title      text not null,
  version    int not null default 1,
  updated_at timestamptz not null
);
comment on table indicator_measure is
  'Measures: sets of indicators that are reported together. A room adds its row in a migration and '
  'its indicators as a part of indicators.source; a change of meaning raises the version.';

insert into indicator_measure (measure_id, title, updated_at) values
  ('registration', 'Registered households and members', '2026-01-01T00:00:00Z'),
  ('enrolment', 'Enrolment in schemes', '2026-01-01T00:00:00Z'),
  ('payment', 'Payments due, made and not made', '2026-01-01T00:00:00Z');

create view indicator_measure_fhir as
select m.measure_id as id, m.key, m.updated_at, m.version, m.title, 'active'::text as status,
       'https://amana.example/fhir/Measure/' || m.measure_id as url
from indicator_measure m;
comment on view indicator_measure_fhir is 'Published: Measures as FHIR Measure.';

create table indicator_closing (
  measure_id      text not null references indicator_measure,
  starts_on       date not null,
  ends_on         date not null,
  version         int not null check (version > 0),
  measure_version int not null,
  closed_at       timestamptz not null,
  closed_by       text not null,
  figures_hash    bytea,
  primary key (measure_id, starts_on, ends_on, version),
  constraint indicator_closing_days_ordered check (starts_on <= ends_on)
);
comment on table indicator_closing is
  'Closings of periods. A correction is another version with its own figures; the earlier one stays.';
comment on column indicator_closing.figures_hash is
  'SHA-256 over all figures in order; a closing that finds the same figures makes no version.';

create table indicator_figure (
  measure_id text not null,
  starts_on  date not null,
  ends_on    date not null,
  version    int not null,
  indicator  text not null,
  area_id    bigint,
  scheme_id  bigint,
  sex        text not null,
  age_band   text not null,
  category   text not null,
  currency   char(3),
  count      bigint not null check (count >= 0),
  value      bigint not null,
  unique nulls not distinct (measure_id, starts_on, ends_on, version, indicator, area_id, scheme_id,
    sex, age_band, category, currency),
  foreign key (measure_id, starts_on, ends_on, version) references indicator_closing
);
comment on table indicator_figure is
  'Figures of closed periods in the finest split; every total is a sum of these rows.';
comment on column indicator_figure.area_id is 'rid of the Location; null where none is known.';
comment on column indicator_figure.category is
  'What the indicator itself is split by (state, reason, channel, band); empty where by nothing.';
comment on column indicator_figure.value is
  'In the indicator''s unit: a number, minor units of currency, or days.';

create table indicator_report (
  report_id  uuid primary key default gen_random_uuid(),
  key        bigint not null generated always as identity unique,
  measure_id text not null references indicator_measure,
  starts_on  date not null,
  ends_on    date not null,
  area_id    bigint,
  area_path  bigint[],
  version    int not null,
  updated_at timestamptz not null,
  unique nulls not distinct (measure_id, starts_on, ends_on, area_id),
  foreign key (measure_id, starts_on, ends_on, version) references indicator_closing
);
comment on table indicator_report is
  'One report per Measure, closed period and area; area null is the whole. The areas above each are '
  'frozen with the closing, so that a later move of an area changes no report.';
create index indicator_report_area on indicator_report (area_id, ends_on);

create view indicator_report_fhir as
select r.report_id::text as id, r.key, r.updated_at, r.version, r.measure_id, r.starts_on, r.ends_on,
       r.area_id, r.area_path, 'complete'::text as status,
       'https://amana.example/fhir/Measure/' || r.measure_id as measure
from indicator_report r;
comment on view indicator_report_fhir is 'Published: reports of closed periods as FHIR MeasureReport.';

create function indicators_age_band(first date, last date, as_of date, bounds int[]) returns text
  language sql immutable parallel safe
  return case
    when first is null or last is null or last > as_of then 'unknown'
    when width_bucket(extract(year from age(as_of::timestamp, first::timestamp))::int, bounds)
       = width_bucket(extract(year from age(as_of::timestamp, last::timestamp))::int, bounds)
     and extract(year from age(as_of::timestamp, last::timestamp))::int >= bounds[1]
    then 'P' || bounds[width_bucket(extract(year from age(as_of::timestamp, last::timestamp))::int, bounds)] || 'Y--P'
      || coalesce(bounds[width_bucket(extract(year from age(as_of::timestamp, last::timestamp))::int, bounds) + 1], 9999)
      || 'Y'
    else 'unknown' end;
comment on function indicators_age_band(date, date, date, int[]) is
  'Published: age band (ISO 8601 P5Y--P18Y: from the 5th up to, not including, the 18th birthday) '
  'of who was born between two days; unknown when the days allow two bands.';

create table indicator_data_set (
  map_id                 bigint primary key,
  fhir_id                text not null,
  measure_id             text not null references indicator_measure,
  data_set               text not null,
  period_type            text not null,
  id_scheme              text not null,
  org_unit_scheme        text not null check (org_unit_scheme in ('uid', 'code')),
  attribute_option_combo text,
  unique (measure_id, data_set)
);
comment on table indicator_data_set is
  'Which DHIS2 data set takes a Measure: one row per ConceptMap with our dhis2-mapping profile.';

create table indicator_mapping (
  map_id                bigint not null references indicator_data_set on delete cascade,
  indicator             text not null,
  stratum               text not null,
  data_element          text,
  category_option_combo text,
  primary key (map_id, indicator, stratum)
);
comment on table indicator_mapping is
  'Cell of an indicator (stratum: dimension=code pairs in order) to DHIS2 data element and category '
  'option combo; data_element null: left out on purpose.';

insert into access_role_permission (role, permission)
select role, 'indicators.read' from access_role_permission where permission = '*.read'
on conflict do nothing;
insert into access_role_permission (role, permission)
values ('scheme-manager', 'indicators.close'), ('finance-officer', 'indicators.close')
on conflict do nothing;
