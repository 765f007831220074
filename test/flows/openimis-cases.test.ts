/**
 * The behaviours that openIMIS's own tests ask for, in our words, each as one case under the name
 * of the openIMIS test it stands for: payment guards, enrolment, households, reconciliation and the
 * approval flow. What does not apply here, and why, stands in `modules/schemes/README.md`.
 *
 * One house, one scheme; each case takes a payment period of its own.
 */

import type { Bundle, Group } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { HONEST, setBehaviour } from '../../modules/adapters/simulator/index.ts';
import { identifierSystem } from '../../src/sdk/index.ts';
import { flow, Scene, step, text } from '../modules/payroll/scene.ts';
import {
  base,
  criterion,
  household,
  mobileAccount,
  patient,
  scheme,
} from '../modules/support/people.ts';
import type { Json } from '../support/server.ts';

const APPROVERS = { role: 'payroll-approver' };
const REASON = [text('reason', 'wrong')];

describe('openIMIS cases', () => {
  let scene: Scene;
  let month = 0;
  before(async () => {
    scene = await Scene.open();
  });
  after(() => scene?.house.stop());

  /** A period that no case has had. */
  const period = () => {
    month += 1;
    return text('period', `2026-${String(month).padStart(2, '0')}`);
  };
  const stateOf = async (payroll: string): Promise<string> => {
    const { json } = await scene.house.fetch(payroll);
    return json.extension.find((each: Json) => each.url.endsWith('payroll-state')).valueCode;
  };
  const count = async (table: string): Promise<number> =>
    Number((await scene.rows<{ n: string }>(`select count(*) as n from ${table}`))[0]!.n);
  const approve = (payroll: string, token = scene.checker) =>
    scene.done(`${payroll}/$approve`, [], token);
  const linesOf = async (payroll: string) => {
    const { json } = await scene.house.fetch(`Claim?_list=${payroll.slice(5)}&status=active,draft`);
    return (json.entry ?? []).map((each: Json) => ({
      name: 'line',
      valueReference: { reference: `Claim/${each.resource.id}` },
    }));
  };
  const collectorOf = async (id: string) =>
    (
      await scene.rows<{ id: string | null }>(
        `select p.fhir_id as id from household h left join member p on p.member_id = h.collector_id
         where h.fhir_id = $1`,
        [id],
      )
    )[0]?.id;
  const people = (...ids: string[]) =>
    Promise.all(ids.map((id) => scene.put(patient(id, { birthDate: '1990-06-15' }))));

  describe('payment guards', () => {
    it('test_only_approved_payroll_is_sent: what is rejected or cancelled orders nothing, ever', async () => {
      const before = await count('instruction');
      const rejected = await scene.draft([period()]);
      await scene.done(`${rejected}/$reject`, REASON, scene.checker);
      expect(await scene.refused(`${rejected}/$approve`, [], scene.checker)).to.equal(
        'wrong-state',
      );
      const cancelled = await scene.draft([period()]);
      await scene.done(`${cancelled}/$cancel`, REASON, scene.maker);
      expect(await scene.refused(`${cancelled}/$approve`, [], scene.checker)).to.equal(
        'wrong-state',
      );
      await scene.house.settle();
      expect(await count('instruction')).to.equal(before);
      expect(await count('simulator_order')).to.equal(0);
    });

    it('test_refused_deletion_restores_status: an act that is refused leaves the state as it was', async () => {
      const payroll = await scene.draft([period()]);
      expect(await scene.refused(`${payroll}/$cancel`, [], scene.maker)).to.be.a('string');
      const gone = await scene.house.fetch(payroll, { method: 'DELETE' });
      expect(gone.status).to.be.within(400, 499);
      expect(await stateOf(payroll)).to.equal('drafted');
      await scene.done(`${payroll}/$reject`, REASON, scene.checker);
    });

    it('test_reject_after_approval_keeps_what_was_sent: nothing that went is taken back', async () => {
      const payroll = await scene.pay([period()]);
      const sent = await scene.rows(`select instruction_id, state from instruction order by 1`);
      expect(await scene.refused(`${payroll}/$reject`, REASON, scene.checker)).to.equal(
        'wrong-state',
      );
      expect(await scene.rows(`select instruction_id, state from instruction order by 1`)).to.eql(
        sent,
      );
      expect(sent.map((each) => (each as Json).state)).to.deep.equal(['paid', 'paid', 'paid']);
    });

    it('test_payroll_with_paid_benefit_cannot_be_deleted: nor a line of it', async () => {
      const [{ id, line }] = (await scene.rows<{ id: string; line: string }>(
        `select p.payroll_id as id, l.line_id as line from payroll p join payroll_line l using (payroll_id)
         where l.state = 'paid' limit 1`,
      )) as [{ id: string; line: string }];
      for (const path of [`List/${id}`, `Claim/${line}`]) {
        const gone = await scene.house.fetch(path, { method: 'DELETE' });
        expect(gone.status, path).to.be.within(400, 499);
        expect((await scene.house.fetch(path)).status, path).to.equal(200);
      }
    });

    it('test_unpersisted_push_is_recorded: a success whose answer was lost is found, and paid once', async () => {
      const orders = await count('simulator_order');
      await scene.inside(async (ctx) => {
        const rid = (await ctx.fhir.rids('Organization', ['bank'])).get('bank')!;
        await setBehaviour(ctx, rid, { ...HONEST, lose_after_per_mille: 1000 });
      });
      const payroll = await scene.pay([period()]);
      expect((await scene.lines(payroll)).join()).to.contain('unknown');
      await scene.losing(0);
      for (let n = 0; n < 3; n += 1) await scene.pass(3600);
      expect((await scene.lines(payroll)).map((line) => line.split(' ')[1])).to.deep.equal([
        'paid',
        'paid',
        'paid',
      ]);
      expect(await count('simulator_order'), 'one order a household').to.equal(orders + 3);
    });

    it('test_moving_benefits_is_off: another payroll of the period takes nobody over', async () => {
      await scene.losing(1000);
      const when = period();
      await scene.pay([when]);
      for (let n = 0; n < 3; n += 1) await scene.pass(3600);
      const again = await scene.call('InsurancePlan/s/$draft-payroll', [when], scene.maker);
      expect(again.status, 'a second regular payroll').to.equal(409);
      const late = await scene.done(
        'InsurancePlan/s/$draft-payroll',
        [when, { name: 'kind', valueCode: 'back-pay' }],
        scene.maker,
      );
      expect(late.lines.valueInteger, 'back-pay of who has a line').to.equal(0);
      await scene.losing(0);
    });
  });

  describe('enrolment', () => {
    it('test_two_confirmed_tasks_enrol_each_once: however many enrol at once', async () => {
      await scene.put(
        scheme('twice', [{ url: 'frequency', valueCode: 'monthly' }, criterion('true'), base(5)]),
      );
      const all = await Promise.all(
        [1, 2, 3, 4].map(() => scene.call('InsurancePlan/twice/$enrol')),
      );
      for (const each of all) expect(each.status, each.text).to.equal(200);
      const enrolled = all.map((each) => each.json.parameter[0].valueInteger as number);
      expect(enrolled.toSorted()).to.deep.equal([0, 0, 0, 3]);
    });

    it('test_soft_deleted_enrolment_does_not_block: who left, or was enrolled by mistake, is enrolled anew', async () => {
      const { json } = await scene.house.fetch('Coverage?_count=50');
      const mine = (json.entry as Json[])
        .map((each) => each.resource)
        .filter((each) => JSON.stringify(each).includes('InsurancePlan/twice'));
      const left = await scene.call(`Coverage/${mine[0].id}/$exit`, [
        { name: 'reason', valueCode: 'withdrawn' },
      ]);
      expect(left.status, left.text).to.equal(200);
      const gone = await scene.house.fetch(`Coverage/${mine[1].id}`, { method: 'DELETE' });
      expect(gone.status, gone.text).to.be.below(300);
      const again = await scene.done('InsurancePlan/twice/$enrol');
      expect(again.enrolled.valueInteger).to.equal(2);
    });

    it('test_group_recorded_at_confirmation_is_enrolled: though its head has left', async () => {
      await people('p-8', 'p-9');
      await scene.put(household('h-8', ['head:p-8', 'p-9']));
      await scene.done('InsurancePlan/twice/$enrol');
      await scene.put(household('h-8', ['head:p-9']));
      const [row] = await scene.rows<{ state: string }>(
        `select e.state from enrolment e join household h using (household_id)
         join scheme s using (scheme_id) where h.fhir_id = 'h-8' and s.fhir_id = 'twice'`,
      );
      expect(row?.state).to.equal('enrolled');
      expect(await collectorOf('h-8')).to.equal('p-9');
    });

    it('test_head_of_two_groups_is_never_guessed: a second household cannot have the member', async () => {
      const body = household('h-other', ['head:p-8', 'p-9']);
      const second = await scene.house.fetch('Group/h-other', { method: 'PUT', body });
      expect(second.status, second.text).to.equal(409);
    });
  });

  describe('households', () => {
    it('test_declared_role_survives: whatever the order of members', async () => {
      await people('p-11', 'p-12');
      for (const members of [
        ['p-11', 'head:p-12'],
        ['head:p-12', 'p-11'],
      ]) {
        await scene.put(household('h-11', members));
        expect(await collectorOf('h-11'), members.join()).to.equal('p-12');
      }
    });

    it('test_head_becomes_primary: when nobody else is declared', async () => {
      await people('p-13', 'p-14');
      await scene.put(household('h-13', ['p-13', 'head:p-14']));
      expect(await collectorOf('h-13')).to.equal('p-14');
    });

    it('test_declared_non_head_primary_stands', async () => {
      await scene.put(household('h-13', ['head:p-14', 'collector:p-13']));
      expect(await collectorOf('h-13')).to.equal('p-13');
    });

    it('test_group_without_head: nobody is guessed; the household is told as without collector', async () => {
      await people('p-15', 'p-16');
      await scene.put(household('h-15', ['p-15', 'p-16']));
      expect(await collectorOf('h-15')).to.equal(null);
      const preview = await scene.call('InsurancePlan/s/$enrol', [
        { name: 'preview', valueBoolean: true },
      ]);
      const reasons = preview.json.parameter
        .filter((each: Json) => each.name === 'reason')
        .map((each: Json) => [each.part[0].valueCode, each.part.at(-1).valueInteger]);
      expect(reasons).to.deep.include(['no-collector', 1]);
    });

    it('test_one_member_without_role: the only adult collects', async () => {
      await people('p-17');
      const extension = [mobileAccount('bank', '+254700000017')];
      await scene.put(household('h-17', ['p-17'], { extension }));
      await scene.done('InsurancePlan/twice/$enrol');
      const drafted = await scene.done('InsurancePlan/twice/$preview-payroll', [
        text('period', '2026-01'),
      ]);
      expect(drafted.lines.valueInteger).to.be.at.least(4);
    });

    it('test_second_upload_adds_to_the_group: by its code, and roles stay', async () => {
      const code = [{ system: identifierSystem('household'), value: 'AA' }];
      await people('p-18', 'p-19');
      await scene.put(household('h-18', ['head:p-18'], { identifier: code }));
      const patch: Bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            request: { method: 'PATCH', url: `Group?identifier=${code[0]!.system}|AA` },
            resource: {
              resourceType: 'Binary',
              contentType: 'application/json-patch+json',
              data: Buffer.from(
                JSON.stringify([
                  {
                    op: 'add',
                    path: '/member/-',
                    value: { entity: { reference: 'Patient/p-19' } },
                  },
                ]),
              ).toString('base64'),
            },
          },
        ],
      };
      const sent = await scene.house.fetch('', { body: patch });
      expect(sent.status, sent.text).to.equal(200);
      const group = (await scene.house.fetch('Group/h-18')).json as Group;
      expect(group.member).to.have.length(2);
      expect(await collectorOf('h-18')).to.equal('p-18');
    });
  });

  describe('reconciliation', () => {
    it('test_only_approved_payroll_is_downloaded: any other is refused and stays as it is', async () => {
      const payroll = await scene.draft([period()]);
      const printer = await scene.house.tokenFor('payroll-officer');
      expect(await scene.refused(`${payroll}/$payment-list`, [], printer)).to.equal('wrong-state');
      expect(await stateOf(payroll)).to.equal('drafted');
      await approve(payroll);
      await scene.house.settle();
      expect((await scene.call(`${payroll}/$payment-list`, [], printer)).status).to.equal(200);
    });

    it('test_gateway_request_only_after_commit: an approval that is undone sends nothing', async () => {
      await scene.putScheme(1_000_000);
      const before = await count('simulator_order');
      const payroll = await scene.draft([period()]);
      expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.be.a('string');
      await scene.house.settle();
      expect(await count('simulator_order')).to.equal(before);
      expect(await stateOf(payroll)).to.equal('drafted');
      await scene.done(`${payroll}/$reject`, REASON, scene.checker);
      await scene.putScheme(100);
    });
  });

  describe('approval flow', () => {
    it('test_empty_pool_never_passes', async () => {
      await scene.rows(`insert into access_role values ('ghost', 'nobody has it')`);
      await scene.rows(`insert into access_role_permission values ('ghost', 'payroll.approve')`);
      await scene.put(flow([step('ghosts', { role: 'ghost' }, { rule: 'all' })]));
      const payroll = await scene.draft([period()]);
      expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.be.oneOf([
        'not-in-pool',
        'flow-pool-empty',
      ]);
      await scene.done(`${payroll}/$cancel`, REASON, scene.maker);
    });

    it('test_duplicate_vote_counts_once, and who is no member has none', async () => {
      await scene.put(flow([step('two', APPROVERS, { rule: 'count', count: 2 })]));
      const payroll = await scene.draft([period()]);
      expect((await approve(payroll)).approved.valueBoolean).to.equal(false);
      expect(await scene.refused(`${payroll}/$approve`, [], scene.checker)).to.equal(
        'voted-already',
      );
      const stranger = await scene.house.tokenFor('ghost');
      expect(await scene.refused(`${payroll}/$approve`, [], stranger)).to.equal('not-in-pool');
      expect(await stateOf(payroll)).to.equal('drafted');
      await scene.done(`${payroll}/$cancel`, REASON, scene.maker);
    });

    it('test_row_rejected_at_a_step_stays_rejected', async () => {
      await scene.put(
        flow([
          step('desk', APPROVERS, { rule: 'any' }),
          step('head office', { role: 'ghost' }, { rule: 'any' }),
        ]),
      );
      const second = await scene.house.tokenFor('ghost');
      const payroll = await scene.draft([period()]);
      const [line] = await linesOf(payroll);
      await scene.done(`${payroll}/$reject-lines`, [line, ...REASON], scene.checker);
      await approve(payroll);
      const accepted = await scene.call(`${payroll}/$accept-lines`, [line], second);
      expect(accepted.status).to.be.within(400, 499);
      expect((await approve(payroll, second)).ordered.valueInteger).to.equal(2);
    });

    it('test_flow_versions_are_replaced: what is under way keeps its own', async () => {
      await scene.put(flow([step('one', APPROVERS, { rule: 'any' })]));
      const payroll = await scene.draft([period()]);
      await scene.put(flow([step('two', APPROVERS, { rule: 'count', count: 2 })]));
      expect((await approve(payroll)).approved.valueBoolean).to.equal(true);
    });

    it('and the maker is refused as checker', async () => {
      await scene.put(flow([step('one', APPROVERS, { rule: 'any' })]));
      const both = await scene.house.tokenFor('payroll-officer', 'payroll-approver');
      const made = await scene.done(
        'InsurancePlan/s/$draft-payroll',
        [text('period', '2027-01')],
        both,
      );
      const path = `${made.payroll.valueReference.reference}/$approve`;
      expect(await scene.refused(path, [], both)).to.equal('same-person');
    });
  });
});
