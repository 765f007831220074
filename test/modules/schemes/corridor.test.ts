/**
 * From a registry's Bundle to entitlements over HTTP: areas, providers, households and a scheme are
 * sent as a registry would, households are enrolled by criteria, and the answers name the faults.
 */

import type { Bundle, BundleEntry, Parameters, Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { indicators } from '../../../modules/indicators/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { schemes } from '../../../modules/schemes/index.ts';
import { structureDefinition } from '../../../src/sdk/index.ts';
import { startTestHouse, type TestHouse } from '../../support/server.ts';
import {
  area,
  base,
  criterion,
  household,
  inArea,
  patient,
  payPoint,
  provider,
  scheme,
  supplement,
} from '../support/people.ts';

function put(resource: Resource): BundleEntry {
  return { resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } };
}

function transaction(...resources: Resource[]): Bundle {
  return { resourceType: 'Bundle', type: 'transaction', entry: resources.map(put) };
}

describe('a registry and a scheme over HTTP', () => {
  let house: TestHouse;

  before(async () => {
    house = await startTestHouse({
      modules: [indicators, households, payPoints, providers, schemes],
    });
  });
  after(() => house?.stop());

  const send = (bundle: Bundle) => house.fetch('', { method: 'POST', body: bundle });

  it('registers areas, providers, pay points and households whole, in any order', async () => {
    const answer = await send(
      transaction(
        household('h-1', ['head:p-1', 'p-2'], { extension: [inArea('village')] }),
        payPoint('point', 'village', 'agent', 1),
        patient('p-1', { birthDate: '1950-01-01' }),
        area('village', {}, 'district'),
        patient('p-2', { birthDate: '2022-01-01' }),
        provider('agent'),
        area('district'),
        household('h-2', ['head:p-3'], { extension: [inArea('village')] }),
        patient('p-3'),
      ),
    );
    expect(answer.status, answer.text).to.equal(200);
    await house.settle();
    const { rows } = await house.database.pool.query(
      `select h.fhir_id, h.members_count, a.fhir_id as area, l.basis
       from household h join area a using (area_id)
       left join pay_point_link l using (household_id) order by 1`,
    );
    expect(rows).to.eql([
      { fhir_id: 'h-1', members_count: 2, area: 'village', basis: 'same-area' },
      { fhir_id: 'h-2', members_count: 1, area: 'village', basis: null },
    ]);
  });

  it('names the entry and the element that is wrong, and changes nothing', async () => {
    const answer = await send(
      transaction(
        patient('p-4'),
        patient('p-5'),
        household('h-4', ['head:p-4']),
        household('h-5', ['head:p-5', 'p-1']),
      ),
    );
    expect(answer.status).to.equal(409);
    expect(answer.json.issue[0].expression).to.eql(['Bundle.entry[3].resource.member']);
    expect(answer.json.issue[0].diagnostics).to.include('Group/h-1');
    expect((await house.fetch('Patient/p-4')).status).to.equal(404);
  });

  it('keeps one member for one identifier under conditional creates at once', async () => {
    const identifier = [{ system: 'https://registry.example/nid', value: '77' }];
    const person = { ...patient('x', { identifier }), id: undefined } as unknown as Resource;
    const entry: BundleEntry = {
      fullUrl: 'urn:uuid:0b5a5c0e-5b0b-4d7b-8f5e-0a1b2c3d4e5f',
      resource: person,
      request: {
        method: 'POST',
        url: 'Patient',
        ifNoneExist: 'identifier=https://registry.example/nid|77',
      },
    };
    const answers = await Promise.all(
      Array.from({ length: 12 }, () =>
        send({ resourceType: 'Bundle', type: 'transaction', entry: [entry] }),
      ),
    );
    expect(answers.map((answer) => answer.status)).to.eql(Array(12).fill(200));
    const { rows } = await house.database.pool.query(
      `select count(*)::int as count from member_identifier where value = '77'`,
    );
    expect(rows[0].count).to.equal(1);
    const unconditional = await house.fetch('Patient', { method: 'POST', body: person });
    expect(unconditional.status).to.equal(409);
    expect(unconditional.json.issue[0].details.coding[0].code).to.equal('identifier-taken');
  });

  it('refuses a scheme without rules, and enrols by criteria of one with rules', async () => {
    const bare = { ...scheme('s-1', []), extension: undefined } as unknown as Resource;
    const refused = await house.fetch('InsurancePlan/s-1', { method: 'PUT', body: bare });
    expect(refused.status).to.equal(422);
    const rules = [
      { url: 'frequency', valueCode: 'monthly' },
      criterion('members.exists(age >= 60)', 'older-person'),
      base(2000),
      supplement('child', 'age < 5', 250),
    ];
    const saved = await house.fetch('InsurancePlan/s-1', {
      method: 'PUT',
      body: scheme('s-1', rules),
    });
    expect(saved.status, saved.text).to.equal(201);
    const enrol = (preview: boolean) =>
      house.fetch('InsurancePlan/s-1/$enrol', {
        method: 'POST',
        body: {
          resourceType: 'Parameters',
          parameter: [{ name: 'preview', valueBoolean: preview }],
        },
      });
    const preview = await enrol(true);
    expect(preview.status, preview.text).to.equal(200);
    const answer = (await enrol(false)).json as Parameters;
    const value = (name: string) =>
      answer.parameter?.find((each) => each.name === name)?.valueInteger;
    expect([value('enrolled'), value('ineligible')]).to.eql([1, 1]);
    const found = await house.fetch('Coverage?beneficiary=Patient/p-1&status=active');
    expect(found.json.total ?? found.json.entry.length).to.equal(1);
    const coverage = found.json.entry[0].resource;
    expect(coverage.meta.profile).to.eql([structureDefinition('enrolment')]);
    const suspended = await house.fetch(`Coverage/${coverage.id}/$suspend`, {
      method: 'POST',
      body: {
        resourceType: 'Parameters',
        parameter: [{ name: 'reason', valueCode: 'recertification' }],
      },
    });
    expect(suspended.status, suspended.text).to.equal(200);
    expect(suspended.json.status).to.equal('cancelled');
  });
});
