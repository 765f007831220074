/** Chains, `_has`, `_list` and includes over what is stored, what rooms show, and canonicals. */

import type { Basic } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Module, ProjectedRow } from '../../../src/sdk/index.ts';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

const PROFILE = 'https://example.org/StructureDefinition/note';
const SYSTEM = 'https://example.org/note-kind';

interface Note extends ProjectedRow {
  readonly kind: string;
  readonly person_fhir_id: string;
}

const notes: Module = {
  name: 'notes',
  title: 'Notes about people',
  resources: [
    {
      kept: 'projected',
      type: 'Basic',
      profile: PROFILE,
      view: 'note',
      search: {
        code: { type: 'token', column: 'kind', system: SYSTEM },
        subject: { type: 'reference', column: 'person', target: 'Patient', holds: 'rid' },
        author: { type: 'reference', column: 'author', target: 'Practitioner', holds: 'id' },
      },
      render: async (_ctx, rows) =>
        (rows as readonly Note[]).map(
          (row): Basic => ({
            resourceType: 'Basic',
            code: { coding: [{ system: SYSTEM, code: row.kind }] },
            subject: { reference: `Patient/${row.person_fhir_id}` },
            author: { reference: `Practitioner/${row.author}` },
          }),
        ),
    },
  ],
};

const basic = (id: string, code: string, person: string): Json => ({
  resourceType: 'Basic',
  id,
  code: { coding: [{ system: SYSTEM, code }] },
  subject: { reference: `Patient/${person}` },
});
const task = (id: string, status: string, focus: string): Json => ({
  resourceType: 'Task',
  id,
  status,
  intent: 'order',
  focus: { reference: focus },
});
const form = (id: string, version: string, title: string): Json => ({
  resourceType: 'Questionnaire',
  id,
  url: 'urn:form:need',
  version,
  title,
  status: 'active',
});
const answers = (id: string, questionnaire: string): Json => ({
  resourceType: 'QuestionnaireResponse',
  id,
  questionnaire,
  status: 'completed',
});

const RESOURCES: readonly Json[] = [
  { resourceType: 'Patient', id: 'ana', name: [{ family: 'Ana' }] },
  { resourceType: 'Patient', id: 'ben', name: [{ family: 'Ben' }] },
  { resourceType: 'Patient', id: 'cia', name: [{ family: 'Cia' }] },
  { resourceType: 'Practitioner', id: 'doc', name: [{ family: 'Doc' }] },
  basic('stored', 'blue', 'cia'),
  task('on-shown', 'requested', 'Basic/shown-ana'),
  task('on-stored', 'requested', 'Basic/stored'),
  task('on-other', 'completed', 'Basic/8f14e45f-ceea-467f-aee3-2f5d9e0f1a11'),
  {
    resourceType: 'List',
    id: 'some',
    status: 'current',
    mode: 'working',
    entry: [{ item: { reference: 'Basic/shown-ana' } }, { item: { reference: 'Basic/stored' } }],
  },
  form('one', '1', 'First'),
  form('two', '2', 'Second'),
  answers('to-one', 'urn:form:need|1'),
  answers('to-two', 'urn:form:need|2'),
  answers('to-any', 'urn:form:need'),
];

