-- Answers of forms, as facts that rules may ask for: one row a response, so that what was answered
-- on a day can be told later.

create table scheme_response (
  household_id  bigint not null,
  member_id     bigint not null,
  questionnaire text not null,
  response_id   bigint not null,
  answered_on   date not null,
  answers       jsonb not null,
  primary key (household_id, member_id, questionnaire, response_id)
);
comment on table scheme_response is
  'Completed forms of members and households: of several of one form the newest counts, by '
  'answered_on, then response_id. Shard root: household_id, that of the member when it was written.';
comment on column scheme_response.member_id is 'rid of the Patient; 0: of the household.';
comment on column scheme_response.questionnaire is 'Canonical of the Questionnaire, without version.';
comment on column scheme_response.response_id is 'rid of the QuestionnaireResponse.';
comment on column scheme_response.answers is
  'First answer of each item by its linkId: number, true or false, text of a code or day.';
create index scheme_response_id on scheme_response (response_id);
create index scheme_response_form on scheme_response (questionnaire, member_id);

create view schemes_response as
  select household_id, member_id, questionnaire, response_id, answered_on, answers
  from scheme_response;
comment on view schemes_response is 'Answers of forms, by member and household.';
