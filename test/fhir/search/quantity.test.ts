/** Quantities: units of UCUM are converted, others are compared as written, precision is kept. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const UCUM = 'http://unitsofmeasure.org';

function observed(id: string, quantity: Json): Json {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'urn:o', code: 'measured' }] },
    valueQuantity: quantity,
  };
}

const ucum = (value: number, code: string): Json => ({ value, unit: code, system: UCUM, code });

const OBSERVATIONS: readonly Json[] = [
  observed('gram', ucum(5.4, 'g')),
  observed('milligram', ucum(5400, 'mg')),
  observed('kilogram', ucum(54, 'kg')),
  observed('fever', ucum(38.5, 'Cel')),
  observed('fahrenheit', ucum(101.3, '[degF]')),
  observed('per-minute', ucum(60, '/min')),
  observed('per-second', ucum(1, '/s')),
  observed('score', ucum(7, '{score}')),
  observed('tablets', ucum(7, '{tbl}')),
  observed('international', ucum(100, '[iU]')),
  observed('acid', ucum(7.4, '[pH]')),
  observed('no-unit-of-ucum', ucum(3, 'goats')),
  observed('local', { value: 5.4, unit: 'g', system: 'urn:local', code: 'g' }),
  observed('printed', { value: 5.4, unit: 'g' }),
  observed('inch', ucum(10, '[in_i]')),
  observed('hostile', ucum(1, `${'('.repeat(300)}m`)),
];

describe('search by quantity', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { REFERENTIAL_INTEGRITY: 'off' } });
    for (const each of OBSERVATIONS) {
      const answer = await house.fetch(`Observation/${each.id}`, { method: 'PUT', body: each });
      expect(answer.status, answer.text).to.equal(201);
    }
  });
  after(() => house?.stop());

  async function found(query: string): Promise<string[]> {
    const { status, json, text } = await house.fetch(`Observation?${query}`);
    expect(status, text).to.equal(200);
    return (json.entry ?? []).map((each: Json) => each.resource.id).sort();
  }

  const by = (value: string) => found(`value-quantity=${encodeURIComponent(value)}`);

  it('finds a mass in whichever unit it was measured', async () => {
    expect(await by(`5.4|${UCUM}|g`)).to.eql(['gram', 'milligram']);
    expect(await by(`5400|${UCUM}|mg`)).to.eql(['gram', 'milligram']);
    expect(await by(`0.0054|${UCUM}|kg`)).to.eql(['gram', 'milligram']);
    expect(await by(`gt5.4|${UCUM}|g`)).to.eql(['kilogram']);
    expect(await by(`ne5.4|${UCUM}|g`)).to.eql(['kilogram']);
  });

  it('keeps the precision that was written, in every unit', async () => {
    expect(await by(`5|${UCUM}|g`)).to.eql(['gram', 'milligram']);
    expect(await by(`5.0|${UCUM}|g`)).to.eql([]);
    expect(await by(`5000|${UCUM}|mg`)).to.eql([]);
    expect(await by(`5e3|${UCUM}|mg`)).to.eql([]);
  });

  it('converts temperatures, whose scales begin elsewhere', async () => {
    expect(await by(`38.5|${UCUM}|Cel`)).to.eql(['fahrenheit', 'fever']);
    expect(await by(`ge311.65|${UCUM}|K`)).to.eql(['fahrenheit', 'fever']);
    expect(await by(`gt38.5|${UCUM}|Cel`)).to.eql([]);
    // A tenth of 42 degrees, not of 315 kelvin.
    expect(await by(`ap42|${UCUM}|Cel`)).to.eql(['fahrenheit', 'fever']);
    expect(await by(`ap43|${UCUM}|Cel`)).to.eql([]);
  });

  it('converts factors that have no end', async () => {
    expect(await by(`1|${UCUM}|/s`)).to.eql(['per-minute', 'per-second']);
    expect(await by(`ge60|${UCUM}|/min`)).to.eql(['per-minute', 'per-second']);
    expect(await by(`gt1|${UCUM}|/s`)).to.eql([]);
    expect(await by(`25.4|${UCUM}|cm`)).to.eql(['inch']);
  });

  it('compares as written what nobody may convert', async () => {
    expect(await by(`7|${UCUM}|{score}`)).to.eql(['score']);
    expect(await by(`100|${UCUM}|[iU]`)).to.eql(['international']);
    expect(await by(`0.1|${UCUM}|k[iU]`)).to.eql([]);
    expect(await by(`7.4|${UCUM}|[pH]`)).to.eql(['acid']);
    expect(await by(`3|${UCUM}|goats`)).to.eql(['no-unit-of-ucum']);
  });

  it('finds a unit as written, whatever its system, and any unit', async () => {
    expect(await by('5.4||g')).to.eql(['gram', 'local', 'printed']);
    expect(await by('5.4|urn:local|g')).to.eql(['local']);
    expect(await by('5.4')).to.eql(['gram', 'local', 'printed']);
  });

  it('converts within the parts of a composite', async () => {
    const parts = (value: string) =>
      found(`code-value-quantity=${encodeURIComponent(`urn:o|measured$${value}`)}`);
    expect(await parts(`5400|${UCUM}|mg`)).to.eql(['gram', 'milligram']);
    expect(await parts('5400')).to.eql(['milligram']);
    // 5.4 g are 5.4 in base units too: found once, and 54 kg not as 54000.
    expect(await parts('54000')).to.eql([]);
    expect(await parts('5.4||g')).to.eql(['gram', 'local', 'printed']);
  });

  it('refuses a system without a unit, rather than to ignore it', async () => {
    const { status, json } = await house.fetch(`Observation?value-quantity=5.4|${UCUM}`);
    expect(status).to.equal(400);
    expect(json.issue[0].diagnostics).to.contain('number|system|code');
  });
});
