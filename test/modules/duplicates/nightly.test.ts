/** A run over everybody that is killed anywhere, done twice at once, and shared by threads. */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { COMPARE_ALL, COMPARE_LEFT } from '../../../modules/duplicates/compare-all.ts';
import { syntheticRegistry } from '../../../modules/duplicates/evaluate/synthetic/registry.ts';
import { featuresChanged } from '../../../modules/duplicates/events.ts';
import { blocksOf } from '../../../modules/duplicates/matching/blocks.ts';
import { learnModel } from '../../../modules/duplicates/matching/learn.ts';
import { scorePairs } from '../../../modules/duplicates/matching/pairs.ts';
import { RegistryBuilder, registryOf } from '../../../modules/duplicates/matching/registry.ts';
import { shared } from '../../../modules/duplicates/matching/shared.ts';
import { Threads } from '../../../modules/duplicates/matching/threads.ts';
import { RecordReader } from '../../../modules/duplicates/nightly/records.ts';
import { runNightly } from '../../../modules/duplicates/nightly/run.ts';
import { factsOf, personFrom } from '../../../modules/duplicates/registry/facts.ts';
import { candidatesOfStored } from '../../../modules/duplicates/store/candidates.ts';
import { endRun, startRun } from '../../../modules/duplicates/store/everybody.ts';
import { enterKeys, freshPeople, moveKeys } from '../../../modules/duplicates/store/features.ts';
import {
  addWaiting,
  coverWaiting,
  forgetWaiting,
} from '../../../modules/duplicates/store/waiting.ts';
import { lookAfterWaiting, nextWaiting } from '../../../modules/duplicates/waiting.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { Context, Units } from '../../../src/sdk/index.ts';
import { loadPeople } from '../../bench/duplicates/load.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const PEOPLE = 2_100;
const NO_HOLDS = { CERTAIN: 'none', PROBABLE: 'none', POSSIBLE: 'none' };

