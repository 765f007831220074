-- Which of many types there are any resources of: asked by a search over the whole system, and by the
-- size of a type. Equal keys are stored once, so that a row costs a few bytes.

create index resource_other_type on resource_other (type);
