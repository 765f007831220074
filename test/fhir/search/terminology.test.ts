/** Searches by value sets and code systems that callers have stored. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const NEEDS = 'urn:needs';
const observed = (id: string, code: string): Json => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: NEEDS, code }] },
  subject: { reference: 'Patient/ana' },
});
const set = (id: string, include: Json): Json => ({
  resourceType: 'ValueSet',
  id,
  url: `urn:set:${id}`,
  status: 'active',
  compose: { include: [include] },
});

const RESOURCES: readonly Json[] = [
  { resourceType: 'Patient', id: 'ana' },
  {
    resourceType: 'CodeSystem',
    id: 'needs',
    url: NEEDS,
    status: 'active',
    content: 'complete',
    concept: [
      {
        code: 'health',
        concept: [{ code: 'sight' }, { code: 'limb', concept: [{ code: 'leg' }] }],
      },
      { code: 'income' },
    ],
  },
  set('some', { system: NEEDS, concept: [{ code: 'sight' }, { code: 'income' }] }),
  set('open', { system: 'urn:not-carried' }),
  set('both', { valueSet: ['urn:set:some'] }),
  observed('o-sight', 'sight'),
  observed('o-leg', 'leg'),
  observed('o-income', 'income'),
];

describe('search by stored terminology', () => {
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

  async function ids(path: string): Promise<string> {
    const { json, status } = await house.fetch(path);
    if (status !== 200) return `${status} ${json.issue[0].details.coding[0].code}`;
    return (json.entry ?? [])
      .map((each: Json) => each.resource.id)
      .sort()
      .join();
  }

  const FINDS: Readonly<Record<string, string>> = {
    'Observation?code:in=urn:set:some': 'o-income,o-sight',
    'Observation?code:in=ValueSet/some': 'o-income,o-sight',
    'Observation?code:in=urn:set:both': 'o-income,o-sight',
    'Observation?code:not-in=urn:set:some': 'o-leg',
    'Observation?code:below=urn:needs|health': 'o-leg,o-sight',
    'Observation?code:below=urn:needs|limb': 'o-leg',
    'Observation?code:above=urn:needs|leg': 'o-leg',
    'Observation?code:above=urn:needs|sight,urn:needs|income': 'o-income,o-sight',
    'Patient?_has:Observation:patient:code:in=urn:set:some': 'ana',
    'Observation?patient._id=ana&code:in=urn:set:some': 'o-income,o-sight',
    'Observation?code:in=urn:set:nobody': '400 search-terminology',
    'Observation?code:in=urn:set:open': '400 search-terminology',
    'Observation?code:in=ValueSet/nobody': '400 search-terminology',
    'Observation?code:below=urn:not-carried|x': '400 search-terminology',
  };
  for (const [query, expected] of Object.entries(FINDS)) {
    it(`finds ${expected} by ${query}`, async () => {
      expect(await ids(query)).to.equal(expected);
    });
  }

  it('takes a value set as it stands now', async () => {
    const body = set('some', { system: NEEDS, concept: [{ code: 'leg' }] });
    await house.fetch('ValueSet/some', { method: 'PUT', body });
    expect(await ids('Observation?code:in=urn:set:some')).to.equal('o-leg');
  });
});
