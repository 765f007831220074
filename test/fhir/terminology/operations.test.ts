/** Terminology over HTTP: HL7's definitions, ours and those that callers store. */

import type { ParametersParameter, ValueSetExpansionContains } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, startTestHouse, type TestHouse } from '../../support/server.ts';

const CROPS = 'https://registry.example/CodeSystem/crops';
const SOWN = 'https://registry.example/ValueSet/sown';

const crops = {
  resourceType: 'CodeSystem',
  id: 'crops',
  url: CROPS,
  version: '1',
  name: 'Crops',
  status: 'active',
  content: 'complete',
  caseSensitive: true,
  property: [{ code: 'season', type: 'code' }],
  concept: [
    {
      code: 'grain',
      display: 'Grain',
      concept: [
        {
          code: 'maize',
          display: 'Maize',
          definition: 'Zea mays.',
          designation: [{ language: 'sw', value: 'Mahindi' }],
          property: [{ code: 'season', valueCode: 'long-rains' }],
        },
        { code: 'sorghum', display: 'Sorghum' },
      ],
    },
    { code: 'cassava', display: 'Cassava' },
  ],
};

const sown = {
  resourceType: 'ValueSet',
  id: 'sown',
  url: SOWN,
  status: 'active',
  compose: {
    include: [
      { system: CROPS, filter: [{ property: 'concept', op: 'descendent-of', value: 'grain' }] },
    ],
  },
};

