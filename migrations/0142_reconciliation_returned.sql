-- Lines that say that money came back, or that less was handed out than was ordered.

alter table reconciliation_line drop constraint reconciliation_line_result_check;
alter table reconciliation_line add constraint reconciliation_line_result_check
  check (result in ('paid', 'partly-paid', 'returned', 'not-paid', 'pending'));
