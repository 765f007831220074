-- The journal by the statement instead of by the row. A foreign key asks once for each row, which at a
-- million reserves is half of an approval; what it held is held by one question for each statement.

alter table ledger_transfer drop constraint ledger_transfer_debit_account_currency_fkey;
alter table ledger_transfer drop constraint ledger_transfer_credit_account_currency_fkey;

create function ledger_check_accounts() returns trigger language plpgsql as $$
begin
  if exists (
    select from (select distinct debit_account, credit_account, currency from added) t
    left join ledger_account d on d.account_id = t.debit_account and d.currency = t.currency
    left join ledger_account c on c.account_id = t.credit_account and c.currency = t.currency
    where d.account_id is null or c.account_id is null) then
    raise exception 'a transfer names an account that does not exist or has another currency'
      using errcode = 'foreign_key_violation';
  end if;
  return null;
end $$;
comment on function ledger_check_accounts() is
  'Refuses transfers whose accounts do not exist in their currency, all rows of a statement at once.';

create trigger ledger_transfer_accounts after insert on ledger_transfer
  referencing new table as added
  for each statement execute function ledger_check_accounts();

create function ledger_keep_account() returns trigger language plpgsql as $$
begin
  raise exception 'an account keeps its number and currency, and is never removed'
    using errcode = 'foreign_key_violation';
end $$;
comment on function ledger_keep_account() is 'Refuses what would leave transfers without their account.';

create trigger ledger_account_kept before update of account_id, currency or delete or truncate
  on ledger_account for each statement execute function ledger_keep_account();

-- Nothing reads the journal by account; a range of time is found by its blocks.
drop index ledger_transfer_debit;
drop index ledger_transfer_credit;
create index ledger_transfer_at on ledger_transfer using brin (at);

comment on column ledger_transfer.reference is
  'What it is for; no personal data. "instruction": transfer_id (reserve_id) is the instruction''s id.';
