create table simulator_behaviour (
  provider_id            bigint primary key,
  seed                   int not null default 1,
  refuse_per_mille       int not null default 0 check (refuse_per_mille between 0 and 1000),
  delay_per_mille        int not null default 0 check (delay_per_mille between 0 and 1000),
  lose_before_per_mille  int not null default 0 check (lose_before_per_mille between 0 and 1000),
  lose_after_per_mille   int not null default 0 check (lose_after_per_mille between 0 and 1000),
  wrong_amount_per_mille int not null default 0 check (wrong_amount_per_mille between 0 and 1000)
);
comment on table simulator_behaviour is
  'How the simulated provider behaves, by seed; without a row it pays everything.';

create table simulator_order (
  provider_id   bigint not null,
  order_key     text not null,
  amount_minor  bigint not null,
  currency      text not null,
  account       text,
  result        text not null check (result in ('paid', 'not-paid', 'pending')),
  reason        text,
  receipt       text,
  executed_at   timestamptz,
  asked_count   int not null default 0,
  primary key (provider_id, order_key)
);
comment on table simulator_order is
  'The simulated provider''s own books: what it was asked and what it did. Not ours.';
