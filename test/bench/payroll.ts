/**
 * Payroll at national size: draft of N households of five with amounts per child, approval with the
 * money reserved and the instructions made; database included, memory of this process watched.
 */

import { approve, draftPayroll } from '../../modules/payroll/index.ts';
import { findScheme } from '../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Actor } from '../../src/sdk/index.ts';
import { base, cap, criterion, provider, scheme, supplement } from '../modules/support/people.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { fillFacts } from './people.ts';
import { type BenchOptions, peakMemory, type Report, sizeOf } from './report.ts';

export const name = 'payroll';

/** Targets are those of 100,000 (3 s) and 1,000,000 (30 s): linear between. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const households = sizeOf(options, 'households', 100_000);
  const house = await startTestHouse();
  try {
    await prepare(house, households);
    // The facts were written by the machine's clock; a draft comes after its facts.
    house.clock.set(new Date(Date.now() + 1000));
    const target = Math.max(3, (households / 100_000) * 3);
    let payrollId = '';
    let draft = 0;
    let approval = 0;
    const maker: Actor = { ...SYSTEM, id: 'bench-maker' };
    const checker: Actor = { ...SYSTEM, id: 'bench-checker' };
    const memory = await peakMemory(async () => {
      const begun = performance.now();
      const made = await runUnitOfWork(house.app, maker, {}, async (ctx) =>
        draftPayroll(ctx, await findScheme(ctx, 'bench')),
      );
      draft = (performance.now() - begun) / 1000;
      payrollId = made.payrollId;
      report('lines', Number(made.totals.lines), 'lines');
      const decided = performance.now();
      await runUnitOfWork(house.app, checker, {}, (ctx) => approve(ctx, payrollId, undefined));
      approval = (performance.now() - decided) / 1000;
    });
    report('draft', draft, 's', target, 'lower');
    report('drafted', households / draft, 'households/s');
    report('approve-and-reserve', approval, 's');
    report('memory', memory, 'MB', 300, 'lower');
  } finally {
    await house.stop();
  }
}

/** A provider, a scheme with its fund, and the facts of the households. */
export async function prepare(
  house: TestHouse,
  households: number,
  analysed = true,
): Promise<void> {
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await house.fetch(path, { method: 'PUT', body });
    if (answer.status >= 300) throw new Error(answer.text);
  };
  await put('Organization/bench', provider('bench'));
  await put(
    'InsurancePlan/bench',
    scheme('bench', [
      { url: 'frequency', valueCode: 'monthly' },
      criterion("members.exists(age < 18) and characteristic('poverty-score') < 95"),
      base(2000),
      supplement('per child', 'age < 18', 500, 4),
      cap(3500),
    ]),
  );
  const funded = await house.fetch('$fund', {
    body: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'account', valueString: 'fund:bench' },
        { name: 'amount', valueMoney: { value: 100_000_000_000, currency: 'KES' } },
        { name: 'reference', valueString: 'bench' },
      ],
    },
  });
  if (funded.status !== 200) throw new Error(funded.text);
  const [organization, plan] = await runUnitOfWork(house.app, SYSTEM, {}, async (ctx) => [
    (await ctx.fhir.rids('Organization', ['bench'])).get('bench')!,
    (await ctx.fhir.rids('InsurancePlan', ['bench'])).get('bench')!,
  ]);
  await fillFacts(house.database.pool, households, organization!, plan!, analysed);
}
