-- Whose compared facts are new or have changed and who is still to be compared: a run over everybody
-- compares all who wait when it begins, and nobody compares them one by one as well.

create table match_waiting (
  seq        bigint generated always as identity primary key,
  patient_id bigint not null
);
comment on table match_waiting is
  'Patients who are still to be compared, once for each change; taken in this order.';

alter table match_run add column waiting_to bigint;
comment on column match_run.waiting_to is
  'Last seq of match_waiting whose facts the run reads; it forgets them when it has found.';
