-- Doubts of other rooms about an instruction: while one stands, nothing more is paid for it.

create table disbursement_doubt (
  payee_id       bigint not null,
  instruction_id uuid not null,
  exception_id   uuid not null,
  why            text not null,
  raised_at      timestamptz not null,
  settled_at     timestamptz,
  primary key (payee_id, instruction_id, exception_id)
);
comment on table disbursement_doubt is
  'Another room holds that an instruction may have been paid otherwise than our books say. While a '
  'doubt stands, the instruction is not sent and no other attempt is ordered.';
create index disbursement_doubt_exception on disbursement_doubt (exception_id);
create index disbursement_doubt_standing on disbursement_doubt (instruction_id)
  where settled_at is null;
