/** Conditional writes: exactly once, whoever writes beside whom. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../support/server.ts';

const CALLERS = 64;
const KEYS = 100;

const withKey = (value: string, more: object = {}) => ({
  resourceType: 'Patient',
  identifier: [{ system: 'urn:key', value }],
  name: [{ family: 'Sample' }],
  ...more,
});

describe('conditional writes', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const createOnce = (value: string): Promise<Answer> =>
    house.fetch('Patient', {
      body: withKey(value),
      headers: { 'if-none-exist': `identifier=urn:key|${value}` },
    });

  it('create once and answer what is there afterwards', async () => {
    const first = await createOnce('once');
    const second = await createOnce('once');
    expect([first.status, second.status]).to.deep.equal([201, 200]);
    expect(second.json.id).to.equal(first.json.id);
    expect(second.headers.get('location')).to.equal(first.headers.get('location'));
  });

  it('refuse a condition that selects several, is empty, or is not understood', async () => {
    for (let i = 0; i < 2; i += 1) await house.fetch('Patient', { body: withKey('twice') });
    expect((await createOnce('twice')).status).to.equal(412);
    const ask = (condition: string) =>
      house.fetch('Patient', { body: withKey('x'), headers: { 'if-none-exist': condition } });
    expect((await ask('')).status).to.equal(400);
    expect((await ask('shoe-size=42')).status).to.equal(400);
  });

  it('update what they select, create what is missing, and delete one at most', async () => {
    const put = (body: object) =>
      house.fetch('Patient?identifier=urn:key|upsert', { method: 'PUT', body });
    const made = await put(withKey('upsert'));
    expect(made.status).to.equal(201);
    const changed = await put(withKey('upsert', { gender: 'male' }));
    expect(changed.status).to.equal(200);
    expect(changed.json.id).to.equal(made.json.id);
    expect((await put(withKey('upsert', { id: 'somebody-else' }))).status).to.equal(400);
    const path = 'Patient?identifier=urn:key|upsert';
    expect((await house.fetch(path, { method: 'DELETE' })).status).to.equal(204);
    expect((await house.fetch(path, { method: 'DELETE' })).status).to.equal(204);
    expect((await house.fetch(`Patient/${made.json.id}`)).status).to.equal(410);
    const several = 'Patient?identifier=urn:key|twice';
    expect((await house.fetch(several, { method: 'DELETE' })).status).to.equal(412);
  });

  it(`create exactly once for ${CALLERS} callers of ${KEYS} keys at the same time`, async function () {
    this.timeout(120_000);
    const statuses = new Map<number, number>();
    const ids = new Map<string, Set<string>>();
    const caller = async (number: number): Promise<void> => {
      for (let step = 0; step < KEYS; step += 1) {
        const key = `race-${(step + (number % 4) * 25) % KEYS}`;
        const { status, json } = await createOnce(key);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        ids.set(key, (ids.get(key) ?? new Set()).add(json.id));
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)));
    expect(Object.fromEntries(statuses)).to.deep.equal({
      201: KEYS,
      200: CALLERS * KEYS - KEYS,
    });
    expect([...ids.values()].every((each) => each.size === 1)).to.equal(true);
    const { json } = await house.fetch('Patient?identifier=race-7&_total=accurate');
    expect(json.total).to.equal(1);
  });

  it('keep every version when many update one resource at the same time', async function () {
    this.timeout(60_000);
    const answers = await Promise.all(
      Array.from({ length: 48 }, (_, number) =>
        house.fetch('Patient?identifier=urn:key|shared', {
          method: 'PUT',
          body: withKey('shared', { birthDate: `19${10 + number}` }),
        }),
      ),
    );
    expect(answers.filter((each) => each.status === 201)).to.have.length(1);
    expect(answers.filter((each) => each.status === 200)).to.have.length(47);
    const versions = answers.map((each) => Number(each.json.meta.versionId)).sort((a, b) => a - b);
    expect(versions).to.deep.equal(Array.from({ length: 48 }, (_, at) => at + 1));
  });
});
