/**
 * Funding over HTTP: what a funder gives is recorded once and shown as Account, and whatever is
 * wrong with a request is answered with its place and its remedy, and changes nothing.
 */

import type { ParametersParameter } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../../support/server.ts';

const KEY = '0198c0de-0000-7000-8000-000000000001';

describe('funding', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  interface Funding {
    account?: string;
    value?: number | string;
    currency?: string;
    transfer?: string;
    reference?: string;
  }
  const fund = (given: Funding = {}, token?: string): Promise<Answer> => {
    const { account = 'fund:cash', value = 100, currency = 'KES', reference = 'grant 7' } = given;
    const parameter: ParametersParameter[] = [
      { name: 'account', valueString: account },
      { name: 'amount', valueMoney: { value: value as number, currency: currency as 'KES' } },
      { name: 'reference', valueString: reference },
      ...(given.transfer === undefined ? [] : [{ name: 'transfer', valueString: given.transfer }]),
    ];
    const body = { resourceType: 'Parameters', parameter };
    return house.fetch('$fund', { body, ...(token && { token }) });
  };
  const codeOf = (answer: Answer): string => answer.json.issue[0].details.coding[0].code;
  const rows = async () =>
    (await house.database.pool.query('select * from ledger_transfer order by transfer_id')).rows;

  it('stands as Account, found by its code, with what is posted and available', async () => {
    expect((await fund({ value: 1250.5 })).status).to.equal(200);
    const found = await house.fetch('Account?identifier=fund:cash');
    expect(found.json.total ?? found.json.entry.length).to.equal(1);
    const shown = found.json.entry[0].resource;
    const balances = shown.extension.map((each: { extension: ParametersParameter[] }) => [
      each.extension[0]!.valueCode,
      each.extension[1]!.valueMoney,
    ]);
    expect(balances).to.deep.equal([
      ['posted', { value: 1250.5, currency: 'KES' }],
      ['available', { value: 1250.5, currency: 'KES' }],
    ]);
    expect(house.app.fhir.definitions.validate(shown).filter((each) => each.severity === 'error'))
      .to.be.empty;
  });

  it('counts once under its transfer id, and is refused under it with another content', async () => {
    const first = await fund({ transfer: KEY });
    expect(first.status, first.text).to.equal(200);
    const before = await rows();
    const again = await fund({ transfer: KEY.toUpperCase() });
    expect(again.status, again.text).to.equal(200);
    expect(again.json).to.deep.equal(first.json);
    const other = await fund({ transfer: KEY, value: 101 });
    expect([other.status, codeOf(other)]).to.deep.equal([409, 'transfer-differs']);
    expect(await rows()).to.deep.equal(before);
  });

  const wrong: readonly [string, Funding, number, string, string][] = [
    ['nothing', { value: 0 }, 422, 'amount-not-positive', 'amount'],
    ['less than nothing', { value: -5 }, 422, 'amount-not-positive', 'amount'],
    ['half a cent', { value: 1.005 }, 422, 'amount-too-precise', 'amount.value'],
    [
      'more than can be counted',
      { value: 9999999999999998, currency: 'KWD', account: 'fund:kwd' },
      422,
      'amount-too-large',
      'amount',
    ],
    ['an account that cannot be', { account: 'Fund of Mine' }, 422, 'account-code', 'account'],
    ['the source itself', { account: 'source-of-funds:kes' }, 422, 'account-code', 'account'],
    ['another currency', { currency: 'USD' }, 409, 'currency-differs', 'amount'],
    ['a currency that is none', { currency: 'ZZQ' }, 422, 'unknown-currency', ''],
    ['an id that is none', { transfer: 'tomorrow' }, 422, 'transfer-id', 'transfer'],
  ];
  for (const [what, given, status, code, place] of wrong) {
    it(`is refused for ${what}, with the place, and changes nothing`, async () => {
      const before = await rows();
      const answer = await fund(given);
      expect(answer.status, answer.text).to.equal(status);
      const [issue] = answer.json.issue;
      if (place !== '') {
        expect(codeOf(answer)).to.equal(code);
        expect(issue.expression).to.deep.equal([place]);
      }
      expect(await rows()).to.deep.equal(before);
    });
  }

  it('is refused to who does not keep the ledger', async () => {
    const clerk = await house.tokenFor('payroll-officer');
    expect((await fund({}, clerk)).status).to.equal(403);
  });
});
