-- Up to when the schemes' own clocks have been looked at, so that each ring is acted on once.

create table payroll_clock (
  scheme_id bigint primary key,
  rung_at   timestamptz not null
);
comment on table payroll_clock is
  'Rings of a scheme''s clock after this are still to be drafted. A scheme that is not active misses none.';
