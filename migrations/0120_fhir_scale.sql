-- Indexes by which pages of Claims, ClaimResponses and AuditEvents are cut out of millions of rows.
-- Columns that rise with time cost a new row little; none is on what a payment changes in a line
-- (its updates stay within their page), and those on outcomes are not written when orders are made.

create index payroll_line_key on payroll_line (key);
create index payroll_line_recipient on payroll_line (recipient_id);
create index payroll_line_cancelled on payroll_line (key) where cancelled_key <> 0;
create index payroll_exclusion_key on payroll_exclusion (key);
create index payroll_exclusion_at on payroll_exclusion (at);

create index instruction_key on instruction (key);
create index instruction_updated on instruction (updated_at);
create index instruction_resolved on instruction (resolved_at) where resolved_at is not null;
create index instruction_failed on instruction (key) where state in ('not-paid', 'cancelled');

drop index audit_event_at;
create index audit_event_at on audit_event (at);
create index audit_event_deleted on audit_event (seq) where action = 'D';
create index audit_event_refused on audit_event (seq) where audit_outcome(detail) <> '0';

-- Dates are found by their beginning; of what lasts long, the end does not follow from it.
create index dat_lasting on dat (param, upper)
  where case when isfinite(lower) and isfinite(upper)
    then upper - lower > interval '366 days' else true end;
