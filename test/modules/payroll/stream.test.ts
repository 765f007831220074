/**
 * A large payroll is filled by two processes: what it comes to is what one statement comes to, to the
 * column; however its rows are cut into pieces; and when a process fails, nothing has happened.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { draftPayroll } from '../../../modules/payroll/index.ts';
import { judgedRows } from '../../../modules/payroll/judged-rows.ts';
import {
  type DraftTotals,
  type Header,
  insertLines,
  insertPayroll,
} from '../../../modules/payroll/store/draft.ts';
import { withoutLoops } from '../../../modules/payroll/store/loops.ts';
import { streamLines } from '../../../modules/payroll/store/stream.ts';
import { entitlementSelect, findScheme } from '../../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { type Context, type Database, parsePeriod } from '../../../src/sdk/index.ts';
import { prepare } from '../../bench/payroll.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const HOUSEHOLDS = 300;
/** Enrolments whose household is gone; with them the scheme is large. */
const GONE = 20_000;

const FROZEN = `household_id, scheme_id, period_code, enrolment_id, recipient_id, amount_minor,
  step_minor::text, step_counts::text, step_members::text, household_version, area_id, pay_point_id,
  provider_id, account_kind, account_number, state, cancelled_key, reason, updated_at, version, slot`;

describe('a large payroll', function () {
  this.timeout(60_000);
  let house: TestHouse;

  before(async () => {
    house = await startTestHouse();
    await prepare(house, HOUSEHOLDS);
    const { pool } = house.database;
    await pool.query(
      `insert into enrolment (household_id, enrolment_id, fhir_id, scheme_id, state, starts_on, version,
         changed_at)
       select 1e12::bigint + n, 2e12::bigint + n, 'gone' || n, scheme_id, 'enrolled', '2026-01-01', 1, now()
       from generate_series(1, $1::int) n, scheme where fhir_id = 'bench'`,
      [GONE],
    );
    await pool.query(
      `insert into hold (hold_id, fhir_id, household_id, code, policy, active, raised_at, version)
       select n, 'f' || n, n * 64, 'grievance', 'hard', true, now(), 1 from generate_series(1, 7) n`,
    );
    await pool.query(
      `update household_account set account_number = E'+254\\t"7"\\\\N' where household_id = 640`,
    );
    await pool.query(
      'update household set collector_id = null, collector_basis = null where household_id = 704',
    );
    await pool.query('analyze');
    house.clock.set(new Date(Date.now() + 1000));
  });
  after(() => house?.stop());

  const tried = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, { ...SYSTEM, id: 'maker' }, { rolledBack: true }, work);

  /** A payroll with its header only, and what is due. */
  const begun = async (ctx: Context) => {
    const bench = await findScheme(ctx, 'bench');
    const period = parsePeriod({ frequency: 'monthly' }, '2026-01');
    const due = await entitlementSelect(ctx, bench.scheme_id, period);
    const header: Header = {
      payrollId: ctx.newId(),
      rulesVersion: due.rulesVersion,
      period,
      kind: 'regular',
      areaId: null,
      label: '',
      fund: 'fund:bench',
    };
    await insertPayroll(ctx, bench, header);
    return { header, due };
  };

  const filled = async (
    ctx: Context,
    payrollId: string,
    { lines, minor, excluded }: DraftTotals,
  ) => ({
    totals: { lines, minor, excluded },
    lines: await ctx.db.query(
      `select ${FROZEN} from payroll_line where payroll_id = $1 order by household_id`,
      [payrollId],
    ),
    excluded: await ctx.db.query(
      `select household_id, enrolment_id, recipient_id, reason, criterion_number, area_id, at
       from payroll_exclusion where payroll_id = $1 order by household_id`,
      [payrollId],
    ),
    ids: await ctx.db.query(
      `select count(distinct id) as n, min(id) > $1 as after, left(max(id), 24) as base from (
         select line_id::text as id from payroll_line where payroll_id = $2 union all
         select exclusion_id::text from payroll_exclusion where payroll_id = $2) i`,
      [`${payrollId.slice(0, 24)}000000000000`, payrollId],
    ),
  });

  it('comes to the same by two processes as by one statement', async () => {
    let base = '';
    const streamed = await tried(async (ctx) => {
      const bench = await findScheme(ctx, 'bench');
      const { payrollId, totals } = await draftPayroll(ctx, bench, { period: '2026-01' });
      base = payrollId.slice(0, 24);
      return filled(ctx, payrollId, totals);
    });
    const atOnce = await tried(async (ctx) => {
      const { header, due } = await begun(ctx);
      const totals = await withoutLoops(ctx, () => insertLines(ctx, header, due));
      return filled(ctx, header.payrollId, totals);
    });
    const { ids, ...what } = streamed;
    const { ids: others, ...same } = atOnce;
    const at = (row: object) => ({ ...row, at: 0, updated_at: 0 });
    expect(what.lines.map(at)).to.deep.equal(same.lines.map(at));
    expect(what.excluded.map(at)).to.deep.equal(same.excluded.map(at));
    expect(what.totals).to.deep.equal(same.totals);
    expect(what.lines.length + what.excluded.length).to.equal(HOUSEHOLDS + GONE);
    expect(what.lines).to.have.length.above(200);
    expect([ids, others.length]).to.deep.equal([
      [{ n: BigInt(HOUSEHOLDS + GONE), after: true, base }],
      1,
    ]);
  });

  it('is taken apart alike, however it is cut into pieces', async () => {
    const id = '0198c0de-0000-7000-8000-000000000001';
    let sent = Buffer.alloc(0);
    const keep = (reader: Database): Database => ({
      ...reader,
      copyOut: async function* (text) {
        for await (const chunk of reader.copyOut(text)) {
          sent = Buffer.concat([sent, chunk]);
          yield chunk;
        }
      },
    });
    await tried(async (ctx) => {
      const { header, due } = await begun(ctx);
      await ctx.readers(1, ([reader]) => streamLines(ctx, keep(reader!), header, due));
    });
    const cut = async (size: number) => {
      async function* pieces() {
        for (let at = 0; at < part.length; at += size) yield part.subarray(at, at + size);
      }
      const all = { lines: '', excluded: '', minor: 0n };
      for await (const { lines, excluded, minor } of judgedRows(pieces(), id)) {
        all.lines += lines.bytes.toString('hex');
        all.excluded += excluded.bytes.toString('hex');
        all.minor += minor;
      }
      return all;
    };
    const part = Buffer.concat([sent.subarray(0, rowsEnd(sent, 600)), Buffer.from([0xff, 0xff])]);
    const whole = await cut(part.length);
    expect(whole.lines.length + whole.excluded.length).to.be.above(part.length);
    for (const size of [1, 3, 19, 257, 4096]) expect(await cut(size)).to.deep.equal(whole);
  });

  for (const [what, broken] of Object.entries({
    'breaks off with an error': async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        yield chunk.subarray(0, 3000);
        throw new Error('connection lost');
      }
    },
    'ends before its end': async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        yield chunk.subarray(0, 3000);
        return;
      }
    },
    'sends something else': async function* () {
      yield Buffer.from('id;amount\n1;100\n2;200\n3;300\n');
    },
  })) {
    it(`has not happened where the other process ${what}`, async () => {
      const fault = await runUnitOfWork(house.app, SYSTEM, {}, async (ctx) => {
        const { header, due } = await begun(ctx);
        return ctx.readers(1, ([reader]) => {
          const copyOut: Database['copyOut'] = (text) => broken(reader!.copyOut(text)) as never;
          return streamLines(ctx, { ...reader!, copyOut }, header, due);
        });
      }).catch((error: Error) => error.message);
      expect(fault)
        .to.be.a('string')
        .that.matches(/connection lost|too early|not such/);
      const { rows } = await house.database.pool.query(
        `select (select count(*) from payroll)::int as payrolls, (select count(*) from payroll_line)::int
           as lines, (select count(*) from payroll_exclusion)::int as excluded`,
      );
      expect(rows).to.deep.equal([{ payrolls: 0, lines: 0, excluded: 0 }]);
    });
  }
});

/** Where the first so many rows of a stream end. */
function rowsEnd(sent: Buffer, rows: number): number {
  let at = 19;
  for (let row = 0; row < rows; row += 1) {
    const fields = sent.readInt16BE(at);
    at += 2;
    for (let field = 0; field < fields; field += 1) at += 4 + Math.max(0, sent.readInt32BE(at));
  }
  return at;
}
