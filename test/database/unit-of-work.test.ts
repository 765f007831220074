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
