/** Search within what belongs to one person, or to one household and its members. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const flag = (id: string, subject: string) => ({
  resourceType: 'Flag',
  id,
  status: 'active',
  code: { text: id },
  subject: { reference: subject },
});
const observation = (id: string, subject: string, code: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ code }] },
  subject: { reference: subject },
});

const RESOURCES: readonly Json[] = [
  { resourceType: 'Patient', id: 'asha' },
  { resourceType: 'Patient', id: 'musa' },
  { resourceType: 'Patient', id: 'zuri' },
  {
    resourceType: 'Group',
    id: 'home',
    type: 'person',
    actual: true,
    member: [{ entity: { reference: 'Patient/asha' } }, { entity: { reference: 'Patient/musa' } }],
  },
  flag('held', 'Patient/asha'),
  flag('house', 'Group/home'),
  flag('other', 'Patient/zuri'),
  observation('o1', 'Patient/asha', 'height'),
  observation('o2', 'Patient/asha', 'weight'),
  observation('o3', 'Patient/musa', 'height'),
  { resourceType: 'Location', id: 'place', status: 'active' },
];

const FINDS: readonly [string, string][] = [
  ['Patient/asha/Observation', 'o1,o2'],
  ['Patient/asha/Observation?code=height', 'o1'],
  ['Patient/asha/Flag', 'held'],
  ['Patient/asha/*', 'asha,held,home,o1,o2'],
  ['Patient/asha/*?_type=Flag,Observation', 'held,o1,o2'],
  ['Patient/musa/Flag', ''],
  ['Group/home/Observation?_sort=code', 'o1,o2,o3'],
  ['Group/home/Flag', 'held,house'],
  ['Group/home/Patient', 'asha,musa'],
  ['Group/home/*', 'asha,held,home,house,musa,o1,o2,o3'],
];

const idsOf = ({ json }: Answer): string[] =>
  (json.entry ?? []).map((each: Json) => each.resource.id);

describe('a compartment', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    for (const body of RESOURCES) {
      const path = `${body.resourceType}/${body.id}`;
      const answer = await house.fetch(path, { method: 'PUT', body });
      expect(answer.status, answer.text).to.equal(201);
    }
  });
  after(() => house?.stop());

  for (const [path, ids] of FINDS) {
    it(`gives ${ids || 'nothing'} by ${path}`, async () => {
      const answer = await house.fetch(path);
      expect(answer.status, answer.text).to.equal(200);
      expect(idsOf(answer).sort().join()).to.equal(ids);
    });
  }

  it('is paged whole by its links, and searched by POST', async () => {
    const seen: string[] = [];
    let url: string | undefined = 'Group/home/*?_count=3';
    while (url) {
      const page: Answer = await house.fetch(url);
      expect(page.status, page.text).to.equal(200);
      seen.push(...idsOf(page));
      url = page.json.link.find((each: Json) => each.relation === 'next')?.url;
      if (url) expect(url).to.include('Group/home/*');
    }
    expect(seen.sort().join()).to.equal('asha,held,home,house,musa,o1,o2,o3');
    const posted = await house.fetch('Patient/asha/Observation/_search', {
      method: 'POST',
      body: 'code=weight',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(idsOf(posted)).to.deep.equal(['o2']);
  });

  for (const path of ['Patient/nobody/*', 'Patient/asha/Location', 'Location/place/*']) {
    it(`is not there: ${path}`, async () => {
      expect((await house.fetch(path)).status).to.equal(404);
    });
  }
});
