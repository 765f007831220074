/**
 * Random requests of a limited actor over the registry of `world.ts`: every way of asking that the
 * FHIR surface has, at ids that are the actor's, at those that are not, and at those that nobody has.
 */

import fc from 'fast-check';
import { IDENTIFIER, type World } from './world.ts';

/** A request as it is sent to several houses. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Conditions by type, `?` where an id or a value of a person goes. */
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  Patient: [
    'gender=female',
    'gender:not=male',
    'family=Abebe',
    'name:contains=an',
    'phone:missing=false',
    `identifier=${IDENTIFIER}|?`,
    'link:missing=true',
    'general-practitioner:missing=true',
    'organization=clinic',
    'organization.name=Clinic',
    '_has:Observation:patient:code=8302-2',
    '_has:Observation:patient:value-quantity=gt160',
    '_has:Group:member:_id=h1',
    '_has:Observation:patient:_has:Provenance:target:agent=Patient/?',
    '_has:Flag:author:patient=?',
    '_has:Provenance:target:agent:Patient.family=Banda',
    '_list=l1',
    '_list=l0',
  ],
  Group: [
    'member=Patient/?',
    'member:Patient.family=Banda',
    `member:Patient.identifier=${IDENTIFIER}|?`,
    'type=person',
    '_has:Coverage:beneficiary:status=active',
  ],
  Observation: [
    'subject=Patient/?',
    'subject:Patient.family=Abebe',
    'subject:Patient._has:Flag:author:status=active',
    'code=8302-2',
    'value-quantity=gt160',
    'code-value-quantity=8302-2$gt155',
    'has-member.subject:Patient.family=Chanda',
    'has-member.subject=Patient/?',
    'date=2026-01-10',
  ],
  Encounter: ['location=Location/south', 'subject:Patient.gender=male', 'class=AMB', 'patient=?'],
  Flag: [
    'author=Patient/?',
    'author:Patient.family=Banda',
    'patient.family=Chanda',
    'status=active',
  ],
  List: ['item=Patient/?', 'item:Patient.family=Abebe', 'subject=Patient/?'],
  Provenance: ['target=Patient/?', 'agent=Patient/?', 'agent:Patient.family=Banda'],
  Coverage: ['beneficiary=Patient/?', 'beneficiary:Patient.family=Abebe', 'status=active'],
  Location: [
    '_has:Encounter:location:patient=?',
    '_has:Encounter:location:subject:Patient.family=Banda',
    'partof=north',
    'partof.partof=country',
  ],
  Organization: [
    '_has:Patient:organization:family=Abebe',
    '_has:Patient:organization:identifier=?',
    '_has:Coverage:payor:beneficiary:Patient.family=Chanda',
    'name=Clinic',
  ],
  InsurancePlan: ['_id=one,two', 'status=active'],
  Binary: ['contenttype=text/plain', '_lastUpdated=gt2020'],
  DocumentReference: ['subject=Patient/?', 'status=current', 'patient.family=Abebe'],
};

const RESULTS: Readonly<Record<string, readonly string[]>> = {
  any: [
    '_total=accurate',
    '_total=estimate',
    '_summary=count',
    '_summary=true',
    '_elements=id,subject',
    '_count=1',
    '_count=2',
    '_sort=_lastUpdated',
    '_sort=-_id',
    '_revinclude=*',
    '_include=*',
    '_include:iterate=*',
    '_revinclude:iterate=Provenance:target',
    '_id=?,x,p1',
    '_lastUpdated=ge2020-01-01',
    '_format=xml',
  ],
  Patient: [
    '_revinclude=Observation:subject',
    '_revinclude=Group:member',
    '_include=Patient:organization',
    '_sort=family',
    '_sort=-birthdate',
    '_revinclude=Flag:author',
  ],
  Group: ['_include=Group:member', '_include:iterate=Group:member'],
  Observation: [
    '_include=Observation:subject',
    '_include=Observation:has-member',
    '_sort=-date',
    '_sort=value-quantity',
    '_sort=subject',
  ],
  Flag: ['_include=Flag:author', '_sort=author'],
  List: ['_include=List:item', '_include=List:item:Patient'],
  Provenance: ['_include=Provenance:target', '_include=Provenance:agent'],
};

