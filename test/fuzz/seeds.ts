/**
 * Resources that are right, in which one thing at a time is spoilt: what is nearly right reaches
 * deepest into the house. Ids are few, so that requests meet each other's resources.
 */

import {
  area,
  criterion,
  household,
  inArea,
  mobileAccount,
  money,
  patient,
  provider,
  scheme,
} from '../modules/support/people.ts';
import type { Choices } from './choices.ts';

type Members = Record<string, unknown>;

const CODING = { coding: [{ system: 'http://loinc.org', code: '8302-2', display: 'Height' }] };
const PATIENT = { reference: 'Patient/p-1' };

/** One resource of each type that the house does something with. */
const SEEDS: readonly (() => object)[] = [
  () => patient('p-1', { identifier: [{ system: 'urn:test', value: 'p-1' }] }),
  () => patient('p-2', { telecom: [{ system: 'phone', value: '+254711000000' }] }),
  () => household('h-1', ['head:p-1'], { extension: [inArea('north')] }),
  () =>
    household('h-2', ['head:p-2'], {
      extension: [inArea('north'), mobileAccount('mpesa', '+254711000001')],
    }),
  () => area('north-1', { position: { latitude: -1.28, longitude: 36.82 } }, 'north'),
  () => provider('mpesa'),
  () => scheme('s-1', [criterion('%resource.member.count() > 0'), money('amount', 1000)]),
  () => ({
    ...{ resourceType: 'Observation', id: 'one', status: 'final', code: CODING, subject: PATIENT },
    effectiveDateTime: '2026-01-15T08:00:00Z',
    valueQuantity: { value: 1.5, unit: 'm', system: 'http://unitsofmeasure.org', code: 'm' },
    component: [{ code: CODING, valueInteger: 3 }],
  }),
  () => ({
    ...{ resourceType: 'Questionnaire', id: 'one', status: 'active', url: 'http://example.org/q' },
    item: [
      { linkId: '1', type: 'group', item: [{ linkId: '1.1', type: 'decimal', text: 'x' }] },
      { linkId: '2', type: 'choice', answerOption: [{ valueString: 'a' }] },
    ],
  }),
  () => ({
    ...{ resourceType: 'QuestionnaireResponse', id: 'one', status: 'completed' },
    questionnaire: 'http://example.org/q',
    item: [{ linkId: '1', item: [{ linkId: '1.1', answer: [{ valueDecimal: 1.5 }] }] }],
  }),
  () => ({
    ...{ resourceType: 'ValueSet', id: 'one', status: 'active', url: 'http://example.org/vs' },
    compose: {
      include: [
        { system: 'http://hl7.org/fhir/administrative-gender', concept: [{ code: 'male' }] },
        { valueSet: ['http://example.org/vs2'] },
      ],
      exclude: [
        {
          system: 'http://example.org/cs',
          filter: [{ property: 'code', op: 'regex', value: 'a+' }],
        },
      ],
    },
  }),
  () => ({
    ...{ resourceType: 'CodeSystem', id: 'one', status: 'active', url: 'http://example.org/cs' },
    content: 'complete',
    concept: [
      {
        code: 'a',
        display: 'A',
        concept: [{ code: 'b', property: [{ code: 'p', valueString: 'x' }] }],
      },
    ],
  }),
  () => ({
    ...{
      resourceType: 'SearchParameter',
      id: 'one',
      status: 'active',
      name: 'x',
      description: 'x',
    },
    ...{ url: 'http://example.org/sp', code: 'x-given', base: ['Patient'], type: 'string' },
    expression: 'Patient.name.given',
  }),
  () => ({
    ...{
      resourceType: 'StructureDefinition',
      id: 'one',
      status: 'active',
      name: 'X',
      kind: 'resource',
    },
    ...{ url: 'http://example.org/sd', type: 'Basic', abstract: false, derivation: 'constraint' },
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Basic',
    differential: {
      element: [
        { id: 'Basic', path: 'Basic' },
        {
          ...{ id: 'Basic.code', path: 'Basic.code', min: 1 },
          constraint: [
            { key: 'x-1', severity: 'error', human: 'x', expression: "text.matches('a+')" },
          ],
        },
      ],
    },
  }),
  () => ({
    ...{ resourceType: 'Basic', id: 'one', meta: { profile: ['http://example.org/sd'] } },
    ...{ code: { text: 'aaa' }, subject: PATIENT },
  }),
  () => ({
    ...{ resourceType: 'Subscription', id: 'one', status: 'requested', reason: 'x' },
    criteria: 'Observation?status=final',
    channel: {
      type: 'rest-hook',
      endpoint: 'https://registry.example/hook',
      payload: 'application/fhir+json',
    },
  }),
  () => ({ resourceType: 'Binary', id: 'one', contentType: 'text/plain', data: 'YWJj' }),
  () => ({
    ...{ resourceType: 'List', id: 'one', status: 'current', mode: 'working' },
    entry: [{ item: PATIENT }, { item: { reference: 'Observation/one' } }],
  }),
  () => ({
    ...{ resourceType: 'Encounter', id: 'one', status: 'finished', class: { code: 'AMB' } },
    ...{ subject: PATIENT, period: { start: '2026-01-01', end: '2026-01-02' } },
  }),
  () => ({
    ...{ resourceType: 'DocumentReference', id: 'one', status: 'current', subject: PATIENT },
    content: [{ attachment: { contentType: 'text/plain', url: 'Binary/one', size: 3 } }],
  }),
];

