/**
 * Approval flows: steps, pools, thresholds, people who stand in for others; makers and checkers apart at
 * every step, a vote each, and none that can be changed.
 */

import type { PlanDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { isPassed, readSteps } from '../../../modules/payroll/index.ts';
import type { Json } from '../../support/server.ts';
import { flow, money, Scene, step, text } from './scene.ts';

const APPROVERS = { role: 'payroll-approver' };

describe('an approval flow', () => {
  let scene: Scene;
  const tokens: string[] = [];
  beforeEach(async () => {
    scene = await Scene.open();
    tokens.length = 0;
    // client-4 and client-5; client-3 is the scene's checker
    for (let n = 0; n < 2; n += 1) tokens.push(await scene.house.tokenFor('payroll-approver'));
  });
  afterEach(() => scene?.house.stop());

  const approve = (payroll: string, token: string) => scene.done(`${payroll}/$approve`, [], token);
  const stateOf = async (payroll: string): Promise<string> => {
    const { json } = await scene.house.fetch(payroll);
    return json.extension.find((each: Json) => each.url.endsWith('payroll-state')).valueCode;
  };
  const tasksOf = async (query: string): Promise<string[]> => {
    const { json } = await scene.house.fetch(`Task?code=approve-payroll&${query}`);
    return (json.entry ?? []).map(
      (each: Json) => `${each.resource.description} ${each.resource.status}`,
    );
  };
  const actor = async (login: string): Promise<string> => {
    const [row] = await scene.rows<{ actor_id: string }>(
      'select actor_id from access_actor where login = $1',
      [login],
    );
    return row!.actor_id;
  };

  it('passes a payroll on from step to step, and orders money after the last', async () => {
    await scene.put(
      flow([
        step('district', APPROVERS, { rule: 'count', count: 2 }),
        step('treasury', { actors: ['client-5'] }, { rule: 'any' }),
      ]),
    );
    const payroll = await scene.draft();
    expect(await tasksOf(`owner=Practitioner/${await actor('client-4')}`)).to.deep.equal([
      'district requested',
    ]);
    const first = await approve(payroll, scene.checker);
    expect([first.approved.valueBoolean, first.votes.valueInteger]).to.deep.equal([false, 1]);
    expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.equal('voted-already');
    const second = await approve(payroll, tokens[0]!);
    expect(second['waits-for'].valueString).to.equal('treasury');
    expect(await scene.refused(`${payroll}/$approve`, [], tokens[0])).to.equal('not-in-pool');
    expect((await scene.house.fetch('ClaimResponse?_count=0')).json.total).to.equal(0);
    const last = await approve(payroll, tokens[1]!);
    expect([last.approved.valueBoolean, last.ordered.valueInteger]).to.deep.equal([true, 3]);
    expect(await stateOf(payroll)).to.equal('approved');
    expect(await tasksOf(`focus=${payroll}&status=completed`)).to.have.length(3);
    expect(await tasksOf('status=requested')).to.deep.equal([]);
    expect(
      (await scene.house.fetch(`Task?focus=${payroll}&subject=Patient/p-1`)).json.total,
    ).to.equal(0);
  });

  it('never takes the vote of the maker, whatever roles that person has', async () => {
    await scene.put(flow([step('all', APPROVERS, { rule: 'any' })]));
    const both = await scene.house.tokenFor('payroll-officer', 'payroll-approver');
    const made = await scene.done('InsurancePlan/s/$draft-payroll', [], both);
    const payroll = made.payroll.valueReference.reference;
    for (const act of ['$approve', '$reject', '$return']) {
      const reason = act === '$approve' ? [] : [text('reason', 'x')];
      expect(await scene.refused(`${payroll}/${act}`, reason, both), act).to.equal('same-person');
    }
    await scene.done(`${payroll}/$return`, [text('reason', 'wrong area')], scene.checker);
    await scene.done(`${payroll}/$submit`, [], scene.maker);
    // who drafted it stays a maker when another has submitted it again
    expect(await scene.refused(`${payroll}/$approve`, [], both)).to.equal('same-person');
    await scene.rows(`update payroll set drafted_by = 'somebody else'`);
    expect(await scene.refused(`${payroll}/$approve`, [], both)).to.equal('voted-already');
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(true);
  });

  it('passes steps over by amount, judged by what was submitted', async () => {
    await scene.put(
      flow([
        step('district', APPROVERS, { rule: 'any' }),
        step('minister', { actors: ['client-5'] }, { rule: 'any', from: 300 }),
      ]),
    );
    const payroll = await scene.draft();
    const { json } = await scene.house.fetch(`Claim?_list=${payroll.slice(5)}`);
    const line = {
      name: 'line',
      valueReference: { reference: `Claim/${json.entry[0].resource.id}` },
    };
    await scene.done(
      `${payroll}/$reject-lines`,
      [line, text('reason', 'unknown here')],
      scene.checker,
    );
    const again = await scene.call(
      `${payroll}/$reject-lines`,
      [line, text('reason', 'x')],
      scene.checker,
    );
    expect(again.status).to.equal(404);
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(false);
    const last = await approve(payroll, tokens[1]!);
    expect(last.ordered.valueInteger).to.equal(2);
    const out = await scene.house.fetch(
      `Claim?_list=${payroll.slice(5)}&exclusion-reason=line-rejected`,
    );
    expect(out.json.total).to.equal(1);
  });

  it('waits for all of a pool that are there, and for the delegate of who is not', async () => {
    await scene.put(flow([step('board', APPROVERS, { rule: 'all' })]));
    const payroll = await scene.draft();
    const today = scene.house.clock.now().toISOString().slice(0, 10);
    const days = [
      { name: 'from', valueDate: today },
      { name: 'until', valueDate: today },
      text('reason', 'leave'),
    ];
    const stranger = await scene.house.tokenFor('payroll-approver');
    await scene.rows(`update access_actor set active = false where login = 'client-6'`);
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(false);
    const helper = await scene.house.tokenFor('auditor', 'payroll-approver');
    await scene.rows(`delete from access_actor_role where role = 'payroll-approver'
      and actor_id = (select actor_id from access_actor where login = 'client-7')`);
    await scene.rows(`insert into access_role values ('deputy', 'stands in')`);
    await scene.rows(`insert into access_role_permission values ('deputy', 'payroll.approve')`);
    await scene.rows(`insert into access_actor_role
      select actor_id, 'deputy' from access_actor where login = 'client-7'`);
    await scene.done('$delegate-approval', [text('to', 'client-7'), ...days], tokens[0]);
    expect(
      await scene.refused('$delegate-approval', [text('for', 'client-5'), ...days], tokens[0]),
    ).to.equal('permission-missing');
    expect(await tasksOf(`owner=Practitioner/${await actor('client-7')}`)).to.deep.equal([
      'board requested',
    ]);
    await scene.done('$delegate-approval', [text('for', 'client-5'), ...days]);
    expect(stranger).to.be.a('string');
    await scene.house.advance(60);
    const last = await approve(payroll, helper);
    expect(last.approved.valueBoolean).to.equal(true);
    const votes = await scene.call(`${payroll}/$votes`);
    expect(JSON.stringify(votes.json)).to.contain(
      `"for","valueString":"${await actor('client-4')}"`,
    );
  });

  it('asks for a decision on each line where a step says so', async () => {
    await scene.put(flow([step('desk', APPROVERS, { rule: 'any', eachLine: true })]));
    const payroll = await scene.draft();
    expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.equal(
      'lines-undecided',
    );
    const { json } = await scene.house.fetch(`Claim?_list=${payroll.slice(5)}`);
    const lines = json.entry.map((each: Json) => ({
      name: 'line',
      valueReference: { reference: `Claim/${each.resource.id}` },
    }));
    expect(await scene.refused(`${payroll}/$accept-lines`, lines, scene.maker)).to.equal(
      'permission-missing',
    );
    await scene.done(`${payroll}/$accept-lines`, lines, scene.checker);
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(true);
  });

  it('keeps payrolls under way on the version with which they were submitted', async () => {
    await scene.put(flow([step('one', APPROVERS, { rule: 'any' })]));
    const payroll = await scene.draft();
    await scene.put(flow([step('two', APPROVERS, { rule: 'count', count: 2 })]));
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(true);
    const next = await scene.draft([text('period', '2027-01')]);
    expect((await approve(next, scene.checker)).approved.valueBoolean).to.equal(false);
  });

  it('counts votes anew when a payroll was returned and submitted again', async () => {
    await scene.put(flow([step('two', APPROVERS, { rule: 'count', count: 2 })]));
    const payroll = await scene.draft();
    await approve(payroll, scene.checker);
    await scene.done(`${payroll}/$return`, [text('reason', 'who is h-2?')], tokens[0]);
    expect(await stateOf(payroll)).to.equal('returned');
    expect(await scene.refused(`${payroll}/$approve`, [], tokens[1])).to.equal('wrong-state');
    await scene.done(`${payroll}/$submit`, [], scene.maker);
    await approve(payroll, tokens[0]!);
    expect((await approve(payroll, scene.checker)).approved.valueBoolean).to.equal(true);
  });

  it('has one result of two last votes at once', async () => {
    await scene.put(flow([step('two', APPROVERS, { rule: 'count', count: 2 })]));
    const payroll = await scene.draft();
    await approve(payroll, scene.checker);
    const answers = await Promise.all(
      tokens.map((token) => scene.call(`${payroll}/$approve`, [], token)),
    );
    expect(answers.map((each) => each.status).sort()).to.deep.equal([200, 409]);
    expect((await scene.house.fetch('ClaimResponse?_count=0')).json.total).to.equal(3);
  });

  it('is written by who keeps flows only, and never so that small payrolls need no vote', async () => {
    const body = flow([step('minister', APPROVERS, { rule: 'any', from: 300 })]);
    const bad = await scene.house.fetch('PlanDefinition/flow', { method: 'PUT', body });
    expect(bad.json.issue[0].details.coding[0].code).to.equal('flow-step-for-all');
    await scene.rows(
      `insert into access_role_permission values ('auditor', 'PlanDefinition.write')`,
    );
    const writer = await scene.house.tokenFor('auditor');
    const good = flow([step('all', APPROVERS, { rule: 'any' })]);
    const refused = await scene.house.fetch('PlanDefinition/flow', {
      method: 'PUT',
      body: good,
      token: writer,
    });
    expect(refused.status).to.equal(403);
    await scene.put(good);
    const second = await scene.house.fetch('PlanDefinition/other', {
      method: 'PUT',
      body: { ...good, id: 'other' },
    });
    expect(second.json.issue[0].details.coding[0].code).to.equal('flow-exists');
  });

  it('leaves votes that nobody can change or remove', async () => {
    await scene.draft([money('nothing', 1)].slice(1));
    for (const sql of [
      `update payroll_vote set act = 'accept'`,
      'delete from payroll_vote',
      'truncate payroll_vote',
    ]) {
      const code = await scene.rows(sql).then(
        () => 'done',
        (error: { code: string }) => error.code,
      );
      expect(code, sql).to.equal('23001');
    }
  });
});

describe('a step of a flow', () => {
  it('passes by any, all or so many, and never without a vote', () => {
    const verdicts = (['any', 'all', 'count'] as const).map((rule) =>
      [
        [0, 0],
        [1, 1],
        [1, 0],
        [2, 3],
      ].map(([accepted, waiting]) => isPassed({ rule, count: 2 }, accepted!, waiting!)),
    );
    expect(verdicts).to.deep.equal([
      [false, true, true, true],
      [false, false, true, false],
      [false, false, false, true],
    ]);
  });

  it('needs a pool and a rule that can be followed', () => {
    const steps = [
      step('nobody', {}, { rule: 'any' }),
      step('no number', APPROVERS, { rule: 'count' }),
      step('a number', APPROVERS, { rule: 'any', count: 2 }),
      step('some', APPROVERS, { rule: 'some' }),
    ];
    for (const each of steps) {
      const plan: PlanDefinition = {
        resourceType: 'PlanDefinition',
        status: 'active',
        action: [each],
      };
      expect(() => readSteps(plan), each.title).to.throw();
    }
  });
});
