/**
 * The simulated world: one house, one provider that misbehaves by seed, and what must hold after
 * every step.
 */

import type { Bundle } from '@medplum/fhirtypes';
import { setBehaviour, simulatorAdapter } from '../../modules/adapters/simulator/index.ts';
import {
  applyOutcomes,
  enquireDue,
  type Outcome,
  type PaymentProviderAdapter,
  paymentProvider,
  retryDue,
  sendWaiting,
} from '../../modules/disbursement/index.ts';
import { raiseHold, releaseHold } from '../../modules/households/index.ts';
import { MODULES } from '../../modules/index.ts';
import { verifyLedger } from '../../modules/ledger/index.ts';
import { Chance } from '../../seed/demo/people.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import type { JobFailure } from '../../src/jobs/worker.ts';
import { type Context, contribute, type Module } from '../../src/sdk/index.ts';
import {
  base,
  criterion,
  household,
  mobileAccount,
  patient,
  provider,
  scheme,
  supplement,
} from '../modules/support/people.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const DAY_SECONDS = 24 * 3600;
const PROVIDER = 'unruly';
export const SCHEME = 'sim-grant';

/** A crash of ours, made on purpose. */
class Crash extends Error {}

/** A house with its luck. */
export interface World {
  readonly house: TestHouse;
  readonly chance: Chance;
  readonly outcomes: Outcome[];
  readonly holds: string[];
  households: number;
  readonly officer: string;
  readonly checker: string;
}

/** The simulator behind a wire that crashes our process between executing and answering. */
function unrulyModule(chance: Chance, outcomes: Outcome[]): Module {
  const adapter: PaymentProviderAdapter = {
    ...simulatorAdapter,
    channel: PROVIDER,
    batchMax: 7,
    async send(orders, config, units) {
      if (chance.happens(0.05)) throw new Crash('before sending');
      const answer = await simulatorAdapter.send(orders, config, units);
      if (chance.happens(0.1)) throw new Crash('after sending');
      outcomes.push(...answer);
      return answer;
    },
    async enquire(keys, config, units) {
      const answer = await simulatorAdapter.enquire!(keys, config, units);
      outcomes.push(...answer);
      return answer;
    },
  };
  return {
    name: 'unruly',
    title: 'Unruly provider',
    dependsOn: ['disbursement'],
    contributes: [contribute(paymentProvider, adapter)],
  };
}

/** Opens the world with its first households. */
export async function openWorld(seed: number, households: number): Promise<World> {
  const chance = new Chance(seed);
  const outcomes: Outcome[] = [];
  const modules = [...MODULES, unrulyModule(chance, outcomes)];
  const house = await startTestHouse({ modules, start: '2026-01-02T06:00:00Z' });
  const world: World = {
    house,
    chance,
    outcomes,
    holds: [],
    households: 0,
    officer: await house.tokenFor('payroll-officer'),
    checker: await house.tokenFor('payroll-approver'),
  };
  const plan = scheme(SCHEME, [
    { url: 'frequency', valueCode: 'monthly' },
    criterion('members.exists(age < 18)'),
    base(1000),
    supplement('child', 'age < 18', 333, 3),
  ]);
  const channel = { url: 'https://amana.example/fhir/StructureDefinition/payment-channel' };
  const bank = provider(PROVIDER, { extension: [{ ...channel, valueCode: PROVIDER }] });
  await ask(world, '', { body: transaction([bank]) });
  await ask(world, `InsurancePlan/${SCHEME}`, { method: 'PUT', body: plan });
  await addHouseholds(world, households);
  return world;
}

function transaction(resources: readonly { resourceType: string; id?: string }[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource) => ({
      resource: resource as never,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  };
}

/** Runs a unit of work as the system. */
export function inside<Result>(world: World, work: (ctx: Context) => Promise<Result>) {
  return runUnitOfWork(world.house.app, SYSTEM, {}, work);
}

/** A FHIR request that must succeed. */
export async function ask(
  world: World,
  path: string,
  how: { method?: string; body?: unknown; token?: string } = {},
) {
  const answer = await world.house.fetch(path, how);
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

/** Registers and enrols more households. */
export async function addHouseholds(world: World, count: number): Promise<void> {
  const resources = [];
  for (let added = 0; added < count; added += 1) {
    const n = world.households;
    world.households += 1;
    const account = world.chance.happens(0.95)
      ? [mobileAccount(PROVIDER, `+2547${10_000_000 + n}`)]
      : [];
    const year = 2008 + world.chance.whole(0, 17);
    resources.push(patient(`s-head-${n}`), patient(`s-child-${n}`, { birthDate: `${year}-03-01` }));
    resources.push(
      household(`s-hh-${n}`, [`head:s-head-${n}`, `s-child-${n}`], {
        identifier: [{ system: 'urn:sim', value: `${n}` }],
        ...(account.length > 0 && { extension: account }),
      }),
    );
  }
  await ask(world, '', { body: transaction(resources) });
  await ask(world, `InsurancePlan/${SCHEME}/$enrol`, {
    body: { resourceType: 'Parameters', parameter: [] },
  });
  await rest(world);
}

/** Lets the house come to rest; crashes are ours and are borne. */
export async function rest(world: World): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    const failures: JobFailure[] = [];
    await world.house.settle(failures);
    const bug = failures.find((each) => !(each.error instanceof Crash));
    if (bug) throw bug.error;
    if (failures.length === 0) return;
    await world.house.advance(60);
  }
}

