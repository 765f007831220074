/**
 * Payrolls at the worst moment: a draft that breaks off, rules that change while it runs, a hold that
 * comes with the approval. One right result each, and no half payroll.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { draftPayroll } from '../../../modules/payroll/index.ts';
import { findScheme } from '../../../modules/schemes/index.ts';
import { Scene, text } from './scene.ts';

describe('a payroll at the worst moment', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open();
  });
  afterEach(() => scene?.house.stop());

  it('leaves nothing of a draft that breaks off, and is drafted whole after it', async () => {
    const broken = scene.inside(async (ctx) => {
      await draftPayroll(ctx, await findScheme(ctx, 's'), { period: '2026-01' });
      await ctx.db.query('select pg_terminate_backend(pg_backend_pid())');
    });
    await broken.then(
      () => expect.fail('the connection was ended'),
      () => undefined,
    );
    const left = await scene.rows(
      `select 1 from payroll union all select 1 from payroll_line union all
       select 1 from payroll_exclusion union all select 1 from payroll_vote`,
    );
    expect(left).to.deep.equal([]);
    const payroll = await scene.draft([text('period', '2026-01')]);
    expect(await scene.lines(payroll)).to.have.length(3);
  });

  it('goes by one version of the rules when they are edited while it is drafted', async () => {
    const [payroll] = await Promise.all([
      scene.draft([text('period', '2026-01')]),
      scene.putScheme(250),
    ]);
    const [row] = await scene.rows<{ rules_version: number }>('select rules_version from payroll');
    const amount = row!.rules_version === 1 ? '100' : '250';
    expect(await scene.lines(payroll)).to.deep.equal(
      ['h-1', 'h-2', 'h-3'].map((each) => `${each} open ${amount}`),
    );
  });

  it('pays or holds a household, never both, when a hold races the approval', async () => {
    const payroll = await scene.draft([text('period', '2026-01')]);
    await Promise.all([scene.done(`${payroll}/$approve`, [], scene.checker), scene.hold('h-1')]);
    const ordered = await scene.rows<{ fhir_id: string }>(
      'select h.fhir_id from instruction i join household h on h.household_id = i.payee_id',
    );
    const held = (await scene.lines(payroll)).includes('h-1 hold');
    expect(ordered.length).to.equal(held ? 2 : 3);
    const [books] = await scene.rows<{ reserved: string }>(
      `select sum(debits_reserved)::text as reserved from ledger_account where code = 'fund:s'`,
    );
    expect(books!.reserved).to.equal(held ? '20000' : '30000');
  });
});
