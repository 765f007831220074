/**
 * Large tables can be distributed by Citus: every unique and primary key of theirs contains the root
 * by which they would be sharded, and no such table has a trigger. What stays on one node is named here
 * with its reason, so that a new table must be decided on.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

/** Large tables and their root. */
const ROOTS: Readonly<Record<string, string>> = {
  resource: 'bucket',
  history: 'bucket',
  tok: 'bucket',
  str: 'bucket',
  ref: 'bucket',
  dat: 'bucket',
  num: 'bucket',
  pair: 'bucket',
  household: 'household_id',
  household_member: 'household_id',
  household_characteristic: 'household_id',
  scheme_compliance: 'household_id',
  scheme_validation: 'household_id',
  scheme_response: 'household_id',
  scheme_evidence_past: 'household_id',
  scheme_validation_past: 'household_id',
  household_account: 'household_id',
  household_identifier: 'identifier_hash',
  household_past: 'household_id',
  member: 'member_id',
  member_past: 'member_id',
  member_stay: 'member_id',
  member_identifier: 'identifier_hash',
  match_feature: 'patient_id',
  match_edge: 'a',
  match_suspicion: 'a',
  enrolment: 'household_id',
  enrolment_change: 'household_id',
  payroll_line: 'household_id',
  disbursement_return: 'payee_id',
  payroll_exclusion: 'household_id',
  instruction: 'payee_id',
  instruction_event: 'payee_id',
};

/** Tables of one node or copied to all; a reason for each. */
const NOT_DISTRIBUTED: Readonly<Record<string, string>> = {
  gathered: 'queue',
  outbox: 'queue',
  job_run: 'clock',
  migration: 'schema',
  migration_lock: 'schema',
  migration_hash: 'schema',
  house_secret: 'configuration',
  search_parameter: 'configuration',
  ledger_account: 'reference',
  payroll_clock: 'configuration',
  ledger_transfer: 'the books stay on one node, where their constraints hold across accounts',
  bulk_job: 'one row an export or import',
  bulk_import_fault: 'refused lines of an import, kept a day',
  fhir_async: 'queue',
  match_big_key: 'configuration',
  match_value: 'reference: counts of common values, copied to all',
  match_model: 'one row a model learnt',
  match_run: 'one row a run',
  match_to_raise: 'queue',
  match_waiting: 'queue',
  payroll: 'one row a scheme and period',
  payroll_flow: 'configuration',
  payroll_vote: 'one row a vote; its keys hold across payrolls',
  payroll_seat: 'one row a person asked',
  payroll_delegation: 'configuration',
  payroll_ceiling: 'configuration',
  merge_record: 'one row a merge of two records',
  merge_patch: 'a few rows a merge',
  merge_proposal: 'one row a merge that takes two people',
  patient_alias: 'a few rows a merge, asked by both sides',
  match_verdict: 'one row a decision of a reviewer',
  review_lease: 'queue',
};

/** Rooms whose tables are configuration, queues, or an outside party's stand-in. */
const SMALL_ROOMS = new RegExp(
  `^(${'access audit disbursement simulator scheme provider area pay_point hold indicator measure reconciliation bank_file statement dhis2 subscription'.split(' ').join('|')})(_|s?$)`,
);

describe('the schema', () => {
  let database: TestDatabase;
  before(async () => {
    database = await freshDatabase();
  });
  after(() => database.drop());

  const rows = async <Row extends object>(sql: string): Promise<Row[]> =>
    (await database.pool.query<Row>(sql)).rows;

  it('says of each table whether and by what it is distributed', async () => {
    const tables = await rows<{ name: string }>(
      `select relname as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
    );
    const undecided = tables
      .map((table) => table.name)
      .filter((name) => !ROOTS[name] && !NOT_DISTRIBUTED[name] && !SMALL_ROOMS.test(name));
    expect(undecided).to.deep.equal([]);
  });

  it('keeps the root in every key of a large table', async () => {
    const keys = await rows<{ name: string; key: string; columns: string[] }>(
      `select t.relname as name, i.relname as key,
              array(select a.attname::text from pg_attribute a
                    where a.attrelid = t.oid and a.attnum = any(x.indkey)) as columns
       from pg_index x join pg_class t on t.oid = x.indrelid join pg_class i on i.oid = x.indexrelid
       where x.indisunique and t.relnamespace = 'public'::regnamespace and not t.relispartition`,
    );
    const wrong = keys
      .filter((key) => ROOTS[key.name] && !key.columns.includes(ROOTS[key.name]!))
      .map((key) => `${key.key} lacks ${ROOTS[key.name]}`);
    expect(wrong).to.deep.equal([]);
  });

  it('has no trigger but those of foreign keys and those that keep the books', async () => {
    const found = await rows(
      `select tgname, tgrelid::regclass::text as name from pg_trigger where not tgisinternal
       order by tgname`,
    );
    expect(found).to.deep.equal([
      { tgname: 'ledger_account_kept', name: 'ledger_account' },
      { tgname: 'ledger_transfer_accounts', name: 'ledger_transfer' },
      { tgname: 'ledger_transfer_append_only', name: 'ledger_transfer' },
      { tgname: 'match_verdict_append_only', name: 'match_verdict' },
      { tgname: 'payroll_vote_append_only', name: 'payroll_vote' },
    ]);
  });

  it('explains every table of the rooms', async () => {
    const silent = await rows<{ name: string }>(
      `select relname as name from pg_class
       where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
         and relname not like 'migration%' and obj_description(oid, 'pg_class') is null`,
    );
    expect(silent).to.deep.equal([]);
  });
});
