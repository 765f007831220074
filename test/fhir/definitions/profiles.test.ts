/** Profiles: what they ask beyond their type is asked of resources that declare them. */

import type { StructureDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';

const definitions = createDefinitions();
const HL7 = 'http://hl7.org/fhir/StructureDefinition/';

function faults(resource: unknown): string[] {
  return definitions
    .validate(resource)
    .filter((issue) => issue.severity === 'error')
    .map((issue) => `${issue.expression} ${issue.code}`);
}

function loinc(code: string) {
  return { coding: [{ system: 'http://loinc.org', code }] };
}

function part(code: string, value: number) {
  return {
    code: loinc(code),
    valueQuantity: { value, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
  };
}

const bloodPressure = {
  resourceType: 'Observation',
  meta: { profile: [`${HL7}bp`] },
  status: 'final',
  category: [
    {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/observation-category',
          code: 'vital-signs',
        },
      ],
    },
  ],
  code: loinc('85354-9'),
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2020-01-01',
  component: [part('8480-6', 120), part('8462-4', 80)],
};

describe("HL7's blood pressure profile", () => {
  it('accepts what it asks', () => {
    expect(faults(bloodPressure)).to.deep.equal([]);
  });

  const CASES: ReadonlyArray<readonly [string, Record<string, unknown>, string]> = [
    [
      'a missing slice',
      { component: [part('8480-6', 120)] },
      'Observation.component missing-slice',
    ],
    [
      'a slice that stands twice',
      { component: [part('8480-6', 120), part('8480-6', 110), part('8462-4', 80)] },
      'Observation.component too-many',
    ],
    ['a missing subject', { subject: undefined }, 'Observation.subject missing-element'],
    ['another code', { code: loinc('1-8') }, 'Observation.code.coding missing-slice'],
    [
      'a subject of another type',
      { subject: { reference: 'Group/1' } },
      'Observation.subject.reference wrong-reference-target',
    ],
    [
      'a wrong unit within a slice',
      {
        component: [
          {
            ...part('8480-6', 120),
            valueQuantity: { value: 1, unit: 'x', system: 'http://x', code: 'x' },
          },
          part('8462-4', 80),
        ],
      },
      'Observation.component[0].value.system not-as-fixed',
    ],
    ['a missing category', { category: undefined }, 'Observation.category missing-element'],
  ];
  for (const [what, change, fault] of CASES) {
    it(`refuses ${what}`, () => {
      const changed = { ...bloodPressure, ...change };
      expect(faults(JSON.parse(JSON.stringify(changed)))).to.include(fault);
    });
  }

  it('is asked of nobody who does not declare it', () => {
    const { meta: _, ...plain } = bloodPressure;
    expect(faults({ ...plain, component: [] })).to.deep.equal([
      'Observation.component empty-array',
    ]);
  });

  it('can be asked for by the caller', () => {
    const { meta: _, ...plain } = { ...bloodPressure, subject: undefined };
    const resource: unknown = JSON.parse(JSON.stringify(plain));
    const issues = definitions.validate(resource, { profiles: [`${HL7}bp`] });
    expect(issues.map((issue) => issue.code)).to.include('missing-element');
  });

  it('is not for other types', () => {
    expect(faults({ resourceType: 'Patient', meta: { profile: [`${HL7}bp`] } })).to.deep.equal([
      'Patient.meta.profile profile-of-other-type',
    ]);
  });
});

describe('extensions with a known definition', () => {
  const extended = (extension: unknown) => ({ resourceType: 'Patient', extension: [extension] });

  it('carry a value of the defined type', () => {
    expect(
      faults(extended({ url: `${HL7}patient-birthPlace`, valueAddress: { city: 'x' } })),
    ).to.deep.equal([]);
    expect(faults(extended({ url: `${HL7}patient-birthPlace`, valueString: 'x' }))).to.include(
      'Patient.extension[0].value wrong-type',
    );
  });

  it('carry the parts that are defined', () => {
    const nationality = (parts: unknown[]) =>
      extended({ url: `${HL7}patient-nationality`, extension: parts });
    expect(
      faults(nationality([{ url: 'code', valueCodeableConcept: { text: 'x' } }])),
    ).to.deep.equal([]);
    expect(faults(nationality([{ url: 'code', valueString: 'x' }]))).to.include(
      'Patient.extension[0].extension[0].value wrong-type',
    );
  });
});

// ── a small profile of our own kind, with its snapshot written by hand ───────────────────────

