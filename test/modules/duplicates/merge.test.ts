/**
 * Merging two records of one person, and taking it back: over HTTP, with households, enrolments and
 * payments.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Answer, Json } from '../../support/server.ts';
import { Scene } from '../payroll/scene.ts';
import { household, patient } from '../support/people.ts';

const NATIONAL = 'https://example.org/id/national';

describe('merging people', () => {
  let scene: Scene;
  let officer: string;
  before(async () => {
    scene = await Scene.open();
    officer = await scene.house.tokenFor('duplicates-officer');
  });
  after(() => scene?.house.stop());

  const reference = (name: string, id: string) => ({
    name,
    valueReference: { reference: `Patient/${id}` },
  });
  const pair = (source: string, target: string) => [
    reference('source-patient', source),
    reference('target-patient', target),
  ];
  const merge = (source: string, target: string, more: object[] = [], token = officer) =>
    scene.call('Patient/$merge', [...pair(source, target), ...more], token);
  const unmerge = (source: string, token = officer) =>
    scene.call('Patient/$unmerge', [reference('source-patient', source)], token);
  const merged = async (answer: Promise<Answer>): Promise<Json> => {
    const { status, text, json } = await answer;
    expect(status, text).to.equal(200);
    return json;
  };
  const read = async (path: string): Promise<Json> => {
    const answer = await scene.house.fetch(path);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json;
  };
  const found = async (query: string): Promise<string[]> => {
    const bundle = await read(query);
    return (bundle.entry ?? [])
      .map((each: Json) => `${each.resource.resourceType}/${each.resource.id}`)
      .sort();
  };
  const body = async (path: string): Promise<string> => {
    const { meta, ...rest } = await read(path);
    return JSON.stringify({ ...rest, profile: meta.profile });
  };
  const code = (answer: Answer): string =>
    `${answer.status} ${answer.json.issue[0].details?.coding[0].code}`;

  it('shows before it writes, and writes what it has shown', async () => {
    await scene.put(
      patient('a-1', {
        identifier: [{ system: NATIONAL, value: 'A1' }],
        name: [{ family: 'Achieng', given: ['Mary'] }],
        birthDate: '1990',
      }),
    );
    await scene.put(
      patient('a-2', {
        identifier: [{ system: NATIONAL, value: 'A2' }],
        name: [{ family: 'Achieng', given: ['Marie'] }],
        birthDate: '1990-06-15',
        telecom: [{ system: 'phone', value: '+254700000099' }],
      }),
    );
    const preview = await merged(merge('a-2', 'a-1', [{ name: 'preview', valueBoolean: true }]));
    const [was] = [await body('Patient/a-1')];
    expect((await read('Patient/a-2')).active).to.equal(undefined);
    const done = await merged(merge('a-2', 'a-1'));
    const result = (json: Json) =>
      json.parameter.find((each: Json) => each.name === 'result').resource;
    expect(result(preview).meta.versionId).to.equal(undefined);
    const { meta: _m, ...shown } = result(preview);
    const { meta: _n, ...written } = result(done);
    expect(written).to.deep.equal(shown);
    expect(was).not.to.equal(await body('Patient/a-1'));
    expect(written.birthDate).to.equal('1990-06-15');
    expect(written.identifier).to.deep.equal([
      { system: NATIONAL, value: 'A1' },
      { use: 'old', system: NATIONAL, value: 'A2' },
    ]);
    expect(written.name[1].use).to.equal('old');
    expect(written.link).to.deep.equal([{ other: { reference: 'Patient/a-2' }, type: 'replaces' }]);
    const source = await read('Patient/a-2');
    expect(source.active).to.equal(false);
    expect(source.link[0].type).to.equal('replaced-by');
    const why = done.parameter.filter((each: Json) => each.name === 'survivorship');
    expect(why.map((each: Json) => each.part[0].valueString)).to.include.members([
      'birthDate',
      'identifier',
    ]);
    expect(await found('Provenance?target=Patient/a-2')).to.have.length(1);
  });

  it('refuses what is no merge', async () => {
    for (const id of ['b-1', 'b-2', 'b-3']) await scene.put(patient(id));
    await scene.put(patient('b-4', { active: false }));
    await scene.put(patient('b-5', { birthDate: '1971-01-02', gender: 'male' }));
    const call = (...given: object[]) => scene.call('Patient/$merge', given, officer);
    expect(code(await call())).to.equal('400 merge-one-way');
    const both = {
      name: 'source-patient-identifier',
      valueIdentifier: { system: NATIONAL, value: 'x' },
    };
    expect(code(await call(...pair('b-1', 'b-2'), both))).to.equal('400 merge-one-way');
    expect(code(await call(both, reference('target-patient', 'b-1')))).to.equal(
      '422 merge-unresolved',
    );
    expect(code(await merge('nobody', 'b-1'))).to.equal('422 merge-unresolved');
    expect(code(await merge('b-1', 'b-1'))).to.equal('422 merge-refused');
    expect(code(await merge('b-1', 'b-4'))).to.equal('422 merge-refused');
    expect(code(await merge('b-1/_history/7', 'b-2'))).to.equal('412 version-conflict');
    expect(code(await merge('b-5', 'b-1'))).to.equal('422 merge-conflict');
    const result = (more: object) => ({
      name: 'result-patient',
      resource: { ...patient('b-2'), ...more },
    });
    const link = [{ other: { reference: 'Patient/b-1' }, type: 'replaces' }];
    expect(code(await merge('b-1', 'b-2', [result({})]))).to.equal('400 merge-result');
    expect(code(await merge('b-1', 'b-2', [result({ id: 'b-3', link })]))).to.equal(
      '400 merge-result',
    );
    for (const wrong of [{ link: 'x' }, { link: [null] }, { link, identifier: 'x' }]) {
      expect((await merge('b-1', 'b-2', [result(wrong)])).status).to.equal(400);
    }
    const unclear = { name: 'preview', valueString: 'true' };
    expect(code(await merge('b-1', 'b-2', [unclear]))).to.equal('400 operation-parameter');
    await merged(merge('b-1', 'b-2', [result({ link, birthDate: '1985-05-05' })]));
    expect((await read('Patient/b-2')).birthDate).to.equal('1985-05-05');
    expect(code(await merge('b-1', 'b-3'))).to.equal('422 merge-refused');
    expect(code(await merge('b-3', 'b-1'))).to.equal('422 merge-refused');
    expect((await merge('b-3', 'b-2', [], scene.maker)).status).to.equal(403);
  });

  it('takes records named in full, and by an identifier that they carry', async () => {
    const identifier = { system: NATIONAL, value: 'N1' };
    await scene.put(patient('n-1', { identifier: [identifier] }));
    await scene.put(patient('n-2'));
    const named = (name: string, valueReference: object) => ({ name, valueReference });
    const target = named('target-patient', { reference: `${scene.house.base}/Patient/n-2` });
    const preview = { name: 'preview', valueBoolean: true };
    const call = (source: object) =>
      scene.call('Patient/$merge', [named('source-patient', source), target, preview], officer);
    await merged(call({ identifier }));
    await merged(call({ reference: `${scene.house.base}/Patient/n-1`, identifier }));
    expect(code(await call({ reference: 'Patient/n-2', identifier }))).to.equal(
      '422 merge-unresolved',
    );
    const elsewhere = { reference: 'https://other.example/fhir/Patient/n-1' };
    expect(code(await call(elsewhere))).to.equal('422 merge-unresolved');
  });

  it('asks two people where it was decided that the records are two', async () => {
    for (const id of ['k-1', 'k-2', 'k-3']) await scene.put(patient(id));
    await merged(merge('k-1', 'k-2'));
    await merged(unmerge('k-1'));
    const overrule = [{ name: 'overrule', valueString: 'they are one after all' }];
    expect(code(await merge('k-1', 'k-2'))).to.equal('422 merge-decided');
    const preview = await merged(merge('k-1', 'k-2', [{ name: 'preview', valueBoolean: true }]));
    expect(JSON.stringify(preview)).to.contain('decided to be two');
    // What k-1 was told apart from, a record that answers for k-1 is told apart from, too.
    await merged(merge('k-1', 'k-3'));
    expect(code(await merge('k-3', 'k-2'))).to.equal('422 merge-decided');
    await merged(merge('k-3', 'k-2', overrule));
    expect((await read('Patient/k-3')).active).to.equal(undefined);
    const other = await scene.house.tokenFor('duplicates-officer');
    await merged(merge('k-3', 'k-2', overrule, other));
    expect((await read('Patient/k-3')).active).to.equal(false);
  });

  it('loses nothing that is written about a record while it is merged', async () => {
    for (let n = 0; n < 4; n += 1) {
      for (const id of [`r-${n}`, `s-${n}`]) await scene.put(patient(id));
      const subject = { reference: `Patient/r-${n}` };
      const flag = { resourceType: 'Flag', status: 'active', code: { text: 'watch' }, subject };
      const [done, home, held] = await Promise.all([
        merge(`r-${n}`, `s-${n}`),
        scene.house.fetch(`Group/hr-${n}`, {
          method: 'PUT',
          body: household(`hr-${n}`, [`head:r-${n}`]),
        }),
        scene.house.fetch('Flag', { body: flag }),
      ]);
      expect(done.status, done.text).to.equal(200);
      expect([201, 409, 422]).to.include(home.status);
      expect([201, 409, 422]).to.include(held.status);

      expect(await found(`Flag?subject=Patient/r-${n}`)).to.deep.equal([]);
      const members = await found(`Group?member=Patient/s-${n}`);
      expect(members).to.deep.equal(home.status === 201 ? [`Group/hr-${n}`] : []);
      const late = await scene.house.fetch('Flag', { body: flag });
      expect(code(late)).to.equal('422 reference-replaced');
    }
  });

  it('leads over what lives and leaves what is settled, which is found all the same', async () => {
    for (const id of ['c-1', 'c-2']) await scene.put(patient(id));
    await scene.put(household('hc-1', ['head:c-2']));
    const subject = { reference: 'Patient/c-2' };
    const flag = { status: 'active', code: { text: 'watch' }, subject };
    await scene.put({ resourceType: 'Flag', id: 'c-flag', ...flag } as never);
    await scene.put({ resourceType: 'Flag', id: 'c-over', ...flag, status: 'inactive' } as never);
    const related = { resourceType: 'RelatedPerson', id: 'c-aunt', patient: subject };
    await scene.put(related);
    const seen = { status: 'final', code: { text: 'weight' }, subject };
    await scene.put({ resourceType: 'Observation', id: 'c-seen', ...seen } as never);
    const before = new Map<string, string>();
    const keys = [
      'Patient/c-1',
      'Patient/c-2',
      'Group/hc-1',
      'Flag/c-flag',
      'Flag/c-over',
      'RelatedPerson/c-aunt',
    ];
    for (const key of keys) before.set(key, await body(key));
    await merged(merge('c-2', 'c-1'));
    expect((await read('Group/hc-1')).member[0].entity.reference).to.equal('Patient/c-1');
    expect((await read('Flag/c-flag')).subject.reference).to.equal('Patient/c-1');
    expect((await read('Flag/c-over')).subject.reference).to.equal('Patient/c-2');
    expect((await read('Observation/c-seen')).subject.reference).to.equal('Patient/c-2');
    expect(await found('Observation?patient=Patient/c-1')).to.deep.equal(['Observation/c-seen']);
    expect(await found('Observation?subject:Patient=c-1')).to.deep.equal(['Observation/c-seen']);
    expect(await found('Flag?patient=c-1')).to.deep.equal(['Flag/c-flag', 'Flag/c-over']);
    expect(await found('Patient/c-1/Observation')).to.deep.equal(['Observation/c-seen']);
    const back = await unmerge('c-2');
    expect(back.status, back.text).to.equal(200);
    for (const key of keys) expect(await body(key)).to.equal(before.get(key));
    expect(await found('Observation?patient=Patient/c-1')).to.deep.equal([]);
    expect(code(await unmerge('c-2'))).to.equal('422 merge-none');
  });

  it('keeps what was changed since a merge, and lists it', async () => {
    for (const id of ['d-1', 'd-2']) {
      await scene.put(patient(id, { telecom: [{ system: 'email', value: `${id}@example.org` }] }));
    }
    await merged(merge('d-2', 'd-1'));
    const { meta: _m, ...now } = await read('Patient/d-1');
    await scene.put({ ...now, meta: { profile: _m.profile }, address: [{ city: 'Kisumu' }] });
    const flag = { status: 'active', code: { text: 'new' }, subject: { reference: 'Patient/d-1' } };
    await scene.put({ resourceType: 'Flag', id: 'd-flag', ...flag } as never);
    const back = await merged(unmerge('d-2'));
    const target = await read('Patient/d-1');
    expect(target.address).to.deep.equal([{ city: 'Kisumu' }]);
    expect(target.telecom).to.deep.equal([{ system: 'email', value: 'd-1@example.org' }]);
    expect(target.link).to.equal(undefined);
    const task = back.parameter.find((each: Json) => each.name === 'task').valueReference.reference;
    const listed = (await read(task)).input.map((each: Json) => each.valueReference.reference);
    expect(listed).to.include('Flag/d-flag');
  });

  it('lets nobody bring a replaced record back by the way', async () => {
    for (const id of ['e-1', 'e-2']) await scene.put(patient(id));
    await scene.put(household('he-2', ['head:e-2']));
    await merged(merge('e-2', 'e-1'));
    const put = (resource: Json) =>
      scene.house.fetch(`${resource.resourceType}/${resource.id}`, {
        method: 'PUT',
        body: resource,
      });
    expect(code(await put(patient('e-2')))).to.equal('409 record-replaced');
    expect(code(await put(household('he-2', ['head:e-2'])))).to.equal('409 member-replaced');
    expect(code(await put(household('he-3', ['head:e-2'])))).to.equal('409 member-replaced');
    const gone = await scene.house.fetch('Patient/e-2', { method: 'DELETE' });
    expect(gone.status).to.equal(409);
  });

  it('leads what is registered by a number of a replaced record to the one that remains', async () => {
    for (const id of ['i-1', 'i-2']) {
      await scene.put(patient(id, { identifier: [{ system: NATIONAL, value: id }] }));
    }
    await merged(merge('i-2', 'i-1'));
    const number = `identifier=${encodeURIComponent(`${NATIONAL}|i-2`)}`;
    const fresh = { ...patient('x'), id: undefined };
    const person = { fullUrl: 'urn:uuid:0f0e7a3c-6a52-4b7e-9a44-0d9c3f1a6c11', resource: fresh };
    const home = household('hi', ['head:x']);
    home.member![0]!.entity = { reference: person.fullUrl };
    const entry = [
      { ...person, request: { method: 'POST', url: 'Patient', ifNoneExist: number } },
      { resource: home, request: { method: 'PUT', url: 'Group/hi' } },
    ];
    const bundle = { resourceType: 'Bundle', type: 'transaction', entry };
    await merged(scene.house.fetch('', { body: bundle }));
    expect((await read('Group/hi')).member[0].entity.reference).to.equal('Patient/i-1');
    home.member![0]!.entity = { reference: `Patient?${number}` };
    await merged(scene.house.fetch('', { body: { ...bundle, entry: entry.slice(1) } }));
    expect((await read('Group/hi')).member[0].entity.reference).to.equal('Patient/i-1');
    // A copy of the replaced record must not be written over the one that remains.
    const over = await scene.house.fetch(`Patient?${number}`, { method: 'PUT', body: fresh });
    expect(code(over)).to.equal('412 condition-ambiguous');
  });

  it('takes two people where payments are at stake, and tells what was paid twice', async () => {
    await scene.pay();
    const other = await scene.house.tokenFor('duplicates-officer');
    const bodies = new Map<string, string>();
    const coverage = (await found('Coverage?beneficiary=Patient/p-2'))[0]!;
    for (const key of ['Patient/p-1', 'Patient/p-2', 'Group/h-1', 'Group/h-2', coverage]) {
      bodies.set(key, await body(key));
    }
    const proposed = await merged(merge('p-2', 'p-1'));
    expect(proposed.parameter.some((each: Json) => each.name === 'result')).to.equal(false);
    expect((await read('Patient/p-2')).active).to.equal(undefined);
    await merged(merge('p-2', 'p-1'));
    expect((await read('Patient/p-2')).active).to.equal(undefined);
    const done = await merged(merge('p-2', 'p-1', [], other));
    expect((await read('Patient/p-2')).active).to.equal(false);
    expect((await read('Group/h-2')).active).to.equal(false);
    const ended = await read(coverage);
    expect(ended.status).to.equal('cancelled');
    expect(JSON.stringify(ended.extension)).to.contain('"duplicate"');
    expect(done.parameter.filter((each: Json) => each.name === 'task')).to.have.length(1);
    const twice = await read('Task?code=paid-twice&focus=Patient/p-1');
    expect(twice.entry[0].resource.input).to.have.length(2);
    expect(await found('Claim?patient=Patient/p-1')).to.have.length(2);
    await scene.house.settle();
    expect((await read('Task?code=paid-twice')).entry).to.have.length(1);
    await merged(unmerge('p-2'));
    for (const [key, was] of bodies) expect(await body(key)).to.equal(was);
    // One person has taken it back: whether they are two is for two people to decide.
    const [last] = await scene.rows<{ verdict: string }>(
      'select verdict from match_verdict order by key desc limit 1',
    );
    expect(last?.verdict).to.equal('field-check');
    expect(await scene.rows(`select 1 from enrolment where state = 'enrolled'`)).to.have.length(3);
  });

  it('takes a merge out from below another one', async () => {
    const keys = ['g-1', 'g-2', 'g-3'].map((id) => `Patient/${id}`);
    for (const [n, id] of ['g-1', 'g-2', 'g-3'].entries()) {
      const identifier = [{ system: NATIONAL, value: id }];
      await scene.put(
        patient(id, { identifier, telecom: [{ system: 'email', value: `${n}@x.org` }] }),
      );
      const subject = { reference: `Patient/${id}` };
      const seen = { status: 'final', code: { text: 'weight' }, subject };
      await scene.put({ resourceType: 'Observation', id: `seen-${id}`, ...seen } as never);
    }
    await scene.put(household('hg', ['head:g-1']));
    const before = new Map<string, string>();
    for (const key of [...keys, 'Group/hg']) before.set(key, await body(key));
    await merged(merge('g-1', 'g-2'));
    await merged(merge('g-2', 'g-3'));
    expect((await read('Group/hg')).member[0].entity.reference).to.equal('Patient/g-3');
    expect(await found('Observation?patient=g-3')).to.have.length(3);
    await merged(unmerge('g-1'));
    expect(await body('Patient/g-1')).to.equal(before.get('Patient/g-1'));
    expect(await body('Group/hg')).to.equal(before.get('Group/hg'));
    const numbers = (await read('Patient/g-3')).identifier.map((each: Json) => each.value);
    expect(numbers).to.deep.equal(['g-3', 'g-2']);
    expect(await found('Observation?patient=g-3')).to.deep.equal([
      'Observation/seen-g-2',
      'Observation/seen-g-3',
    ]);
    await merged(unmerge('g-2'));
    for (const [key, was] of before) expect(await body(key)).to.equal(was);
  });

  it('returns to the byte what refers to people, in whatever order merges are taken back', async () => {
    const people = [1, 2, 3, 4].map((n) => `v-${n}`);
    const keys: string[] = [];
    const put = async (resource: Json) => {
      await scene.put(resource);
      keys.push(`${resource.resourceType}/${resource.id}`);
    };
    for (const [at, id] of people.entries()) {
      const telecom = [{ system: 'email' as const, value: `${at % 2}@example.org` }];
      await put(patient(id, { telecom, birthDate: at % 2 ? '1990-06-15' : '1990' }));
      const subject = { reference: `Patient/${id}`, display: id };
      const about = { status: 'active', patient: subject };
      const code = { text: 'watch' };
      await put({ resourceType: 'Flag', id: `vf-${id}`, status: 'active', code, subject });
      await put({ resourceType: 'RelatedPerson', id: `vr-${id}`, patient: subject });
      await put({ resourceType: 'EpisodeOfCare', id: `ve-${id}`, ...about });
      const task = { status: 'requested', intent: 'order', for: subject, focus: subject };
      await put({ resourceType: 'Task', id: `vt-${id}`, ...task });
      const terms = { scope: { text: 's' }, category: [{ text: 'c' }], policyRule: { text: 'p' } };
      await put({ resourceType: 'Consent', id: `vc-${id}`, ...about, ...terms });
    }
    await put(household('hv-1', ['head:v-1', 'v-2']));
    await put(household('hv-2', ['head:v-3', 'collector:v-4']));
    const before = new Map<string, string>();
    for (const key of keys) before.set(key, await body(key));
    for (const [source, target] of [
      ['v-1', 'v-2'],
      ['v-3', 'v-4'],
      ['v-2', 'v-4'],
    ] as const) {
      await merged(merge(source, target));
      expect((await read(`Patient/${source}`)).active).to.equal(false);
    }
    // The registry sends its own copy of a record again, which knows nothing of the merges.
    const { profile, ...own } = JSON.parse(before.get('Patient/v-4')!);
    await scene.put({ ...own, meta: { profile } });
    for (const id of ['v-1', 'v-3', 'v-2']) await merged(unmerge(id));
    for (const [key, was] of before) expect(await body(key), key).to.equal(was);
  });

  it('leaves nothing of a merge whose connection dies', async () => {
    for (const id of ['w-1', 'w-2']) await scene.put(patient(id));
    const kill = `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like '%merge_record%' and pid <> pg_backend_pid()`;
    await scene.rows(`create function stall() returns trigger language plpgsql as
      'begin perform pg_sleep(5); return new; end'`);
    await scene.rows(
      'create trigger stall before insert on merge_record for each row execute function stall()',
    );
    const done = merge('w-1', 'w-2');
    while (
      (
        await scene.rows(`select 1 from pg_stat_activity where wait_event = 'PgSleep'
      and datname = current_database()`)
      ).length === 0
    )
      await new Promise((go) => setTimeout(go, 20));
    await scene.rows(kill);
    expect((await done).status).to.be.at.least(500);
    await scene.rows('drop trigger stall on merge_record');
    expect((await read('Patient/w-1')).meta.versionId).to.equal('1');
    expect(await found('Provenance?target=Patient/w-1')).to.deep.equal([]);
    await merged(merge('w-1', 'w-2'));
  });

  it('judges a payroll by the merge, or the merge by the payroll, whichever comes first', async () => {
    await scene.house.advance(31 * 24 * 3600);
    for (const n of [7, 8]) await scene.register(n);
    await scene.done('InsurancePlan/s/$enrol');
    const payroll = await scene.draft();
    const [approved, done] = await Promise.all([
      scene.call(`${payroll}/$approve`, [], scene.checker),
      merge('p-8', 'p-7'),
    ]);
    expect(approved.status, approved.text).to.equal(200);
    expect([200, 412]).to.include(done.status);
    await scene.house.settle();
    const lines = (await scene.lines(payroll)).filter((each) => /^h-[78] /.test(each));
    const paid = lines.filter((each) => !each.includes('not-enrolled') && /100$/.test(each));
    const told = (await read('Task?code=paid-twice&focus=Patient/p-7')).entry ?? [];
    const merges = (await read('Patient/p-8')).active === false;
    if (merges) expect(told.length).to.equal(paid.length === 2 ? 1 : 0);
    else expect(paid).to.have.length(2);
  });

  it('gives one right result when two merge one record at once', async () => {
    for (const id of ['f-1', 'f-2', 'f-3']) await scene.put(patient(id));
    const edit = () =>
      scene.house.fetch('Patient/f-2', {
        method: 'PUT',
        body: patient('f-2', { gender: 'female' }),
      });
    const answers = await Promise.all([
      merge('f-1', 'f-2'),
      merge('f-1', 'f-3'),
      merge('f-2', 'f-1'),
      edit(),
    ]);
    const merges = answers.slice(0, 3).filter(({ status }) => status === 200);
    expect(merges.length).to.be.at.most(1);
    for (const { status } of answers) expect([200, 409, 412, 422]).to.include(status);
    const rows = await scene.rows<{ n: number }>(
      `select count(*)::int as n from merge_record where state = 'merged' and source_id like 'f-%'`,
    );
    expect(rows[0]!.n).to.equal(merges.length);
  });
});
