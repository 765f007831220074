-- The day of the facts of a payroll, and days that are paid under one code only.

alter table payroll add column facts_on date;
comment on column payroll.facts_on is
  'The day on which members, areas and characteristics were looked at; null: as they stood at the draft.';

-- int8range lets a number be compared by the index that compares ranges, without an extension.
alter table payroll add constraint payroll_period_overlaps exclude using gist (
    int8range(scheme_id, scheme_id, '[]') with &&,
    int8range(coalesce(area_id, 0), coalesce(area_id, 0), '[]') with &&,
    daterange(starts_on, ends_on, '[]') with &&)
  where (kind = 'regular' and state not in ('rejected', 'cancelled'));
comment on constraint payroll_period_overlaps on payroll is
  'No day of a scheme (and area) is in two live regular payrolls, also where the calendar has changed '
  'and the codes of the periods differ.';
