-- What an order costs: a million are made by one statement at an approval, so each index and row less
-- is seconds. Keys contain the payee and begin with what is looked up; who ordered stands in the row.

alter table instruction add column ordered_by text not null;
comment on column instruction.ordered_by is
  'Who ordered it (by its first attempt or again); the event "approved" at created_at is this.';

alter table instruction drop constraint instruction_pkey;
drop index instruction_id_only;
alter table instruction add primary key (instruction_id, payee_id);

alter table instruction drop constraint instruction_payee_id_purpose_source_id_attempt_key;
drop index instruction_source;
alter table instruction add constraint instruction_attempt_once
  unique (source_id, attempt, payee_id, purpose);
comment on constraint instruction_attempt_once on instruction is
  'What is owed has one instruction for each attempt, whoever orders it and however often.';

create view disbursement_history as
select payee_id, instruction_id, 0::bigint as event_no, created_at as at, 'approved'::text as state,
       null::text as reason, ordered_by as actor_id,
       case when attempt = 1 then 'order' else 'retry' end as source
from instruction
union all
select payee_id, instruction_id, event_no, at, state, reason, actor_id, source
from instruction_event;
comment on view disbursement_history is
  'Published: each state that an instruction has had, who brought it there and how, from its order on.';
comment on table instruction_event is
  'Append only: each state that an instruction has had since it was ordered, and why.';

drop function disbursement_new_id(timestamptz);
