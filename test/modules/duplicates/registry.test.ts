/**
 * Matching bound to the registry, over HTTP: keys in the write, `$match`, suspicions and holds.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { compareAll } from '../../../modules/duplicates/compare-all.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import type { JobFailure } from '../../../src/jobs/worker.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const AMINA = {
  resourceType: 'Patient',
  id: 'amina',
  identifier: [{ system: 'urn:ke:national', value: '24681357' }],
  name: [{ use: 'official', family: 'Hassan', given: ['Amina', 'Fatuma'] }],
  gender: 'female',
  birthDate: '1984-05-17',
  telecom: [{ system: 'phone', value: '0712345678' }],
  address: [{ city: 'Garissa', country: 'KE' }],
};

describe('matching in the registry', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ environment: { PHONE_COUNTRY: 'KE' } });
  });
  after(() => house?.stop());

  const put = async (resource: Json, status = [200, 201]): Promise<Json> => {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    expect(status, answer.text).to.include(answer.status);
    return answer.json;
  };
  const match = (resource: Json, more: Json[] = [], token?: string) =>
    house.fetch('Patient/$match', {
      method: 'POST',
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: 'resource', resource }, ...more],
      },
      ...(token && { token }),
    });
  const found = (bundle: Json): [string, string][] =>
    (bundle.entry ?? [])
      .filter((each: Json) => each.search.mode === 'match')
      .map((each: Json) => [each.resource.id, each.search.extension[0].valueCode]);

  it('answers who a person may be, with probability and grade', async () => {
    await put(AMINA);
    await put({
      ...AMINA,
      id: 'other',
      identifier: undefined,
      telecom: undefined,
      birthDate: '1990-02-03',
      name: [{ family: 'Odhiambo', given: ['Peter'] }],
      gender: 'male',
    });
    await house.settle();
    const { status, json } = await match({
      resourceType: 'Patient',
      name: [{ family: 'Hasan', given: ['Aminah'] }],
      gender: 'female',
      birthDate: '1984-05-17',
      telecom: [{ system: 'phone', value: '+254712345678' }],
    });
    expect(status).to.equal(200);
    expect(json.type).to.equal('searchset');
    expect(json.link).to.eql([{ relation: 'self', url: `${house.base}/Patient/$match` }]);
    expect(found(json)).to.eql([['amina', 'certain']]);
    expect(json.entry[0].search.score).to.be.within(0.99, 1);
  });

  const tasks = async (): Promise<Json[]> =>
    ((await house.fetch('Task?code=duplicate-review')).json.entry ?? []).map(
      (each: Json) => each.resource,
    );
  const holds = async (id: string): Promise<string[]> =>
    ((await house.fetch(`Flag?subject=Patient/${id}`)).json.entry ?? []).map(
      (each: Json) => each.resource.status,
    );

  it('suspects a person who is registered again, once, and holds the later record', async () => {
    await put({ ...AMINA, id: 'amina-2', identifier: undefined });
    await house.settle();
    const [task, ...others] = await tasks();
    expect(others).to.eql([]);
    const ids = [task.focus.reference, task.input[0].valueReference.reference];
    expect(ids).to.eql(['Patient/amina', 'Patient/amina-2']);
    expect(await holds('amina-2')).to.eql(['active']);
    await put({ ...AMINA, id: 'amina-2', identifier: undefined, maritalStatus: { text: 'M' } });
    await house.fetch('Patient/$find-duplicates', { method: 'POST' });
    await house.settle();
    expect(await tasks()).to.have.length(1);
  });

  /** Bits of the entries of an explanation together, and the log-odds that they explain. */
  const explained = async (): Promise<[number, number][]> => {
    const { rows } = await house.database.pool.query('select * from match_edge');
    return rows.map(({ explanation, log_odds }): [number, number] => {
      const entries = JSON.parse(explanation) as { bits: number }[];
      return [entries.reduce((sum, { bits }) => sum + bits, 0), log_odds];
    });
  };

  it('explains each score by bits that add up to it', async () => {
    const pairs = await explained();
    expect(pairs).to.have.length(1);
    for (const [sum, logOdds] of pairs) expect(sum).to.be.closeTo(logOdds, 0.02);
  });

  it('lifts a hold for a reason, and leaves the suspicion to be looked at', async () => {
    const [task] = await tasks();
    const lift = (value: string) =>
      house.fetch(`Task/${task.id}/$override-hold`, {
        method: 'POST',
        body: { resourceType: 'Parameters', parameter: [{ name: 'reason', valueString: value }] },
      });
    expect((await lift(' ')).status).to.equal(422);
    expect((await lift('The family has waited for three months.')).status).to.equal(200);
    expect(await holds('amina-2')).to.eql(['inactive']);
    expect((await tasks())[0].status).to.equal('requested');
  });

  it('compares everybody at night, and finds the same pairs', async () => {
    await house.database.pool.query('delete from match_edge');
    await runUnitOfWork(house.app, SYSTEM, {}, async (unit) => unit.enqueue(compareAll, {}));
    const failures: JobFailure[] = [];
    await house.settle(failures);
    expect(failures).to.eql([]);
    const { rows } = await house.database.pool.query(
      `select people, raised, ended_at is not null as done,
         (select count(*)::int from match_edge) as pairs from match_run`,
    );
    expect(rows).to.eql([{ people: 3, raised: 0, done: true, pairs: 1 }]);
    for (const [sum, logOdds] of await explained()) expect(sum).to.be.closeTo(logOdds, 0.02);
    expect(await tasks()).to.have.length(1);
  });

  it('reports after each run how it treats groups of people', async () => {
    const measure = 'https://amana.example/fhir/Measure/duplicates-fairness';
    const { json } = await house.fetch(`MeasureReport?measure=${measure}&_sort=-_lastUpdated`);
    const report = json.entry[0].resource;
    const figure = (name: string): Json =>
      report.group.find(({ code }: Json) => code.text === name);
    expect(report.group.map(({ code }: Json) => code.text)).to.eql([
      'recall',
      'false-hold-rate',
      'waiting days',
    ]);
    const strata = (name: string, dimension: string): Json[] =>
      figure(name).stratifier.find(({ code }: Json) => code[0].text === dimension).stratum;
    // One pair of two women, found.
    expect(figure('recall').measureScore.value).to.equal(1);
    const [female, ...others] = strata('recall', 'sex').filter(
      ({ population }) => population[2].count > 0,
    );
    expect([female?.value.text, others]).to.eql(['female', []]);
    const without = strata('false-hold-rate', 'identifier').find(
      ({ value }) => value.text === 'without',
    );
    expect(without?.population[0].count).to.be.at.least(1);
  });

  it('answers 400 when nothing can be compared, and says when little is known', async () => {
    const bare = await match({ resourceType: 'Patient', gender: 'female' });
    expect(bare.status).to.equal(400);
    expect(bare.json.issue[0].details.coding[0].code).to.equal('match-insufficient');
    const name = { family: 'Zzyzx', given: ['Quill'] };
    const thin = await match({ resourceType: 'Patient', name: [name] });
    expect(thin.status).to.equal(200);
    expect(thin.json.entry.map((each: Json) => each.search.mode)).to.eql(['outcome']);
  });

  it('takes hostile input without a fault of its own', async () => {
    const shapes: Json[] = [
      { name: 'Amina' },
      { name: [null, 5, { given: 'x', family: 7 }] },
      { name: [{ family: '\u0000\u0007\ud83d', given: ['\u{1F600}'.repeat(50)] }] },
      { name: [{ family: 'a'.repeat(100_000), given: ['b'.repeat(100_000)] }], birthDate: '1984' },
      { birthDate: '0000-99-99', telecom: [{ system: 'phone', value: '9'.repeat(5000) }] },
      { identifier: [{ system: 1, value: {} }], address: [{ line: 'x', city: [] }] },
    ];
    for (const shape of shapes) {
      const { status, text } = await match({ resourceType: 'Patient', ...shape });
      expect(status, text).to.be.oneOf([200, 400, 422]);
    }
    for (const value of [0, -1, 1.5]) {
      const { status } = await match(AMINA, [{ name: 'count', valueInteger: value }]);
      expect(status).to.be.oneOf([400, 422]);
    }
  });

  it('follows a record to the one that replaced it', async () => {
    const link = [{ other: { reference: 'Patient/amina' }, type: 'replaced-by' }];
    await put({ ...AMINA, id: 'amina-2', identifier: undefined, active: false, link });
    await house.settle();
    const { json } = await match({ ...AMINA, id: undefined, identifier: undefined });
    expect(found(json).map(([id]) => id)).to.eql(['amina']);
  });

  it('needs its own permission, and answers only what the caller may see', async () => {
    const reader = await house.tokenFor('auditor');
    expect((await match(AMINA, [], reader)).status).to.equal(403);
    const registrar = await house.tokenFor('registrar');
    expect(found((await match(AMINA, [], registrar)).json)).to.have.length(1);
    const masked = await house.tokenFor('registrar', 'statistician');
    expect((await match(AMINA, [], masked)).status).to.be.oneOf([200, 403]);
  });

  it('finds people by where their household lives, and forgets where it lived', async () => {
    await put({ resourceType: 'Location', id: 'v-1', name: 'Dadaab', status: 'active' });
    await put({ resourceType: 'Location', id: 'v-2', name: 'Hagadera', status: 'active' });
    await put({
      resourceType: 'Patient',
      id: 'yusuf',
      name: [{ given: ['Yusuf'], family: 'Abdi' }],
    });
    const home = (village: string) => ({
      resourceType: 'Group',
      id: 'h-1',
      type: 'person',
      actual: true,
      meta: { profile: ['https://amana.example/fhir/StructureDefinition/household'] },
      extension: [
        {
          url: 'https://amana.example/fhir/StructureDefinition/household-area',
          valueReference: { reference: `Location/${village}` },
        },
      ],
      member: [{ entity: { reference: 'Patient/yusuf' } }],
    });
    const area = async () => {
      await house.settle();
      const { rows } = await house.database.pool.query(
        `select f.area = 'L:' || r.rid as here from match_feature f, resource r
         where f.fhir_id = 'yusuf' and r.content::json ->> 'name' = $1`,
        ['Hagadera'],
      );
      return rows[0].here;
    };
    await put(home('v-1'));
    expect(await area()).to.equal(false);
    await put(home('v-2'));
    expect(await area()).to.equal(true);
  });

  it('finds the household that a family may be, and which members match', async () => {
    const member = (id: string, given: string, birthDate: string) => ({
      resourceType: 'Patient',
      id,
      name: [{ given: [given], family: 'Wanjiru' }],
      birthDate,
      gender: 'female',
    });
    const family = [
      member('w-1', 'Njeri', '1979-03-04'),
      member('w-2', 'Wambui', '2004-08-19'),
      member('w-3', 'Nyambura', '2009-11-30'),
    ];
    for (const each of family) await put(each);
    await put({
      resourceType: 'Group',
      id: 'h-w',
      type: 'person',
      actual: true,
      code: { coding: [{ code: 'household' }] },
      member: family.map(({ id }) => ({ entity: { reference: `Patient/${id}` } })),
    });
    await house.settle();
    const ask = (contained: Json[]) =>
      house.fetch('Group/$match', {
        method: 'POST',
        body: { resourceType: 'Group', type: 'person', actual: true, contained },
      });
    const { status, json } = await ask([
      { ...family[1], id: 'x' },
      { ...member('y', 'Nyambora', '2009-11-30') },
    ]);
    expect(status).to.equal(200);
    expect(json.entry.map((each: Json) => each.resource.id)).to.eql(['h-w']);
    const { extension, score } = json.entry[0].search;
    expect(score).to.be.within(0.5, 1);
    const found = extension
      .slice(1)
      .map((each: Json) => each.extension[1].valueReference.reference);
    expect(found.toSorted()).to.eql(['Patient/w-2', 'Patient/w-3']);
    expect((await ask([])).status).to.be.oneOf([400, 422]);
  });

  it('keeps ten thousand namesakes of 1 January from costing a pair each', async () => {
    const { pool } = house.database;
    await pool.query(
      `insert into match_feature (patient_id, fhir_id, active, keys, facts, changed_at)
       select 1000000 + n * 64, 'crowd-' || n, true, f.keys, f.facts, now()
       from match_feature f, generate_series(1, 5000) n where f.fhir_id = 'other'`,
    );
    await put({
      ...AMINA,
      id: 'other',
      birthDate: '1990-02-03',
      name: [{ family: 'Odhiambo', given: ['Petro'] }],
      gender: 'male',
      telecom: undefined,
      identifier: undefined,
    });
    await house.settle();
    const { rows } = await pool.query(
      `select (select count(*)::int from match_big_key) > 5 as noted,
         (select count(*)::int from match_edge where a >= 1000000 or b >= 1000000) <= 25 as few`,
    );
    expect(rows).to.eql([{ noted: true, few: true }]);
  });
});