const COMPARTMENT = ['*', 'Observation', 'Flag', 'Group', 'Encounter', 'List', 'Provenance'];
const HISTORY = ['', '?_count=2', '?_since=2020-01-01', '?_at=2026-01-15', '?_count=100'];

/** Ids of a type: people, what is about them, and nobody. */
function idsOf(world: World, type: string): string[] {
  const ids = world.writes.filter((each) => each.resourceType === type).map((each) => each.id!);
  return [...new Set([...ids, 'nobody'])];
}

/** Requests that only read. */
export function reads(world: World, types: readonly string[]): fc.Arbitrary<Asked> {
  const id = (type: string) => fc.constantFrom(...idsOf(world, type));
  const get = (path: string): Asked => ({ method: 'GET', path });
  const typed = fc.constantFrom(...types);
  const search = typed.chain((type) =>
    fc
      .record({
        terms: fc.subarray([...(CONDITIONS[type] ?? [])], { maxLength: 2 }),
        results: fc.subarray([...RESULTS.any!, ...(RESULTS[type] ?? [])], { maxLength: 3 }),
        person: fc.constantFrom(...world.people, 'nobody'),
      })
      .map(({ terms, results, person }) =>
        `${type}?${[...terms, ...results].join('&')}`
          .replaceAll('?,', `${person},`)
          .replace(/(?<=[/=|])\?/g, person),
      ),
  );
  const one = typed.chain((type) =>
    fc
      .tuple(
        id(type),
        fc.constantFrom(
          ...['', '?_elements=id', '/_history', '/_history?_count=1', '/_history/1', '/_history/2'],
          ...[
            '/_history/3',
            '/$meta',
            '/$validate?mode=delete',
            '/$everything',
            '/*',
            '?_format=xml',
          ],
        ),
      )
      .map(([name, rest]) => `${type}/${name}${rest}`),
  );
  const compartment = fc
    .tuple(
      fc
        .constantFrom('Patient', 'Group')
        .chain((type) => id(type).map((name) => `${type}/${name}`)),
      fc.constantFrom(...COMPARTMENT, '$everything', '$everything?_count=2'),
    )
    .map((parts) => parts.join('/'));
  const history = fc
    .tuple(fc.constantFrom('', ...types.map((each) => `${each}/`)), fc.constantFrom(...HISTORY))
    .map(([type, query]) => `${type}_history${query}`);
  const pix = id('Patient').map(
    (name) => `Patient/$ihe-pix?sourceIdentifier=${encodeURIComponent(`${IDENTIFIER}|${name}`)}`,
  );
  const system = fc
    .constantFrom('Patient,Observation', 'Flag,Encounter,Provenance', 'Location,Group')
    .chain((many) =>
      fc.constantFrom('', '&_total=accurate', '&_count=2').map((more) => `?_type=${many}${more}`),
    );
  const path = fc.oneof(
    { weight: 8, arbitrary: search },
    { weight: 4, arbitrary: one },
    { weight: 2, arbitrary: compartment },
    { weight: 2, arbitrary: history },
    { weight: 1, arbitrary: pix },
    { weight: 1, arbitrary: system },
  );
  const batch = fc.array(path, { minLength: 1, maxLength: 3 }).chain((paths) =>
    fc.constantFrom('batch', 'transaction').map(
      (type): Asked => ({
        method: 'POST',
        path: '',
        body: {
          resourceType: 'Bundle',
          type,
          entry: paths.map((url) => ({ request: { method: 'GET', url } })),
        },
      }),
    ),
  );
  const posted = search.map((text): Asked => {
    const [type, query = ''] = text.split('?');
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    return { method: 'POST', path: `${type}/_search`, body: query, headers };
  });
  return fc.oneof(
    { weight: 8, arbitrary: path.map(get) },
    { weight: 1, arbitrary: batch },
    { weight: 1, arbitrary: posted },
    { weight: 1, arbitrary: view(typed, fc.constantFrom(...world.people, 'nobody')) },
  );
}

