/**
 * A draft right after an import: PostgreSQL knows nothing of the tables, and would loop over all
 * members once for each household. Judged by the plan, not by the time.
 */

import { expect } from 'chai';
import { approve, draftPayroll } from '../../../modules/payroll/index.ts';
import { entitlementSelect, findScheme } from '../../../modules/schemes/index.ts';
import { refreshStatistics } from '../../../src/database/statistics.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { silentLog } from '../../../src/log.ts';
import { type Context, parsePeriod } from '../../../src/sdk/index.ts';
import { prepare } from '../../bench/payroll.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const HOUSEHOLDS = 4000;

const LOADED = ['household', 'household_account', 'household_member'];

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Parent Relationship'?: string;
  readonly Plans?: readonly PlanNode[];
}

/** What a plan runs again for each row of something else: the kinds of nodes below the loops. */
function repeated(node: PlanNode, inLoop = false): string[] {
  const here = inLoop ? [node['Node Type']] : [];
  const below = (node.Plans ?? []).flatMap((each) => {
    const loops = node['Node Type'] === 'Nested Loop' && each['Parent Relationship'] === 'Inner';
    return repeated(each, inLoop || loops);
  });
  return [...here, ...below];
}

describe('a payroll on tables that were loaded and never analysed', function () {
  this.timeout(60_000);
  let house: TestHouse;

  before(async () => {
    house = await startTestHouse();
    for (const table of [...LOADED, 'household_characteristic', 'enrolment', 'payroll_line']) {
      await house.database.pool.query(`alter table ${table} set (autovacuum_enabled = off)`);
    }
    await prepare(house, HOUSEHOLDS, false);
    house.clock.set(new Date(Date.now() + 1000));
  });

  after(() => house.stop());

  const as = <Result>(id: string, work: (ctx: Context) => Promise<Result>, rolledBack = false) =>
    runUnitOfWork(house.app, { ...SYSTEM, id }, { rolledBack }, work);

  const known = async (): Promise<string[]> => {
    const { rows } = await house.database.pool.query<{ tablename: string }>(
      'select distinct tablename::text from pg_stats where tablename = any($1) order by 1',
      [LOADED],
    );
    return rows.map((row) => row.tablename);
  };

  const plan = (): Promise<PlanNode> =>
    as('planner', async (ctx) => {
      const scheme = await findScheme(ctx, 'bench');
      const period = parsePeriod(scheme.frequency, '2026-11');
      const { text } = await entitlementSelect(ctx, scheme.scheme_id, period);
      const [row] = await ctx.db.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
        `explain (format json) ${text}`,
      );
      return row!['QUERY PLAN'][0]!.Plan;
    });

  it('has them analysed before it is drafted, also where the draft is rolled back', async () => {
    expect(await known()).to.deep.equal([]);
    const made = await as(
      'maker',
      async (ctx) => draftPayroll(ctx, await findScheme(ctx, 'bench')),
      true,
    );
    expect(Number(made.totals.lines) + Number(made.totals.excluded)).to.equal(HOUSEHOLDS);
    expect(await known()).to.deep.equal(LOADED);
  });

  it('groups members once, and never again for each household', async () => {
    expect(repeated(await plan())).to.not.include('Aggregate');
  });

  it('joins lines that nobody has statistics of by hashes', async () => {
    const { payrollId } = await as('maker', async (ctx) =>
      draftPayroll(ctx, await findScheme(ctx, 'bench')),
    );
    const approval = await as('checker', (ctx) => approve(ctx, payrollId, undefined));
    expect(approval.ordered).to.equal(HOUSEHOLDS * 0.95);
    const again = await as('maker', async (ctx) =>
      draftPayroll(ctx, await findScheme(ctx, 'bench'), { kind: 'back-pay' }),
    );
    expect(again.totals.lines).to.equal(0n);
  });

  it('analyses a table again once it has grown by half, and not before', async () => {
    const { pool, queuePool } = house.database;
    const refresh = () => refreshStatistics(queuePool, silentLog, ['households_characteristic']);
    const add = (code: string) =>
      pool.query(
        `insert into household_characteristic (household_id, code, boolean_value)
         select household_id, $1, true from household`,
        [code],
      );
    await add('radio');
    expect(await refresh()).to.deep.equal(['household_characteristic']);
    expect(await refresh()).to.deep.equal([]);
    await add('roof');
    await add('tap');
    expect(await refresh()).to.deep.equal(['household_characteristic']);
  });

  it('leaves alone what is not its own, and says so', async () => {
    const { pool, queuePool } = house.database;
    const warned: string[] = [];
    const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
    await pool.query('create table of_others as select generate_series(1, 50000) as n');
    const role = `amana_test_other_${process.pid}`;
    await pool.query(`create role ${role}`);
    await pool.query(`grant select on of_others to ${role}`);
    const client = await queuePool.connect();
    try {
      await client.query(`set role ${role}`);
      const limited = { query: client.query.bind(client), connect: async () => client };
      expect(await refreshStatistics(limited as never, log, ['of_others'])).to.deep.equal([]);
    } finally {
      await client.query('reset role');
      client.release();
      await pool.query('drop table of_others');
      await pool.query(`drop role ${role}`);
    }
    expect(warned).to.deep.equal(['statistics are old, and are not ours to refresh']);
  });
});
