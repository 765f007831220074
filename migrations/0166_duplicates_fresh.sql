-- Keys of a million people make an index of half a gigabyte, and twenty keys of one person lie on twenty of
-- its pages: entered one by one, each registration reads and logs them all. New and changed people are
-- therefore entered into a small index of their own, and moved into the large one together, at night.

alter table match_feature add column fresh boolean not null default true;
comment on column match_feature.fresh is
  'New or changed since the last run over everybody moved the keys of all at once.';

drop index match_feature_keys;
create index match_feature_keys on match_feature using gin (keys)
  with (fastupdate = on, gin_pending_list_limit = 65536) where not fresh;
comment on index match_feature_keys is
  'Written in bulk only; what waits in its list is entered before anybody has to search it.';
create index match_feature_fresh on match_feature using gin (keys) with (fastupdate = off) where fresh;
comment on index match_feature_fresh is
  'Small, and so entered at once: a list of new keys would be read through by every search.';
