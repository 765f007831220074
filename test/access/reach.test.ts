/**
 * Each caller sees only what is theirs: areas, schemes, scopes and masks, through every door of the
 * FHIR surface, with counts and pages that are right.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { MODULES } from '../../modules/index.ts';
import { createActor } from '../../src/access/actors.ts';
import { type ReachRule, reachRule } from '../../src/sdk/index.ts';
import {
  area,
  base,
  criterion,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../modules/support/people.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../support/server.ts';

const IDENTIFIER = 'https://amana.example/id/national';

describe('the reach of an actor', () => {
  let house: TestHouse;
  let north: string;
  let count = 0;

  before(async () => {
    house = await startTestHouse();
    await put(provider('mpesa'));
    await put(area('country'));
    await put(area('north', {}, 'country'));
    await put(area('north-1', {}, 'north'));
    await put(area('south', {}, 'country'));
    for (const [place, name] of [
      ['north-1', 'n1'],
      ['north-1', 'n2'],
      ['south', 's1'],
      ['south', 's2'],
      ['south', 's3'],
    ] as const) {
      await put(
        patient(name, {
          identifier: [{ system: IDENTIFIER, value: name }],
          telecom: [{ system: 'phone', value: '+254711000000' }],
        }),
      );
      await put(
        household(`h-${name}`, [`head:${name}`], {
          extension: [inArea(place), mobileAccount('mpesa', '+254711000001')],
        }),
      );
      await put({
        resourceType: 'Observation',
        id: `o-${name}`,
        status: 'final',
        code: { text: 'height' },
        subject: { reference: `Patient/${name}` },
      });
    }
    north = await limited(['area-officer', 'registrar'], { areas: ['north'] });
    await house.settle();
  });
  after(() => house?.stop());

  async function put(resource: object): Promise<void> {
    const { resourceType, id } = resource as { resourceType: string; id: string };
    const answer = await house.fetch(`${resourceType}/${id}`, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.be.lessThan(300);
  }

  async function limited(
    roles: string[],
    limits: object | undefined,
    scope?: string,
  ): Promise<string> {
    count += 1;
    const login = `limited-${count}`;
    const secret = `secret-of-limited-${count}`;
    const id = await createActor(house.app.pool, house.clock, {
      ...{ kind: 'client', name: login, login, secret, roles },
    } as Parameters<typeof createActor>[2]);
    if (limits) {
      const answer = await house.fetch(`${house.house.url}/access/actors/${id}/limits`, {
        method: 'PUT',
        body: limits,
      });
      expect(answer.status, answer.text).to.equal(204);
    }
    return getToken(house.house.url, login, secret, scope);
  }

  const ids = async (token: string, query: string): Promise<string[]> => {
    const answer = await house.fetch(query, { token });
    expect(answer.status, answer.text).to.equal(200);
    return (answer.json.entry ?? [])
      .filter((each: Json) => each.resource.resourceType !== 'OperationOutcome')
      .map((each: Json) => each.resource.id)
      .sort();
  };

  it('finds by the set of a rule all that its test lets through', async () => {
    const { rows } = await house.database.pool.query<{ rids: string }>(
      `select array_agg(rid)::text as rids from resource where type = $1`,
      [house.app.fhir.definitions.typeNumber('Location')],
    );
    const reach = `'${rows[0]!.rids}'::bigint[]`;
    const rules = MODULES.flatMap((each) => each.contributes ?? [])
      .filter((each) => each.point === reachRule)
      .map((each) => each.part as ReachRule)
      .filter((each) => each.set);
    expect(rules.map((each) => each.type)).to.include.members(['Patient', 'Group', 'Coverage']);
    for (const { type, test, set } of rules) {
      const found = await house.database.pool.query(
        `select r.rid in (${set!(reach)}) as found from resource r where r.type = $1
           and ${test('r', reach)}`,
        [house.app.fhir.definitions.typeNumber(type)],
      );
      if (type !== 'Coverage') expect(found.rowCount, type).to.equal(5);
      expect(
        found.rows.every((row) => row.found),
        type,
      ).to.equal(true);
    }
  });

  it('holds in searches, their totals and their pages, for areas below the area too', async () => {
    expect(await ids(north, 'Patient')).to.deep.equal(['n1', 'n2']);
    expect(await ids(north, 'Group')).to.deep.equal(['h-n1', 'h-n2']);
    expect(await ids(north, 'Observation')).to.deep.equal(['o-n1', 'o-n2']);
    const counted = await house.fetch('Patient?_summary=count', { token: north });
    expect(counted.json.total).to.equal(2);
    const page = await house.fetch('Patient?_count=1&_total=accurate', { token: north });
    expect(page.json.total).to.equal(2);
    const next = page.json.link.find((each: Json) => each.relation === 'next').url;
    const second = await house.fetch(next, { token: north });
    expect(second.json.entry).to.have.length(1);
    expect(second.json.link.map((each: Json) => each.relation)).to.not.include('next');
    expect(await ids(north, `Patient?identifier=${IDENTIFIER}|s1`)).to.deep.equal([]);
    expect(await ids(north, 'Location')).to.have.length(4);
  });

  it('holds in reads, versions and histories, where what is beyond it is not found', async () => {
    for (const path of [
      'Patient/s1',
      'Patient/s1/_history/1',
      'Patient/s1/_history',
      'Group/h-s1',
    ]) {
      const answer = await house.fetch(path, { token: north });
      expect(answer.status, path).to.equal(404);
      expect(answer.text).to.not.include('Sample');
    }
    expect((await house.fetch('Patient/n1', { token: north })).status).to.equal(200);
    const history = await house.fetch('Patient/_history?_count=50', { token: north });
    const seen = new Set(history.json.entry.map((each: Json) => each.resource.id));
    expect([...seen].sort()).to.deep.equal(['n1', 'n2']);
  });

  it('holds in chains, reverse chains, includes and what refers', async () => {
    expect(await ids(north, 'Observation?subject:Patient.family=Sample')).to.have.length(2);
    expect(await ids(north, 'Patient?_has:Observation:patient:status=final')).to.have.length(2);
    const included = await ids(
      north,
      'Group?_include=Group:member&_revinclude=Observation:subject',
    );
    expect(included.some((id) => id.includes('s1'))).to.equal(false);
    const places = await house.fetch('Location?_id=south&_revinclude=*', { token: north });
    expect(places.text).to.not.include('h-s');
  });

  it('holds in bundles, batches and operations', async () => {
    const answer = await house.fetch('', {
      token: north,
      body: {
        resourceType: 'Bundle',
        type: 'batch',
        entry: ['Patient/s1', 'Patient?_summary=count', 'Patient/s1/$everything'].map((url) => ({
          request: { method: 'GET', url },
        })),
      },
    });
    const statuses = answer.json.entry.map((each: Json) => each.response.status);
    expect(statuses[0]).to.match(/^404/);
    expect(answer.json.entry[1].resource.total).to.equal(2);
    expect(statuses[2]).to.match(/^404/);
    const everything = await house.fetch('Patient/n1/$everything', { token: north });
    expect(everything.status).to.equal(200);
  });

  it('lets nobody write beyond it, nor place people outside', async () => {
    const change = await house.fetch('Patient/s1', {
      token: north,
      method: 'PUT',
      body: patient('s1', { birthDate: '1980-01-01' }),
    });
    expect(change.status).to.equal(404);
    // As for what is not there at all, and nothing is done.
    const gone = await house.fetch('Patient/s1', { token: north, method: 'DELETE' });
    expect(gone.status).to.equal(204);
    expect((await house.fetch('Patient/s1')).status).to.equal(200);
    const placed = await house.fetch('Group/h-n1', {
      token: north,
      method: 'PUT',
      body: household('h-n1', ['head:n1'], { extension: [inArea('south')] }),
    });
    expect(placed.status).to.equal(403);
    expect(placed.json.issue[0].details.coding[0].code).to.equal('beyond-reach');
    expect(await ids(north, 'Group')).to.include('h-n1');
    const alone = await house.fetch('Patient', { token: north, body: patient('x') });
    expect(alone.status).to.equal(403);
    const together = await house.fetch('', {
      token: north,
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          {
            fullUrl: 'urn:uuid:4a5b1b52-5dd5-4c3c-8f66-0d06a0c8f7aa',
            resource: patient('n3'),
            request: { method: 'PUT', url: 'Patient/n3' },
          },
          {
            resource: household('h-n3', ['head:n3'], { extension: [inArea('north')] }),
            request: { method: 'PUT', url: 'Group/h-n3' },
          },
        ],
      },
    });
    expect(together.status, together.text).to.equal(200);
    expect(await ids(north, 'Patient')).to.include('n3');
  });

  it('tells of a match beyond it only that it exists, so that nobody is registered twice', async () => {
    const answer = await house.fetch('Patient', {
      token: north,
      body: patient('any', { identifier: [{ system: IDENTIFIER, value: 's1' }] }),
      headers: { 'if-none-exist': `identifier=${IDENTIFIER}|s1` },
    });
    expect(answer.status).to.equal(403);
    expect(answer.json.issue[0].details.coding[0].code).to.equal('match-beyond-reach');
    expect(answer.text).to.not.include('Sample');
  });

  it('of schemes holds for those enrolled, and keeps the scheme’s own operations', async () => {
    for (const id of ['one', 'two']) {
      await put(
        scheme(id, [
          { url: 'frequency', valueCode: 'monthly' },
          criterion('members.exists(age > 18)'),
          base(2000),
        ]),
      );
    }
    await put({
      resourceType: 'Coverage',
      id: 'c-s2',
      meta: { profile: ['https://amana.example/fhir/StructureDefinition/enrolment'] },
      extension: [
        {
          url: 'https://amana.example/fhir/StructureDefinition/enrolment-household',
          valueReference: { reference: 'Group/h-s2' },
        },
        {
          url: 'https://amana.example/fhir/StructureDefinition/enrolment-scheme',
          valueReference: { reference: 'InsurancePlan/one' },
        },
        {
          url: 'https://amana.example/fhir/StructureDefinition/enrolment-state',
          valueCode: 'enrolled',
        },
      ],
      status: 'active',
      beneficiary: { reference: 'Patient/s2' },
      payor: [{ reference: 'Organization/mpesa' }],
      period: { start: '2026-01-01' },
    });
    const one = await limited(['scheme-manager', 'payroll-officer'], { schemes: ['one'] });
    expect(await ids(one, 'InsurancePlan')).to.deep.equal(['one']);
    expect(await ids(one, 'Patient')).to.deep.equal(['s2']);
    expect(await ids(one, 'Coverage')).to.deep.equal(['c-s2']);
    const other = await house.fetch('InsurancePlan/two/$draft-payroll', {
      token: one,
      body: {
        resourceType: 'Parameters',
      },
    });
    expect(other.status).to.equal(404);
    const whole = await house.fetch('$fund', { token: one, body: { resourceType: 'Parameters' } });
    expect(whole.status).to.equal(403);
  });

  it('is narrowed by SMART scopes, which never widen it', async () => {
    const reader = await limited(['administrator'], undefined, 'system/Patient.r system/Group.rs');
    expect((await house.fetch('Patient/n1', { token: reader })).status).to.equal(200);
    expect((await house.fetch('Patient?family=x', { token: reader })).status).to.equal(403);
    expect((await house.fetch('Group', { token: reader })).status).to.equal(200);
    expect((await house.fetch('Observation', { token: reader })).status).to.equal(403);
    const write = await house.fetch('Patient', { token: reader, body: patient('y') });
    expect(write.status).to.equal(403);
    expect(write.json.issue[0].details.coding[0].code).to.equal('scope-missing');
    const wide = await limited(['registry-client'], undefined, 'system/*.cruds');
    expect((await house.fetch('InsurancePlan', { token: wide })).status).to.equal(403);
    const version1 = await limited(['administrator'], undefined, 'system/Patient.read');
    expect((await house.fetch('Patient?_summary=count', { token: version1 })).status).to.equal(200);
    const some = await limited(['administrator'], undefined, 'system/Patient.rs?_id=n1,s1');
    expect(await ids(some, 'Patient')).to.deep.equal(['n1', 's1']);
    expect((await house.fetch('Patient/n2', { token: some })).status).to.equal(404);
  });

  it('has elements masked, in answers and in what can be asked', async () => {
    const masked = await limited(['statistician'], undefined);
    const one = await house.fetch('Patient/n1', { token: masked });
    expect(one.status).to.equal(200);
    expect(one.text).to.not.match(/Sample|2547110|national/);
    expect(one.json).to.deep.include({ gender: 'female', birthDate: '1990-06-15' });
    expect(one.json.meta.security[0].code).to.equal('MASKED');
    const found = await house.fetch('Group?_include=Group:member', { token: masked });
    expect(found.json.entry.length).to.be.greaterThan(5);
    expect(found.text).to.not.match(/Sample|2547110/);
    expect(found.text).to.include('household-area');
    for (const query of [
      'Patient?family=Sample',
      `Patient?identifier=${IDENTIFIER}|n1`,
      'Patient?_sort=family',
      'Patient?name:missing=true',
      'Group?member:Patient.family=Sample',
      'Observation?patient.phone=1',
      'Patient?_has:Group:member:identifier=1',
    ]) {
      const answer = await house.fetch(query, { token: masked });
      expect(answer.status, query).to.equal(403);
    }
    const back = await house.fetch('Patient/n1', { method: 'PUT', body: one.json });
    expect(back.status).to.equal(422);
    const both = await limited(['statistician', 'auditor'], undefined);
    expect((await house.fetch('Patient/n1', { token: both })).text).to.include('Sample');
  });

  it('is lifted in an emergency, with a reason that stands in the trail', async () => {
    const without = await house.fetch('Patient/s1', {
      token: await limited(['registrar'], { areas: ['north'] }),
      headers: { 'break-glass': 'flood in the south, family displaced' },
    });
    expect(without.status).to.equal(403);
    const short = await house.fetch('Patient/s1', {
      token: north,
      headers: { 'break-glass': 'x' },
    });
    expect(short.status).to.equal(400);
    const lifted = await house.fetch('Patient/s1', {
      token: north,
      headers: { 'break-glass': 'flood in the south, family displaced' },
    });
    expect(lifted.status).to.equal(200);
    const write = await house.fetch('Patient/s1', {
      token: north,
      method: 'PUT',
      body: patient('s1'),
      headers: { 'break-glass': 'flood in the south, family displaced' },
    });
    expect(write.status).to.equal(403);
    await house.settle();
    const trail = await house.fetch('AuditEvent?entity-name=Patient/s1&action=R&_count=100');
    const lifts = trail.json.entry.filter((each: Json) =>
      JSON.stringify(each.resource).includes('flood in the south'),
    );
    expect(lifts.length).to.equal(1);
    expect(lifts[0].resource.purposeOfEvent[0].coding[0].code).to.equal('BTG');
  });

  it('stands in the trail for every read, search and refusal', async () => {
    const token = await limited(['area-officer'], { areas: ['north'] });
    await house.fetch('Patient/n2', { token });
    await house.fetch('Patient?family=Sample', { token });
    await house.fetch('Account', { token });
    await house.settle();
    const { rows } = await house.app.pool.query<{ interaction: string; detail: string | null }>(
      `select interaction, type, resource_id, detail from audit_event_fhir
       where actor_id = (select actor_id::text from access_actor where login = $1) order by at, 1`,
      [`limited-${count}`],
    );
    const acts = rows.filter((row) => !row.interaction.includes('token'));
    expect(acts.map((row) => row.interaction)).to.have.members([
      'read',
      'search-type',
      'search-type',
    ]);
    const refused = acts.find((row) => row.detail?.includes('403'));
    expect(refused).to.include({ type: 'Account' });
    const search = await house.fetch('AuditEvent?subtype=search-type&_count=200');
    expect(search.text).to.include(Buffer.from('family=Sample').toString('base64'));
    const shown = search.json.entry.find((each: Json) => each.resource.outcome === '8');
    expect(shown.resource.outcomeDesc).to.include('403');
  });
});
