/**
 * Bodies that are small in bytes and large in work: each is refused before it takes the server from
 * the others, or done in turns.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('a body that costs more than it weighs', function () {
  this.timeout(60_000);
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  /** Sends a body; answers it with the seconds of CPU that this process needed. */
  const costOf = async (path: string, body: string, type = 'application/fhir+json') => {
    const began = process.cpuUsage();
    const answer = await house.fetch(path, { body, headers: { 'content-type': type } });
    const { user, system } = process.cpuUsage(began);
    return { answer, seconds: (user + system) / 1e6 };
  };

  it('is refused when it has more than a million values', async () => {
    for (const value of ['1.0', '{}', '"a"', '[]']) {
      const body = `{"resourceType":"Patient","name":[${`${value},`.repeat(1_100_000)}1]}`;
      const { answer, seconds } = await costOf('Patient', body);
      expect(answer.status, value).to.equal(413);
      expect(answer.text).to.include('too-many-values');
      expect(seconds, value).to.be.below(3);
    }
  });

  it('is read with exact numbers, wherever they stand', async () => {
    const body =
      '{"resourceType":"Observation","status":"final","code":{"text":"\\"1.0\\" -0"},' +
      '"valueQuantity":{"value":1.0},"referenceRange":[{"low":{"value":-0.50},"high":{"value":1E+2}}]}';
    const { answer } = await costOf('Observation', body);
    expect(answer.status, answer.text).to.equal(201);
    const read = await house.fetch(`Observation/${answer.json.id}`);
    expect(read.text).to.include('"value":1.0}').and.include('-0.50').and.include('1E+2');
    expect(read.json.code.text).to.equal('"1.0" -0');
  });

  it('may refer to thousands of contained resources', async () => {
    const count = 20_000;
    const body = JSON.stringify({
      resourceType: 'Patient',
      contained: Array.from({ length: count }, (_, at) => ({
        resourceType: 'Organization',
        id: `o${at}`,
        name: 'x',
      })),
      generalPractitioner: Array.from({ length: count }, (_, at) => ({ reference: `#o${at}` })),
    });
    const { answer, seconds } = await costOf('Patient', body);
    expect(answer.status, answer.text.slice(0, 300)).to.equal(201);
    expect(seconds).to.be.below(6);
  });

  it('may hold more identifiers than PostgreSQL has locks', async () => {
    const identifier = Array.from({ length: 30_000 }, (_, at) => ({
      system: 'urn:x',
      value: `${at}`,
    }));
    const [first, second] = await Promise.all([
      costOf('Patient', JSON.stringify({ resourceType: 'Patient', identifier })),
      costOf('Patient', JSON.stringify({ resourceType: 'Patient', identifier: [identifier[7]] })),
    ]);
    expect(first!.answer.status, first!.answer.text.slice(0, 300)).to.equal(201);
    expect(second!.answer.status, second!.answer.text.slice(0, 300)).to.equal(201);
  });

  it('is no form of a megabyte', async () => {
    const form = 'application/x-www-form-urlencoded';
    const { answer } = await costOf('Patient/_search', `name=${'a'.repeat(1_200_000)}`, form);
    expect(answer.status).to.equal(413);
  });

  it('lets others pass while it is XML of many megabytes', async () => {
    const xml = `<Patient xmlns="http://hl7.org/fhir">${' '.repeat(20_000_000)}</Patient>`;
    let over = false;
    const sending = costOf('Patient', xml, 'application/fhir+xml').finally(() => {
      over = true;
    });
    let answered = 0;
    while (!over) {
      await (await fetch(`${house.house.url}/health/live`)).text();
      answered += 1;
    }
    expect((await sending).answer.status).to.equal(201);
    expect(answered).to.be.above(10);
  });
});
