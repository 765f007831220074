update access_role_permission set permission = 'providers.link-account'
where permission = 'providers.link';

insert into access_role_permission
select role, 'payroll.read'
from unnest(array['payroll-officer', 'payroll-approver', 'finance-officer', 'auditor']) role
on conflict do nothing;
