-- Areas and pay points as typed facts, kept in the write of the Location they come from.
-- Both are configuration: thousands of rows, reference tables under Citus.

create table area (
  area_id bigint primary key,
  fhir_id text not null,
  parent_id bigint,
  name text not null,
  code text,
  dhis2_uid text,
  latitude double precision,
  longitude double precision,
  path bigint[] not null,
  active boolean not null,
  version integer not null,
  constraint area_dhis2_uid_form check (dhis2_uid ~ '^[A-Za-z][A-Za-z0-9]{10}$')
);
comment on table area is 'Administrative areas: one row per Location that is an area.';
comment on column area.area_id is 'rid of the Location.';
comment on column area.path is 'Areas from the outermost to this one, itself included.';
create index area_parent on area (parent_id);
create index area_code on area (code);
create index area_path on area using gin (path);

create table pay_point (
  pay_point_id bigint primary key,
  fhir_id text not null,
  name text not null,
  provider_id bigint,
  area_id bigint,
  latitude double precision,
  longitude double precision,
  households_max integer,
  households_count integer not null default 0,
  active boolean not null,
  version integer not null,
  constraint pay_point_room check (households_count <= households_max),
  constraint pay_point_count_natural check (households_count >= 0)
);
comment on table pay_point is 'Places where a provider hands out money: one row per Location.';
comment on column pay_point.provider_id is 'rid of the managing Organization.';
comment on column pay_point.households_max is 'Households it can serve; null is no limit.';
comment on column pay_point.households_count is
  'Households linked to it, kept with every link; the constraint refuses one too many.';
create index pay_point_area on pay_point (area_id);

create table pay_point_link (
  household_id bigint primary key,
  pay_point_id bigint not null,
  basis text not null,
  area_id bigint,
  distance_metres integer,
  linked_at timestamptz not null,
  constraint pay_point_link_basis_known
    check (basis in ('chosen', 'preferred', 'same-area', 'nearest'))
);
comment on table pay_point_link is 'The pay point at which a household collects.';
comment on column pay_point_link.basis is
  'chosen by an officer, preferred by the household, in the same area, or the nearest with room.';
comment on column pay_point_link.area_id is
  'Where the household lived when it was linked; a move asks for a new link.';
create index pay_point_link_point on pay_point_link (pay_point_id);

create view pay_points_area as
  select area_id, fhir_id, parent_id, name, code, dhis2_uid, path, active from area;
comment on view pay_points_area is 'Areas with their path of ancestors.';

create view pay_points_pay_point as
  select pay_point_id, fhir_id, name, provider_id, area_id, households_max, households_count,
         active
  from pay_point;
comment on view pay_points_pay_point is 'Pay points with their provider and room.';

create view pay_points_link as
  select l.household_id, l.pay_point_id, p.provider_id, l.basis, p.active, l.linked_at
  from pay_point_link l join pay_point p on p.pay_point_id = l.pay_point_id;
comment on view pay_points_link is 'The pay point of each household that has one.';
