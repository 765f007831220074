/**
 * `npm run demo`: one simulated month of one scheme, end to end, on synthetic people made by seed,
 * ending in a table of what came of it with the FHIR search behind each figure.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Parameters } from '@medplum/fhirtypes';
import Table from 'cli-table3';
import { setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { enquireDue } from '../../modules/disbursement/index.ts';
import { raiseHold } from '../../modules/households/index.ts';
import { MODULES } from '../../modules/index.ts';
import { verifyLedger } from '../../modules/ledger/index.ts';
import { approve, draftPayroll, retryUnpaid } from '../../modules/payroll/index.ts';
import { findScheme } from '../../modules/schemes/index.ts';
import { createActor, loadActor } from '../../src/access/actors.ts';
import type { App, UnitOfWork } from '../../src/app.ts';
import { createPool } from '../../src/database/connect.ts';
import { startEmbedded } from '../../src/database/embedded.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import { route } from '../../src/fhir/router.ts';
import { planHouse } from '../../src/house.ts';
import { advanceJobs, settle } from '../../src/jobs/settle.ts';
import { silentLog } from '../../src/log.ts';
import { type Actor, formatAmount, ManualClock } from '../../src/sdk/index.ts';
import { startHouse } from '../../src/server.ts';
import { asTransaction, PLACES, registry } from './people.ts';
import { SCHEME, stage } from './setting.ts';
import { emptyDatabase, type Figures, readFigures } from './store.ts';

const { values: options } = parseArgs({
  options: {
    households: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
});
const HOUSEHOLDS = Number(options.households);
const SEED = Number(options.seed);
const FUND_KES = HOUSEHOLDS * 5000;
/** Households under suspicion, which payroll leaves out. */
const HELD = Array.from({ length: 12 }, (_, n) => `demo-${n + 1}`);
const DAY_SECONDS = 24 * 3600;
const LINK = 'http://127.0.0.1:8080/fhir/R4';

