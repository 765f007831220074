/**
 * Registries that are not as one would wish: what they send stands in nobody's way, and what could not be
 * compared is said.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
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
});
