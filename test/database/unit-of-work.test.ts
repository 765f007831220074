/** A unit of work is all or nothing: rows, events, jobs and trail stand or fall together. */

import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import { settle } from '../../src/jobs/settle.ts';
import {
  type Actor,
  event,
  handle,
  job,
  type Module,
  on,
  Problem,
  permission,
} from '../../src/sdk/index.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const happened = event<{ n: number }>('test.happened', 'something happened');
const doIt = job<{ n: number }>('test.do-it', 'does it');

describe('a unit of work', () => {
  let database: TestDatabase;
  let app: SmallApp;
  const seen: number[] = [];
  const done: number[] = [];

  const module: Module = {
    name: 'test',
    title: 'Test',
    reactions: [
      on(happened, 'remembers', async (_ctx, events) => {
        seen.push(...events.map((each) => each.n));
      }),
    ],
    jobs: [
      handle(doIt, async (_ctx, data) => {
        done.push(data.n);
      }),
    ],
  };

  before(async () => {
    database = await freshDatabase();
    app = smallApp(database, [module]);
    await database.pool.query('create table thing (id int primary key)');
  });
  after(() => database.drop());
  beforeEach(() => {
    seen.length = 0;
    done.length = 0;
  });

  const count = async (table: string): Promise<number> =>
    (await database.pool.query(`select count(*)::int as n from ${table}`)).rows[0].n;

  it('leaves rows, events, jobs and trail behind when it commits', async () => {
    await app.work(async (ctx) => {
      await ctx.db.run('insert into thing values ($1)', [1]);
      ctx.emit(happened, { n: 1 });
      ctx.enqueue(doIt, { n: 2 });
      ctx.audit({ action: 'C', interaction: 'create', type: 'Patient', id: 'p1', version: 1 });
    });
    expect(await count('thing')).to.equal(1);
    expect(await count('audit_event')).to.equal(1);
    expect(seen).to.deep.equal([]);
    await settle(app);
    expect(seen).to.deep.equal([1]);
    expect(done).to.deep.equal([2]);
  });

  it('hands lists to PostgreSQL as they are, whatever stands in them', async () => {
    const texts = [
      '',
      ' a ',
      'NULL',
      'null',
      '{b}',
      'c,d',
      '"e"',
      'f\\g',
      'h\n\ti',
      "j'k",
      'é😀',
      null,
    ];
    const bytes = [Buffer.from([0, 1, 0x5c, 0x22, 255]), Buffer.alloc(0), null];
    const dates = [new Date('2026-01-02T03:04:05.678Z'), null];
    const one = await app.work((ctx) =>
      ctx.db.one(
        `select $1::text[] as texts, $2::int[] as ints, $3::bigint[] as bigs, $4::boolean[] as yes,
           $5::bytea[] as bytes, $6::timestamptz[] as dates, $7::float8[] as floats,
           $8::int[] as none, $9::text[] as nested`,
        [
          texts,
          [1, -2, null, undefined],
          [2n ** 62n, -1n],
          [true, false, null],
          bytes,
          dates,
          [0.1, -1e-9, Number.NaN, Number.POSITIVE_INFINITY],
          [],
          [
            ['a', 'b"'],
            ['c', ''],
          ],
        ],
      ),
    );
    expect(one).to.deep.equal({
      texts,
      ints: [1, -2, null, null],
      bigs: ['4611686018427387904', '-1'],
      yes: [true, false, null],
      bytes,
      dates,
      floats: [0.1, -1e-9, Number.NaN, Number.POSITIVE_INFINITY],
      none: [],
      nested: [
        ['a', 'b"'],
        ['c', ''],
      ],
    });
  });

  it('leaves nothing behind when it throws', async () => {
    const work = app.work(async (ctx) => {
      await ctx.db.run('insert into thing values ($1)', [10]);
      ctx.emit(happened, { n: 10 });
      ctx.enqueue(doIt, { n: 10 });
      ctx.audit({ action: 'C', interaction: 'create' });
      throw new Error('no');
    });
    expect(await work.catch((error: Error) => error.message)).to.equal('no');
    await settle(app);
    expect(await count('thing')).to.equal(1);
    expect(await count('audit_event')).to.equal(1);
    expect([...seen, ...done]).to.deep.equal([]);
  });

  it('shows what would be, and leaves nothing, when it is rolled back', async () => {
    const shown = await runUnitOfWork(app, SYSTEM, { rolledBack: true }, async (ctx) => {
      await ctx.db.run('insert into thing values ($1)', [20]);
      ctx.emit(happened, { n: 20 });
      return ctx.db.one<{ n: bigint }>('select count(*) as n from thing');
    });
    expect(shown.n).to.equal(2n);
    expect(await count('thing')).to.equal(1);
    await settle(app);
    expect(seen).to.deep.equal([]);
  });

  it('does not pass off a failed statement as success', async () => {
    const work = app.work(async (ctx) => {
      await ctx.db.run('insert into thing values (1)').catch(() => {});
    });
    expect(await work.catch((error: Error) => error.message)).to.include('rolled back');
  });

  it('refuses to leave anything behind when it only reads', async () => {
    const work = runUnitOfWork(app, SYSTEM, { readOnly: true }, async (ctx) => {
      expect((await ctx.db.one<{ n: number }>('select 1 as n')).n).to.equal(1);
      ctx.emit(happened, { n: 1 });
    });
    expect(await work.catch((error: Error) => error.message)).to.include('read-only');
  });

  const reading = (work: Parameters<typeof app.work>[0]) =>
    runUnitOfWork(app, SYSTEM, { readOnly: true }, work);
  const messageOf = (work: Promise<unknown>) =>
    work.then(
      () => 'done',
      (error: Error) => error.message,
    );

  it('is refused by PostgreSQL to write where it only reads, however the write is dressed', async () => {
    const before = await count('thing');
    await database.pool.query(
      `create or replace function sly() returns int language sql volatile
       as 'insert into thing values (77) returning 1'`,
    );
    for (const sql of [
      'insert into thing values (77)',
      'with w as (delete from thing returning id) select * from w',
      'select sly()',
      'select * from thing for update',
      'truncate thing',
      'create table sly_table (id int)',
    ]) {
      const said = await messageOf(reading((ctx) => ctx.db.query(sql)));
      expect(said, sql).to.match(/cannot execute .* in a read-only transaction/);
    }
    const copied = reading((ctx) => ctx.db.copyIn('copy thing from stdin', ['77\n']));
    expect(await messageOf(copied)).to.include('read-only');
    expect(await count('thing')).to.equal(before);
  });

  it('copies out also where it only reads, and keeps no connection', async () => {
    await app.work((ctx) => ctx.db.run('insert into thing select generate_series(50000, 90000)'));
    const lines = await reading(async (ctx) => {
      let text = '';
      const rows = ctx.db.copyOut('copy (select id from thing where id >= 50000) to stdout');
      for await (const chunk of rows) text += chunk;
      return text.trim().split('\n').length;
    });
    expect(lines).to.equal(40_001);
    for (let turn = 0; turn < 30; turn += 1) {
      await reading(async (ctx) => {
        for await (const _ of ctx.db.copyOut('copy (select id from thing) to stdout')) break;
      });
    }
    expect(await messageOf(reading((ctx) => ctx.db.query('select 1')))).to.equal('done');
    expect(app.readPool.totalCount - app.readPool.idleCount).to.equal(0);
    await app.work((ctx) => ctx.db.run('delete from thing where id >= 50000'));
  });

  it('goes on, or ends, after it has stopped reading what is copied out', async () => {
    await app.work((ctx) => ctx.db.run('insert into thing select generate_series(50000, 350000)'));
    const some = 'copy (select id from thing) to stdout';
    const still = await app.work(async (ctx) => {
      for await (const _ of ctx.db.copyOut(some)) break;
      return ctx.db.query('select 1 as one');
    });
    expect(still).to.eql([{ one: 1 }]);
    const fault = app.work(async (ctx) => {
      for await (const _ of ctx.db.copyOut(some)) throw new Error('who read has gone');
    });
    expect(await messageOf(fault)).to.equal('who read has gone');
    await app.work((ctx) => ctx.db.run('delete from thing where id >= 50000'));
  });

  it('is refused inside another, which already holds a connection', async () => {
    for (const outer of [app.work, reading]) {
      for (const inner of [app.work, reading]) {
        const said = await messageOf(outer(() => inner(async () => 1)));
        expect(said).to.include('A unit of work').and.include('use its Context');
      }
    }
  });

  it('may follow another, also from a hook of it or from what it left running', async () => {
    const later: Promise<number>[] = [];
    await app.work(async (ctx) => {
      ctx.afterCommit(() => void later.push(app.work(async () => 1)));
      later.push(new Promise((done) => setTimeout(done, 50)).then(() => app.work(async () => 2)));
    });
    await app.work(async () => 3);
    expect(await Promise.all(later)).to.deep.equal([2, 1]);
  });

  it('demands permissions of its actor', async () => {
    const right = permission('test.right', 'does right');
    const nobody: Actor = { ...SYSTEM, id: 'nobody', permissions: new Set() };
    const work = runUnitOfWork(app, nobody, {}, async (ctx) => ctx.demand(right));
    const refusal = await work.catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(Problem);
    expect((refusal as Problem).status).to.equal(403);
    expect((refusal as Problem).message).to.include('test.right');
  });

  it('never takes a second connection, so that a full pool does not hang', async () => {
    await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        app.work(async (ctx) => {
          await ctx.db.run('insert into thing values ($1)', [1000 + n]);
          ctx.emit(happened, { n });
          ctx.enqueue(doIt, { n });
        }),
      ),
    );
    await settle(app);
    expect(new Set(seen).size).to.equal(60);
    expect(new Set(done).size).to.equal(60);
  });
});
