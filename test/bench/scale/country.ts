/**
 * A whole country in a fresh house: places, providers and a scheme by the API, a few households by
 * the API to compare with, all others by COPY, then payroll, payments and trail.
 */

import type { Extension } from '@medplum/fhirtypes';
import {
  area,
  base,
  cap,
  criterion,
  payPoint,
  provider,
  scheme,
  supplement,
} from '../../modules/support/people.ts';
import type { TestHouse } from '../../support/server.ts';
import { load, type Places, RowMaker, verify } from './load.ts';
import { pay, watch } from './money.ts';
import { AREAS, MEMBERS_OF_FOUR, PAY_POINTS, PROVIDERS, resourcesOf, SCHEME } from './people.ts';

/** Households that go through the API, so that the loader can be held to what it writes. */
const BY_API = 24;

/** Loads about `patients` Patients with all that belongs to them; answers how many households. */
export async function loadCountry(
  house: TestHouse,
  patients: number,
  tell: (text: string) => void,
): Promise<number> {
  const households = Math.max(BY_API + 1, Math.ceil((patients * 4) / MEMBERS_OF_FOUR));
  const places = await prepare(house);
  const sample = Array.from({ length: BY_API }, (_, n) => resourcesOf(n, households));
  for (const each of sample) {
    await send(
      house,
      each.map(({ resource, id }) => [`${resource.resourceType}/${id}`, resource] as const),
    );
  }
  const { pool } = house.database;
  const { rows } = await pool.query<{ n: bigint }>('select last_value + 1 as n from resource_rid');
  const maker = new RowMaker(house, places, rows[0]!.n);
  await verify(house, maker, sample);
  tell('the loader makes what the API writes');
  await load(house, maker, { first: BY_API, last: households, of: households });
  tell(`${households} households loaded`);
  await pool.query(CHANGES);
  await pool.query('analyze');
  await pay(house, SCHEME);
  tell('paid');
  await watch(house);
  await pool.query('vacuum');
  tell('ready');
  return households;
}

/** What each enrolment began with, as the API notes it. */
const CHANGES = `
  insert into enrolment_change (household_id, enrolment_id, scheme_id, state, reason, effective_on,
    changed_at)
  select household_id, enrolment_id, scheme_id, state, reason, starts_on, changed_at
  from enrolment e where not exists (select from enrolment_change c
    where c.household_id = e.household_id and c.enrolment_id = e.enrolment_id)`;

async function send(
  house: TestHouse,
  entries: readonly (readonly [path: string, resource: object])[],
): Promise<void> {
  const body = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: entries.map(([url, resource]) => ({ resource, request: { method: 'PUT', url } })),
  };
  const answer = await house.fetch('', { method: 'POST', body });
  if (answer.status !== 200) throw new Error(answer.text);
}

async function prepare(house: TestHouse): Promise<Places> {
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
  await send(
    house,
    numbers(PROVIDERS).map((n) => [`Organization/provider-${n}`, provider(`provider-${n}`)]),
  );
  const spot = (n: number) => ({ latitude: -4 + (n % 25) / 3, longitude: 34 + (n % 20) / 3 });
  for (const part of parts(numbers(AREAS), 100)) {
    await send(
      house,
      part.map((n) => [`Location/area-${n}`, area(`area-${n}`, { position: spot(n) })]),
    );
  }
  for (const part of parts(numbers(PAY_POINTS), 100)) {
    await send(
      house,
      part.map((n) => [
        `Location/point-${n}`,
        payPoint(`point-${n}`, `area-${n % AREAS}`, `provider-${n % PROVIDERS}`, 5000, {
          position: spot(n),
        }),
      ]),
    );
  }
  await send(house, [[`InsurancePlan/${SCHEME}`, scheme(SCHEME, RULES)]]);
  const funded = await house.fetch('$fund', { body: FUND });
  if (funded.status !== 200) throw new Error(funded.text);
  return ridsOf(house);
}

const RULES: readonly Extension[] = [
  { url: 'frequency', valueCode: 'monthly' },
  criterion("characteristic('poverty-score') < 97"),
  base(2000),
  supplement('per child', 'age < 18', 500, 4),
  cap(3500),
];

const FUND = {
  resourceType: 'Parameters',
  parameter: [
    { name: 'account', valueString: `fund:${SCHEME}` },
    { name: 'amount', valueMoney: { value: 100_000_000_000, currency: 'KES' } },
    { name: 'reference', valueString: 'bench' },
  ],
};

async function ridsOf({ database: { pool }, app }: TestHouse): Promise<Places> {
  const known = new Map<string, bigint>();
  for (const type of ['Location', 'Organization', 'InsurancePlan']) {
    const { rows } = await pool.query<{ id: string; rid: bigint }>(
      `select content::json ->> 'id' as id, rid from resource where type = $1`,
      [app.fhir.definitions.typeNumber(type)],
    );
    for (const { id, rid } of rows) known.set(`${type}/${id}`, rid);
  }
  return {
    rid(type, id) {
      const rid = known.get(`${type}/${id}`);
      if (rid === undefined) throw new Error(`${type}/${id} is not there`);
      return rid;
    },
  };
}

function parts<Value>(all: readonly Value[], size: number): Value[][] {
  const found: Value[][] = [];
  for (let at = 0; at < all.length; at += size) found.push(all.slice(at, at + size));
  return found;
}