const HOUSEHOLD: StructureDefinition = {
  resourceType: 'StructureDefinition',
  url: 'http://x/household',
  name: 'Household',
  status: 'active',
  kind: 'resource',
  abstract: false,
  type: 'Group',
  derivation: 'constraint',
  snapshot: {
    element: [
      {
        id: 'Group',
        path: 'Group',
        min: 0,
        max: '*',
        constraint: [
          {
            key: 'one-head',
            severity: 'error',
            human: 'A household has one head.',
            expression: "member.where(extension('http://x/role').value = 'head').count() = 1",
          },
        ],
      },
      {
        id: 'Group.identifier',
        path: 'Group.identifier',
        min: 1,
        max: '*',
        base: { path: 'Group.identifier', min: 0, max: '*' },
        type: [{ code: 'Identifier' }],
      },
      {
        id: 'Group.type',
        path: 'Group.type',
        min: 1,
        max: '1',
        base: { path: 'Group.type', min: 1, max: '1' },
        type: [{ code: 'code' }],
        fixedCode: 'person',
      },
      {
        id: 'Group.characteristic',
        path: 'Group.characteristic',
        min: 0,
        max: '*',
        base: { path: 'Group.characteristic', min: 0, max: '*' },
        type: [{ code: 'BackboneElement' }],
        slicing: { discriminator: [{ type: 'pattern', path: 'code' }], rules: 'open' },
      },
      {
        id: 'Group.characteristic:rooms',
        path: 'Group.characteristic',
        sliceName: 'rooms',
        min: 1,
        max: '1',
        base: { path: 'Group.characteristic', min: 0, max: '*' },
        type: [{ code: 'BackboneElement' }],
      },
      {
        id: 'Group.characteristic:rooms.code',
        path: 'Group.characteristic.code',
        min: 1,
        max: '1',
        base: { path: 'Group.characteristic.code', min: 1, max: '1' },
        type: [{ code: 'CodeableConcept' }],
        patternCodeableConcept: { coding: [{ code: 'rooms' }] },
      },
      {
        id: 'Group.characteristic:rooms.value[x]',
        path: 'Group.characteristic.value[x]',
        min: 1,
        max: '1',
        base: { path: 'Group.characteristic.value[x]', min: 1, max: '1' },
        type: [{ code: 'Quantity' }],
      },
    ],
  },
};

describe('a profile that a module brings', () => {
  const own = createDefinitions([HOUSEHOLD]);
  const household = {
    resourceType: 'Group',
    meta: { profile: ['http://x/household'] },
    identifier: [{ value: '1' }],
    type: 'person',
    actual: true,
    characteristic: [
      { code: { coding: [{ code: 'rooms' }] }, valueQuantity: { value: 2 }, exclude: false },
      { code: { coding: [{ code: 'roof' }] }, valueBoolean: true, exclude: false },
    ],
    member: [
      {
        entity: { reference: 'Patient/1' },
        extension: [{ url: 'http://x/role', valueCode: 'head' }],
      },
    ],
  };
  const check = (change: object) =>
    own
      .validate(JSON.parse(JSON.stringify({ ...household, ...change })))
      .map((issue) => `${issue.expression} ${issue.code}`);

  it('is registered by its canonical and type', () => {
    expect(own.profiles('Group')).to.deep.equal(['http://x/household']);
    expect(own.snapshot('http://x/household|1.0')?.name).to.equal('Household');
  });

  it('accepts what it asks and refuses what it does not', () => {
    expect(check({})).to.deep.equal([]);
    expect(check({ identifier: undefined })).to.deep.equal(['Group.identifier missing-element']);
    expect(check({ type: 'animal' })).to.deep.equal(['Group.type not-as-fixed']);
    expect(check({ member: undefined })).to.deep.equal(['Group one-head']);
    expect(check({ characteristic: undefined })).to.deep.equal([
      'Group.characteristic missing-slice',
    ]);
    const [, roof] = household.characteristic;
    const wrong = { code: { coding: [{ code: 'rooms' }] }, valueBoolean: true, exclude: false };
    expect(check({ characteristic: [wrong, roof] })).to.include(
      'Group.characteristic[0].value wrong-type',
    );
  });

  it('may not be brought twice', () => {
    expect(() => createDefinitions([HOUSEHOLD, HOUSEHOLD])).to.throw('brought twice');
  });
});

describe('terminology', () => {
  it('expands value sets from whole systems, lists and grammars', () => {
    const gender = definitions.valueSet(
      'http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1',
    )!;
    expect(gender.complete).to.equal(true);
    expect(gender.contains('female')).to.equal('in');
    expect(gender.contains('xx')).to.equal('out');
    const currency = definitions.valueSet('http://hl7.org/fhir/ValueSet/currencies')!;
    expect(currency.contains('KES')).to.equal('in');
    expect(currency.contains('ABC')).to.equal('out');
    const languages = definitions.valueSet('http://hl7.org/fhir/ValueSet/all-languages')!;
    expect(languages.contains('am-ET')).to.equal('in');
    expect(definitions.valueSet('http://x/none')).to.equal(undefined);
  });

  it('does not judge codes of systems that it does not carry', () => {
    const loincs = definitions.valueSet('http://hl7.org/fhir/ValueSet/observation-codes')!;
    expect(loincs.contains('1-8', 'http://loinc.org')).to.equal('unknown');
  });

  it('knows code systems with their displays', () => {
    const system = definitions.codeSystem('http://hl7.org/fhir/administrative-gender')!;
    expect(system.get('female')).to.equal('Female');
  });
});

describe('elements', () => {
  it('tell cardinality, types and summary', () => {
    expect(definitions.elementInfo('Observation.value[x]')?.types).to.include('Quantity');
    expect(definitions.elementInfo('Patient.contact.name')).to.include({ min: 0, max: 1 });
    expect(definitions.elementInfo('Patient.nothing')).to.equal(undefined);
    expect(definitions.isSummary('Patient', 'name')).to.equal(true);
    expect(definitions.isSummary('Patient', 'photo')).to.equal(false);
    expect(definitions.isSummary('Observation', 'valueQuantity')).to.equal(true);
    expect([...definitions.mandatoryElements('Observation')]).to.include.members([
      'status',
      'code',
    ]);
    expect(definitions.compartment('Patient')?.parameters.get('Observation')).to.include('subject');
  });
});
