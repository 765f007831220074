/** Flat tables over HTTP: from stored resources, in every form, of views sent or kept. */

import { expect } from 'chai';
import { parquetReadObjects } from 'hyparquet';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const VIEW = {
  resourceType: 'ViewDefinition',
  name: 'people',
  status: 'active',
  resource: 'Patient',
  select: [
    {
      column: [
        { name: 'id', path: 'getResourceKey()', type: 'string' },
        { name: 'active', path: 'active', type: 'boolean' },
        { name: 'birth_date', path: 'birthDate', type: 'date' },
      ],
    },
    { forEachOrNull: 'name', column: [{ name: 'family', path: 'family', type: 'string' }] },
  ],
};

const people = [
  { id: 'kofi', active: true, birthDate: '1980-05', name: [{ family: 'Mensah, "K"' }] },
  { id: 'ama', active: false, name: [{ family: 'Boateng' }, { family: 'Owusu' }] },
  { id: 'esi', active: true },
];

describe('$viewdefinition-run', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    for (const each of people) {
      const body = { resourceType: 'Patient', ...each };
      const { status, text } = await house.fetch(`Patient/${each.id}`, { method: 'PUT', body });
      expect(status, text).to.equal(201);
    }
  });
  after(() => house?.stop());

  const parameters = (...parameter: object[]) => ({
    resourceType: 'Parameters',
    parameter: [{ name: 'viewResource', resource: VIEW }, ...parameter],
  });
  const rows = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('answers ndjson when nothing else is asked for, a row for each name', async () => {
    const answer = await house.fetch('$viewdefinition-run', { body: parameters() });
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.headers.get('content-type')).to.match(/ndjson/);
    expect(rows(answer.text)).to.have.deep.members([
      { id: 'kofi', active: true, birth_date: '1980-05', family: 'Mensah, "K"' },
      { id: 'ama', active: false, birth_date: null, family: 'Boateng' },
      { id: 'ama', active: false, birth_date: null, family: 'Owusu' },
      { id: 'esi', active: true, birth_date: null, family: null },
    ]);
  });

  it('answers JSON, CSV and Parquet with the same rows', async () => {
    const plain = rows((await house.fetch('$viewdefinition-run', { body: parameters() })).text);
    const json = await house.fetch('ViewDefinition/$run?_format=json', { body: VIEW });
    expect(json.json, json.text).to.deep.equal(plain);
    const csv = await house.fetch('ViewDefinition/$run?_format=csv', { body: VIEW });
    expect(csv.headers.get('content-type')).to.match(/^text\/csv/);
    expect(csv.text.split('\n')[0]).to.equal('id,active,birth_date,family');
    expect(csv.text).to.include('kofi,true,1980-05,"Mensah, ""K"""');
    const bare = await house.fetch('ViewDefinition/$run?_format=csv&header=false', { body: VIEW });
    expect(`id,active,birth_date,family\n${bare.text}`).to.equal(csv.text);
    const parquet = await fetch(`${house.base}/ViewDefinition/$run?_format=parquet`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${house.token}`,
        'content-type': 'application/fhir+json',
      },
      body: JSON.stringify(VIEW),
    });
    const file = await parquet.arrayBuffer();
    expect(await parquetReadObjects({ file })).to.deep.equal(plain);
  });

  it('answers in the form that Accept likes best', async () => {
    const type = async (accept: string): Promise<string | null> => {
      const answer = await house.fetch('ViewDefinition/$run', { body: VIEW, headers: { accept } });
      expect(answer.status, answer.text.slice(0, 200)).to.equal(200);
      return answer.headers.get('content-type');
    };
    expect(await type('text/csv')).to.match(/csv/);
    expect(await type('text/csv;q=0.5, application/json')).to.match(/^application\/json/);
    expect(await type('*/*')).to.match(/ndjson/);
  });

  it('runs a view that is kept in a Library', async () => {
    const body = {
      resourceType: 'Library',
      status: 'active',
      type: { coding: [{ code: 'logic-library' }] },
      content: [
        {
          contentType: 'application/json',
          data: Buffer.from(JSON.stringify(VIEW)).toString('base64'),
        },
      ],
    };
    const { json } = await house.fetch('Library', { body });
    const kept = await house.fetch(`Library/${json.id}/$viewdefinition-run`);
    expect(rows(kept.text)).to.have.length(4);
    const named = await house.fetch(
      `$viewdefinition-run?viewReference=Library/${json.id}&_limit=2`,
    );
    expect(rows(named.text)).to.have.length(2);
    const none = await house.fetch('$viewdefinition-run?viewReference=Library/none');
    expect(none.status).to.equal(404);
  });

  it('reads the resources that are sent instead of the stored ones', async () => {
    const resource = { resourceType: 'Patient', id: 'sent', active: true };
    const answer = await house.fetch('$viewdefinition-run', {
      body: parameters({ name: 'resource', resource }),
    });
    expect(rows(answer.text).map((each) => each.id)).to.deep.equal(['sent']);
  });

  it('reads one person, the members of a group, or what has changed since', async () => {
    await house.fetch('Group/kin', {
      method: 'PUT',
      body: {
        resourceType: 'Group',
        id: 'kin',
        type: 'person',
        actual: true,
        member: [
          { entity: { reference: 'Patient/kofi' } },
          { entity: { reference: 'Patient/esi' } },
        ],
      },
    });
    const ids = async (query: string): Promise<string[]> => {
      const answer = await house.fetch(`ViewDefinition/$run?${query}`, { body: VIEW });
      expect(answer.status, answer.text).to.equal(200);
      return answer.text === '' ? [] : rows(answer.text).map((each) => each.id);
    };
    expect(await ids('patient=Patient/esi')).to.deep.equal(['esi']);
    expect(await ids('group=Group/kin')).to.have.members(['kofi', 'esi']);
    expect(await ids('_since=2999-01-01T00:00:00Z')).to.deep.equal([]);
    expect(await ids('_since=2000-01-01T00:00:00Z')).to.have.length(4);
  });

  it('refuses a wrong view, naming the place, and whoever may not read the type', async () => {
    const select = [{ column: [{ name: 'x', path: 'name.where(' }] }];
    const wrong = await house.fetch('ViewDefinition/$run', { body: { ...VIEW, select } });
    expect(wrong.status).to.equal(400);
    expect(wrong.json.issue[0].expression).to.deep.equal([
      'ViewDefinition.select[0].column[0].path',
    ]);
    const many = [{ column: [{ name: 'x', path: 'name.family' }] }];
    const several = await house.fetch('ViewDefinition/$run', { body: { ...VIEW, select: many } });
    expect(several.status, several.text).to.equal(422);
    const bomb = [{ column: [{ name: 'x', path: "name.family.matches('(a+)+$')" }] }];
    const refused = await house.fetch('ViewDefinition/$run', { body: { ...VIEW, select: bomb } });
    expect(refused.status).to.equal(400);
    const token = await house.tokenFor();
    const stranger = await house.fetch('ViewDefinition/$run', { body: VIEW, token });
    expect(stranger.status).to.equal(403);
    expect((await house.fetch('ViewDefinition/x')).status).to.equal(404);
    expect((await house.fetch('ViewDefinition/$run?_format=xlsx', { body: VIEW })).status).to.equal(
      406,
    );
  });
});
