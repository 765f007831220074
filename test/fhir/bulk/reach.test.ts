/** Tables, exports and imports go through the same door as searches: areas, scopes and masks hold. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createActor } from '../../../src/access/actors.ts';
import { area, household, inArea, patient } from '../../modules/support/people.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('bulk data and tables', () => {
  let house: TestHouse;
  let north: string;
  let count = 0;
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));

  before(async () => {
    house = await startTestHouse({ environment: { DATA_DIR: folder } });
    for (const each of ['north', 'south']) await put(area(each));
    for (const [place, name] of [
      ['north', 'n1'],
      ['north', 'n2'],
      ['south', 's1'],
    ] as const) {
      await put(patient(name));
      await put(household(`h-${name}`, [`head:${name}`], { extension: [inArea(place)] }));
      await put({
        resourceType: 'Observation',
        id: `o-${name}`,
        status: 'final',
        code: { text: 'height' },
        subject: { reference: `Patient/${name}` },
      });
    }
    north = await limited({ areas: ['north'] });
    await house.settle();
  });
  after(async () => {
    await house?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function put(resource: object): Promise<void> {
    const { resourceType, id } = resource as { resourceType: string; id: string };
    const answer = await house.fetch(`${resourceType}/${id}`, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.be.lessThan(300);
  }

  async function limited(limits: object | undefined, scope?: string): Promise<string> {
    count += 1;
    const [login, secret] = [`limited-${count}`, `secret-of-limited-${count}`];
    const id = await createActor(house.app.pool, house.clock, {
      kind: 'client',
      name: login,
      login,
      secret,
      roles: ['registrar', 'area-officer'],
    });
    if (limits) {
      const url = `${house.house.url}/access/actors/${id}/limits`;
      const answer = await house.fetch(url, { method: 'PUT', body: limits });
      expect(answer.status, answer.text).to.equal(204);
    }
    return getToken(house.house.url, login, secret, scope);
  }

  async function exported(token: string, path: string): Promise<string[]> {
    const start = await house.fetch(path, { token });
    expect(start.status, start.text).to.equal(202);
    await house.settle();
    const { json, status, text } = await house.fetch(start.headers.get('content-location')!, {
      token,
    });
    expect(status, text).to.equal(200);
    const found: string[] = [];
    for (const { url } of json.output as Json[]) {
      const file = await house.fetch(url, { token });
      found.push(
        ...file.text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).id),
      );
    }
    return found.sort();
  }

  it('export only what is in reach, whichever way it is asked for', async () => {
    const types = '_type=Patient,Group,Observation';
    const seen = ['h-n1', 'h-n2', 'n1', 'n2', 'o-n1', 'o-n2'];
    expect(await exported(north, `$export?${types}`)).to.deep.equal(seen);
    expect(await exported(north, `Patient/$export?${types}`)).to.deep.equal(seen);
    expect(await exported(north, `$export?_type=Patient&_elements=id`)).to.deep.equal(['n1', 'n2']);
    const other = await house.fetch('Group/h-s1/$export', { token: north });
    await house.settle();
    const state = await house.fetch(other.headers.get('content-location')!, { token: north });
    expect(state.status, state.text).to.equal(422);
  });

  it('run tables over what is in reach alone', async () => {
    const view = {
      resourceType: 'ViewDefinition',
      resource: 'Observation',
      select: [{ column: [{ name: 'id', path: 'id' }] }],
    };
    const { text, status } = await house.fetch('ViewDefinition/$run?_format=csv&header=false', {
      body: view,
      token: north,
    });
    expect(status, text).to.equal(200);
    expect(text.trim().split('\n').sort()).to.deep.equal(['o-n1', 'o-n2']);
  });

  it('keep to the scopes of the token', async () => {
    const token = await limited(undefined, 'system/Patient.rs');
    expect(await exported(token, '$export')).to.deep.equal(['n1', 'n2', 's1']);
    expect((await house.fetch('$export?_type=Group', { token })).status).to.equal(403);
  });

  it('import nothing beyond reach, and say of which line', async () => {
    const lines = [
      { ...patient('n1'), active: true },
      { ...patient('s1'), active: false },
    ];
    const start = await house.fetch('$import', {
      token: north,
      body: lines.map((each) => JSON.stringify(each)).join('\n'),
      headers: { 'content-type': 'application/fhir+ndjson' },
    });
    expect(start.status, start.text).to.equal(202);
    await house.settle();
    const place = start.headers.get('content-location')!;
    const { json, text } = await house.fetch(place, { token: north });
    expect(json, text).to.include({ imported: 1, refused: 1 });
    const file = await house.fetch(json.error[0].url, { token: north });
    expect(JSON.parse(file.text).id).to.equal('line-2');
    expect((await house.fetch('Patient/s1')).json.active).to.not.equal(false);
  });
});
