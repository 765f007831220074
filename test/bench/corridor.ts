/**
 * The simulator corridor: instructions from approved to final, with outcomes and ledger postings
 * committed, while the provider refuses some.
 */

import { setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { approve, draftPayroll } from '../../modules/payroll/index.ts';
import { findScheme } from '../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Actor } from '../../src/sdk/index.ts';
import { startTestHouse } from '../support/server.ts';
import { prepare } from './payroll.ts';
import { type BenchOptions, type Report, sizeOf } from './report.ts';

export const name = 'corridor';

/** Runs with `--instructions N`, by default 10,000. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const wanted = sizeOf(options, 'instructions', 10_000);
  const house = await startTestHouse();
  try {
    await prepare(house, wanted);
    const maker: Actor = { ...SYSTEM, id: 'bench-maker' };
    const drafted = await runUnitOfWork(house.app, maker, {}, async (ctx) => {
      const rid = (await ctx.fhir.rids('Organization', ['bench'])).get('bench')!;
      await setBehaviour(ctx, rid, {
        seed: 5,
        refuse_per_mille: 50,
        delay_per_mille: 0,
        lose_before_per_mille: 0,
        lose_after_per_mille: 0,
        wrong_amount_per_mille: 0,
      });
      return draftPayroll(ctx, await findScheme(ctx, 'bench'));
    });
    await runUnitOfWork(house.app, SYSTEM, {}, (ctx) => approve(ctx, drafted.payrollId, undefined));
    const begun = performance.now();
    await house.settle();
    const seconds = (performance.now() - begun) / 1000;
    const { rows } = await house.database.pool.query<{ open: bigint; final: bigint }>(
      `select count(*) filter (where state in ('approved', 'sent', 'unknown')) as open,
              count(*) filter (where state in ('paid', 'not-paid')) as final from payroll_line`,
    );
    if (rows[0]!.open > 0n) throw new Error(`${rows[0]!.open} lines are not final`);
    report('final', Number(rows[0]!.final) / seconds, 'instructions/s', 500, 'higher');
  } finally {
    await house.stop();
  }
}
