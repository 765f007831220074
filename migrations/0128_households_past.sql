-- Households and members as they stood on a day: kept beside the plain tables, which hold the present and
-- are all that a payroll of the current period reads.

create table household_past (
  household_id    bigint not null,
  until_on        date not null,
  area_id         bigint,
  members         jsonb not null,
  characteristics jsonb not null,
  recorded_at     timestamptz not null,
  primary key (household_id, until_on)
);
comment on table household_past is
  'Append only: what a household was until the day of a change (that day not included): area, members '
  'in their roles, characteristics. One row a household and day. Shard root: household_id.';

create table member_past (
  member_id   bigint not null,
  until_on    date not null,
  disability  boolean,
  facts       jsonb,
  recorded_at timestamptz not null,
  primary key (member_id, until_on)
);
comment on table member_past is
  'Append only: what was known of a member until the day of a change. Shard root: member_id.';

create table member_stay (
  member_id    bigint not null,
  stay_no      bigint not null generated always as identity,
  household_id bigint not null,
  starts_on    date,
  ends_on      date,
  ends_stated  boolean not null,
  not_before   boolean not null,
  rejoined_on  date,
  role         text,
  position     smallint not null,
  recorded_at  timestamptz not null,
  replaced_at  timestamptz,
  primary key (member_id, stay_no),
  constraint member_stay_days_ordered check (starts_on <= ends_on),
  constraint member_stay_says_something check (num_nonnulls(starts_on, ends_on) > 0),
  -- int8range lets one number be compared by the index that compares ranges, without an extension.
  constraint member_stay_one_household exclude using gist
    (int8range(member_id, member_id, '[]') with &&, daterange(starts_on, ends_on) with &&)
    where (replaced_at is null and starts_on is not null)
);
comment on table member_stay is
  'Memberships of which a Group says the days (Group.member.period): they overrule the days of writing. '
  'Shard root: member_id; Citus would need btree_gist for the exclusion.';
comment on constraint member_stay_one_household on member_stay is
  'By what is stated a member is in one household on any day.';
comment on column member_stay.starts_on is 'First day; null: not stated, only the end is.';
comment on column member_stay.ends_on is 'The day after the last; null: still there.';
comment on column member_stay.ends_stated is 'False where the end is the day on which it was written.';
comment on column member_stay.not_before is
  'The household named the member before without a day: before the first day that was wrong.';
comment on column member_stay.rejoined_on is 'From this day without a stated day a member again.';
comment on column member_stay.replaced_at is 'When another statement took its place; null: it stands.';
create index member_stay_household on member_stay (household_id) where replaced_at is null;

alter table household add column dated_facts jsonb;
comment on column household.dated_facts is
  'Values of characteristics with a period, as the Group states them; null where it states none.';

create view households_member_now as select * from households_member;
comment on view households_member_now is
  'The same as households_member, under a name that nothing else takes: who is a member at present.';

-- What a stay says about the member's being in a household on a day.
create function households_stay_speaks(s member_stay, household bigint, day date) returns boolean
language sql immutable parallel safe as $$
  select coalesce(s.starts_on <= day and (s.ends_on is null or day < s.ends_on), false)
    or s.household_id = household
       and (s.not_before and coalesce(day < s.starts_on, false)
            or coalesce(s.ends_on <= day and (s.rejoined_on is null or day < s.rejoined_on), false))
$$;
comment on function households_stay_speaks is
  'True where the day of writing does not count: the stay covers the day, in whatever household, or '
  'says that the member was not in this one.';

alter table member add column replaced_by bigint;
comment on column member.replaced_by is
  'rid of the Patient that this record was merged into (link replaced-by); null: it stands by itself.';

create function households_survivor(merged bigint) returns bigint
language sql stable parallel safe as $$
  with recursive chain as (
    select member_id, replaced_by, 1 as step from member where member_id = merged
    union all
    select m.member_id, m.replaced_by, c.step + 1
    from chain c join member m on m.member_id = c.replaced_by where c.step < 100)
  select member_id from chain where replaced_by is null limit 1
$$;
comment on function households_survivor is 'The record that a merged one was led into in the end.';

create function households_member_on(day date)
returns table (household_id bigint, member_id bigint, "position" smallint, role text, collector text,
  sex text, birth_date date, birth_date_last date, disability boolean, deceased boolean,
  deceased_on date, facts jsonb)
