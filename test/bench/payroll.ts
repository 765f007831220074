/**
 * Payroll at national size: draft of N households of five with amounts per child, approval with the
 * money reserved and the instructions made; at a tenth, a third and the whole of N, so that the cost
 * of a line is seen not to grow. At the whole also: who is eligible under four criteria, and what a
 * changed rule would cost. Database included, memory of this process watched.
 */

import { approve, draftPayroll } from '../../modules/payroll/index.ts';
import { findScheme } from '../../modules/schemes/index.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { Actor, Context } from '../../src/sdk/index.ts';
import { base, cap, criterion, provider, scheme, supplement } from '../modules/support/people.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { fillFacts } from './people.ts';
import { type BenchOptions, peakMemory, type Report, sizeOf } from './report.ts';

export const name = 'payroll';

/** How much dearer a line of the whole may be than one of a tenth. */
const GROWTH_MAX = 1.3;

/** Seconds that a million may take, and the least that is asked of fewer. */
const TARGETS = { draft: 30, approval: 30, eligibility: 10, simulation: 15 };
const LEAST = 3;

type Times = Record<'draft' | 'approval', number>;

/** Targets are those of 1,000,000, linear below; `--households N`, by default 100,000. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const households = sizeOf(options, 'households', 100_000);
  const sizes = [households / 10, households / 3, households].map(Math.ceil);
  const each: Times[] = [];
  for (const size of sizes) each.push(await ofSize(report, size, size === households));
  for (const what of ['draft', 'approval'] as const) {
    const perLine = each.map((times, index) => times[what] / sizes[index]!);
    const growth = perLine.at(-1)! / perLine[0]!;
    report(
      `${what}: a line of ${sizes.at(-1)} against one of ${sizes[0]}`,
      growth,
      '×',
      GROWTH_MAX,
      'lower',
    );
  }
}

/** Measures payrolls of so many households in a house of their own. */
async function ofSize(report: Report, households: number, whole: boolean): Promise<Times> {
  const house = await startTestHouse();
  const within = (seconds: number): number => Math.max(LEAST, (households / 1e6) * seconds);
  const timed = (figure: string, seconds: number, target: number): void => {
    report(`${figure}, ${households}`, seconds, 's', within(target), 'lower');
  };
  try {
    await prepare(house, households);
    // The facts were written by the machine's clock; a draft comes after its facts.
    house.clock.set(new Date(Date.now() + 1000));
    if (whole) {
      timed('eligible under four criteria', await eligibility(house), TARGETS.eligibility);
      timed('simulation of a changed rule', await simulation(house), TARGETS.simulation);
    }
    const times = { draft: 0, approval: 0 };
    const memory = await peakMemory(async () => {
      let payrollId = '';
      times.draft = await unit(house, 'bench-maker', async (ctx) => {
        ({ payrollId } = await draftPayroll(ctx, await findScheme(ctx, 'bench')));
      });
      times.approval = await unit(house, 'bench-checker', async (ctx) => {
        const { ordered } = await approve(ctx, payrollId, undefined);
        if (ordered < households * 0.9) throw new Error(`only ${ordered} lines were ordered`);
      });
    });
    for (const what of ['draft', 'approval'] as const) {
      timed(what, times[what], TARGETS[what]);
      report(`${what} of a line, ${households}`, (times[what] / households) * 1e6, 'µs');
    }
    if (whole) report('memory', memory, 'MB', 300, 'lower');
    return times;
  } finally {
    await house.stop();
  }
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
}

function unit(
  house: TestHouse,
  id: string,
  work: (ctx: Context) => Promise<void>,
): Promise<number> {
  const actor: Actor = { ...SYSTEM, id };
  return seconds(() => runUnitOfWork(house.app, actor, {}, work));
}

async function ask(house: TestHouse, path: string, parameter: unknown[]): Promise<number> {
  return seconds(async () => {
    const body = { resourceType: 'Parameters', parameter };
    const answer = await house.fetch(path, { method: 'POST', body });
    if (answer.status !== 200) throw new Error(answer.text);
  });
}

/** A scheme into which nobody is enrolled, so that everybody is judged. */
async function eligibility(house: TestHouse): Promise<number> {
  const body = scheme('open', [
    { url: 'frequency', valueCode: 'monthly' },
    criterion('members.exists(age < 18)'),
    criterion("characteristic('poverty-score') < 95"),
    criterion('members.where(age >= 18).count() < 4'),
    criterion("size >= 3 and members.exists(sex = 'female')"),
    base(2000),
  ]);
  const saved = await house.fetch('InsurancePlan/open', { method: 'PUT', body });
  if (saved.status >= 300) throw new Error(saved.text);
  return ask(house, 'InsurancePlan/open/$enrol', [{ name: 'preview', valueBoolean: true }]);
}

/** One changed amount, over the whole registry. */
function simulation(house: TestHouse): Promise<number> {
  return ask(house, 'InsurancePlan/bench/$simulate', [
    { name: 'plan', resource: scheme('bench', [...RULES.slice(0, -1), cap(4000)]) },
  ]);
}

const RULES = [
  { url: 'frequency', valueCode: 'monthly' },
  criterion("members.exists(age < 18) and characteristic('poverty-score') < 95"),
  base(2000),
  supplement('per child', 'age < 18', 500, 4),
  cap(3500),
];

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
  await put('InsurancePlan/bench', scheme('bench', RULES));
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
