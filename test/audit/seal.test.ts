/** The trail: writers never wait for the seal, and every kind of tampering shows. */

import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { merkleRoot, seal, type TrailVerdict, verify } from '../../src/audit/seal.ts';
import { database as wrap } from '../../src/database/connect.ts';
import { type SmallApp, smallApp } from '../support/app.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

describe('the trail', () => {
  let database: TestDatabase;
  let app: SmallApp;

  beforeEach(async () => {
    database = await freshDatabase();
    app = smallApp(database);
  });
  afterEach(() => database.drop());

  const write = (count: number) =>
    app.work(async (ctx) => {
      for (let n = 0; n < count; n += 1) {
        ctx.audit({ action: 'C', interaction: 'create', type: 'Patient', id: `p${n}`, version: 1 });
      }
    });
  const sealTwice = async () => (await app.work(seal)) + (await app.work(seal));
  const check = (): Promise<TrailVerdict> => verify(wrap(database.pool as never, false));

  it('is sealed in blocks that verify', async () => {
    await write(5);
    expect(await sealTwice()).to.equal(5);
    await write(3);
    expect(await sealTwice()).to.equal(3);
    await write(1);
    const verdict = await check();
    expect(verdict).to.include({ blocks: 2, rows: 8, unsealed: 1, fault: undefined });
    expect(verdict.head).to.match(/^[0-9a-f]{64}$/);
  });

  it('does not seal past a writer that has drawn a number and not yet committed', async () => {
    const client = await database.pool.connect();
    await client.query('begin');
    await client.query(
      `insert into audit_event (at, actor_id, actor_kind, request_id, action, interaction)
       values (now(), 'slow', 'user', 'r', 'C', 'create')`,
    );
    await write(2);
    expect(await sealTwice()).to.equal(0);
    await client.query('commit');
    client.release();
    expect(await sealTwice()).to.equal(3);
    expect((await check()).fault).to.equal(undefined);
  });

  const tampering: [string, string, string][] = [
    ['a changed row', "update audit_event set actor_id = 'x' where seq = 3", 'was changed'],
    ['a removed row', 'delete from audit_event where seq = 3', 'has 4 rows, 5 were sealed'],
    [
      'a slipped-in row',
      `update audit_event set seq = default where false;
       insert into audit_event (seq, at, actor_id, actor_kind, request_id, action, interaction)
       overriding system value values (0, now(), 'x', 'user', 'r', 'C', 'create');
       update audit_block set from_seq = 0`,
      'does not begin',
    ],
    ['a changed block', "update audit_block set root = '\\x00'", 'was changed'],
    ['a removed block', 'delete from audit_block where block_no = 1', 'block 1 is missing'],
  ];
  for (const [what, sql, says] of tampering) {
    it(`shows ${what}`, async () => {
      await write(5);
      await sealTwice();
      await write(5);
      await sealTwice();
      await database.pool.query(sql);
      expect((await check()).fault).to.include(says);
    });
  }

  it('has a root that depends on every row and on their order', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.uint8Array({ minLength: 32, maxLength: 32 }), {
          minLength: 2,
          maxLength: 20,
          selector: (leaf) => leaf.join(),
        }),
        (leaves) => {
          const root = merkleRoot(leaves);
          expect(merkleRoot(leaves.toReversed()).equals(root)).to.equal(false);
          expect(merkleRoot(leaves.slice(1)).equals(root)).to.equal(false);
        },
      ),
    );
  });
});