describe('links between resources in a search', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse({
      modules: [notes],
      environment: { REFERENTIAL_INTEGRITY: 'off' },
    });
    for (const body of RESOURCES) {
      const path = `${body.resourceType}/${body.id}`;
      const answer = await house.fetch(path, { method: 'PUT', body });
      expect(answer.status, answer.text).to.equal(201);
    }
    await house.database.pool.query(
      `create table note_row (id text, key bigint, kind text, person_fhir_id text, author text);
       insert into note_row values
         ('shown-ana', 1, 'red', 'ana', 'doc'),
         ('8f14e45f-ceea-467f-aee3-2f5d9e0f1a11', 2, 'blue', 'ben', 'nobody');
       create view note as select n.*, now() as updated_at, 1 as version,
         r.rid as person
       from note_row n join resource r on r.type = 103
         and r.content like '%"id":"' || n.person_fhir_id || '"%'`,
    );
  });
  after(() => house?.stop());

  async function ids(path: string): Promise<string[]> {
    const answer = await house.fetch(path);
    expect(answer.status, answer.text).to.equal(200);
    return (answer.json.entry ?? []).map((each: Json) => each.resource.id).sort();
  }
  const SECOND = '8f14e45f-ceea-467f-aee3-2f5d9e0f1a11';

  it('asks by _has of what rooms show and what is stored, in one set', async () => {
    expect(await ids('Patient?_has:Basic:subject:code=blue')).to.eql(['ben', 'cia']);
    expect(await ids('Patient?_has:Basic:subject:code=red')).to.eql(['ana']);
    expect(await ids('Patient?_has:Basic:patient:code=blue,red')).to.eql(['ana', 'ben', 'cia']);
    expect(await ids('Patient?_has:Basic:subject:_id=shown-ana')).to.eql(['ana']);
    expect(await ids('Practitioner?_has:Basic:author:code=red')).to.eql(['doc']);
    expect(await ids('Patient?name=ben&_has:Basic:subject:code=blue')).to.eql(['ben']);
  });

  it('asks by _has of what leads to what rooms show, nested too', async () => {
    expect(await ids('Basic?_has:Task:focus:status=requested')).to.eql(['shown-ana', 'stored']);
    expect(await ids('Basic?_has:Task:focus:status=completed')).to.eql([SECOND]);
    const nested = 'Patient?_has:Basic:subject:_has:Task:focus:status';
    expect(await ids(`${nested}=requested`)).to.eql(['ana', 'cia']);
    expect(await ids(`${nested}=completed`)).to.eql(['ben']);
  });

  it('chains from, to and through what rooms show', async () => {
    expect(await ids('Basic?subject:Patient.name=ana')).to.eql(['shown-ana']);
    expect(await ids('Basic?subject:Patient.name=cia,ben')).to.eql([SECOND, 'stored']);
    expect(await ids('Basic?author.name=doc')).to.eql(['shown-ana']);
    expect(await ids('Task?focus:Basic.code=blue')).to.eql(['on-other', 'on-stored']);
    expect(await ids('Task?focus:Basic.subject:Patient.name=ana')).to.eql(['on-shown']);
  });

  it('has the members of a List, shown or stored', async () => {
    expect(await ids('Basic?_list=some')).to.eql(['shown-ana', 'stored']);
    expect(await ids('Basic?_list=some&code=red')).to.eql(['shown-ana']);
  });

  it('brings along what rooms show of a page, and what that leads to', async () => {
    expect(await ids('Patient?_id=ana,cia&_revinclude=Basic:subject')).to.eql([
      'ana',
      'cia',
      'shown-ana',
      'stored',
    ]);
    expect(await ids('Patient?_id=ben&_revinclude=Basic:*')).to.eql([SECOND, 'ben']);
    const whole = 'Patient?_id=ana&_revinclude=Basic:subject';
    expect(await ids(`${whole}&_include:iterate=Basic:author`)).to.eql(['ana', 'doc', 'shown-ana']);
    expect(await ids(`${whole}&_revinclude:iterate=Task:focus`)).to.eql([
      'ana',
      'on-shown',
      'shown-ana',
    ]);
  });

  it('refuses by name what a room does not serve', async () => {
    const { status, json } = await house.fetch('Patient?_has:Basic:subject:created=2026');
    expect(status).to.equal(400);
    expect(json.issue[0].diagnostics).to.contain('created');
  });

  it('follows canonicals, with the version where one is written', async () => {
    const response = 'QuestionnaireResponse';
    expect(await ids(`${response}?_id=to-one&_include=${response}:questionnaire`)).to.eql([
      'one',
      'to-one',
    ]);
    expect(await ids(`${response}?_id=to-any&_include=${response}:questionnaire`)).to.eql([
      'one',
      'to-any',
      'two',
    ]);
    expect(await ids(`Questionnaire?_id=two&_revinclude=${response}:questionnaire`)).to.eql([
      'to-any',
      'to-two',
      'two',
    ]);
    expect(await ids(`${response}?questionnaire=urn:form:need`)).to.have.length(3);
    expect(await ids(`${response}?questionnaire=urn:form:need|2`)).to.eql(['to-two']);
    expect(await ids(`${response}?questionnaire.title=second`)).to.eql(['to-any', 'to-two']);
    const led = (id: string) => ids(`Questionnaire?_has:${response}:questionnaire:_id=${id}`);
    expect(await led('to-one')).to.eql(['one']);
    expect(await led('to-any')).to.eql(['one', 'two']);
  });
});
