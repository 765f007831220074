-- The journal is append only by the database itself: whoever connects as the owner cannot change or
-- remove a transfer either. ledger_transfer stays on one node, so that it may have a trigger.

create function ledger_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'ledger_transfer is append only: correct by a new transfer'
    using errcode = 'restrict_violation';
end $$;
comment on function ledger_refuse_change() is 'Refuses UPDATE, DELETE and TRUNCATE of the journal.';

create trigger ledger_transfer_append_only
  before update or delete or truncate on ledger_transfer
  for each statement execute function ledger_refuse_change();
