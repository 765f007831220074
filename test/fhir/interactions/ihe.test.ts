/** What IHE's PDQm, mCSD and PIXm ask of a server, asked of this one. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const NATIONAL = 'urn:oid:1.2.3';
const PROGRAMME = 'urn:oid:2.5.6';
const MAIDEN = 'http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName';

describe('the endpoints of IHE', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
    const put = async (path: string, body: object): Promise<void> => {
      const [resourceType, id] = path.split('/');
      const answer = await house.fetch(path, {
        method: 'PUT',
        body: { resourceType, id, ...body },
      });
      expect(answer.status, answer.text).to.equal(201);
    };
    await put('Patient/noor', {
      active: true,
      identifier: [
        { system: NATIONAL, value: '1' },
        { system: PROGRAMME, value: 'P|1' },
      ],
      name: [{ family: 'Dalia', given: ['Noor'] }],
      telecom: [{ system: 'phone', value: '+4711' }],
      gender: 'female',
      birthDate: '1990-05-01',
      address: [{ city: 'Kindu', state: 'North', postalCode: '77', country: 'CD', line: ['Road'] }],
      extension: [{ url: MAIDEN, valueString: 'Amsel' }],
    });
    await put('Patient/noor-2', {
      identifier: [{ system: PROGRAMME, value: 'P2' }],
      link: [{ other: { reference: 'Patient/noor' }, type: 'seealso' }],
    });
    await put('Endpoint/e', {
      status: 'active',
      connectionType: { code: 'hl7-fhir-rest' },
      payloadType: [{ text: 'any' }],
      address: 'http://x',
      identifier: [{ system: NATIONAL, value: 'e' }],
      managingOrganization: { reference: 'Organization/o' },
    });
    await put('Organization/o', {
      active: true,
      identifier: [{ system: NATIONAL, value: 'o' }],
      name: 'Clinic',
      type: [{ coding: [{ system: 'urn:t', code: 'facility' }] }],
      partOf: { reference: 'Organization/o' },
      endpoint: [{ reference: 'Endpoint/e' }],
    });
    await put('Location/l', {
      status: 'active',
      identifier: [{ system: NATIONAL, value: 'l' }],
      name: 'Clinic North',
      type: [{ coding: [{ system: 'urn:t', code: 'facility' }] }],
      managingOrganization: { reference: 'Organization/o' },
      partOf: { reference: 'Location/l' },
    });
    await put('HealthcareService/h', {
      active: true,
      identifier: [{ system: NATIONAL, value: 'h' }],
      name: 'Weighing',
      type: [{ coding: [{ system: 'urn:t', code: 'weighing' }] }],
      location: [{ reference: 'Location/l' }],
      providedBy: { reference: 'Organization/o' },
    });
    await put('OrganizationAffiliation/a', {
      organization: { reference: 'Organization/o' },
      participatingOrganization: { reference: 'Organization/o' },
    });
  });
  after(() => house?.stop());

  const names = ({ json }: Answer): string[] =>
    (json.entry ?? []).map((each: Json) => `${each.resource.resourceType}/${each.resource.id}`);

  /** Asks by GET and by POST; both must find the resource. */
  async function finds(type: string, id: string, queries: readonly string[]): Promise<void> {
    for (const query of queries) {
      const text = query.replaceAll('+', '%2B');
      const got = await house.fetch(`${type}?${text}`);
      expect(names(got), `${type}?${query} ${got.text.slice(0, 300)}`).to.include(`${type}/${id}`);
      const posted = await house.fetch(`${type}/_search`, {
        method: 'POST',
        body: text,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(names(posted), query).to.deep.equal(names(got));
    }
  }

  it('find persons by every parameter of PDQm', async () => {
    await finds('Patient', 'noor', [
      '_id=noor',
      'active=true',
      'family=dal',
      'family:exact=Dalia',
      'given=noor',
      `identifier=${NATIONAL}|1`,
      `identifier=${NATIONAL}|`,
      `identifier=${NATIONAL}|,${PROGRAMME}|`,
      'telecom=+4711',
      'birthdate=1990-05-01',
      'birthdate=ge1990&family=Dalia',
      'address=Road',
      'address-city=Kindu',
      'address-country=CD',
      'address-postalcode=77',
      'address-state=North',
      'gender=female',
      'family=Dalia&gender=female',
      'mothersMaidenName=amsel',
      'mothersMaidenName:exact=Amsel',
      'family=Dalia,Nobody',
      '_lastUpdated=gt2020-01-01',
    ]);
    const none = await house.fetch('Patient?family=Nobody');
    expect(none.json).to.include({ total: 0 });
    expect(none.json.entry).to.equal(undefined);
  });

  it('find places, offices, services and endpoints by every parameter of mCSD', async () => {
    const common = (id: string) => [
      `_id=${id}`,
      '_lastUpdated=ge2020',
      `identifier=${NATIONAL}|${id}`,
    ];
    await finds('Organization', 'o', [
      ...common('o'),
      'active=true',
      'name=clin',
      'name:contains=lini',
      'name:exact=Clinic',
      'type=urn:t|facility',
      'partof=Organization/o',
    ]);
    await finds('Location', 'l', [
      ...common('l'),
      'name:contains=north',
      'name:exact=Clinic North',
      'organization=Organization/o',
      'status=active',
      'type=facility',
      'partof=Location/l',
    ]);
    await finds('HealthcareService', 'h', [
      ...common('h'),
      'active=true',
      'name=weigh',
      'location=Location/l',
      'organization=Organization/o',
      'service-type=weighing',
    ]);
    await finds('Endpoint', 'e', [...common('e'), 'organization=Organization/o', 'status=active']);
    const around = await house.fetch(
      'Organization?_id=o&_include=Organization:endpoint&_revinclude=Location:organization' +
        '&_revinclude=OrganizationAffiliation:participating-organization' +
        '&_revinclude=OrganizationAffiliation:primary-organization',
    );
    expect(names(around)).to.have.members([
      'Organization/o',
      'Endpoint/e',
      'Location/l',
      'OrganizationAffiliation/a',
    ]);
    const above = await house.fetch('Location?_id=l&_include=Location:organization');
    expect(names(above)).to.have.members(['Location/l', 'Organization/o']);
    expect((await house.fetch('Location/_history?_since=2020-01-01')).json.type).to.equal(
      'history',
    );
  });

  describe('of PIXm', () => {
    const ask = (source: string, ...targets: string[]): Promise<Answer> => {
      const query = new URLSearchParams({ sourceIdentifier: source });
      for (const each of targets) query.append('targetSystem', each);
      return house.fetch(`Patient/$ihe-pix?${query}`);
    };
    const given = ({ json, text }: Answer): string[] => {
      expect(json.resourceType, text).to.equal('Parameters');
      return (json.parameter ?? []).map((each: Json) =>
        each.valueIdentifier
          ? `${each.valueIdentifier.system}|${each.valueIdentifier.value}`
          : each.valueReference.reference,
      );
    };

    it('give the other identifiers of a person, of linked Patients too', async () => {
      expect(given(await ask(`${NATIONAL}|1`))).to.have.members([
        `${PROGRAMME}|P|1`,
        `${PROGRAMME}|P2`,
        'Patient/noor',
        'Patient/noor-2',
      ]);
      expect(given(await ask(`${PROGRAMME}|P|1`, NATIONAL))).to.deep.equal([`${NATIONAL}|1`]);
      expect(given(await ask(`${PROGRAMME}|P2`, NATIONAL))).to.deep.equal([`${NATIONAL}|1`]);
      expect(given(await ask(`${house.base}|Patient/noor`, house.base))).to.deep.equal([
        'Patient/noor-2',
      ]);
      const posted = await house.fetch('Patient/$ihe-pix', {
        body: {
          resourceType: 'Parameters',
          parameter: [
            { name: 'sourceIdentifier', valueString: `${NATIONAL}|1` },
            { name: 'targetSystem', valueString: PROGRAMME },
          ],
        },
      });
      expect(given(posted)).to.have.members([`${PROGRAMME}|P|1`, `${PROGRAMME}|P2`]);
    });

    it('say what they do not know, as IHE asks', async () => {
      const refusals: [Answer, number, string][] = [
        [await ask(`${NATIONAL}|none`), 404, 'sourceIdentifier Patient Identifier not found'],
        [await ask('urn:none|1'), 400, 'sourceIdentifier Assigning Authority not found'],
        [await ask(`${NATIONAL}|1`, 'urn:none'), 403, 'targetSystem not found'],
        [await ask(NATIONAL), 400, 'system|value'],
        [await house.fetch('Patient/$ihe-pix'), 422, 'sourceIdentifier'],
      ];
      for (const [{ status, json }, wanted, says] of refusals) {
        expect(status, says).to.equal(wanted);
        expect(json.issue[0].diagnostics).to.include(says);
      }
    });

    it('are closed to whoever may not see identifiers', async () => {
      const url = `Patient/$ihe-pix?sourceIdentifier=${NATIONAL}|1`;
      const statistician = await house.tokenFor('statistician');
      expect((await house.fetch(url, { token: statistician })).status).to.equal(403);
      const token = await house.tokenFor('reporting-client');
      expect((await house.fetch(url, { token })).status).to.equal(403);
    });
  });
});
