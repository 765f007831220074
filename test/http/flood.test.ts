/**
 * One caller cannot take the server from all others.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';

describe('a caller who floods the server', () => {
  let house: TestHouse;

  before(async () => {
    house = await startTestHouse({ environment: { REQUESTS_AT_ONCE_MAX: '2' } });
  });
  after(() => house?.stop());

  it('is told to come again, while others are answered, and is let in afterwards', async () => {
    const other = await house.tokenFor('auditor');
    const flood = (): Promise<Answer[]> =>
      Promise.all([
        ...Array.from({ length: 120 }, () => house.fetch('Patient?_count=1')),
        house.fetch('Patient', { token: other }),
      ]);
    // A server that is faster than its callers refuses none of a wave.
    let answers = await flood();
    const refusedOf = () => answers.filter((each) => each.status === 429);
    for (let wave = 0; wave < 10 && refusedOf().length === 0; wave++) answers = await flood();
    const refused = refusedOf();
    expect(refused.length).to.be.greaterThan(0);
    expect(refused[0]!.headers.get('retry-after')).to.equal('1');
    expect(refused[0]!.json.issue[0]).to.deep.include({ code: 'throttled' });
    expect(answers.filter((each) => each.status === 200).length).to.be.at.least(2);
    expect(answers.at(-1)!.status).to.equal(200);
    expect(answers.every((each) => [200, 429].includes(each.status))).to.equal(true);
    expect((await house.fetch('Patient')).status).to.equal(200);
  });
});
