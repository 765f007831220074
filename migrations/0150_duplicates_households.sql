-- Merges of households beside those of people: rids are drawn once for resources of all types, so one
-- table keeps both. Suspicions about two households stand beside those about two people.

alter table merge_record add column type text not null default 'Patient'
  check (type in ('Patient', 'Group'));
alter table merge_record add column parent_id uuid;
alter table merge_record add check (parent_id is null or type = 'Patient');
comment on column merge_record.type is 'What was merged: people, or households.';
comment on column merge_record.parent_id is
  'The merge of households of which this one of two members is a part; taken back with it.';
create index merge_record_parent on merge_record (parent_id) where parent_id is not null;
create index merge_record_replaced_group on merge_record (source_id) where type = 'Group' and state = 'merged';
create index merge_record_group on merge_record (target_id) where type = 'Group' and state = 'merged';
comment on index merge_record_group is 'Which households a household answers for.';

create index merge_patch_resource on merge_patch (type, id);
comment on index merge_patch_resource is 'Which merges touched a resource.';

alter table match_suspicion add column about text not null default 'Patient'
  check (about in ('Patient', 'Group'));
comment on column match_suspicion.about is
  'Patient: a and b are people, grade is how sure; Group: a and b are households, grade is what is '
  'suspected: same-household, part-of-household, member-of-two.';
comment on table match_suspicion is
  'One row per pair of people or of households that somebody is to look at; the key is what keeps two '
  'runs from raising it twice.';
alter table match_suspicion add constraint match_suspicion_household_grade check
  (about = 'Patient' or grade in ('same-household', 'part-of-household', 'member-of-two'));

insert into access_role_permission values ('duplicates-officer', 'duplicates.link') on conflict do nothing;
