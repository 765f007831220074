/**
 * Kinds of payroll: back-pay, follow-up, top-up, regularisation, and payrolls of an area. Whatever the
 * path, a household is due one payment for a scheme and period, and what comes besides names its line.
 */

import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { Json } from '../../support/server.ts';
import { area, patient, provider } from '../support/people.ts';
import { code, money, Scene, text } from './scene.ts';

const kind = (value: string) => code('kind', value);
const JANUARY = text('period', '2026-01');

describe('a payroll of its kind', () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open();
  });
  afterEach(() => scene?.house.stop());

  const inNorth = { name: 'area', valueReference: { reference: 'Location/north' } };

  it('pays an area, and the rest of the scheme after it, each household once', async () => {
    const north = await scene.pay([JANUARY, inNorth]);
    expect(await scene.lines(north)).to.deep.equal(['h-1 paid 100']);
    expect(
      await scene.refused('InsurancePlan/s/$draft-payroll', [JANUARY, inNorth], scene.maker),
    ).to.equal('payroll-exists');
    const all = await scene.pay([JANUARY]);
    expect(await scene.lines(all)).to.deep.equal([
      'h-1 already-paid-period',
      'h-2 paid 100',
      'h-3 paid 100',
    ]);
  });

  it('pays a past period to who was enrolled late, and to nobody twice', async () => {
    const [lead] = await scene.rows<{ n: string }>(
      `select starts_on::text as n from enrolment limit 1`,
    );
    expect(
      await scene.refused(
        'InsurancePlan/s/$draft-payroll',
        [JANUARY, kind('back-pay')],
        scene.maker,
      ),
    ).to.equal('payroll-missing');
    await scene.hold('h-2');
    await scene.pay([JANUARY]);
    await scene.register(4);
    await scene.done('InsurancePlan/s/$enrol');
    await scene.rows(`update enrolment set starts_on = '${lead!.n}'`);
    await scene.rows(`update hold set active = false, released_at = now()`);
    await scene.house.settle();
    const late = await scene.pay([JANUARY, kind('back-pay')]);
    expect(await scene.lines(late)).to.deep.equal(['h-2 paid 100', 'h-4 paid 100']);
    expect(await scene.lines(await scene.draft([JANUARY, kind('back-pay')]))).to.deep.equal([]);
    expect(await scene.paid()).to.deep.equal(['h-1 100', 'h-2 100', 'h-3 100', 'h-4 100']);
  });

  it('orders the unpaid again as the next attempt of their line', async () => {
    await scene.losing(1000);
    const first = await scene.pay([JANUARY]);
    await scene.pass(90);
    expect(await scene.lines(first)).to.deep.equal([
      'h-1 not-paid 100',
      'h-2 not-paid 100',
      'h-3 not-paid 100',
    ]);
    await scene.losing(0);
    await scene.hold('h-3');
    const again = await scene.pay([JANUARY, kind('follow-up')]);
    expect(await scene.lines(again)).to.deep.equal(['h-1 paid 100', 'h-2 paid 100', 'h-3 hold']);
    expect(await scene.lines(first)).to.deep.equal([
      'h-1 paid 100',
      'h-2 paid 100',
      'h-3 not-paid 100',
    ]);
    expect(await scene.paid()).to.deep.equal(['h-1 100', 'h-2 100']);
    const attempts = await scene.rows<{ n: number }>(
      `select attempt as n from instruction where state = 'paid'`,
    );
    expect(attempts.map((each) => each.n)).to.deep.equal([2, 2]);
    expect(await scene.lines(await scene.draft([JANUARY, kind('follow-up')]))).to.deep.equal([
      'h-3 hold',
    ]);
    const due = await scene.rows<{ n: string }>('select count(*) as n from payroll_due');
    expect(Number(due[0]!.n)).to.equal(3);
  });

  it('never pays by a follow-up what is retried or paid meanwhile', async () => {
    await scene.losing(1000);
    const first = await scene.pay([JANUARY]);
    await scene.pass(90);
    await scene.losing(0);
    const again = await scene.draft([JANUARY, kind('follow-up')]);
    const officer = await scene.house.tokenFor('finance-officer');
    await scene.done(`${first}/$retry-unpaid`, [], officer);
    await scene.house.settle();
    const approved = await scene.done(`${again}/$approve`, [], scene.checker);
    expect(approved.ordered.valueInteger).to.equal(0);
    await scene.house.settle();
    expect(await scene.paid()).to.deep.equal(['h-1 100', 'h-2 100', 'h-3 100']);
  });

  it('lists who waits or has left with the reason, once, and finds them by it', async () => {
    await scene.rows(
      `update enrolment set state = case fhir when 'h-1' then 'waiting' else 'exited' end,
         reason = 'moved-away', ends_on = case fhir when 'h-2' then date '2026-01-20' end
       from (select household_id as id, fhir_id as fhir from household) h
       where h.id = household_id and fhir <> 'h-3'`,
    );
    const first = await scene.pay([JANUARY]);
    expect(await scene.lines(first)).to.deep.equal([
      'h-1 waiting-list',
      'h-2 exited',
      'h-3 paid 100',
    ]);
    const found = await scene.house.fetch(
      `Claim?_list=${first.slice(5)}&exclusion-reason=waiting-list&_total=accurate`,
    );
    expect(found.json.total, found.text).to.equal(1);
    const north = await scene.draft([text('period', '2026-02'), inNorth]);
    expect(await scene.lines(north)).to.deep.equal(['h-1 waiting-list']);
    const april = await scene.pay([text('period', '2026-02')]);
    expect(await scene.lines(april)).to.include('h-2 exited');
    const march = await scene.draft([text('period', '2026-03')]);
    expect(await scene.lines(march)).to.deep.equal(['h-1 waiting-list', 'h-3 open 100']);
  });

  it('shows what was paid and why as it was, whatever has changed since', async () => {
    const payroll = await scene.pay([JANUARY]);
    const shown = async () => {
      const { json } = await scene.house.fetch(`Claim?_list=${payroll.slice(5)}&_sort=_id`);
      return json.entry.map((each: Json) => each.resource);
    };
    const before = await shown();
    await scene.putScheme(999);
    await scene.put(patient('p-1', { deceasedDateTime: '2026-01-05' }));
    await scene.put(
      patient('p-2', { link: [{ type: 'replaced-by', other: { reference: 'Patient/p-3' } }] }),
    );
    await scene.register(3, 'north');
    await scene.put({ ...area('north'), name: 'Renamed' } as never);
    await scene.put(provider('bank', { name: 'Renamed' }));
    await scene.rows(`update household set active = false where fhir_id = 'h-2'`);
    await scene.house.settle();
    expect(await shown()).to.deep.equal(before);
  });

  it('adds a top-up of a name once, with a reference to the line', async () => {
    const first = await scene.pay([JANUARY]);
    const drought = [JANUARY, kind('top-up'), text('label', 'drought'), money('amount', 25)];
    const topUp = await scene.pay([...drought, inNorth]);
    expect(await scene.lines(topUp)).to.deep.equal(['h-1 paid 25']);
    const again = await scene.pay(drought);
    expect(await scene.lines(again)).to.deep.equal([
      'h-1 already-paid-period',
      'h-2 paid 25',
      'h-3 paid 25',
    ]);
    const { json } = await scene.house.fetch(`Claim?_list=${topUp.slice(5)}`);
    const claim = json.entry[0].resource;
    const line = await scene.house.fetch(claim.related[0].claim.reference);
    expect(JSON.stringify(line.json)).to.contain(first);
    expect(
      claim.item.map((each: Json) => [each.productOrService.coding[0].code, each.net.value]),
    ).to.deep.equal([['top-up', 25]]);
    const { definitions } = scene.house.app.fhir;
    expect(definitions.validate(claim).filter((each) => each.severity === 'error')).to.deep.equal(
      [],
    );
    const bare = await scene.refused(
      'InsurancePlan/s/$draft-payroll',
      [JANUARY, kind('top-up')],
      scene.maker,
    );
    expect(bare).to.equal('top-up-incomplete');
  });

  it('pays the difference to what is due by the present rules, and lists what was too much', async () => {
    await scene.pay([JANUARY]);
    await scene.putScheme(130);
    const more = await scene.pay([JANUARY, kind('regularisation')]);
    expect(await scene.lines(more)).to.deep.equal(['h-1 paid 30', 'h-2 paid 30', 'h-3 paid 30']);
    expect(await scene.lines(await scene.pay([JANUARY, kind('regularisation')]))).to.deep.equal([]);
    await scene.putScheme(110);
    const less = await scene.pay([JANUARY, kind('regularisation')]);
    expect(await scene.lines(less)).to.deep.equal(['h-1 overpaid', 'h-2 overpaid', 'h-3 overpaid']);
    expect(await scene.paid()).to.deep.equal(['h-1 130', 'h-2 130', 'h-3 130']);
  });

  it('has one result when two are drafted at once, of every kind', async () => {
    await scene.pay([JANUARY]);
    await scene.putScheme(120);
    const top = [kind('top-up'), text('label', 'drought'), money('amount', 25)];
    for (const wanted of [[kind('regularisation')], top]) {
      const answers = await Promise.all(
        [1, 2, 3].map(() =>
          scene.call('InsurancePlan/s/$draft-payroll', [JANUARY, ...wanted], scene.maker),
        ),
      );
      expect(answers.map((each) => each.status).sort()).to.deep.equal([200, 409, 409]);
    }
  });

  it('is paid from the source of funds that it names, as far as that holds', async () => {
    await scene.fund('fund:s:donor', 250);
    const payroll = await scene.draft([JANUARY, text('source', 'donor')]);
    expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.equal(
      'insufficient-funds',
    );
    await scene.fund('fund:s:donor', 50);
    await scene.done(`${payroll}/$approve`, [], scene.checker);
    const { json } = await scene.house.fetch('Account?identifier=fund:s:donor');
    expect(JSON.stringify(json)).to.contain(
      '"valueCode":"available"},{"url":"amount","valueMoney":{"value":0,',
    );
  });

  it('is not approved beyond a ceiling, per payroll, area or period', async () => {
    const ceiling = (per: string, amount: number, more: object[] = []) =>
      scene.done('InsurancePlan/s/$set-ceiling', [
        code('per', per),
        money('amount', amount),
        { name: 'from', valueDate: '2026-01-01' },
        ...more,
      ]);
    const payroll = await scene.draft([JANUARY]);
    const tried = () => scene.refused(`${payroll}/$approve`, [], scene.checker);
    await ceiling('payroll', 299);
    expect(await tried()).to.equal('ceiling-exceeded');
    await ceiling('payroll', 300);
    await ceiling('period', 99, [inNorth]);
    expect(await tried()).to.equal('ceiling-exceeded');
    await ceiling('period', 100, [inNorth]);
    await ceiling('period', 320);
    await scene.done(`${payroll}/$approve`, [], scene.checker);
    const topUp = await scene.draft([
      JANUARY,
      kind('top-up'),
      text('label', 'x'),
      money('amount', 10),
    ]);
    expect(await scene.refused(`${topUp}/$approve`, [], scene.checker)).to.equal(
      'ceiling-exceeded',
    );
    const listed = await scene.call('InsurancePlan/s/$ceilings');
    expect(listed.json.parameter).to.have.length(3);
    await ceiling('year', 450);
    const february = await scene.call('InsurancePlan/s/$simulate', [text('period', '2026-02')]);
    const told = february.json.parameter as Json[];
    const beyond = told.find((each) => each.name === 'beyond-budget');
    expect(beyond.part[0].valueInteger, '150 are left of the year').to.equal(2);
    const limits = told.filter((each) => each.name === 'ceiling').map(({ part }) => part);
    const year = limits.find(([per]: Json[]) => per.valueCode === 'year');
    expect([year[1].valueMoney.value, year[2].valueMoney.value]).to.deep.equal([450, 150]);
    const northern = await scene.done('InsurancePlan/s/$simulate', [JANUARY, inNorth]);
    expect(northern['beyond-budget'].part[0].valueInteger).to.equal(0);
    const budget = [text('period', '2026-02'), money('budget', 300)];
    const wide = await scene.done('InsurancePlan/s/$simulate', budget);
    expect(wide['beyond-budget'].part[0].valueInteger).to.equal(0);
  });

  it('takes off at approval whose facts have changed since the draft, with the reason', async () => {
    const payroll = await scene.draft([JANUARY]);
    await scene.house.advance(60);
    await scene.rows(`update household set active = false, updated_at = $1 where fhir_id = 'h-1'`, [
      scene.house.clock.now(),
    ]);
    await scene.rows(
      `update enrolment set state = 'exited', reason = 'withdrawn', changed_at = $1
      where household_id = (select household_id from household where fhir_id = 'h-2')`,
      [scene.house.clock.now()],
    );
    const approved = await scene.done(`${payroll}/$approve`, [], scene.checker);
    expect([approved.ordered.valueInteger, approved['held-back'].valueInteger]).to.deep.equal([
      1, 2,
    ]);
    expect(await scene.lines(payroll)).to.deep.equal([
      'h-1 household-inactive',
      'h-2 not-enrolled',
      'h-3 open 100',
    ]);
  });
});
