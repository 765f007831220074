-- What a run could not compare is told to officers; it is kept by rule, and by people.

comment on column match_run.skipped is
  'JSON: people compared with nobody; of each rule the keys that too many people share.';
