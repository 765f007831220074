/** The trail: writers never wait for the seal, and every kind of tampering shows. */

import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { merkleRoot } from '../../src/audit/merkle.ts';
import { seal } from '../../src/audit/seal.ts';
import { verify } from '../../src/audit/verify.ts';
import { database as wrap } from '../../src/database/connect.ts';
import type { TrailReport } from '../../src/sdk/index.ts';
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
  /** Seals until `rows` are sealed: other databases of a shared server may hold the seal back. */
  const sealAll = async (rows: number): Promise<void> => {
    let sealed = 0;
    while (sealed < rows) {
      const some = await app.work(seal);
      if (some === 0) await pause(50);
      sealed += some;
    }
    expect(sealed).to.equal(rows);
  };
  const check = (): Promise<TrailReport> => verify(wrap(database.pool as never, false));

  it('is sealed in blocks that verify', async () => {
    await write(5);
    await sealAll(5);
    await write(3);
    await sealAll(3);
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
    expect((await app.work(seal)) + (await app.work(seal))).to.equal(0);
    await client.query('commit');
    client.release();
    await sealAll(3);
    expect((await check()).fault).to.equal(undefined);
  });

  /** Blocks 1 (rows 1–5) and 2 (rows 6–10); then the SQL of somebody with all rights. */
  const tampering: [what: string, sql: string, says: string, row: string | undefined][] = [
    [
      'a changed row',
      "update audit_event set actor_id = 'x' where seq in (8, 9)",
      'row 8 of block 2 (rows 6–10) was changed; recorded 2026-01-15T08:00:00.000Z',
      '8',
    ],
    [
      'a removed row',
      'delete from audit_event where seq = 3',
      'row 3 of block 1 (rows 1–5) was removed',
      '3',
    ],
    [
      'removed rows at the end of a block',
      'delete from audit_event where seq in (9, 10)',
      'row 9–10 of block 2 (rows 6–10) was removed',
      '9–10',
    ],
    [
      'a slipped-in row',
      `alter table audit_event drop constraint audit_event_seq_check;
       insert into audit_event (seq, at, actor_id, actor_kind, request_id, action, interaction)
       values (4, '2026-02-01Z', 'x', 'user', 'r', 'C', 'create')`,
      'row 4 of block 1 (rows 1–5) was slipped in; recorded 2026-02-01',
      '4',
    ],
    [
      'a row slipped in before the first',
      `alter table audit_event drop constraint audit_event_seq_check;
       insert into audit_event (seq, at, actor_id, actor_kind, request_id, action, interaction)
       values (0, '2026-01-01Z', 'x', 'user', 'r', 'C', 'create')`,
      'row 0 (recorded 2026-01-01T00:00:00.000Z) was slipped in before the first block',
      '0',
    ],
    [
      'a row moved to another time',
      "update audit_event set at = at - interval '1 microsecond' where seq = 7",
      'row 7 of block 2 (rows 6–10) was changed; recorded 2026-01-15T07:59:59.999Z',
      '7',
    ],
    [
      'a changed row whose leaf was forged as well',
      `update audit_event set actor_id = 'x' where seq = 8;
       update audit_block set leaves = overlay(leaves placing '\\x00' from 70) where block_no = 2`,
      'block 2 (rows 6–10) is broken, and so are its leaves',
      undefined,
    ],
    ['a stretched block', 'update audit_block set from_seq = 0', 'does not begin', undefined],
    [
      'a changed block',
      "update audit_block set root = '\\x00'",
      'block 1 (rows 1–5) was changed',
      undefined,
    ],
    [
      'a removed block',
      'delete from audit_block where block_no = 1',
      'block 1 is missing',
      undefined,
    ],
  ];
  for (const [what, sql, says, row] of tampering) {
    it(`names the place of ${what}`, async () => {
      await write(5);
      await sealAll(5);
      await write(5);
      await sealAll(5);
      await database.pool.query(sql);
      const verdict = await check();
      expect(verdict.fault).to.include(says);
      expect(verdict.brokenRow?.id).to.equal(row);
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