describe('the terminology operations', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    for (const body of [crops, sown]) {
      const path = `${body.resourceType}/${body.id}`;
      const { status, text } = await house.fetch(path, { method: 'PUT', body });
      expect(status, text).to.equal(201);
    }
  });
  after(() => house?.stop());

  const codes = ({ json, text }: Answer): string[] => {
    expect(json?.resourceType, text).to.equal('ValueSet');
    return (json.expansion.contains ?? []).map((each: ValueSetExpansionContains) => each.code);
  };
  const values = ({ json, text, status }: Answer): Record<string, unknown> => {
    expect(status, text).to.equal(200);
    return Object.fromEntries(
      json.parameter.map((each: ParametersParameter) => [
        each.name,
        Object.entries(each).find(([key]) => key.startsWith('value'))?.[1],
      ]),
    );
  };
  const ask = async (path: string) => values(await house.fetch(path));

  it('expand what HL7 publishes, what we publish and what is stored', async () => {
    const gender = 'http://hl7.org/fhir/ValueSet/administrative-gender';
    expect(codes(await house.fetch(`ValueSet/$expand?url=${gender}`))).to.have.members([
      'male',
      'female',
      'other',
      'unknown',
    ]);
    const own = house.app.fhir.definitions.codeSystem(
      'https://amana.example/fhir/CodeSystem/hold-code',
    )!;
    const body = {
      resourceType: 'ValueSet',
      status: 'active',
      compose: {
        include: [{ system: 'https://amana.example/fhir/CodeSystem/hold-code' }],
      },
    };
    const sent = await house.fetch('ValueSet/$expand', { body });
    expect(codes(sent)).to.have.members([...own.keys()]);
    expect(codes(await house.fetch(`ValueSet/$expand?url=${SOWN}`))).to.deep.equal([
      'maize',
      'sorghum',
    ]);
    expect(codes(await house.fetch('ValueSet/sown/$expand?filter=MAI'))).to.deep.equal(['maize']);
  });

  it('page an expansion and tell the total', async () => {
    const countries = 'http://hl7.org/fhir/ValueSet/resource-types';
    const all = codes(await house.fetch(`ValueSet/$expand?url=${countries}`));
    const answer = await house.fetch(`ValueSet/$expand?url=${countries}&offset=10&count=5`);
    expect(codes(answer)).to.deep.equal(all.slice(10, 15));
    expect(answer.json.expansion.total).to.equal(all.length);
    const none = await house.fetch(`ValueSet/$expand?url=${countries}&count=0`);
    expect(none.json.expansion).to.include({ total: all.length }).and.not.have.property('contains');
  });

  it('refuse what we do not carry, and half an expansion', async () => {
    const unknown = await house.fetch('ValueSet/$expand?url=urn:none');
    expect(unknown.status).to.equal(404);
    expect(unknown.json.issue[0].details.coding[0].code).to.equal('terminology-unknown');
    const loinc = await house.fetch(
      'ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/observation-codes',
    );
    expect(loinc.status).to.equal(400);
    expect(loinc.json.issue[0].details.coding[0].code).to.equal('terminology-not-whole');
    expect((await house.fetch('ValueSet/$expand')).status).to.equal(422);
    const token = await house.tokenFor();
    expect((await house.fetch(`ValueSet/$expand?url=${SOWN}`, { token })).status).to.equal(403);
  });

  it('validate a code of a value set, by each way to name it', async () => {
    const asked = await ask(`ValueSet/$validate-code?url=${SOWN}&system=${CROPS}&code=maize`);
    expect(asked).to.deep.equal({ result: true, display: 'Maize', code: 'maize', system: CROPS });
    const out = await ask(`ValueSet/sown/$validate-code?system=${CROPS}&code=cassava`);
    expect(out.result).to.equal(false);
    const body = {
      resourceType: 'Parameters',
      parameter: [
        { name: 'url', valueUri: SOWN },
        {
          name: 'codeableConcept',
          valueCodeableConcept: {
            coding: [
              { system: 'urn:other', code: 'maize' },
              { system: CROPS, code: 'sorghum', display: 'sorghum' },
            ],
          },
        },
      ],
    };
    const several = values(await house.fetch('ValueSet/$validate-code', { body }));
    expect(several).to.include({ result: true, code: 'sorghum' });
    const named = await ask(
      `ValueSet/$validate-code?url=${SOWN}&system=${CROPS}&code=maize&display=Wheat`,
    );
    expect(named).to.include({ result: false, display: 'Maize' });
    const spoken = await ask(
      `ValueSet/$validate-code?url=${SOWN}&system=${CROPS}&code=maize&display=mahindi`,
    );
    expect(spoken.result).to.equal(true);
  });

  it('validate a code of a code system, lists and grammars', async () => {
    const path = 'CodeSystem/$validate-code?url=';
    expect((await ask(`${path}${CROPS}&code=grain`)).display).to.equal('Grain');
    expect((await ask(`${path}${CROPS}&code=Grain`)).result).to.equal(false);
    expect((await ask(`CodeSystem/crops/$validate-code?code=maize`)).result).to.equal(true);
    expect((await ask(`${path}urn:ietf:bcp:47&code=sw-KE`)).result).to.equal(true);
    expect((await ask(`${path}urn:ietf:bcp:47&code=s!`)).result).to.equal(false);
    const unknown = await house.fetch(`${path}http://snomed.info/sct&code=22298006`);
    expect(unknown.status, unknown.text).to.equal(400);
    expect(unknown.json.issue[0].diagnostics).to.match(/snomed/);
    expect((await house.fetch(`${path}urn:none&code=1`)).status).to.equal(404);
  });

  it('tell what a code means and what it includes', async () => {
    const answer = await house.fetch(`CodeSystem/$lookup?system=${CROPS}&code=maize`);
    expect(values(answer)).to.include({ name: 'Crops', display: 'Maize', definition: 'Zea mays.' });
    const properties = answer.json.parameter
      .filter((each: ParametersParameter) => each.name === 'property')
      .map((each: ParametersParameter) => each.part!.map((part) => part.valueCode));
    expect(properties).to.deep.equal([
      ['season', 'long-rains'],
      ['parent', 'grain'],
    ]);
    const swahili = await ask(`CodeSystem/$lookup?system=${CROPS}&code=maize&displayLanguage=sw`);
    expect(swahili.display).to.equal('Mahindi');
    const none = await house.fetch(`CodeSystem/$lookup?system=${CROPS}&code=rice`);
    expect(none.status).to.equal(404);
    const subsumes = async (a: string, b: string) =>
      (await ask(`CodeSystem/$subsumes?system=${CROPS}&codeA=${a}&codeB=${b}`)).outcome;
    expect(await subsumes('grain', 'maize')).to.equal('subsumes');
    expect(await subsumes('maize', 'grain')).to.equal('subsumed-by');
    expect(await subsumes('maize', 'sorghum')).to.equal('not-subsumed');
    expect(await subsumes('maize', 'maize')).to.equal('equivalent');
    expect(
      await ask(
        'CodeSystem/$subsumes?system=http://terminology.hl7.org/CodeSystem/v3-RoleCode' +
          '&codeA=FAMMEMB&codeB=MTH',
      ),
    ).to.deep.equal({ outcome: 'subsumes' });
  });

  it('follow a change at once', async () => {
    const more = structuredClone(crops);
    more.concept[0]!.concept!.push({ code: 'millet', display: 'Millet' });
    const changed = await house.fetch('CodeSystem/crops', { method: 'PUT', body: more });
    expect(changed.status, changed.text).to.equal(200);
    expect(codes(await house.fetch(`ValueSet/$expand?url=${SOWN}`))).to.include('millet');
    await house.fetch('CodeSystem/crops', { method: 'DELETE' });
    const gone = await house.fetch(`CodeSystem/$lookup?system=${CROPS}&code=maize`);
    expect(gone.status).to.equal(404);
  });
});
