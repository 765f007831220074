/**
 * `$simulate` of one changed rule over a nation: households of five, half of them enrolled, judged
 * by the rules in force and by those that are tried, with figures by area, sex, age and size.
 */

import { base, cap, criterion, scheme, supplement } from '../modules/support/people.ts';
import { startTestHouse } from '../support/server.ts';
import { prepare } from './payroll.ts';
import { type BenchOptions, peakMemory, type Report, sizeOf } from './report.ts';

export const name = 'simulate';

/** The target is 15 s for 1,000,000 households; linear below. */
export async function run(report: Report, options: BenchOptions): Promise<void> {
  const households = sizeOf(options, 'households', 100_000);
  const house = await startTestHouse();
  try {
    await prepare(house, households);
    await house.database.pool.query('delete from enrolment where household_id % 128 = 0');
    await house.database.pool.query('analyze enrolment');
    const rules = [
      { url: 'frequency', valueCode: 'monthly' },
      criterion("members.exists(age < 18) and characteristic('poverty-score') < 90"),
      base(2000),
      supplement('per child', 'age < 18', 600, 4),
      cap(3500),
    ];
    const body = {
      resourceType: 'Parameters',
      parameter: [{ name: 'plan', resource: scheme('bench', rules) }],
    };
    let seconds = 0;
    const memory = await peakMemory(async () => {
      const begun = performance.now();
      const answer = await house.fetch('InsurancePlan/bench/$simulate', { method: 'POST', body });
      seconds = (performance.now() - begun) / 1000;
      if (answer.status !== 200) throw new Error(answer.text);
    });
    report('simulate', seconds, 's', Math.max(1.5, (households / 1_000_000) * 15), 'lower');
    report('memory', memory, 'MB', 300, 'lower');
  } finally {
    await house.stop();
  }
}
