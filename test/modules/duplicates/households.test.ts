/**
 * Households registered twice: merging them and taking it back, over HTTP, with enrolments, holds and
 * payments.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import type { Answer, Json } from '../../support/server.ts';
import { Scene } from '../payroll/scene.ts';
import { household, inArea, patient } from '../support/people.ts';

describe('households registered twice', () => {
  let scene: Scene;
  let officer: string;
  let other: string;
  before(async () => {
    scene = await Scene.open();
    officer = await scene.house.tokenFor('duplicates-officer');
    other = await scene.house.tokenFor('duplicates-officer');
  });
  after(() => scene?.house.stop());

  const reference = (name: string, to: string) => ({ name, valueReference: { reference: to } });
  const groups = (source: string, target: string) => [
    reference('source-group', `Group/${source}`),
    reference('target-group', `Group/${target}`),
  ];
  const member = (source: string, target: string) => ({
    name: 'member',
    part: [reference('source', `Patient/${source}`), reference('target', `Patient/${target}`)],
  });
  const PREVIEW = { name: 'preview', valueBoolean: true };
  const merge = (source: string, target: string, more: object[] = [], token = officer) =>
    scene.call('Group/$merge', [...groups(source, target), ...more], token);
  const unmerge = (source: string) =>
    scene.call('Group/$unmerge', [reference('source-group', `Group/${source}`)], officer);
  const done = async (answer: Promise<Answer>): Promise<Json> => {
    const { status, text, json } = await answer;
    expect(status, text).to.equal(200);
    return json;
  };
  const read = async (path: string): Promise<Json> => {
    const answer = await scene.house.fetch(path);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json;
  };
  const all = async (query: string): Promise<Json[]> =>
    ((await read(query)).entry ?? []).map((each: Json) => each.resource);
  const body = async (path: string): Promise<string> => {
    const { meta, ...rest } = await read(path);
    return JSON.stringify({ ...rest, profile: meta.profile });
  };
  const code = (answer: Answer): string =>
    `${answer.status} ${answer.json.issue[0].details?.coding[0].code}`;
  const running = async (id: string): Promise<string[]> =>
    ((await read(`Group/${id}`)).member as Json[])
      .filter(({ inactive }) => inactive !== true)
      .map(({ entity }) => entity.reference.slice('Patient/'.length));
  /** Live enrolments of households, as `h-1 enrolled`. */
  const enrolments = async (...households: string[]): Promise<string[]> => {
    const rows = await scene.rows<{ line: string }>(
      `select h.fhir_id || ' ' || e.state as line from enrolment e join household h using (household_id)
       where h.fhir_id = any($1) and e.state not in ('exited', 'graduated') order by 1`,
      [households],
    );
    return rows.map(({ line }) => line);
  };

  const family = async (name: string, people: readonly string[]): Promise<void> => {
    for (const each of people) {
      const birthDate = `19${60 + each.length * 3}-0${each.length}-1${each.length % 3}`;
      const said = { name: [{ family: 'Wanjiru', given: [each] }], birthDate };
      await scene.put(patient(`${name}-${each}`, said));
    }
    const members = people.map((each, n) => `${n === 0 ? 'head:' : ''}${name}-${each}`);
    const group = household(name, members, { extension: [inArea('south')] });
    const dated = group.member!.map((each) => ({ ...each, period: { start: '2020-01-01' } }));
    await scene.put({ ...group, member: dated } as never);
  };

  it('shows whom it takes for one person, merges them and moves everybody else', async () => {
    await family('a', ['Njeri', 'Wambui']);
    await family('b', ['Wambui', 'Njeri', 'Ali']);
    const hold = { status: 'active', code: { text: 'watch' }, subject: { reference: 'Group/b' } };
    await scene.put({ resourceType: 'Flag', id: 'b-flag', ...hold } as never);
    await scene.house.settle();
    const [task, ...others] = await all('Task?code=household-review');
    expect(others).to.deep.equal([]);
    expect([task.focus.reference, task.input[0].valueReference.reference]).to.deep.equal([
      'Group/a',
      'Group/b',
    ]);
    expect(task.input[1].valueCode).to.equal('same-household');
    expect(JSON.parse(task.input[4].valueString)).to.deep.include({ sizes: [2, 3] });
    expect((await all('Flag?subject=Group/b')).map(({ status }) => status)).to.deep.equal([
      'active',
      'active',
    ]);
    const keys = ['a', 'b'].map((id) => `Group/${id}`);
    keys.push('Flag/b-flag', ...['Wambui', 'Njeri', 'Ali'].map((id) => `Patient/b-${id}`));
    const before = new Map<string, string>();
    for (const key of keys) before.set(key, await body(key));
    const [wambui, njeri] = [member('b-Wambui', 'a-Wambui'), member('b-Njeri', 'a-Njeri')];
    const preview = await done(merge('b', 'a', [wambui, PREVIEW]));
    expect(JSON.stringify(preview)).to.contain('Patient/b-Njeri and Patient/a-Njeri may be one');
    expect(await body('Group/a')).to.equal(before.get('Group/a'));
    await done(merge('b', 'a', [wambui, njeri]));
    expect(await running('a')).to.deep.equal(['a-Njeri', 'a-Wambui', 'b-Ali']);
    const replaced = await read('Group/b');
    expect([replaced.active, replaced.extension.at(-1).valueReference.reference]).to.deep.equal([
      false,
      'Group/a',
    ]);
    expect((await read('Flag/b-flag')).subject.reference).to.equal('Group/a');
    expect((await read('Patient/b-Njeri')).link[0].other.reference).to.equal('Patient/a-Njeri');
    expect(code(await merge('b', 'a'))).to.equal('422 merge-refused');
    const decided = await read(`Task/${task.id}`);
    expect([decided.status, decided.output[0].valueCode]).to.deep.equal(['completed', 'duplicate']);
    await done(unmerge('b'));
    for (const [key, was] of before) expect(await body(key), key).to.equal(was);
    expect(code(await unmerge('b'))).to.equal('422 merge-none');
    // Who has just told them apart is not asked again, until something changes.
    await scene.house.settle();
    const open = async (): Promise<string[]> =>
      (await all('Task?code=household-review,duplicate-review&status=requested'))
        .filter(({ focus }) => !focus.reference.startsWith('Patient/p-'))
        .map(({ code: { coding }, focus }) => `${coding[0].code} ${focus.reference}`)
        .sort();
    expect(await open()).to.deep.equal([]);
    await family('b', ['Wambui', 'Njeri', 'Ali', 'Wairimu']);
    await family('a', ['Njeri', 'Wambui', 'Wairimu']);
    await scene.house.settle();
    expect(await open()).to.deep.equal([
      'duplicate-review Patient/b-Wairimu',
      'household-review Group/a',
    ]);
  });

  it('carries an enrolment over that only the replaced household has, and gives it back', async () => {
    await scene.register(4);
    await scene.done('InsurancePlan/s/$enrol');
    await scene.register(5);
    const before = new Map<string, string>();
    const [own] = await all('Coverage?beneficiary=Patient/p-4');
    for (const key of ['Group/h-4', 'Group/h-5', `Coverage/${own.id}`]) {
      before.set(key, await body(key));
    }
    await done(merge('h-4', 'h-5'));
    expect(await enrolments('h-4', 'h-5')).to.deep.equal(['h-5 enrolled']);
    expect(await running('h-5')).to.deep.equal(['p-5', 'p-4']);
    const payroll = await scene.draft();
    const lines = async () => (await scene.lines(payroll)).filter((each) => /^h-[45] /.test(each));
    expect(await lines()).to.deep.equal(['h-4 exited', 'h-5 open 100']);
    await done(unmerge('h-4'));
    for (const [key, was] of before) expect(await body(key), key).to.equal(was);
    expect(await enrolments('h-4', 'h-5')).to.deep.equal(['h-4 enrolled']);
    await scene.done(`${payroll}/$cancel`, [{ name: 'reason', valueString: 'test' }], scene.maker);
  });

  it('takes two people where payments are at stake, and pays one household from then on', async () => {
    await scene.pay();
    const paid = await scene.paid();
    const preview = await done(merge('h-2', 'h-1', [PREVIEW]));
    expect(preview.parameter.some(({ name }: Json) => name === 'effect')).to.equal(true);
    expect(code(await merge('h-2', 'h-1', [member('p-1', 'p-2')]))).to.equal('422 merge-member');
    for (const token of [officer, officer]) {
      const proposed = await done(merge('h-2', 'h-1', [member('p-2', 'p-1')], token));
      expect(proposed.parameter.some(({ name }: Json) => name === 'result')).to.equal(false);
    }
    // Another result is another proposal: nobody agrees to what was not shown.
    await done(merge('h-2', 'h-1', [], other));
    expect((await read('Group/h-2')).active).to.equal(undefined);
    const keys = ['Group/h-1', 'Group/h-2', 'Patient/p-1', 'Patient/p-2'];
    const before = new Map<string, string>();
    for (const key of keys) before.set(key, await body(key));
    await done(merge('h-2', 'h-1', [], officer));
    expect(await enrolments('h-1', 'h-2')).to.deep.equal(['h-1 enrolled']);
    const [twice] = await all('Task?code=paid-twice&focus=Group/h-1');
    expect(twice.input).to.have.length(2);
    await scene.house.settle();
    expect(await all('Task?code=paid-twice')).to.have.length(1);
    expect(await scene.paid()).to.deep.equal(paid);
    const again = household('h-2', ['head:p-2']);
    const put = await scene.house.fetch('Group/h-2', { method: 'PUT', body: again });
    expect(code(put)).to.equal('409 record-replaced');
    const gone = await scene.house.fetch('Group/h-2', { method: 'DELETE' });
    expect(gone.status).to.equal(409);
    await scene.house.advance(31 * 24 * 3600);
    const payroll = await scene.pay();
    const lines = (await scene.lines(payroll)).filter((each) => /^h-[12] /.test(each));
    expect(lines).to.deep.equal(['h-1 paid 100', 'h-2 exited']);
    await done(unmerge('h-2'));
    for (const [key, was] of before) expect(await body(key), key).to.equal(was);
    expect(await enrolments('h-1', 'h-2')).to.deep.equal(['h-1 enrolled', 'h-2 enrolled']);
    expect(await all('Task?code=unmerge-review')).to.deep.equal([]);
  });

  it('refuses to lose the line of a payroll that waits, and lets another line of the family stand', async () => {
    await scene.house.advance(31 * 24 * 3600);
    await family('c', ['Achieng']);
    const payroll = await scene.draft();
    await done(merge('h-3', 'c'));
    // Its connection is cut while it waits for the payroll: nothing of it has happened.
    const [before, blocker] = [await body('Group/h-3'), await scene.house.database.pool.connect()];
    try {
      await blocker.query('begin');
      await blocker.query(`select 1 from payroll where state = 'drafted' for update`);
      const cut = merge('h-3', 'c', [], other);
      for (let tries = 0; tries < 100; tries += 1) {
        const { rowCount } = await blocker.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and wait_event_type = 'Lock'`,
        );
        if (rowCount) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect((await cut).status).to.be.at.least(500);
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    expect(await body('Group/h-3')).to.equal(before);
    expect(code(await merge('h-3', 'c', [], other))).to.equal('409 merge-payroll-open');
    await done(merge('h-3', 'h-1'));
    await done(merge('h-3', 'h-1', [], other));
    await scene.done(`${payroll}/$approve`, [], scene.checker);
    await scene.house.settle();
    const lines = (await scene.lines(payroll)).filter((each) => /^h-[13] /.test(each));
    expect(lines).to.deep.equal(['h-1 paid 100', 'h-3 not-enrolled']);
  });

  it('is for those who reach the whole registry, and gives one result to many at once', async () => {
    await family('d', ['Otieno']);
    await family('e', ['Otieno']);
    await family('f', ['Otieno']);
    expect((await merge('d', 'e', [], scene.maker)).status).to.equal(403);
    const answers = await Promise.all([
      merge('d', 'e'),
      merge('e', 'd'),
      merge('d', 'f'),
      merge('d', 'e', [member('d-Otieno', 'e-Otieno')]),
      scene.call(
        'Patient/$merge',
        [
          reference('source-patient', 'Patient/d-Otieno'),
          reference('target-patient', 'Patient/f-Otieno'),
        ],
        officer,
      ),
    ]);
    for (const { status, text } of answers) expect([200, 409, 412, 422], text).to.include(status);
    expect(answers.slice(0, 4).filter(({ status }) => status === 200).length).to.be.at.most(1);
    const homes = await scene.rows<{ n: number }>(
      `select count(*)::int as n from household_member m join member p using (member_id)
       where m.active and p.fhir_id like '_-Otieno' group by m.member_id`,
    );
    for (const { n } of homes) expect(n).to.equal(1);
  });

  it('links two registries one to one, and keeps out whom somebody has told apart', async () => {
    const [health, civil] = ['urn:registry:health', 'urn:registry:civil'];
    const person = (id: string, given: string, birthDate: string, system: string) =>
      scene.put({
        ...patient(id, { name: [{ family: 'Oduya', given: [given] }], birthDate }),
        ...(system === civil
          ? { meta: { source: `${civil}#2026` } }
          : { identifier: [{ system, value: id }] }),
      });
    for (const [n, given] of ['Apiyo', 'Nekesa', 'Barasa'].entries()) {
      await person(`l-${n}`, given, `197${n}-03-1${n}`, health);
      await person(`r-${n}`, given, `197${n}-03-1${n}`, civil);
    }
    // Barasa stands in the civil registry twice: one of them at most is linked.
    await person('r-3', 'Barasa', '1972-03-12', civil);
    await scene.house.settle();
    const ask = (more: object[] = [], token = officer) =>
      scene.call(
        'Patient/$link-registries',
        [{ name: 'one', valueUri: health }, { name: 'other', valueUri: civil }, ...more],
        token,
      );
    const counts = (json: Json): Record<string, number> =>
      Object.fromEntries(
        json.parameter
          .filter(({ valueInteger }: Json) => valueInteger !== undefined)
          .map(({ name, valueInteger }: Json) => [name, valueInteger]),
      );
    const minimum = { name: 'minimum', valueDecimal: 0.9 };
    expect(counts(await done(ask([minimum, PREVIEW])))).to.include({ linked: 0, left: 2 });
    expect(counts(await done(ask([minimum])))).to.deep.equal({
      ...{ linked: 2, standing: 0, doubtful: 1, left: 0 },
    });
    expect(counts(await done(ask([minimum])))).to.include({ linked: 0, standing: 2 });
    const [linkage] = await all('Linkage?source=Patient/l-0');
    expect(linkage.item.map((each: Json) => each.resource.reference)).to.deep.equal([
      'Patient/l-0',
      'Patient/r-0',
    ]);
    // Ended by somebody, it stays so.
    const { meta: _meta, ...rest } = linkage;
    await scene.put({ ...rest, active: false });
    expect(counts(await done(ask([minimum])))).to.include({ linked: 0, standing: 2 });
    expect((await read(`Linkage/${linkage.id}`)).active).to.equal(false);
    expect((await ask([], scene.maker)).status).to.equal(403);
    expect((await ask([{ name: 'minimum', valueDecimal: 0.2 }])).status).to.be.within(400, 422);
    expect((await scene.call('Patient/$link-registries', [], officer)).status).to.equal(422);
  });

  it('leaves money where it was paid, and pays nobody twice, whatever is merged and taken back', async () => {
    const homes = [10, 11, 12, 13];
    for (const n of homes) await scene.register(n);
    await scene.done('InsurancePlan/s/$enrol');
    await scene.house.advance(31 * 24 * 3600);
    await scene.pay();
    const keys = homes.flatMap((n) => [`Group/h-${n}`, `Patient/p-${n}`]);
    const before = new Map<string, string>();
    for (const key of keys) before.set(key, await body(key));
    const paid = await scene.paid();
    const one = fc.constantFrom(...homes);
    const act = fc.tuple(fc.constantFrom('Group', 'Group', 'Patient'), fc.boolean(), one, one);
    const call = async (type: string, what: string, ids: readonly number[]): Promise<number> => {
      const letter = type === 'Group' ? 'h' : 'p';
      const names = ['source', 'target'].map((side) => `${side}-${type.toLowerCase()}`);
      const given = ids.map((n, at) => reference(names[at]!, `${type}/${letter}-${n}`));
      let status = 0;
      for (const token of what === '$merge' ? [officer, other] : [officer]) {
        ({ status } = await scene.call(`${type}/${what}`, given, token));
      }
      return status;
    };
    let merged = 0;
    for (const [type, back, source, target] of fc.sample(act, { numRuns: 12, seed: 5 })) {
      if (source === target) continue;
      const [what, ids] = back ? ['$unmerge', [source]] : ['$merge', [source, target]];
      const status = await call(type, what as string, ids as number[]);
      expect([200, 422]).to.include(status);
      if (status === 200) merged += 1;
      expect(await scene.paid()).to.deep.equal(paid);
    }
    expect(merged).to.be.at.least(4);
    await scene.house.advance(31 * 24 * 3600);
    const payroll = await scene.pay();
    const twice = await scene.rows(
      `select 1 from payroll_line l join merge_record m on m.state = 'merged'
         and (m.source_rid = l.recipient_id or m.source_rid = l.household_id)
       where l.payroll_id = $1 and l.state = 'paid'
       union all
       select 1 from payroll_line where payroll_id = $1 and state = 'paid'
       group by recipient_id having count(*) > 1`,
      [payroll.slice('List/'.length)],
    );
    expect(twice).to.deep.equal([]);
    for (let round = 0; round < 2; round += 1) {
      for (const n of homes) {
        for (const type of ['Patient', 'Group']) await call(type, '$unmerge', [n]);
      }
    }
    for (const [key, was] of before) expect(await body(key), key).to.equal(was);
  });
});
