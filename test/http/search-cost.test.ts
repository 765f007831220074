/**
 * Searches that hostile callers found to fail or to last: each is answered, or refused at once.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

describe('a search of the whole system', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  it('is refused when it looks for hundreds of values in every type', async () => {
    const values = Array.from({ length: 1500 }, (_, at) => `v${at}`).join(',');
    const answer = await house.fetch(`?_profile=${values}`);
    expect(answer.status).to.equal(403);
    expect(answer.json.issue[0].code).to.equal('too-costly');
    expect(
      (await house.fetch('?_profile=http://example.org/a,http://example.org/b')).status,
    ).to.equal(200);
  });

  it('finds texts that are longer than their index, in a set of their own', async () => {
    const long = 'Kakamega '.repeat(40).trim();
    const made = await house.fetch('Location', { body: { resourceType: 'Location', name: long } });
    expect(made.status, made.text).to.equal(201);
    const found = await house.fetch(`Location?name=${encodeURIComponent(long)}`);
    expect(found.status, found.text).to.equal(200);
    expect(found.json.entry).to.have.length(1);
    const other = await house.fetch(`Location?name=${encodeURIComponent(`${long} East`)}`);
    expect(other.status, other.text).to.equal(200);
    expect(other.json.entry ?? []).to.have.length(0);
  });
});
