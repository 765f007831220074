-- The queue of suspicions among many: what waits for its rank, and verdicts by the suspicion they are on.

create index match_suspicion_unranked on match_suspicion (a, b) where state = 'open' and harm is null;
comment on index match_suspicion_unranked is 'Few: what was raised since the queue was asked last.';

create index match_verdict_task on match_verdict (task_id) where task_id is not null;

-- Who reviews duplicates may ask for them, and lift the hold of one that has to wait.
insert into access_role_permission
select 'duplicates-officer', unnest(array['duplicates.match', 'duplicates.override'])
on conflict do nothing;
