/**
 * How long `$enrol` takes over HTTP: every household judged by the rules, a Coverage stored with
 * history, index and trail for each one eligible. Households stand in the tables beforehand.
 */

import type { Parameters } from '@medplum/fhirtypes';
import { households } from '../../modules/households/index.ts';
import { indicators } from '../../modules/indicators/index.ts';
import { payPoints } from '../../modules/pay-points/index.ts';
import { providers } from '../../modules/providers/index.ts';
import { schemes } from '../../modules/schemes/index.ts';
import { typeNumber } from '../../src/fhir/definitions/resource-types.ts';
import { base, criterion, scheme, supplement } from '../modules/support/people.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import type { Report } from './definitions.ts';

export const name = 'enrol';

/** Runs with `households` households of five, all of them eligible. */
export async function run(report: Report, options: { households?: number } = {}): Promise<void> {
  const count = options.households ?? 100_000;
  const house = await startTestHouse({
    modules: [indicators, households, payPoints, providers, schemes],
  });
  try {
    await seed(house, count);
    const saved = await house.fetch('InsurancePlan/bench', {
      method: 'PUT',
      body: scheme('bench', [
        { url: 'frequency', valueCode: 'monthly' },
        criterion('members.exists(age >= 18) and members.where(age < 5).count() < 9'),
        base(2000),
        supplement('child', 'age < 5', 250, 2),
      ]),
    });
    if (saved.status !== 201) throw new Error(saved.text);
    const preview = await enrol(house, true);
    report('preview', preview.seconds, 's', count / 25_000, 'lower');
    const enrolled = await enrol(house, false);
    if (enrolled.count !== count) throw new Error(`${enrolled.count} enrolled, not ${count}`);
    report('enrolled', count / enrolled.seconds, 'households/s', 100_000 / 30, 'higher');
    const again = await enrol(house, false);
    if (again.count !== 0) throw new Error(`${again.count} enrolled twice`);
  } finally {
    await house.stop();
  }
}

async function enrol(house: TestHouse, preview: boolean) {
  const start = process.hrtime.bigint();
  const answer = await house.fetch('InsurancePlan/bench/$enrol', {
    method: 'POST',
    body: { resourceType: 'Parameters', parameter: [{ name: 'preview', valueBoolean: preview }] },
  });
  if (answer.status !== 200) throw new Error(answer.text);
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  const { parameter } = answer.json as Parameters;
  const count = parameter?.find((each) => each.name === 'enrolled')?.valueInteger;
  return { seconds, count };
}

/** Groups, their heads as Patients, and the facts of five members each. */
async function seed(house: TestHouse, count: number): Promise<void> {
  const { pool } = house.database;
  const resource = (type: 'Group' | 'Patient', first: number, content: string) =>
    pool.query(
      `insert into resource (lu, rid, id, ver, type, bucket, tk, content)
       select now(), (g + ${first}) * 64 + (g & 63),
              ('00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid, 1,
              ${typeNumber(type)}, g & 63, '{}', format($2,
              '00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))
       from generate_series(1, $1::bigint) g`,
      [count, content],
    );
  const meta = '"meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z"}';
  const patientsFrom = 100_000_000;
  await resource('Group', 0, `{"resourceType":"Group","id":"%s",${meta},"type":"person"}`);
  await resource('Patient', patientsFrom, `{"resourceType":"Patient","id":"%s",${meta}}`);
  await pool.query(
    `insert into household
     select g * 64 + (g & 63), '00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'), null, null,
            (g + ${patientsFrom}) * 64 + (g & 63), (g + ${patientsFrom}) * 64 + (g & 63), 'head', 5,
            true, now(), now(), 1
     from generate_series(1, $1::bigint) g`,
    [count],
  );
  await pool.query(
    `insert into member (member_id, fhir_id, household_id, deceased, active, updated_at, version)
     select (g + ${patientsFrom}) * 64 + (g & 63),
            '00000000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'), g * 64 + (g & 63), false, true,
            now(), 1
     from generate_series(1, $1::bigint) g`,
    [count],
  );
  await pool.query(
    `insert into household_member (household_id, member_id, position, role, active, sex,
       birth_date, birth_date_last)
     select g * 64 + (g & 63), (g + ${patientsFrom} + m * 1000000000::bigint) * 64 + (g & 63), m,
            case m when 0 then 'head' end, true, 'female', d.day, d.day
     from generate_series(1, $1::bigint) g, generate_series(0, 4) m,
          lateral (select date '1980-01-01' + m * 4000 as day) d`,
    [count],
  );
  await pool.query('select setval($1, $2)', ['resource_rid', 900_000_000]);
  await pool.query('vacuum analyze');
}
