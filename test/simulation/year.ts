/**
 * A year in the simulated world, month by month.
 */

import {
  addHouseholds,
  ask,
  faults,
  openWorld,
  passDay,
  rest,
  SCHEME,
  setLuck,
  type World,
} from './world.ts';

/** What to simulate. */
export interface YearOptions {
  readonly seed: number;
  readonly months: number;
  readonly households: number;
  /** Told of each month. */
  readonly tell?: (text: string) => void;
}

interface Part {
  readonly name: string;
  readonly valueReference?: { readonly reference: string };
  readonly valueInteger?: number;
}

const none = { resourceType: 'Parameters', parameter: [] };
const DAYS_AFTER_APPROVAL = 6;

/** Runs a year; throws at the first fault, naming seed, month and step. */
export async function runYear(options: YearOptions): Promise<void> {
  const world = await openWorld(options.seed, options.households);
  try {
    await ask(world, '$fund', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'account', valueString: `fund:${SCHEME}` },
          { name: 'amount', valueMoney: { value: 100_000_000, currency: 'KES' } },
          { name: 'reference', valueString: 'simulation' },
        ],
      },
    });
    for (let month = 1; month <= options.months; month += 1) {
      await runMonth(world, options, month);
    }
  } finally {
    await world.house.stop();
  }
}

async function runMonth(world: World, options: YearOptions, month: number): Promise<void> {
  const check = async (step: string, resolved = false): Promise<void> => {
    const found = await faults(world, resolved);
    if (found.length === 0) return;
    throw new Error(`seed ${options.seed}, month ${month}, ${step}: ${found.join('; ')}`);
  };
  await setLuck(world);
  if (month > 1) await addHouseholds(world, world.chance.whole(1, 4));
  const drafted = await ask(world, `InsurancePlan/${SCHEME}/$draft-payroll`, {
    body: none,
    token: world.officer,
  });
  const part = (name: string): Part | undefined =>
    (drafted.parameter as Part[]).find((each) => each.name === name);
  const payroll = part('payroll')!.valueReference!.reference;
  await check('drafted');
  if (world.chance.happens(0.2)) {
    const reason = [{ name: 'reason', valueString: 'look again' }];
    await ask(world, `${payroll}/$reject`, {
      body: { resourceType: 'Parameters', parameter: reason },
      token: world.checker,
    });
    await check('rejected');
    return nextMonth(world, check);
  }
  await passDay(world);
  await ask(world, `${payroll}/$approve`, { body: none, token: world.checker });
  await check('approved');
  await rest(world);
  await check('sent');
  for (let day = 0; day < DAYS_AFTER_APPROVAL; day += 1) {
    await passDay(world);
    await check(`day ${day}`);
  }
  await ask(world, `${payroll}/$retry-unpaid`, { body: none, token: world.officer });
  await nextMonth(world, check);
  const { rows } = await world.house.database.pool.query(
    `select count(*) filter (where state = 'paid') as paid, count(*) as lines from payroll_line
     where payroll_id = $1`,
    [payroll.replace('List/', '')],
  );
  options.tell?.(`month ${month}: ${rows[0].paid} of ${rows[0].lines} lines paid`);
}

async function nextMonth(
  world: World,
  check: (step: string, resolved?: boolean) => Promise<void>,
): Promise<void> {
  const { clock } = world.house;
  const month = clock.now().getUTCMonth();
  while (clock.now().getUTCMonth() === month) await passDay(world);
  await check('end of month', true);
}