language sql stable parallel safe as $$
  with named as materialized (
    select c.household_id, c.member_id, c.position, c.role
    from (select household_id, member_id, position, role from household_member h
          where active and not exists (select from household_past p
            where p.household_id = h.household_id and p.until_on > day)
          union all
          select p.household_id, x.id, x.at, x.role
          from (select distinct on (household_id) household_id, members from household_past
                where until_on > day order by household_id, until_on) p
          cross join lateral jsonb_to_recordset(p.members) as x(id bigint, at smallint, role text)) c
    where not exists (select from member_stay s
      where s.member_id = c.member_id and s.replaced_at is null
        and households_stay_speaks(s, c.household_id, day))
    union all
    select household_id, member_id, position, role from member_stay
    where replaced_at is null and starts_on <= day and (ends_on is null or day < ends_on)),
  merged as materialized (
    select n.household_id, n.member_id, households_survivor(n.member_id) as survivor_id,
      n.position, n.role
    from named n join member m on m.member_id = n.member_id and m.replaced_by is not null),
  counted as (
    select household_id, member_id, position, role from named
    where member_id not in (select member_id from merged)
    union all
    (select distinct on (survivor_id) household_id, survivor_id, position, role from merged
     where survivor_id is not null and survivor_id not in (select member_id from named)
     order by survivor_id, member_id))
  select b.household_id, b.member_id, b.position, b.role, null::text, n.sex, n.birth_date,
         n.birth_date_last,
         case when f.member_id is null then n.disability else f.disability end,
         n.deceased, n.deceased_on,
         case when f.member_id is null then n.facts else f.facts end
  from counted b
  join member n on n.member_id = b.member_id
  left join (select distinct on (member_id) member_id, disability, facts from member_past
             where until_on > day order by member_id, until_on) f on f.member_id = b.member_id
$$;
comment on function households_member_on is
  'Members of households as they were on a day; births, deaths and corrections as they are known now. A '
  'record that has been merged counts as the one that it was merged into, which counts once.';

create function households_characteristic_on(day date)
returns table (household_id bigint, code text, number_value numeric, code_value text,
  boolean_value boolean)
language sql stable parallel safe as $$
  select c.household_id, c.code, c.number_value, c.code_value, c.boolean_value
  from (select household_id, code, number_value, code_value, boolean_value
        from household_characteristic h
        where not exists (select from household_past p
            where p.household_id = h.household_id and p.until_on > day)
          and not exists (select from household o
            cross join lateral jsonb_to_recordset(o.dated_facts) as d(code text)
            where o.household_id = h.household_id and o.dated_facts is not null
              and d.code = h.code)
        union all
        select p.household_id, x.code, x.number_value, x.code_value, x.boolean_value
        from (select distinct on (household_id) household_id, characteristics from household_past
              where until_on > day order by household_id, until_on) p
        cross join lateral jsonb_to_recordset(p.characteristics)
          as x(code text, number_value numeric, code_value text, boolean_value boolean)) c
  where not exists (select from household h
    cross join lateral jsonb_to_recordset(h.dated_facts) as d(code text, starts_on date)
    where h.household_id = c.household_id and h.dated_facts is not null and d.code = c.code
      and (d.starts_on is null or d.starts_on <= day))
  union all
  (select distinct on (h.household_id, d.code) h.household_id, d.code, d.number_value, d.code_value,
    d.boolean_value
  from household h
  cross join lateral jsonb_to_recordset(h.dated_facts) as d(code text, number_value numeric,
    code_value text, boolean_value boolean, starts_on date, ends_on date)
  where h.dated_facts is not null and (d.starts_on is null or d.starts_on <= day)
    and (d.ends_on is null or day <= d.ends_on)
  order by h.household_id, d.code, d.starts_on desc nulls last)
$$;
comment on function households_characteristic_on is
  'Characteristics of households on a day: what the Group states with periods, from the first of these '
  'on; before, and of other codes, what had been written.';

create function households_household_on(day date)
returns table (household_id bigint, area_id bigint, area_now_id bigint, collector_id bigint,
  active boolean, version integer)
language sql stable parallel safe as $$
  select h.household_id, case when p.household_id is null then h.area_id else p.area_id end,
         h.area_id, h.collector_id, h.active, h.version
  from household h
  left join (select distinct on (household_id) household_id, area_id from household_past
             where until_on > day order by household_id, until_on) p using (household_id)
$$;
comment on function households_household_on is 'Households with the area in which they lived on a day.';

create function households_changed_after(day date) returns boolean
language sql stable as $$
  select exists (select from household_past where until_on > day)
    or exists (select from member_past where until_on > day)
    or exists (select from member_stay where replaced_at is null)
    or exists (select from household where dated_facts is not null)
$$;
comment on function households_changed_after is
  'False where the present is also what was on that day, so that the plain tables can be read.';
create index household_past_until on household_past (until_on);
create index member_past_until on member_past (until_on);
create index household_dated on household (household_id) where dated_facts is not null;
