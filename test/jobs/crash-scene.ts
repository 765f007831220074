/**
 * A process that kills itself at a named moment, for `crash.test.ts`: it works on the database in
 * DATABASE_URL as the house would, and is gone without a word.
 */

import { createPool, createQueuePool } from '../../src/database/connect.ts';
import { dispatch } from '../../src/jobs/outbox.ts';
import { startWorker } from '../../src/jobs/worker.ts';
import { event, type Module, on } from '../../src/sdk/index.ts';
import { smallApp } from '../support/app.ts';

const happened = event<{ n: number }>('test.happened', 'something happened');
const die = (): void => void process.kill(process.pid, 'SIGKILL');

const module: Module = {
  name: 'test',
  title: 'Test',
  reactions: [
    on(happened, 'notes, and dies when that is committed', async (ctx, events) => {
      const numbers = [events.map((each) => each.n)];
      await ctx.db.run('insert into came select unnest($1::int[])', numbers);
      await ctx.db.run('insert into noted select unnest($1::int[])', numbers);
      ctx.afterCommit(die);
    }),
  ],
};

const url = process.env.DATABASE_URL!;
const app = smallApp(
  {
    url,
    name: 'scene',
    pool: createPool(url, { max: 5 }),
    readPool: createPool(url, { max: 5, readOnly: true }),
    queuePool: createQueuePool(url, { max: 5 }),
    drop: () => Promise.resolve(),
  },
  [module],
);

const emit = (last: () => void): Promise<void> =>
  app.work(async (ctx) => {
    for (let n = 1; n <= 500; n += 1) ctx.emit(happened, { n });
    ctx.audit({ action: 'E', interaction: 'operation' });
    ctx.afterCommit(last);
  });

switch (process.argv[2]) {
  case 'after-commit':
    await emit(die);
    break;
  case 'before-commit':
    await app.work(async (ctx) => {
      ctx.emit(happened, { n: 1 });
      ctx.audit({ action: 'E', interaction: 'operation' });
      await ctx.db.query('select 1');
      die();
      await new Promise(() => {});
    });
    break;
  case 'in-dispatch': {
    await emit(() => {});
    // The events are out of the outbox and the jobs in the queue, but not committed.
    const connect = app.pool.connect.bind(app.pool);
    app.pool.connect = (async () => {
      const client = await connect();
      const query = client.query.bind(client);
      client.query = ((...given: Parameters<typeof query>) =>
        given[0] === ('commit' as never) ? die() : query(...given)) as typeof client.query;
      return client;
    }) as typeof app.pool.connect;
    await dispatch(app);
    break;
  }
  case 'after-reaction':
    await emit(() => {});
    await dispatch(app);
    await startWorker(app, 1);
    break;
  default:
    throw new Error('which scene?');
}
