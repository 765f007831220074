/** Suspicions that stand follow their records: corrected, taken out of use, surer than before. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { JobFailure } from '../../../src/jobs/worker.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { Scene } from '../payroll/scene.ts';
import { patient } from '../support/people.ts';

const NAMES = [
  'Hassan',
  'Odhiambo',
  'Wanjiru',
  'Kiplagat',
  'Mutua',
  'Barasa',
  'Achieng',
  'Njoroge',
];

describe('a suspicion that stands', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({
      environment: {
        ...{ PHONE_COUNTRY: 'KE', REFERENTIAL_INTEGRITY: 'off' },
        DUPLICATES_HOLD_PROBABLE: 'none',
      },
    });
    for (const at of NAMES.keys()) {
      await put(`first-${at}`, person(at));
      await put(`later-${at}`, person(at));
    }
    await settled();
    for (const at of NAMES.keys()) expect(await stands(at)).to.equal('requested, held');
  });
  after(() => house?.stop());

  const person = (at: number): Json => ({
    name: [{ family: NAMES[at], given: ['Amina'] }],
    gender: 'female',
    birthDate: `198${at}-03-1${at}`,
    telecom: [{ system: 'phone', value: `071234560${at}` }],
  });
  const put = async (id: string, said: Json): Promise<void> => {
    const body = { resourceType: 'Patient', id, ...said };
    const answer = await house.fetch(`Patient/${id}`, { method: 'PUT', body });
    expect([200, 201], answer.text).to.include(answer.status);
  };
  const settled = async (): Promise<void> => {
    const failures: JobFailure[] = [];
    await house.settle(failures);
    expect(failures).to.eql([]);
  };
  const all = async (path: string): Promise<Json[]> =>
    ((await house.fetch(path)).json.entry ?? []).map(({ resource }: Json) => resource);
  const task = async (at: number): Promise<Json> =>
    (await all(`Task?code=duplicate-review&focus=Patient/first-${at}&_sort=-_lastUpdated`))[0];
  const isHeld = async (at: number): Promise<boolean> =>
    (await all(`Flag?subject=Patient/later-${at}`)).some(({ status }) => status === 'active');
  const stands = async (at: number): Promise<string> =>
    `${(await task(at)).status}, ${(await isHeld(at)) ? 'held' : 'free'}`;
  const input = ({ input: said }: Json, name: string): Json =>
    said.find(({ type }: Json) => type.text === name);

  it('is withdrawn, and its hold with it, as soon as the record is corrected to be somebody else', async () => {
    const other = { name: [{ family: 'Lokichar', given: ['Ekal'] }], birthDate: '2001-11-30' };
    await put('later-0', other);
    await put('first-1', { name: [{ text: '?' }] });
    await settled();
    expect([await stands(0), await stands(1)]).to.eql(['cancelled, free', 'cancelled, free']);
    await put('later-0', person(0));
    await settled();
    expect(await stands(0)).to.equal('requested, held');
  });

  it('is withdrawn when one of the records is taken out of use or deleted', async () => {
    await put('later-2', { ...person(2), active: false });
    expect((await house.fetch('Patient/first-3', { method: 'DELETE' })).status).to.equal(204);
    await settled();
    expect([await stands(2), await stands(3)]).to.eql(['cancelled, free', 'cancelled, free']);
    const { rows } = await house.database.pool.query(
      `select e.* from match_edge e left join match_feature f on f.patient_id = e.b
       where f.fhir_id = 'later-3' or not f.active`,
    );
    expect(rows).to.eql([]);
  });

  it('says what is known now, and holds as the policy of the new grade says', async () => {
    const vague = { name: person(4).name, birthDate: '1984' };
    await put('later-4', vague);
    await settled();
    expect(input(await task(4), 'grade').valueCode).to.equal('probable');
    expect(await stands(4)).to.equal('requested, free');
    await put('later-4', person(4));
    await settled();
    const sure = await task(4);
    expect(input(sure, 'grade').valueCode).to.equal('certain');
    expect(await stands(4)).to.equal('requested, held');
    const [flag] = (await all('Flag?subject=Patient/later-4')).filter((x) => x.status === 'active');
    expect(input(sure, 'hold').valueReference.reference).to.equal(`Flag/${flag.id}`);
  });

  it('does not hold again whom an officer has let go, whatever is corrected', async () => {
    const { id } = await task(5);
    const reason = { name: 'reason', valueString: 'The identity card was seen.' };
    const body = { resourceType: 'Parameters', parameter: [reason] };
    await house.fetch(`Task/${id}/$override-hold`, { method: 'POST', body });
    await put('later-5', { ...person(5), telecom: undefined });
    await settled();
    await put('later-5', person(5));
    await settled();
    expect(await stands(5)).to.equal('requested, free');
  });

  it('stays with who has taken it in hand', async () => {
    const { id, ...rest } = await task(6);
    const owned = { ...rest, id, status: 'in-progress', owner: { display: 'Registry desk' } };
    await house.fetch(`Task/${id}`, { method: 'PUT', body: owned });
    await put('later-6', { name: [{ family: 'Lokichar', given: ['Ekal'] }] });
    await settled();
    expect(await stands(6)).to.equal('in-progress, held');
  });

  it('does not keep others from being compared when its Task and hold were deleted', async () => {
    const { id } = await task(7);
    const [flag] = await all('Flag?subject=Patient/later-7');
    for (const path of [`Task/${id}`, `Flag/${flag.id}`]) {
      const { status, text } = await house.fetch(path, { method: 'DELETE' });
      expect(status, text).to.equal(204);
    }
    await put('later-7', { ...person(7), telecom: undefined });
    await settled();
    expect(await stands(7)).to.equal('requested, held');
  });

  it('about two households is withdrawn when those whom they share have left one of them', async () => {
    const family = (id: string, ...members: string[]) =>
      house.fetch(`Group/${id}`, {
        method: 'PUT',
        body: {
          resourceType: 'Group',
          id,
          type: 'person',
          actual: true,
          code: { coding: [{ code: 'household' }] },
          member: members.map((each) => ({ entity: { reference: `Patient/${each}` } })),
        },
      });
    const given = ['Njeri', 'Wambui', 'Ali'];
    for (const [at, each] of given.entries()) {
      const said = {
        name: [{ family: 'Kimani', given: [each] }],
        birthDate: `197${at}-05-0${at + 1}`,
      };
      for (const home of ['x', 'y']) await put(`${home}-${each}`, said);
    }
    await put('y-other', {
      name: [{ family: 'Chesire', given: ['Rotich'] }],
      birthDate: '1966-06-06',
    });
    await family('x', 'x-Njeri', 'x-Wambui', 'x-Ali');
    await family('y', 'y-Njeri', 'y-Wambui', 'y-Ali', 'y-other');
    await settled();
    const review = async (): Promise<Json> => (await all('Task?code=household-review'))[0];
    const holds = async (): Promise<string[]> =>
      (await all('Flag?subject=Group/y')).map(({ status }) => status);
    expect([(await review()).status, await holds()]).to.eql(['requested', ['active']]);
    expect(input(await review(), 'suspected').valueCode).to.equal('same-household');
    expect((await family('z', 'y-Njeri')).status).to.equal(409); // nobody lives in two households
    await family('y', 'y-other');
    await family('z', 'y-Njeri', 'y-Wambui', 'y-Ali');
    await settled();
    const tasks = await all('Task?code=household-review&_sort=_lastUpdated');
    expect(tasks.map(({ status, focus }) => [status, focus.reference])).to.deep.include([
      'cancelled',
      'Group/x',
    ]);
    expect(await holds()).to.eql(['inactive']);
    const open = tasks.filter(({ status }) => status === 'requested');
    expect(open.map((each) => input(each, 'record').valueReference.reference)).to.eql(['Group/z']);
  });
});

describe('a suspicion that holds hard', () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open({ DUPLICATES_HOLD_CERTAIN: 'hard', DUPLICATES_HOLD_PROBABLE: 'hard' });
  });
  after(() => scene?.house.stop());

  const same = { name: [{ family: 'Wafula', given: ['Nanjala'] }], birthDate: '1984-05-17' };
  const tasks = async (): Promise<Json[]> => {
    const { json } = await scene.house.fetch('Task?code=duplicate-review&status=requested');
    return (json.entry ?? []).map(({ resource }: Json) => resource);
  };

  it('stops the line of a payroll that was drafted before it, and no other', async () => {
    for (const [at, given] of ['Ekal', 'Zuhura', 'Brian'].entries()) {
      const name = [{ family: NAMES[at]!, given: [given] }];
      await scene.put(
        patient(`p-${at + 1}`, { name, birthDate: `19${50 + at * 13}-0${at + 2}-11` }),
      );
    }
    await scene.house.settle();
    const payroll = await scene.draft();
    await scene.put(patient('p-1', same));
    await scene.put(patient('p-3', same));
    await scene.house.settle();
    const [task, ...others] = await tasks();
    expect([task.focus.reference, others]).to.eql(['Patient/p-1', []]);
    await scene.done(`${payroll}/$approve`, [], scene.checker);
    await scene.house.settle();
    expect(await scene.lines(payroll)).to.eql(['h-1 paid 100', 'h-2 paid 100', 'h-3 hold']);
  });

  it('lets the family be enrolled, drafted and paid once it was lifted, and the trail says by whom', async () => {
    await scene.register(4);
    await scene.put(patient('p-4', same));
    await scene.house.settle();
    expect((await scene.done('InsurancePlan/s/$enrol')).enrolled.valueInteger).to.equal(0);
    const about = (await tasks()).filter((each) => JSON.stringify(each).includes('Patient/p-4'));
    expect(about).to.have.length(2); // with p-1 and with p-3
    const registrar = await scene.house.tokenFor('registrar');
    for (const { id } of about) {
      const reason = [{ name: 'reason', valueString: 'The identity card was seen.' }];
      await scene.done(`Task/${id}/$override-hold`, reason, registrar);
    }
    expect((await scene.done('InsurancePlan/s/$enrol')).enrolled.valueInteger).to.equal(1);
    await scene.house.advance(31 * 24 * 3600);
    const lines = await scene.lines(await scene.pay());
    expect(lines).to.eql(['h-1 paid 100', 'h-2 paid 100', 'h-3 hold', 'h-4 paid 100']);
    const rows = await scene.rows(
      `select 1 from audit_event where interaction = '$override-hold' and action = 'E'`,
    );
    expect(rows).to.have.length.at.least(2);
  });
});
