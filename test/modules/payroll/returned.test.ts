/**
 * Payments that end otherwise than wholly paid: a part is paid, money comes back, orders are cancelled.
 * Whatever happens in whatever order, the books balance and no household keeps more than it is due.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { applyOutcomes, type Outcome } from '../../../modules/disbursement/index.ts';
import { verifyLedger } from '../../../modules/ledger/index.ts';
import { addMonths } from '../../../src/sdk/index.ts';
import type { Json } from '../../support/server.ts';
import { code, money, Scene, text } from './scene.ts';

const kind = (value: string) => code('kind', value);

describe('a payment that is not simply paid', () => {
  let scene: Scene;
  let officer: string;
  let second: string;
  let month = '2025-12-01';
  let period: object;

  before(async () => {
    scene = await Scene.open();
    officer = await scene.house.tokenFor('finance-officer');
    second = await scene.house.tokenFor('finance-officer');
    await scene.rows(`update enrolment set starts_on = '2026-01-01'`);
  });
  after(() => scene?.house.stop());

  /** Each story has a month of its own. */
  const nextMonth = (): void => {
    month = addMonths(month, 1);
    period = text('period', month.slice(0, 7));
  };
  const say = async (...outcomes: Outcome[]) => {
    const done = await scene.inside(async (ctx) => {
      const bank = (await ctx.fhir.rids('Organization', ['bank'])).get('bank')!;
      return applyOutcomes(ctx, bank, outcomes, 'callback');
    });
    await scene.house.settle();
    return done;
  };
  const books = () => scene.inside(verifyLedger);
  const orders = (payroll: string) =>
    scene.rows<{ key: string; id: string; house: string; state: string; amount: number }>(
      `select disbursement_transaction_number(i.key) as key, i.instruction_id as id, h.fhir_id as house, i.state,
         i.amount_minor::int / 100 as amount
       from instruction i join household h on h.household_id = i.payee_id
       join payroll_line l on l.household_id = i.payee_id
         and i.source_id = coalesce(l.order_id, l.line_id)
       where l.payroll_id = $1 order by h.fhir_id, i.attempt`,
      [payroll.slice(5)],
    );
  /** What each household has of a month, of all its payments. */
  const kept = async () => {
    const rows = await scene.rows<{ kept: string }>(
      `select h.fhir_id || ' ' || sum(i.amount_minor - coalesce(i.returned_minor, 0)) / 100 as kept
       from instruction i join household h on h.household_id = i.payee_id
       join payroll_line l on l.line_id = i.source_id and l.household_id = i.payee_id
       where i.state = 'paid' and l.period_code = $1 group by h.fhir_id order by 1`,
      [month.slice(0, 7)],
    );
    return rows.map((row) => row.kept.replace(/\.0+$/, ''));
  };
  const fund = async () => {
    const [row] = await scene.rows<{ n: number }>(
      `select ((credits_posted - debits_posted) / 100)::int as n from ledger_account
       where code = 'fund:s'`,
    );
    return row!.n;
  };

  it('pays the rest of a part payment by a follow-up, and never more', async () => {
    nextMonth();
    await scene.losing(1000);
    const payroll = await scene.pay([period]);
    const before = await fund();
    const [first] = await orders(payroll);
    const part: Outcome = {
      key: first!.key,
      result: 'partly-paid',
      amountMinor: 6000n,
      currency: 'KES',
    };
    expect((await say(part)).changed).to.equal(1);
    expect((await say(part)).changed, 'a repeat').to.equal(0);
    expect(await fund()).to.equal(before - 60);
    expect((await scene.lines(payroll))[0]).to.equal('h-1 partly-paid 100');
    const claim = await scene.house.fetch(`Claim?_list=${payroll.slice(5)}&line-state=partly-paid`);
    expect(claim.json.entry, claim.text).to.have.length(1);
    expect(JSON.stringify(claim.json)).to.contain('"valueMoney":{"value":60,"currency":"KES"}');
    const answer = await scene.house.fetch('ClaimResponse?outcome=partial');
    const [response] = answer.json.entry.map((each: Json) => each.resource);
    expect([response.payment.amount.value, response.payment.adjustment.value]).to.eql([60, 40]);
    const { definitions } = scene.house.app.fhir;
    for (const each of [claim.json.entry[0].resource, response]) {
      const issues = definitions.validate(each);
      expect(issues.filter((issue) => issue.severity === 'error')).to.deep.equal([]);
    }
    await scene.losing(0);
    const again = await scene.pay([period, kind('follow-up')]);
    expect(await scene.lines(again)).to.deep.equal(['h-1 paid 40']);
    expect(await kept()).to.deep.equal(['h-1 100']);
    expect((await scene.lines(payroll))[0]).to.equal('h-1 paid 100');
    expect(await books()).to.deep.equal([]);
    await say(
      ...(await orders(payroll)).slice(2).map(({ key }) => ({ key, result: 'paid' as const })),
    );
  });

  it('takes returned money back into the fund, and pays it again as the next attempt', async () => {
    nextMonth();
    const before = await fund();
    const payroll = await scene.pay([period]);
    expect(await fund()).to.equal(before - 300);
    const [first, other] = await orders(payroll);
    const back: Outcome = { key: first!.key, result: 'returned', reason: 'expired_unclaimed' };
    await say(back, {
      key: other!.key,
      result: 'returned',
      amountMinor: 2500n,
      returnReference: 'X1',
    });
    await say(back, { key: first!.key, result: 'paid' });
    await say({ key: other!.key, result: 'returned', amountMinor: 2500n, returnReference: 'X1' });
    expect(await fund()).to.equal(before - 175);
    expect((await scene.lines(payroll)).slice(0, 2)).to.deep.equal([
      'h-1 not-paid 100',
      'h-2 partly-paid 100',
    ]);
    const retried = await scene.done(`${payroll}/$retry-unpaid`, [], officer);
    expect(retried.ordered.valueInteger).to.equal(2);
    await scene.house.settle();
    expect(
      (await orders(payroll)).map((each) => `${each.house} ${each.state} ${each.amount}`),
    ).to.eql(['h-1 returned 100', 'h-1 paid 100', 'h-2 paid 100', 'h-2 paid 25', 'h-3 paid 100']);
    expect(await kept()).to.deep.equal(['h-1 100', 'h-2 100', 'h-3 100']);
    expect(await books()).to.deep.equal([]);
    const none = await scene.done(`${payroll}/$retry-unpaid`, [], officer);
    expect(none.ordered.valueInteger).to.equal(0);
  });

  it('raises what cannot be as an exception: more back than was paid, a part without a number', async () => {
    nextMonth();
    const payroll = await scene.pay([period]);
    const [first] = await orders(payroll);
    const { key } = first!;
    const result = 'returned' as const;
    const odd = await say({ key, result, amountMinor: 5000n });
    expect([odd.changed, odd.exceptions]).to.deep.equal([0, 1]);
    await say({ key, result, amountMinor: 9000n, returnReference: 'A' });
    const more = await say({ key, result, amountMinor: 2000n, returnReference: 'B' });
    expect([more.changed, more.exceptions]).to.deep.equal([0, 1]);
    const found = await scene.rows<{ kind: string }>(
      `select kind from disbursement_exception where provider_key = $1 order by kind`,
      [key],
    );
    expect(found.map((each) => each.kind)).to.deep.equal(['not-understood', 'returned-too-much']);
    expect(await books()).to.deep.equal([]);
  });

  it('lets two officers note by hand what came back, and not one alone', async () => {
    nextMonth();
    const payroll = await scene.pay([period]);
    const [first] = await orders(payroll);
    const path = `ClaimResponse/${first!.id}`;
    const given = [
      money('amount', 100),
      code('reason', 'not_collected'),
      text('evidence', 'deposit slip 17'),
    ];
    expect(
      await scene.refused(
        `${path}/$record-return`,
        [money('amount', 101), ...given.slice(1)],
        officer,
      ),
    ).to.equal('amount-differs');
    await scene.done(`${path}/$record-return`, given, officer);
    const confirm = [code('result', 'returned')];
    expect(await scene.refused(`${path}/$confirm-resolution`, confirm, officer)).to.equal(
      'same-person',
    );
    await scene.done(`${path}/$confirm-resolution`, confirm, second);
    await scene.house.settle();
    expect((await scene.lines(payroll))[0]).to.equal('h-1 not-paid 100');
    expect(await scene.refused(`${path}/$record-return`, given, officer)).to.equal('wrong-state');
    const ordered = await scene.done(`${path}/$retry`, [], officer);
    expect(ordered.ordered.valueInteger).to.equal(1);
    await scene.house.settle();
    expect(await kept()).to.deep.equal(['h-1 100', 'h-2 100', 'h-3 100']);
  });

  it('cancels lines and payrolls as far as nothing has left, and closes when all is resolved', async () => {
    nextMonth();
    await scene.done('Organization/bank/$pause', [text('reason', 'test')], officer);
    const payroll = await scene.pay([period]);
    expect(await scene.refused(`${payroll}/$close`, [], scene.maker)).to.equal('lines-unresolved');
    const [line] = await scene.rows<{ id: string }>(
      `select line_id as id from payroll_line join household using (household_id)
       where payroll_id = $1 and fhir_id = 'h-1'`,
      [payroll.slice(5)],
    );
    const named = { name: 'line', valueReference: { reference: `Claim/${line!.id}` } };
    const why = text('reason', 'moved abroad');
    await scene.done(`${payroll}/$cancel-lines`, [named, why], scene.maker);
    expect(await scene.refused(`${payroll}/$cancel-lines`, [named, why], scene.maker)).to.equal(
      'nothing-waits',
    );
    expect(await scene.lines(payroll)).to.have.members([
      'h-1 line-cancelled',
      'h-2 open 100',
      'h-3 open 100',
    ]);
    await scene.done(`${payroll}/$cancel`, [why], scene.maker);
    await scene.house.settle();
    const [row] = await scene.rows<{ state: string; reason: string }>(
      'select state, reason from payroll where payroll_id = $1',
      [payroll.slice(5)],
    );
    expect(row).to.deep.equal({ state: 'cancelled', reason: 'moved abroad' });
    expect(await scene.refused(`${payroll}/$close`, [], scene.maker)).to.equal('wrong-state');
    await scene.done('Organization/bank/$resume', [], officer);
    const again = await scene.pay([period]);
    expect(await kept()).to.deep.equal(['h-1 100', 'h-2 100', 'h-3 100']);
    expect(await scene.refused(`${again}/$cancel`, [why], scene.maker)).to.equal('wrong-state');
    expect(await books()).to.deep.equal([]);
  });

  const acts = fc.array(
    fc.record({
      act: fc.constantFrom(
        ...([
          'say',
          'say',
          'say',
          'retry',
          'follow-up',
          'top-up',
          'differences',
          'cancel',
        ] as const),
      ),
      result: fc.constantFrom(
        ...(['paid', 'not-paid', 'unknown', 'partly-paid', 'returned', 'returned'] as const),
      ),
      whom: fc.nat(50),
      amount: fc.integer({ min: 1, max: 140 }),
      number: fc.option(fc.constantFrom('A', 'B', 'C'), { nil: undefined }),
    }),
    { minLength: 8, maxLength: 16 },
  );

  it('never lets a household keep more than it is due, in whatever order all this happens', async () => {
    await scene.losing(1000);
    await fc.assert(
      fc.asyncProperty(acts, async (sequence) => {
        nextMonth();
        const payroll = await scene.pay([period]);
        let label = 0;
        for (const { act, result, whom, amount, number } of sequence) {
          const all = await scene.rows<{ key: string; state: string }>(
            `select disbursement_transaction_number(i.key) as key, i.state from instruction i
             join payroll_line l on l.line_id = i.source_id and l.household_id = i.payee_id
             where l.period_code = $1 order by i.key`,
            [month.slice(0, 7)],
          );
          const order = all[whom % all.length]!;
          if (act === 'say') {
            // A provider pays one attempt of a line, not two: that would be its fault, and is raised.
            await say({
              key: order.key,
              result,
              ...(result === 'partly-paid' || number ? { amountMinor: BigInt(amount) * 100n } : {}),
              ...(number && { returnReference: number }),
            });
          } else if (act === 'retry') {
            await scene.call(`${payroll}/$retry-unpaid`, [], officer);
          } else if (act === 'cancel') {
            await scene.call(`${payroll}/$cancel`, [text('reason', 'x')], scene.maker);
          } else {
            if (act === 'top-up') label += 1;
            const more =
              act === 'top-up'
                ? [kind('top-up'), text('label', `t${label}`), money('amount', 10)]
                : [kind(act === 'differences' ? 'regularisation' : 'follow-up')];
            const drafted = await scene.call(
              'InsurancePlan/s/$draft-payroll',
              [period, ...more],
              scene.maker,
            );
            const made = drafted.json.parameter?.find((each: Json) => each.name === 'payroll');
            if (made) {
              const path = `${made.valueReference.reference}/$approve`;
              await scene.call(path, [], scene.checker);
            }
          }
          await scene.house.settle();
          await check(label);
        }
      }),
      { numRuns: 3, seed: 42 },
    );
  });

  /** What must hold after every step; `topUps` of 10 can have been granted. */
  async function check(topUps: number): Promise<void> {
    expect(await books()).to.deep.equal([]);
    const over = await scene.rows(
      `select i.source_id, l.amount_minor, sum(i.amount_minor - coalesce(i.returned_minor, 0)) as out
       from instruction i join payroll_line l on l.line_id = i.source_id
         and l.household_id = i.payee_id
       where i.state in ('approved', 'sent', 'unknown', 'paid')
         and not exists (select from disbursement_exception e where e.kind = 'paid-twice'
           and e.instruction_id in (select o.instruction_id from instruction o
             where o.source_id = i.source_id))
       group by 1, 2 having sum(i.amount_minor - coalesce(i.returned_minor, 0)) > l.amount_minor`,
    );
    expect(over).to.deep.equal([]);
    const granted = await scene.rows(
      `select household_id from payroll_line where period_code = $1 and order_id is null
         and state <> 'cancelled'
       group by household_id having sum(amount_minor) > 10000 + $2 * 1000`,
      [month.slice(0, 7), topUps],
    );
    expect(granted).to.deep.equal([]);
    const wrong = await scene.rows(
      `select l.line_id, l.state, l.paid_minor, k.kept from payroll_line l
       cross join lateral (select coalesce(sum(i.amount_minor - coalesce(i.returned_minor, 0))
           filter (where i.state = 'paid'), 0) as kept
         from instruction i where i.source_id = l.line_id and i.payee_id = l.household_id) k
       where l.order_id is null and l.state <> 'cancelled' and case when l.state = 'paid'
         then k.kept < l.amount_minor else coalesce(l.paid_minor, 0) <> k.kept end`,
    );
    expect(wrong).to.deep.equal([]);
  }
});
