-- Who may try rules over the registry (figures only, so that policy needs no right to read people),
-- and who sees which households no longer qualify.

insert into access_role values
  ('policy-officer', 'tries rules of schemes over the registry, in figures');

insert into access_role_permission
select role, permission from (values
  ('scheme-manager', 'schemes.simulate'), ('area-officer', 'schemes.simulate'),
  ('policy-officer', 'schemes.simulate'), ('policy-officer', 'InsurancePlan.read'),
  ('scheme-manager', 'schemes.review'), ('area-officer', 'schemes.review'),
  ('auditor', 'schemes.review'),
  ('policy-officer', 'Location.read'), ('policy-officer', 'Measure.read'),
  ('policy-officer', 'MeasureReport.read'), ('policy-officer', 'indicators.read'))
  as g(role, permission)
on conflict do nothing;