describe('a run over everybody', () => {
  let house: TestHouse;
  before(async () => {
    const holds = Object.entries(NO_HOLDS).map(([grade, so]) => [`DUPLICATES_HOLD_${grade}`, so]);
    house = await startTestHouse({
      environment: { ...Object.fromEntries(holds), REFERENTIAL_INTEGRITY: 'off' },
    });
    await loadPeople(house.database.pool, PEOPLE, 3);
  });
  after(() => house?.stop());

  const is = async (condition: string): Promise<boolean> =>
    (await house.database.pool.query(`select ${condition} as so`)).rows[0].so;
  /** Units of work of a process that dies as soon as something is so, between two of them. */
  const process = (dies = 'false'): Units & { opened: number } => ({
    opened: 0,
    async run(work) {
      this.opened += 1;
      if (await is(dies)) throw new Error('killed');
      return runUnitOfWork(house.app, SYSTEM, {}, work);
    },
  });
  const killed = async (dies: string): Promise<void> => {
    const fault = await runNightly(process(dies), {}).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(fault, `killed when ${dies}`).to.equal('killed');
    // A killed process shows no life any more, and cannot say that it leaves.
    await house.database.pool.query(`update match_run set alive_at = '2020-01-01'`);
  };
  const stands = async () => {
    const { rows } = await house.database.pool.query(
      `select (select count(*)::int from match_run) as runs,
         (select count(*)::int from match_run where ended_at is null) as open,
         (select count(*)::int from match_model) as models,
         (select count(*)::int from match_value) as counts,
         (select count(*)::int from match_edge) as pairs,
         (select count(*)::int from match_to_raise) as waiting,
         (select count(*)::int from match_suspicion) as raised,
         (select count(*)::int from resource where type = (
           select type from resource r join match_suspicion s on s.task_id = r.id::text limit 1))
           as tasks`,
    );
    return rows[0];
  };

  it('leaves nothing when it is killed before all was found', async () => {
    await killed('exists (select from match_run)');
    const { open, models, counts, pairs } = await stands();
    expect({ open, models, counts, pairs }).to.eql({ open: 1, models: 0, counts: 0, pairs: 0 });
  });

  it('goes on where it was killed, and raises each suspicion once', async () => {
    await killed('exists (select from match_run where found_at is not null)');
    const found = await stands();
    expect(found.pairs, 'pairs').to.be.above(100);
    expect([found.models, found.raised]).to.eql([1, 0]);
    expect(found.waiting).to.be.within(100, found.pairs);
    await killed('exists (select from match_suspicion)');
    const half = await stands();
    expect([half.raised, half.tasks, half.waiting]).to.eql([100, 100, found.waiting - 100]);
    await runNightly(process(), {});
    const done = await stands();
    expect([done.runs, done.open, done.models, done.pairs]).to.eql([1, 0, 1, found.pairs]);
    expect([done.raised, done.tasks, done.waiting]).to.eql([found.waiting, found.waiting, 0]);
    expect(await is(`(select raised = ${found.waiting} from match_run)`)).to.equal(true);
  }).timeout(120_000); // the process gives way to whatever else the machine does

  it('is left to the one that does it already, which is looked after', async () => {
    const { pool } = house.database;
    const before = await stands();
    await pool.query(
      `insert into match_run (started_at, owner, alive_at) values (now(), 'another', now())`,
    );
    await runNightly(process(), {});
    expect((await stands()).open).to.equal(1);
    const { rows } = await pool.query('select key from graphile_worker.jobs where key = $1', [
      COMPARE_LEFT,
    ]);
    expect(rows).to.have.length(1);
    await pool.query('update match_run set ended_at = now() where ended_at is null');
    await runNightly(process(), { left: true });
    expect({ ...(await stands()), runs: before.runs }).to.eql(before);
  });

  it('stops when it was taken for dead and another goes on', async () => {
    const { pool } = house.database;
    const units = process();
    const slow: Units = {
      async run(work) {
        const answer = await units.run(work);
        if (units.opened === 2) await pool.query(`update match_run set owner = 'another'`);
        return answer;
      },
    };
    const before = await stands();
    const fault = await runNightly(slow, {}).catch((error: Error) => error.message);
    expect(fault).to.equal('another process goes on with this run');
    const { models, pairs, raised } = await stands();
    expect([models, pairs, raised]).to.eql([before.models, before.pairs, before.raised]);
    await pool.query('delete from match_run where ended_at is null');
  });

  const unit = <Result>(work: (ctx: Context) => Promise<Result>): Promise<Result> =>
    runUnitOfWork(house.app, SYSTEM, {}, work);
  const number = async (question: string): Promise<number> =>
    Number((await house.database.pool.query(question)).rows[0].n);

  it('is rung where many wait to be compared, and looks after those who come meanwhile', async () => {
    const { pool } = house.database;
    const { rows } = await pool.query<{ patient_id: bigint }>(
      'select patient_id from match_feature order by 1 limit 3',
    );
    const [first, ...later] = rows.map((row) => row.patient_id);
    await unit((ctx) => addWaiting(ctx, Array(4_999).fill(first)));
    const rung = `select count(*) as n from graphile_worker.jobs where key = '${COMPARE_ALL}'`;
    expect(await unit((ctx) => nextWaiting(ctx, 1))).to.eql([first]);
    expect(await number(rung)).to.equal(0);
    await unit((ctx) => addWaiting(ctx, [first!, first!]));
    expect(await unit((ctx) => nextWaiting(ctx, 20))).to.eql([]);
    expect(await number(rung)).to.equal(1);
    // The run begins and reads all who wait; two more come.
    const run = await unit(async (ctx) => {
      const begun = await startRun(ctx, 'of the test');
      await coverWaiting(ctx, begun!.run_id);
      return begun!.run_id;
    });
    await unit((ctx) => addWaiting(ctx, later));
    expect(await unit((ctx) => nextWaiting(ctx, 1))).to.eql([later[0]]);
    await pool.query('delete from outbox');
    await unit(async (ctx) => {
      await forgetWaiting(ctx, run);
      await endRun(ctx, run);
      await lookAfterWaiting(ctx);
    });
    const told = await pool.query(`select data -> 'ids' as ids from outbox where name = $1`, [
      featuresChanged.name,
    ]);
    expect(told.rows).to.eql([{ ids: [String(later[1])] }]);
    expect(await unit((ctx) => nextWaiting(ctx, 20))).to.eql([later[1]]);
    expect(await number('select count(*) as n from match_waiting')).to.equal(0);
    await pool.query(`delete from graphile_worker._private_jobs where key = '${COMPARE_ALL}'`);
    await pool.query('delete from match_run where run_id = $1', [run]);
  });

  it('moves keys of new people together, and they are found before and afterwards', async () => {
    const { pool } = house.database;
    const found = async (): Promise<string[]> => {
      const { rows } = await pool.query<{ patient_id: bigint }>(
        'select a as patient_id from match_edge order by log_odds desc limit 40',
      );
      const ids = rows.map((row) => row.patient_id);
      const all = await unit((ctx) => candidatesOfStored(ctx, ids));
      return all.map((each) => `${each.patient_id} ${each.of.toSorted()}`).sort();
    };
    const settled = await found();
    expect(settled).to.have.length.above(40);
    await pool.query('update match_feature set fresh = patient_id % 3 <> 0');
    expect(await found()).to.eql(settled);
    const fresh = await number('select count(*) as n from match_feature where fresh');
    expect(fresh).to.be.within(1_000, PEOPLE);
    expect(await unit((ctx) => moveKeys(ctx, 1_000))).to.equal(1_000);
    expect(await found()).to.eql(settled);
    await unit(enterKeys);
    expect(await found()).to.eql(settled);
    expect(await unit((ctx) => moveKeys(ctx, PEOPLE))).to.equal(fresh - 1_000);
    expect(await unit((ctx) => freshPeople(ctx, 1))).to.equal(0);
    expect(await found()).to.eql(settled);
  });

  it('reads from the bytes of COPY what stands in the facts, whatever letters they have', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'asha', 'አስቴር', 'x"\\y', '👩🏾\n'),
      fc.string({ unit: 'binary' }),
    );
    const someone = fc.record({
      name: fc.record({
        given: text,
        family: text,
        other: fc.array(text, { maxLength: 3 }),
        native: fc.boolean(),
      }),
      birthDay: fc.constantFrom(0, 1980_0203, 1990_0000),
      sex: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      phones: fc.array(text),
      emails: fc.array(text),
      identifiers: fc.array(fc.record({ system: text, value: text })),
      postalCode: text,
      district: text,
      area: text,
      texts: fc.dictionary(fc.constantFrom('line1', 'city', 'state'), text),
      household: fc.option(fc.integer({ min: 1, max: 9 })),
      home: fc.option(text.filter(Boolean)),
    });
    fc.assert(
      fc.property(
        fc.array(someone, { maxLength: 6 }),
        fc.integer({ min: 1, max: 90 }),
        (all, cut) => {
          const builder = new RegistryBuilder();
          const rows = all.map(({ household, home, ...person }, at) => {
            const facts = factsOf({ ...person, source: 0 });
            const householdId = household === null ? null : BigInt(household);
            builder.add(personFrom(facts, { householdId, area: home }));
            return [BigInt(at + 1), householdId, home, facts];
          });
          const bytes = copied(rows);
          const reader = new RecordReader();
          for (let at = 0; at < bytes.length; at += cut) reader.take(bytes.subarray(at, at + cut));
          reader.end();
          expect(reader.registry()).to.eql(builder.build());
        },
      ),
    );
  });

  it('finds the same pairs in the same order with one thread and with three', () => {
    const registry = shared(registryOf(syntheticRegistry(1_500, 8).records.people));
    const threads = new Threads(2);
    try {
      const blocks = blocksOf(registry, threads);
      expect(blocks).to.eql(blocksOf(registry));
      const model = learnModel(registry, blocks, false, threads);
      expect(model).to.eql(learnModel(registry, blocks, false));
      const [alone, together] = [{}, { threads }].map(
        (more) => scorePairs(registry, blocks, model, { across: false, ...more }).pairs,
      );
      expect(together).to.eql(alone);
      expect(alone!.size).to.be.above(50);
    } finally {
      threads.end();
    }
  });
});

/** Rows as COPY writes them in its binary form. */
function copied(rows: readonly (readonly (bigint | string | null)[])[]): Buffer {
  const sized = (size: number, content = Buffer.alloc(0)): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(size);
    return Buffer.concat([length, content]);
  };
  const field = (value: bigint | string | null): Buffer => {
    if (value === null) return sized(-1);
    if (typeof value === 'string') return sized(Buffer.byteLength(value), Buffer.from(value));
    const number = Buffer.alloc(8);
    number.writeBigInt64BE(value);
    return sized(8, number);
  };
  const header = Buffer.concat([Buffer.from('PGCOPY\n\u00ff\r\n\0', 'latin1'), Buffer.alloc(8)]);
  const of = (row: (typeof rows)[number]): Buffer[] => [
    Buffer.from([0, row.length]),
    ...row.map(field),
  ];
  return Buffer.concat([header, ...rows.flatMap(of), Buffer.from([255, 255])]);
}
