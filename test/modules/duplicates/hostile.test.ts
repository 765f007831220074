/**
 * Registries that are not as one would wish: what they send stands in nobody's way, and what could not be
 * compared is said.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { compareAll } from '../../../modules/duplicates/compare-all.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { JobFailure } from '../../../src/jobs/worker.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('a hostile registry', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { PHONE_COUNTRY: 'KE' } });
  });
  after(() => house?.stop());

  const put = async (id: string, said: Json): Promise<void> => {
    const body = { resourceType: 'Patient', id, ...said };
    const answer = await house.fetch(`Patient/${id}`, { method: 'PUT', body });
    expect([200, 201], answer.text).to.include(answer.status);
  };
  const settled = async (): Promise<void> => {
    const failures: JobFailure[] = [];
    await house.settle(failures);
    expect(failures).to.eql([]);
  };
  const reports = async (measure: string): Promise<Json[]> => {
    const url = `https://amana.example/fhir/Measure/${measure}`;
    const { json } = await house.fetch(`MeasureReport?measure=${url}&_sort=-_lastUpdated`);
    return (json.entry ?? []).map((each: Json) => each.resource);
  };

  it('is reported on although texts are cut in the middle of an emoji', async () => {
    const name = [{ family: 'Were', given: ['Akinyi'] }];
    await put('half-1', { name, telecom: [{ system: 'email', value: `${'a'.repeat(119)}😀@x` }] });
    const system = `${'urn:'.padEnd(199, 'x')}😀`;
    await put('half-2', { name, identifier: [{ system, value: 'A1B2C3' }] });
    await put('half-3', { name, address: [{ city: `${'c'.repeat(199)}😀` }] });
    await settled();
    await house.fetch('Patient/$find-duplicates', { method: 'POST' });
    await settled();
    const [report] = await reports('duplicates-fairness');
    expect(report.group[1].population[0].count).to.equal(3);
  });

  it('is told who could not be compared with anybody, and why', async () => {
    const name = { given: ['Mohamed'], family: 'Ahmed' };
    await put('crowd', { name: [name], gender: 'male', birthDate: '1990-01-01' });
    await put('nobody', { name: [{ text: '?' }] });
    await settled();
    await house.database.pool.query(
      `insert into match_feature (patient_id, fhir_id, active, keys, facts, changed_at)
       select 1000000 + n * 64, 'crowd-' || n, true, f.keys, f.facts, now()
       from match_feature f, generate_series(1, 2500) n where f.fhir_id = 'crowd'`,
    );
    await runUnitOfWork(house.app, SYSTEM, {}, async (unit) => unit.enqueue(compareAll, {}));
    await settled();
    const [report] = await reports('duplicates-run');
    const counts = (of: Json): Record<string, number> =>
      Object.fromEntries(of.population.map(({ code, count }: Json) => [code.text, count]));
    expect(counts(report.group[0])).to.include({ people: 2505, raised: 3 });
    expect(counts(report.group[1])).to.eql({
      'people of whom too little is known': 1,
      'people of whom too many share everything': 2501,
    });
    const rules = report.group[1].stratifier[0].stratum;
    const byDate = rules.find(({ value }: Json) => value.text === 'given, birth date');
    expect(counts(byDate)).to.eql({ people: 2501, keys: 1 });
    expect(report.text.div).to.contain('2501 because too many share');
    const edges = await house.database.pool.query('select count(*)::int as n from match_edge');
    expect(edges.rows[0].n).to.be.below(10);
    // Whom the crowd hides is registered at once all the same.
    await put('crowd-next', { name: [name], gender: 'male', birthDate: '1990-01-01' });
    await settled();
  });
});