/** A day passes: the provider is asked, answers come again and late, holds come and go. */
export async function passDay(world: World): Promise<void> {
  const { chance, house } = world;
  await house.advance(DAY_SECONDS);
  const providerId = await inside(
    world,
    async (ctx) => (await ctx.fhir.rids('Organization', [PROVIDER])).get(PROVIDER)!,
  );
  await inside(world, async (ctx) => {
    ctx.enqueue(enquireDue, {});
    ctx.enqueue(retryDue, {});
    ctx.enqueue(sendWaiting, { providerId: providerId.toString() });
  });
  await rest(world);
  if (world.outcomes.length > 0) {
    const repeated = Array.from({ length: 10 }, () => chance.pick(world.outcomes));
    await inside(world, (ctx) => applyOutcomes(ctx, providerId, repeated, 'callback'));
    await rest(world);
  }
  if (chance.happens(0.3)) {
    const id = `s-hh-${chance.whole(0, world.households - 1)}`;
    const flag = await inside(world, (ctx) =>
      raiseHold(ctx, { subject: { type: 'Group', id }, code: 'grievance', policy: 'hard' }),
    );
    world.holds.push(flag.id!);
  }
  if (world.holds.length > 0 && chance.happens(0.4)) {
    const id = world.holds.shift()!;
    await inside(world, (ctx) => releaseHold(ctx, id));
  }
}

/** Sets the provider's luck for a month. */
export async function setLuck(world: World): Promise<void> {
  const { chance } = world;
  await inside(world, async (ctx) => {
    const rid = (await ctx.fhir.rids('Organization', [PROVIDER])).get(PROVIDER)!;
    await setBehaviour(ctx, rid, {
      seed: chance.whole(1, 1_000_000),
      refuse_per_mille: chance.whole(0, 200),
      delay_per_mille: chance.whole(0, 200),
      lose_before_per_mille: chance.whole(0, 100),
      lose_after_per_mille: chance.whole(0, 100),
      wrong_amount_per_mille: 0,
    });
  });
}

/** What is wrong with the world now; empty when nothing is. */
export async function faults(world: World, resolved: boolean): Promise<string[]> {
  const found = await inside(world, verifyLedger);
  const { rows } = await world.house.database.pool.query<Record<string, bigint>>(
    `select
       (select count(*) from (select source_id from instruction where state = 'paid'
          group by source_id having count(*) > 1) t) as paid_twice,
       (select count(*) from instruction i where state = 'paid' and not exists (
          select 1 from simulator_order o where o.order_key = disbursement_transaction_number(i.key)
            and o.result = 'paid' and o.amount_minor = i.amount_minor)) as paid_not_executed,
       (select count(*) from simulator_order o where result = 'paid' and not exists (
          select 1 from instruction i where disbursement_transaction_number(i.key) = o.order_key
            and i.state in ('paid', 'sent', 'unknown'))) as executed_not_known,
       (select count(*) from (select i.source_id from instruction i
          join simulator_order o on o.order_key = disbursement_transaction_number(i.key) and o.result = 'paid'
          group by i.source_id having count(*) > 1) t) as executed_twice,
       (select count(*) from payroll_exclusion where reason is null or reason = '') as unexplained,
       (select count(*) from payroll p where lines_count + excluded_count <>
          (select count(*) from payroll_line l where l.payroll_id = p.payroll_id
             and l.state <> 'cancelled')
          + (select count(*) from payroll_exclusion e where e.payroll_id = p.payroll_id)
          and p.state not in ('rejected', 'cancelled')) as miscounted,
       (select count(*) from instruction where state in ('approved', 'sent', 'unknown')) as open`,
  );
  for (const [name, count] of Object.entries(rows[0]!)) {
    if (name === 'open' && !resolved) continue;
    if (count !== 0n) found.push(`${name}: ${count}`);
  }
  return found;
}
