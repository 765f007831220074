/** Many resources at once go another way into the database than one; they must arrive the same. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const COUNT = 120;

const DATES: readonly Json[] = [
  ...['2024', '2024-02-29', '2024-02-29T10:00:00.123456+03:00', '0001', '9999-12-31'].map(
    (effectiveDateTime) => ({ effectiveDateTime }),
  ),
  { effectivePeriod: { start: '2024-02-28T23:59:59.999999-14:00' } },
  { effectivePeriod: { end: '0001-01-01' } },
];

describe('many resources created at once', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const resource = (at: number): Json => ({
    resourceType: 'Observation',
    identifier: [{ system: 'urn:o', value: `value-${at % 3}` }],
    status: 'final',
    code: {
      coding: [
        { system: 'http://loinc.org', code: '8867-4', display: 'Ünïcode 😀 \\ "quoted"\tx' },
      ],
      text: at % 2 ? 'line\nbreak' : 'plain',
    },
    subject: { reference: `Patient/p-${at % 5}` },
    ...DATES[at % DATES.length],
    valueQuantity: { value: at % 7, unit: 'kg', system: 'http://unitsofmeasure.org', code: 'kg' },
    component: [
      {
        code: { coding: [{ system: 'urn:c', code: 'a' }] },
        valueQuantity: { value: 1.5, unit: 'mm' },
      },
    ],
  });

  async function send(count: number): Promise<string[]> {
    const entry = Array.from({ length: count }, (_, at) => ({
      resource: resource(at),
      request: { method: 'POST', url: 'Observation' },
    }));
    const body = { resourceType: 'Bundle', type: 'transaction', entry };
    const answer = await house.fetch('', { body });
    expect(answer.status, answer.text).to.equal(200);
    return answer.json.entry.map(
      (each: Json) => /Observation\/([^/]+)/.exec(each.response.location)?.[1],
    );
  }

  /** Everything that the tables hold of a resource, but its ids. */
  async function held(id: string): Promise<Json> {
    const { rows } = await house.database.pool.query(
      `select (select jsonb_agg(to_jsonb(t) - 'rid' - 'bucket' order by to_jsonb(t) - 'rid' - 'bucket')
               from (${['tok', 'str', 'ref', 'dat', 'num', 'pair']
                 .map(
                   (table) => `select '${table}' as place, to_jsonb(x) - 'rid' - 'bucket' as row
                    from ${table} x where x.rid = r.rid`,
                 )
                 .join(' union all ')}) t) as index,
         r.tk, r.ver, r.type, r.deleted, r.content::jsonb - 'id' - 'meta' as content,
         r.rid & 63 = r.bucket as placed
       from resource r where r.id = $1`,
      [id],
    );
    return rows[0];
  }

  it('stand with the rows that each alone would have', async () => {
    const many = await send(COUNT);
    const few = await send(8);
    for (const [at, id] of few.entries()) {
      const alone = await held(id);
      expect(alone.index.length, 'rows').to.be.greaterThan(10);
      expect(await held(many[at]!)).to.deep.equal(alone);
    }
    const { json } = await house.fetch(`Observation/${many[0]}`);
    expect(json.code.coding[0].display).to.equal('Ünïcode 😀 \\ "quoted"\tx');
  });

  it('are found, each once, and stand in the trail', async () => {
    const found = await house.fetch('Observation?identifier=urn:o|value-0&_summary=count');
    expect(found.json.total).to.equal(COUNT / 3 + 3);
    const { rows } = await house.database.pool.query(
      `select count(*)::int as n from audit_event where type = 'Observation' and action = 'C'`,
    );
    expect(rows[0].n).to.equal(COUNT + 8);
  });

  it('follow a resource through its changes, as if each version had been the first', async () => {
    const given = (...names: string[]) => [{ family: "O'Neill-Díaz", given: names }];
    const home = { line: ['Plot 7', 'Gate 2'], city: 'Gode', district: 'East', country: 'ET' };
    const versions: object[] = [
      { name: given('Abdi', 'IBRAHIM'), address: [home] },
      { name: given('Abdi', 'IBRAHIM', 'Ali'), address: [{ ...home, city: 'Kebri-Dehar' }] },
      { name: [{ family: 'Abdi', given: ['Abdi'] }], gender: 'female' },
      { name: given('IBRAHIM'), address: [home, { ...home, state: 'x'.repeat(300) }] },
      { name: [], address: [], telecom: [{ system: 'phone', value: '1' }] },
      { name: given('Abdi'), address: [home], birthDate: '2001-02' },
    ].map((each) => ({
      resourceType: 'Patient',
      ...Object.fromEntries(Object.entries(each).filter(([, value]) => value.length !== 0)),
    }));
    const { id } = (await house.fetch('Patient', { body: versions[0] })).json;
    for (const version of [...versions.slice(1), versions[0]!]) {
      const changed = await house.fetch(`Patient/${id}`, {
        method: 'PUT',
        body: { ...version, id },
      });
      expect(changed.status, changed.text).to.equal(200);
      const first = await house.fetch('Patient', { body: version });
      const expected = await held(first.json.id);
      expect(await held(id)).to.deep.equal({ ...expected, ver: (await held(id)).ver });
    }
    await house.fetch(`Patient/${id}`, { method: 'DELETE' });
    expect((await held(id)).index).to.equal(null);
  });

  it('change rows of every kind at once, alone and two in a Bundle', async () => {
    const kind = (n: number): Json => ({
      ...resource(n),
      identifier: [n, n + 1].map((each) => ({ system: 'urn:o', value: `kind-${each}` })),
      encounter: n % 2 ? { reference: `Encounter/e-${n}` } : undefined,
      performer: [{ reference: `Organization/o-${n}` }, { reference: 'Organization/o-same' }],
      issued: `2024-03-0${1 + n}T00:00:00Z`,
      valueQuantity: undefined,
      valueString: `Text ${n}`,
      component: Array.from({ length: 1 + (n % 3) }, (_, at) => ({
        code: { coding: [{ system: 'urn:c', code: `c${at}` }] },
        valueQuantity: { value: n + at, unit: 'mm' },
      })),
    });
    const ids = await send(2);
    const put = (id: string, body: Json) => ({
      resource: { ...body, id },
      request: { method: 'PUT', url: `Observation/${id}` },
    });
    for (const n of [1, 4, 0, 5, 2, 3]) {
      const first = await held((await house.fetch('Observation', { body: kind(n) })).json.id);
      const tables = new Set(first.index.map((each: Json) => each.place));
      expect([...tables].sort()).to.deep.equal(['dat', 'num', 'pair', 'ref', 'str', 'tok']);
      const [alone, beside] = ids.map((id) => put(id, kind(n)));
      const entry = n % 2 ? [alone] : [alone, beside];
      const body = { resourceType: 'Bundle', type: 'transaction', entry };
      const changed = await house.fetch('', { body });
      expect(changed.status, changed.text).to.equal(200);
      for (const id of ids.slice(0, entry.length)) {
        const now = await held(id);
        expect(now).to.deep.equal({ ...first, ver: now.ver });
      }
    }
  });

  it('refuses a resource with more values than are indexed of one, and says which', async () => {
    const identifier = Array.from({ length: 50_001 }, (_, at) => ({ value: `n-${at}` }));
    const patient = { resourceType: 'Patient', identifier };
    const one = await house.fetch('Patient', { body: patient });
    expect(one.status, one.text.slice(0, 500)).to.equal(413);
    expect(one.json.issue[0].details.coding[0].code).to.equal('too-many-index-rows');
    const entry = [{ resource: patient, request: { method: 'POST', url: 'Patient' } }];
    const body = { resourceType: 'Bundle', type: 'transaction', entry };
    const within = await house.fetch('', { body });
    expect(within.status).to.equal(413);
    expect(within.json.issue[0].expression).to.deep.equal(['Bundle.entry[0]']);
    identifier.pop();
    expect((await house.fetch('Patient/$validate', { body: patient })).status).to.equal(200);
  });
});
