/**
 * Search parameters of our own: announced, indexed beside writers, searchable when complete, and
 * gone without a trace when retired.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { ParameterRegistry } from '../../../src/fhir/parameters/registry.ts';
import type { Module } from '../../../src/sdk/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const shoe = (more: Json = {}): Json => ({
  resourceType: 'SearchParameter',
  id: 'shoe',
  url: 'https://registry.example/SearchParameter/shoe',
  name: 'shoe',
  status: 'active',
  description: 'Size of the shoes',
  code: 'shoe',
  base: ['Patient'],
  type: 'quantity',
  expression: "Patient.extension('urn:shoe').value.ofType(Quantity)",
  ...more,
});
const clan = shoe({
  id: 'clan',
  url: 'https://registry.example/SearchParameter/clan',
  name: 'clan',
  code: 'clan',
  type: 'token',
  expression: "Patient.extension('urn:clan').value.ofType(Identifier)",
});
const person = (id: string, size: number): Json => ({
  resourceType: 'Patient',
  id,
  extension: [
    { url: 'urn:shoe', valueQuantity: { value: size } },
    { url: 'urn:clan', valueIdentifier: { system: 'urn:c', value: `clan-${size}` } },
  ],
});

const BRINGS: Module = {
  name: 'flagged',
  title: 'Brings a search parameter',
  definitions: [
    shoe({
      id: 'flag-word',
      url: 'https://registry.example/SearchParameter/word',
      name: 'word',
      code: 'word',
      base: ['Flag'],
      type: 'string',
      expression: 'Flag.code.text',
    }),
  ] as never,
};

describe('a search parameter of our own', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({ modules: [BRINGS] });
    for (let size = 30; size < 36; size += 1) await put(person(`p${size}`, size));
  });
  after(() => house?.stop());

  const put = async (body: Json) => {
    const answer = await house.fetch(`${body.resourceType}/${body.id}`, { method: 'PUT', body });
    expect(answer.status, answer.text).to.be.oneOf([200, 201]);
    return answer;
  };
  const find = async (query: string): Promise<string> => {
    const { status, json, text } = await house.fetch(query);
    expect(status, text).to.equal(200);
    return (json.entry ?? [])
      .map((each: Json) => each.resource.id)
      .sort()
      .join();
  };
  const rowsOf = async (): Promise<number[]> => {
    const { rows } = await house.database.pool.query(
      `select (select count(*)::int from num) as num, (select count(*)::int from tok) as tok,
         (select sum(cardinality(tk))::int from resource where type = 103) as tk`,
    );
    return Object.values(rows[0]);
  };
  const settled = async () => {
    await house.settle();
    await new Promise((resolve) => setTimeout(resolve, 1100));
  };

  it('is refused while it is being indexed, then finds old and new, then leaves no row', async function () {
    this.timeout(30_000);
    expect((await house.fetch('Patient?shoe=31')).status).to.equal(400);
    const before = await rowsOf();
    await put(shoe());
    await put(clan);
    const early = await house.fetch('Patient?shoe=31');
    expect(early.status).to.equal(400);
    expect(early.json.issue[0].diagnostics).to.include('being indexed');
    await put(person('p40', 40));
    const waiting = await house.fetch('SearchParameter/shoe/$status');
    expect(JSON.stringify(waiting.json)).to.include('"valueCode":"waiting"');
    await settled();
    const done = await house.fetch('SearchParameter/shoe/$status');
    expect(JSON.stringify(done.json))
      .to.include('"valueCode":"active"')
      .and.include('"valueInteger":7');
    expect(await find('Patient?shoe=31')).to.equal('p31');
    expect(await find('Patient?shoe=ge35&_sort=-shoe')).to.equal('p35,p40');
    expect(await find('Patient?clan=urn:c|clan-33')).to.equal('p33');
    await put(person('p31', 50));
    expect(await find('Patient?shoe=31')).to.equal('');
    expect(await find('Patient?shoe=50')).to.equal('p31');
    const metadata = await house.fetch('metadata');
    const names = metadata.json.rest[0].resource
      .find((each: Json) => each.type === 'Patient')
      .searchParam.map((each: Json) => each.name);
    expect(names).to.include('shoe');

    await house.fetch('Patient/p40', { method: 'DELETE' });
    await put(shoe({ status: 'retired' }));
    await house.fetch('SearchParameter/clan', { method: 'DELETE' });
    expect((await house.fetch('Patient?shoe=50')).status).to.equal(400);
    await settled();
    const [num, tok, tk] = await rowsOf();
    const [numBefore, tokBefore, tkBefore] = before;
    expect([num, tk]).to.deep.equal([numBefore, tkBefore]);
    // The SearchParameters themselves have urls.
    expect(tok! - tokBefore!).to.be.lessThan(12);
    expect((await house.fetch('SearchParameter/shoe/$status')).status).to.equal(404);
  });

  it('is learnt by every process, and right whoever writes while it is indexed', async function () {
    this.timeout(30_000);
    const other = new ParameterRegistry(createDefinitions(), house.database.readPool);
    await other.refresh();
    expect(other.definitions.searchParameter('Patient', 'foot')).to.equal(undefined);
    await put(shoe({ id: 'foot', url: 'urn:foot', code: 'foot' }));
    await other.refresh(true);
    expect(other.definitions.searchParameter('Patient', 'foot')?.pending).to.equal(true);
    let indexing = true;
    const writes = async (): Promise<number> => {
      let size = 100;
      for (; indexing; size += 1) await put(person('p32', size));
      return size - 1;
    };
    const indexed = house.settle().finally(() => {
      indexing = false;
    });
    const [last] = await Promise.all([writes(), indexed]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(last).to.be.greaterThan(105);
    expect(await find(`Patient?foot=${last}`)).to.equal('p32');
    expect(await find(`Patient?foot=ge99&foot=lt${last}`)).to.equal('');
    const { rows } = await house.database.pool.query(
      `select count(*)::int as n from num where param = $1
       and rid = (select rid from resource where type = 103 and content like '%"id":"p32"%')`,
      [other.definitions.searchParameter('Patient', 'foot')!.key],
    );
    expect(rows[0].n, 'each row once').to.equal(1);
  });

  it('may come with a module, and is searchable at once where nothing is stored yet', async () => {
    await put({
      resourceType: 'Flag',
      id: 'f',
      status: 'active',
      code: { text: 'Urgent visit' },
      subject: { reference: 'Patient/p30' },
    });
    expect(await find('Flag?word=urgent')).to.equal('f');
  });

  const REFUSED: readonly [string, Json, string][] = [
    ['a code that the type has', shoe({ id: 'x', url: 'urn:x', code: 'gender' }), 'gender'],
    [
      'an expression that is none',
      shoe({ id: 'x', url: 'urn:x', expression: 'Patient.where(' }),
      'compile',
    ],
    [
      'an expression that reads nothing',
      shoe({ id: 'x', url: 'urn:x', expression: 'Patient.shoes' }),
      'reads nothing',
    ],
    ['no expression', shoe({ id: 'x', url: 'urn:x', expression: undefined }), 'expression'],
  ];
  for (const [what, body, says] of REFUSED) {
    it(`is refused with ${what}`, async () => {
      const { status, json } = await house.fetch('SearchParameter/x', { method: 'PUT', body });
      expect(status).to.equal(422);
      expect(JSON.stringify(json.issue)).to.include(says);
    });
  }

  it('cannot be changed in use, but stays when only its description changes', async () => {
    const hat = shoe({ id: 'hat', url: 'urn:hat', code: 'hat' });
    await put(hat);
    await put({ ...hat, description: 'Size of the hat' });
    const changed = await house.fetch('SearchParameter/hat', {
      method: 'PUT',
      body: { ...hat, type: 'token' },
    });
    expect(changed.status).to.equal(422);
    expect(changed.json.issue[0].diagnostics).to.include('create another');
  });
});
