-- What a Task of a suspicion is about, for whoever is limited to areas or schemes.

create index match_suspicion_task on match_suspicion (task_id);
