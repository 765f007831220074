-- Unknown outcomes that people decide: one proposes with evidence, another confirms.

create table disbursement_resolution (
  resolution_id  uuid primary key,
  payee_id       bigint not null,
  instruction_id uuid not null,
  result         text not null check (result in ('paid', 'not-paid')),
  reason         text,
  evidence       text not null,
  state          text not null check (state in ('proposed', 'confirmed', 'rejected')),
  proposed_by    text not null,
  proposed_at    timestamptz not null,
  decided_by     text,
  decided_at     timestamptz,
  decided_why    text,
  check ((result = 'not-paid') = (reason is not null)),
  check ((state = 'proposed') = (decided_by is null)),
  check ((decided_by is null) = (decided_at is null)),
  check (state <> 'confirmed' or decided_by <> proposed_by)
);
comment on table disbursement_resolution is
  'What people hold to have become of an instruction that the provider does not answer for. It counts '
  'when another person has confirmed it.';
create unique index disbursement_resolution_open on disbursement_resolution
  (payee_id, instruction_id) where state = 'proposed';