const TYPES = new Set(SEEDS.map((make) => (make() as Members).resourceType));

/** True when a type has a right resource here. */
export function hasSeed(type: string): boolean {
  return TYPES.has(type);
}

/** One of the resources; of the type where there is one. */
export function rightResource(c: Choices, type: string): Members {
  const all = SEEDS.map((make) => make() as Members);
  const fitting = all.filter((each) => each.resourceType === type);
  return c.of(fitting.length > 0 ? fitting : all);
}

/** A Bundle of some of them. */
export function rightBundle(c: Choices): Members {
  const resources = c.list(1, 6, () => rightResource(c, ''));
  return {
    resourceType: 'Bundle',
    type: c.of(['transaction', 'batch']),
    entry: resources.map((each, index) => {
      const { id, ...rest } = each;
      const url = `${each.resourceType}`;
      const posted = {
        fullUrl: `urn:uuid:00000000-0000-4000-8000-00000000000${index}`,
        resource: rest,
      };
      switch (c.below(5)) {
        case 0:
          return { ...posted, request: { method: 'POST', url } };
        case 1:
          return { ...posted, request: { method: 'POST', url, ifNoneExist: '_id=one' } };
        case 2:
          return { request: { method: 'GET', url: `${url}?_count=1` } };
        case 3:
          return { request: { method: 'DELETE', url: `${url}/${c.of(['none', 'two'])}` } };
        default:
          return { resource: each, request: { method: 'PUT', url: `${url}/${id}` } };
      }
    }),
  };
}

const PARAMETERS = (c: Choices): Members[] => [
  { name: 'resource', resource: rightResource(c, '') },
  { name: 'mode', valueCode: 'create' },
  { name: 'profile', valueUri: 'http://example.org/sd' },
  {
    name: 'url',
    valueUri: c.of(['http://example.org/vs', 'http://hl7.org/fhir/ValueSet/administrative-gender']),
  },
  { name: 'code', valueCode: c.of(['a', 'male']) },
  {
    name: 'system',
    valueUri: c.of(['http://example.org/cs', 'http://hl7.org/fhir/administrative-gender']),
  },
  { name: 'filter', valueString: 'ma' },
  { name: 'count', valueInteger: 5 },
  { name: 'meta', valueMeta: { tag: [{ system: 'urn:test', code: 'x' }] } },
  { name: 'viewResource', resource: VIEW },
  { name: '_format', valueCode: c.of(['ndjson', 'csv', 'json', 'parquet']) },
  { name: 'reason', valueString: 'x' },
  { name: 'date', valueDate: '2026-01-15' },
];

const VIEW = {
  resourceType: 'ViewDefinition',
  status: 'active',
  resource: 'Patient',
  select: [
    { column: [{ name: 'id', path: 'id' }] },
    { forEach: 'name', column: [{ name: 'f', path: 'family' }] },
  ],
};

/** Parameters as an operation may want them. */
export function rightParameters(c: Choices): Members {
  const all = PARAMETERS(c);
  return { resourceType: 'Parameters', parameter: c.list(1, 4, () => c.of(all)) };
}
