/**
 * A statement that says what our books do not stands against paying again, until two people have
 * looked at it.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import { type Desk, openDesk } from '../support/orders.ts';

describe('an exception of a statement that stands against a payment', () => {
  let house: TestHouse;
  let desk: Desk;
  let first: string;
  let second: string;
  beforeEach(async () => {
    house = await startTestHouse();
    desk = await openDesk(house, 'simulator', 'doubt');
    first = await house.tokenFor('finance-officer');
    second = await house.tokenFor('finance-officer');
  });
  afterEach(() => house?.stop());

  const statement = (key: string, amount: string) =>
    desk.call(
      'upload-statement',
      [
        { name: 'format', valueCode: 'csv' },
        { name: 'currency', valueCode: 'KES' },
        {
          name: 'content',
          valueString: `transaction_number,amount,status\n${key},${amount},paid\n`,
        },
      ],
      first,
    );
  const exception = async () => {
    const answer = await desk.call('exceptions', [], first);
    return answer.json.parameter[0].part[0].valueString as string;
  };
  const close = async (id: string, reason: string, token: string) => {
    const answer = await desk.call(
      'close-exception',
      [
        { name: 'exception', valueString: id },
        { name: 'reason', valueCode: reason },
      ],
      token,
    );
    return answer.status === 200
      ? answer.json.parameter[0].valueCode
      : answer.json.issue[0].details.coding[0].code;
  };
  const state = async (key: string) => (await desk.look(key))[0]!.state;

  it('keeps what was not sent from being sent, until two people have closed it', async () => {
    const [order] = await desk.order([5000n]);
    const taken = await statement(order!.key, '50.00');
    expect(taken.text).to.include('paid-when-not-sent');
    await house.settle();
    expect(await state(order!.key)).to.equal('approved');
    const id = await exception();
    expect(await close(id, 'corrected-by-provider', first)).to.equal('proposed');
    expect(await close(id, 'corrected-by-provider', first)).to.equal('same-person');
    await desk.call('resume', []);
    await house.settle();
    expect(await state(order!.key)).to.equal('approved');
    expect(await close(id, 'corrected-by-provider', second)).to.equal('closed');
    expect(await close(id, 'corrected-by-provider', second)).to.equal('wrong-state');
    await desk.call('resume', []);
    await house.settle();
    expect(await state(order!.key)).to.equal('paid');
  });

  it('keeps what was not paid from being ordered again', async () => {
    const [order] = await desk.order([5000n]);
    await desk.rows(
      `update instruction set state = 'unknown', sent_at = created_at where instruction_id = $1`,
      [order!.id],
    );
    await desk.apply({ key: order!.key, result: 'not-paid', reason: 'provider_down' });
    expect((await statement(order!.key, '49.00')).text).to.include('amount-differs');
    expect(await desk.retry(order!.id)).to.equal(0);
    const id = await exception();
    expect(await close(id, 'explained', first)).to.equal('proposed');
    expect(await close(id, 'other-business', second)).to.equal('proposed');
    expect(await close(id, 'other-business', first)).to.equal('closed');
    expect(await desk.retry(order!.id)).to.equal(1);
  });
});