/** A flat table of ids, of all or of a person. */
function view(type: fc.Arbitrary<string>, person: fc.Arbitrary<string>): fc.Arbitrary<Asked> {
  return fc.tuple(type, fc.option(person)).map(
    ([resource, id]): Asked => ({
      method: 'POST',
      path: '$viewdefinition-run',
      body: {
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'viewResource',
            resource: {
              resourceType: 'ViewDefinition',
              status: 'active',
              resource,
              select: [{ column: [{ name: 'id', path: 'getResourceKey()' }] }],
            },
          },
          ...(id ? [{ name: 'patient', valueReference: { reference: `Patient/${id}` } }] : []),
        ],
      },
    }),
  );
}

/** Requests that write, or try to: what they do is the same in every house. */
export function writes(world: World): fc.Arbitrary<Asked> {
  const person = fc.constantFrom(...world.people, 'nobody');
  const subject = person.map((id) => ({ reference: `Patient/${id}` }));
  const flag = fc.record({
    resourceType: fc.constant('Flag'),
    status: fc.constant('active'),
    code: fc.constant({ text: 'written' }),
    subject,
    author: subject,
  });
  const name = fc.constantFrom(...idsOf(world, 'Flag').slice(0, 4), 'nobody');
  const condition = person.map((id) => `patient=${id}&status=active`);
  return fc.oneof(
    flag.map((body): Asked => ({ method: 'POST', path: 'Flag', body })),
    fc.tuple(flag, condition).map(
      ([body, query]): Asked => ({
        method: 'POST',
        path: 'Flag',
        body,
        headers: { 'if-none-exist': query },
      }),
    ),
    fc
      .tuple(flag, condition)
      .map(
        ([body, query]): Asked => ({ method: 'PUT', path: `Flag?${query}&code:text=put`, body }),
      ),
    condition.map(
      (query): Asked => ({ method: 'DELETE', path: `Flag?${query}&code:text=written` }),
    ),
    name.map((id): Asked => ({ method: 'DELETE', path: `Flag/${id}` })),
    fc.tuple(name, person).map(
      ([id, who]): Asked => ({
        method: 'PATCH',
        path: `Flag/${id}`,
        headers: { 'content-type': 'application/json-patch+json' },
        body: [{ op: 'replace', path: '/author/reference', value: `Patient/${who}` }],
      }),
    ),
    fc.tuple(flag, person).map(
      ([body, id]): Asked => ({
        method: 'POST',
        path: '',
        body: {
          resourceType: 'Bundle',
          type: 'transaction',
          entry: [
            {
              resource: { ...body, author: { reference: `Patient?_id=${id}` } },
              request: { method: 'POST', url: 'Flag' },
            },
          ],
        },
      }),
    ),
    fc.tuple(fc.constantFrom('h0', 'h1', 'h2'), person).map(
      ([id, who]): Asked => ({
        method: 'PATCH',
        path: `Group/${id}`,
        headers: { 'content-type': 'application/json-patch+json' },
        body: [
          { op: 'add', path: '/member/-', value: { entity: { reference: `Patient/${who}` } } },
        ],
      }),
    ),
    fc.tuple(fc.constantFrom('create', 'update', 'profile'), flag).map(
      ([mode, body]): Asked => ({
        method: 'POST',
        path: 'Flag/$validate',
        body: {
          resourceType: 'Parameters',
          parameter: [
            { name: 'mode', valueCode: mode },
            { name: 'resource', resource: mode === 'update' ? { ...body, id: 'f0' } : body },
            ...(mode === 'profile'
              ? [{ name: 'profile', valueUri: 'http://hl7.org/fhir/StructureDefinition/Flag' }]
              : []),
          ],
        },
      }),
    ),
  );
}
