-- Officers of areas print the payment lists and reports of their areas.
insert into access_role_permission (role, permission)
values ('area-officer', 'List.read'), ('area-officer', 'payroll.print'), ('area-officer', 'payroll.read')
on conflict do nothing;
