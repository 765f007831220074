/** Tables of several views as files, of one snapshot. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const view = (resource: string, name: string, path: string): object => ({
  resourceType: 'ViewDefinition',
  name,
  resource,
  select: [
    {
      column: [
        { name: 'id', path: 'getResourceKey()' },
        { name: 'value', path },
      ],
    },
  ],
});

describe('$viewdefinition-export', () => {
  let house: TestHouse;
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));
  before(async () => {
    house = await startTestHouse({ environment: { DATA_DIR: folder } });
    for (const id of ['a', 'b']) {
      await house.fetch(`Patient/${id}`, {
        method: 'PUT',
        body: { resourceType: 'Patient', id, gender: 'female' },
      });
    }
    const office = { resourceType: 'Organization', id: 'o', name: 'Office, main' };
    await house.fetch('Organization/o', { method: 'PUT', body: office });
  });
  after(async () => {
    await house?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (views: readonly object[], ...more: object[]) =>
    house.fetch('$viewdefinition-export', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          ...views.map((resource) => ({
            name: 'view',
            part: [{ name: 'viewResource', resource }],
          })),
          ...more,
        ],
      },
    });

  it('gives a file for each view', async () => {
    const start = await ask(
      [view('Patient', 'people', 'gender'), view('Organization', 'offices', 'name')],
      { name: '_format', valueCode: 'csv' },
    );
    expect(start.status, start.text).to.equal(202);
    await house.settle();
    const { json, text } = await house.fetch(start.headers.get('content-location')!);
    expect(
      json?.output.map((each: Json) => [each.type, each.count]),
      text,
    ).to.deep.equal([
      ['people', 2],
      ['offices', 1],
    ]);
    const offices = await house.fetch(json.output[1].url);
    expect(offices.headers.get('content-type')).to.match(/^text\/csv/);
    expect(offices.text).to.equal('id,value\no,"Office, main"\n');
  });

  it('refuses a wrong view, and two of one name, before anything is begun', async () => {
    const wrong = await ask([view('Patient', 'people', 'name.where(')]);
    expect(wrong.status).to.equal(400);
    const twice = await ask([view('Patient', 'x', 'id'), view('Patient', 'x', 'gender')]);
    expect(twice.status).to.equal(400);
    expect((await ask([])).status).to.equal(422);
  });

  it('tells what a view met in the data, when it runs', async () => {
    await house.fetch('Patient/a', {
      method: 'PUT',
      body: { resourceType: 'Patient', id: 'a', name: [{ family: 'A' }, { family: 'B' }] },
    });
    const start = await ask([view('Patient', 'people', 'name.family')]);
    await house.settle();
    const answer = await house.fetch(start.headers.get('content-location')!);
    expect(answer.status, answer.text).to.equal(422);
    expect(answer.json.issue[0].details.coding[0].code).to.equal('view-value');
  });
});
