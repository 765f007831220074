/** What is stored comes back as it was sent, to the last digit of a decimal. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedTexts } from '../support/shared.ts';

/** Examples that R4 itself refuses, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  'bundle-with-no-type.json': 'has neither id nor type',
  'codesystem-example.json': 'has one code twice (csd-1)',
  'deviceusestatement-example.json': 'gives a Procedure as reason',
  'explanationofbenefit-example.json': 'has items without productOrService',
  'medicationrequest0301.json': 'lets a Practitioner dispense',
  'patient-container-example.json': 'contains an organization without name',
};

/** JSON with each number as the text it was written in. */
function exact(text: string): unknown {
  return JSON.parse(text, (_key, value, context?: { source?: string }) =>
    typeof value === 'number' ? `number ${context?.source}` : value,
  );
}

describe('a resource that is stored and read again', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('is what HL7 published', async function () {
    let kept = 0;
    for (const { name, text } of sharedTexts(this, 'data/fhir/hl7-examples')) {
      const { resourceType, id } = JSON.parse(text);
      const path = `${resourceType}/${id}`;
      const put = await house.fetch(path, { method: 'PUT', body: text });
      if (REFUSED[name]) {
        expect(put.status, name).to.be.oneOf([400, 422]);
        continue;
      }
      expect(put.status, `${name} ${put.text.slice(0, 300)}`).to.equal(201);
      const { text: back } = await house.fetch(path);
      const sent = exact(text) as { meta?: object };
      const read = exact(back) as { meta: Record<string, unknown> };
      const { versionId: _v, lastUpdated: _l, ...meta } = read.meta;
      const { versionId: _sv, lastUpdated: _sl, ...sentMeta } = (sent.meta ?? {}) as typeof meta;
      expect({ ...read, meta }, name).to.deep.equal({ ...sent, meta: sentMeta });
      kept += 1;
    }
    expect(kept).to.equal(34);
  });

  it('keeps every digit of a decimal, through an update and in history', async () => {
    const body = (value: string): string =>
      `{"resourceType":"Observation","id":"digits","status":"final","code":{"text":"x"},` +
      `"valueQuantity":{"value":${value}}}`;
    for (const [at, value] of ['4.0', '1.0e3', '0.10000000000000000001', '-0.0'].entries()) {
      await house.fetch('Observation/digits', { method: 'PUT', body: body(value) });
      const read = await house.fetch('Observation/digits');
      expect(read.text).to.include(`"value":${value}}`);
      const old = await house.fetch(`Observation/digits/_history/${at + 1}`);
      expect(old.text).to.include(`"value":${value}}`);
      if (at > 0) {
        expect((await house.fetch('Observation/digits/_history/1')).text).to.include('4.0');
      }
    }
  });
});
