-- Finding the instruction of a statement's line that bears no number of ours.

create function reconciliation_account_tail(account text) returns text
  language sql immutable strict parallel safe
  return right(upper(regexp_replace(account, '[^0-9A-Za-z]', '', 'g')), 8);
comment on function reconciliation_account_tail(text) is
  'The last eight letters and digits of an account: whatever way it is written, they stay.';

create index instruction_provider_reference on instruction (provider_reference, provider_id)
  where provider_reference is not null;
create index instruction_account_tail on instruction
  (provider_id, reconciliation_account_tail(account_number))
  where sent_at is not null and account_number is not null;