const started = performance.now();
function say(text: string): void {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

interface Play {
  readonly app: App;
  readonly clock: ManualClock;
  as<Result>(actor: Actor, work: (unit: UnitOfWork) => Promise<Result>): Promise<Result>;
  settle(): Promise<void>;
  passDay(): Promise<void>;
}

async function register(play: Play): Promise<void> {
  await play.as(SYSTEM, (ctx) => ctx.fhir.transaction(asTransaction(stage())));
  let done = 0;
  for (const bundle of registry(SEED, HOUSEHOLDS)) {
    await play.as(SYSTEM, (ctx) => ctx.fhir.transaction(bundle));
    done += bundle.entry!.filter((each) => each.resource?.resourceType === 'Group').length;
    if (done % 250 === 0) say(`registered ${done} of ${HOUSEHOLDS} households`);
  }
  await play.settle();
}

async function enrol(play: Play): Promise<void> {
  const answer = await play.as(SYSTEM, (unit) =>
    route(unit, {
      method: 'POST',
      path: `InsurancePlan/${SCHEME}/$enrol`,
      query: new URLSearchParams(),
      headers: {},
      body: { resourceType: 'Parameters' } satisfies Parameters,
    }),
  );
  if (answer.status !== 200) throw new Error(answer.text);
  await play.settle();
  say('enrolled the eligible');
}

async function holdSome(play: Play): Promise<void> {
  await play.as(SYSTEM, async (ctx) => {
    for (const id of HELD) {
      await raiseHold(ctx, {
        subject: { type: 'Group', id },
        code: 'duplicate-suspected',
        policy: 'hard',
      });
    }
  });
}

async function pay(play: Play, officer: Actor, checker: Actor): Promise<string> {
  const { as } = play;
  const draft = await as(officer, async (ctx) => draftPayroll(ctx, await findScheme(ctx, SCHEME)));
  say(`an officer drafted the payroll of ${draft.period.code}: ${draft.totals.lines} lines`);
  const amount = formatAmount({ minor: draft.totals.minor, currency: 'KES' });
  const control = { count: Number(draft.totals.lines), amount };
  await as(checker, (ctx) => approve(ctx, draft.payrollId, control));
  say(`another person approved ${amount} KES`);
  await play.settle();
  for (let day = 1; day <= 4; day += 1) {
    await play.passDay();
    say(`day ${day}: asked the provider what became of unknown payments`);
  }
  const retried = await as(officer, (ctx) => retryUnpaid(ctx, draft.payrollId));
  await play.settle();
  await play.passDay();
  await play.passDay();
  say(`retried ${retried} that were not paid`);
  return draft.payrollId;
}

function table(figures: Figures, payroll: string): string {
  const kes = (minor: bigint): string => `${formatAmount({ minor, currency: 'KES' })} KES`;
  const rows: [string, string, string][] = [
    ['registered households', String(figures.registered), 'Group?_total=accurate&_count=0'],
    ['members', String(figures.members), 'Patient?_total=accurate&_count=0'],
    ['eligible and enrolled', String(figures.enrolled), 'Coverage?status=active'],
    ['on the payroll', String(figures.lines), `Claim?_list=${payroll}&status:not=cancelled`],
    ...figures.excluded.map(({ reason, n }): [string, string, string] => [
      `  excluded: ${reason}`,
      String(n),
      `Claim?_list=${payroll}&status=cancelled`,
    ]),
    ['paid', `${figures.paid} = ${kes(figures.paid_minor)}`, 'ClaimResponse?outcome=complete'],
    ...figures.unpaid.map(({ reason, n }): [string, string, string] => [
      `  not paid: ${reason}`,
      String(n),
      'ClaimResponse?outcome=error',
    ]),
    ['unknown', String(figures.unknown), 'ClaimResponse?outcome=queued'],
    ['exceptions', String(figures.exceptions), '–'],
    ['left in the fund', kes(figures.fund_minor), `Account/fund.${SCHEME}`],
    ['  of that reserved', kes(figures.reserved_minor), `Account/fund.${SCHEME}`],
    ['paid out by our books', kes(figures.paid_out_minor), 'Account/paid-out.kes'],
    ['paid out by the provider’s', kes(figures.provider_minor), '–'],
  ];
  const drawn = new Table({
    head: ['', 'figure', `FHIR (${LINK}/…)`],
    style: { head: [], border: [], compact: true },
  });
  drawn.push(...rows);
  return drawn.toString();
}

async function play(): Promise<void> {
  const clock = new ManualClock('2026-01-05T06:00:00Z');
  const given = process.env.DATABASE_URL;
  const folder = process.env.DATA_DIR ?? join(import.meta.dirname, '../../.data/demo');
  const embedded = given ? undefined : await startEmbedded(folder);
  const url = given ?? embedded!.url;
  const cleaner = createPool(url, { max: 1 });
  await emptyDatabase(cleaner);
  await cleaner.end();
  const plan = planHouse(MODULES, { DATABASE_URL: url, PORT: '0', LOG_LEVEL: 'silent' });
  const house = await startHouse({ plan, clock, log: silentLog, jobs: false });
  const { app } = house;
  say('the house is open');
  const person = async (login: string, role: string): Promise<Actor> => {
    const actor = {
      kind: 'user',
      name: login,
      login,
      secret: `demo-of-${login}`,
      roles: [role],
    } as const;
    await createActor(app.pool, clock, actor);
    return (await loadActor(app.pool, login))!;
  };
  const theatre: Play = {
    app,
    clock,
    as: (actor, work) => runUnitOfWork(app, actor, {}, work),
    settle: () => settle(app),
    async passDay() {
      clock.advance(DAY_SECONDS);
      await advanceJobs(app, DAY_SECONDS);
      await runUnitOfWork(app, SYSTEM, {}, async (ctx) => ctx.enqueue(enquireDue, {}));
      await settle(app);
    },
  };
  try {
    await register(theatre);
    await enrol(theatre);
    await holdSome(theatre);
    await fund(theatre);
    const payroll = await pay(
      theatre,
      await person('officer', 'payroll-officer'),
      await person('approver', 'payroll-approver'),
    );
    const faults = await theatre.as(SYSTEM, verifyLedger);
    const figures = await readFigures(app.pool, payroll, `fund:${SCHEME}`);
    process.stdout.write(`\n${table(figures, payroll)}\n`);
    say(faults.length === 0 ? 'the ledger balances' : `LEDGER: ${faults.join('; ')}`);
    const agree = figures.paid_out_minor === figures.provider_minor;
    say(agree ? 'our books and the provider’s agree' : 'OUR BOOKS AND THE PROVIDER’S DIFFER');
    if (!given) {
      say('look at it: DATA_DIR=.data/demo npm start');
      say(`sign in as administrator with ${house.firstAccess?.password}`);
    }
    if (faults.length > 0 || !agree) process.exitCode = 1;
  } finally {
    await house.stop();
    await embedded?.leave();
  }
}

async function fund(theatre: Play): Promise<void> {
  const answer = await theatre.as(SYSTEM, (unit) =>
    route(unit, {
      method: 'POST',
      path: '$fund',
      query: new URLSearchParams(),
      headers: {},
      body: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'account', valueString: `fund:${SCHEME}` },
          { name: 'amount', valueMoney: { value: FUND_KES, currency: 'KES' } },
          { name: 'reference', valueString: 'demo grant agreement' },
        ],
      } satisfies Parameters,
    }),
  );
  if (answer.status !== 200) throw new Error(answer.text);
  await theatre.as(SYSTEM, async (ctx) => {
    const rids = await ctx.fhir.rids('Organization', [PLACES.provider]);
    await setBehaviour(ctx, rids.get(PLACES.provider)!, {
      seed: SEED,
      refuse_per_mille: 40,
      delay_per_mille: 60,
      lose_before_per_mille: 10,
      lose_after_per_mille: 20,
      wrong_amount_per_mille: 0,
    });
  });
}

await play();
