/** Profiles that come with a differential only, and all that a profile may ask. */

import type { ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';

type Change = Partial<ElementDefinition> & { readonly id: string };

function profile(type: string, element: readonly Change[], more: object = {}): StructureDefinition {
  return {
    resourceType: 'StructureDefinition',
    url: 'http://x/p',
    name: 'P',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type,
    baseDefinition: HL7 + type,
    derivation: 'constraint',
    differential: {
      element: element.map((each) => ({
        path: each.id.replace(/:[^.]*/g, ''),
        ...each,
      })) as ElementDefinition[],
    },
    ...more,
  };
}

/** Faults of a resource by a profile made of changes. */
function by(definitions: readonly StructureDefinition[], resource: object): string[] {
  const [first] = definitions;
  return createDefinitions(definitions)
    .validate(resource, { profiles: [first!.url] })
    .filter((issue) => issue.severity === 'error')
    .map((issue) => `${issue.expression} ${issue.code}`);
}

const patient = (more: object) => ({ resourceType: 'Patient', ...more });
const id = (system: string, value = '1') => ({ system: `http://${system}`, value });

describe('a profile without snapshot', () => {
  it('asks what it says of elements, also of the parts of data types', () => {
    const named = profile('Patient', [
      { id: 'Patient.name', min: 1 },
      { id: 'Patient.name.family', min: 1, maxLength: 5 },
    ]);
    expect(by([named], patient({ name: [{ family: 'Abebe' }] }))).to.deep.equal([]);
    expect(by([named], patient({ active: true }))).to.deep.equal(['Patient.name missing-element']);
    expect(by([named], patient({ name: [{ text: 'A' }] }))).to.deep.equal([
      'Patient.name[0].family missing-element',
    ]);
    expect(by([named], patient({ name: [{ family: 'Tesfaye' }] }))).to.deep.equal([
      'Patient.name[0].family too-long',
    ]);
  });

  it('asks what its base profile asks as well', () => {
    const base = profile('Patient', [{ id: 'Patient.name', min: 1 }], { url: 'http://x/base' });
    const derived = profile('Patient', [{ id: 'Patient.gender', min: 1 }], {
      baseDefinition: 'http://x/base',
    });
    expect(by([derived, base], patient({ active: true }))).to.have.members([
      'Patient.name missing-element',
      'Patient.gender missing-element',
    ]);
  });

  it('may write a choice by one of its types', () => {
    const short = profile('Patient', [
      { id: 'Patient.deceasedDateTime', path: 'Patient.deceasedDateTime', min: 1 },
    ]);
    expect(by([short], patient({ deceasedDateTime: '2020' }))).to.deep.equal([]);
    expect(by([short], patient({ deceasedBoolean: true }))).to.include(
      'Patient.deceased wrong-type',
    );
  });

  it('that is its own base, or speaks of what is not there, is asked of nobody', () => {
    const circle = profile('Patient', [], { baseDefinition: 'http://x/p' });
    const odd = profile('Patient', [{ id: 'Patient.shoes', min: 1 }]);
    for (const each of [circle, odd]) {
      const issues = createDefinitions([each]).validate(patient({ active: true }), {
        profiles: ['http://x/p'],
      });
      expect(issues.map(({ severity, code }) => `${severity} ${code}`)).to.deep.equal([
        'warning unknown-profile',
      ]);
    }
  });

  it('is itself refused where it does not fit its base', () => {
    const definitions = createDefinitions();
    const faults = (definition: StructureDefinition) =>
      definitions.validate(definition).map((issue) => `${issue.expression} ${issue.code}`);
    expect(faults(profile('Patient', [{ id: 'Patient.name', min: 1 }]))).to.deep.equal([]);
    expect(
      faults(profile('Patient', [{ id: 'Patient.name' }, { id: 'Patient.shoes' }])),
    ).to.deep.equal(['StructureDefinition.differential.element[1] differential-misfit']);
  });
});

describe('slices', () => {
  const system = (name: string): Change[] => [
    { id: `Patient.identifier:${name}`, sliceName: name, min: 0, max: '1' },
    { id: `Patient.identifier:${name}.system`, min: 1, fixedUri: `http://${name}` },
  ];
  const sliced = (slicing: object): StructureDefinition =>
    profile('Patient', [
      {
        id: 'Patient.identifier',
        slicing: { discriminator: [{ type: 'value', path: 'system' }], rules: 'open', ...slicing },
      },
      ...system('a'),
      ...system('b'),
    ]);
  const check = (slicing: object, ...systems: string[]) =>
    by([sliced(slicing)], patient({ identifier: systems.map((each) => id(each)) }));

  it('that are open let others be; closed ones do not', () => {
    expect(check({}, 'c', 'b', 'a')).to.deep.equal([]);
    expect(check({ rules: 'closed' }, 'c', 'b', 'a')).to.deep.equal([
      'Patient.identifier[0] not-in-slice',
    ]);
    expect(check({}, 'a', 'a')).to.deep.equal(['Patient.identifier too-many']);
  });

  it('that are ordered stand in order, and others at the end where the rules say so', () => {
    expect(check({ ordered: true }, 'a', 'b')).to.deep.equal([]);
    expect(check({ ordered: true }, 'b', 'a')).to.deep.equal(['Patient.identifier[1] slice-order']);
    expect(check({ rules: 'openAtEnd' }, 'b', 'a', 'c')).to.deep.equal([]);
    expect(check({ rules: 'openAtEnd' }, 'c', 'a')).to.deep.equal([
      'Patient.identifier[0] slice-order',
    ]);
  });

  it('are told apart by the existence of an element', () => {
    const ended = profile('Patient', [
      {
        id: 'Patient.address',
        slicing: { discriminator: [{ type: 'exists', path: 'period' }], rules: 'open' },
      },
      { id: 'Patient.address:dated', sliceName: 'dated', min: 1, max: '1' },
      { id: 'Patient.address:dated.period', min: 1 },
      { id: 'Patient.address:dated.city', min: 1 },
    ]);
    expect(by([ended], patient({ address: [{ period: { start: '2020' }, city: 'A' }] }))).to.eql(
      [],
    );
    expect(by([ended], patient({ address: [{ city: 'A' }] }))).to.eql([
      'Patient.address missing-slice',
    ]);
    expect(by([ended], patient({ address: [{ period: { start: '2020' } }] }))).to.eql([
      'Patient.address[0].city missing-element',
    ]);
  });

  it('are told apart by type', () => {
    const typed = profile('Observation', [
      {
        id: 'Observation.value[x]',
        slicing: { discriminator: [{ type: 'type', path: '$this' }], rules: 'open' },
      },
      { id: 'Observation.value[x]:valueQuantity', sliceName: 'valueQuantity', min: 0 },
      { id: 'Observation.value[x]:valueQuantity.code', min: 1 },
    ]);
    const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
    expect(by([typed], { ...observation, valueString: 'x' })).to.eql([]);
    expect(by([typed], { ...observation, valueQuantity: { value: 1 } })).to.eql([
      'Observation.value.code missing-element',
    ]);
  });

  it('may be sliced again', () => {
    const nested = profile('Patient', [
      {
        id: 'Patient.identifier',
        slicing: { discriminator: [{ type: 'value', path: 'system' }], rules: 'open' },
      },
      {
        id: 'Patient.identifier:a',
        sliceName: 'a',
        slicing: { discriminator: [{ type: 'value', path: 'use' }], rules: 'open' },
      },
      { id: 'Patient.identifier:a.system', min: 1, fixedUri: 'http://a' },
      { id: 'Patient.identifier:a/old', sliceName: 'a/old', min: 1, max: '1' },
      { id: 'Patient.identifier:a/old.use', min: 1, fixedCode: 'old' },
    ]);
    expect(by([nested], patient({ identifier: [{ ...id('a'), use: 'old' }] }))).to.eql([]);
    expect(by([nested], patient({ identifier: [id('a')] }))).to.eql([
      'Patient.identifier missing-slice',
    ]);
  });
});

describe('values', () => {
  it('stay within least and greatest', () => {
    const bounded = profile('Patient', [
      { id: 'Patient.multipleBirth[x]', minValueInteger: 2, maxValueInteger: 4 },
      { id: 'Patient.birthDate', minValueDate: '1900-01-01' },
    ]);
    expect(by([bounded], patient({ multipleBirthInteger: 3, birthDate: '1950' }))).to.eql([]);
    expect(by([bounded], patient({ multipleBirthInteger: 5, birthDate: '1850' }))).to.have.members([
      'Patient.multipleBirth out-of-range',
      'Patient.birthDate out-of-range',
    ]);
  });

  it('of a primitive keep the rules that a profile gives it, beside its extensions', () => {
    const rule = { key: 'x-1', severity: 'error' as const, human: 'Born in this century.' };
    const born = profile('Patient', [
      { id: 'Patient.birthDate', constraint: [{ ...rule, expression: '$this >= @2000-01-01' }] },
    ]);
    expect(by([born], patient({ birthDate: '2001-05-01' }))).to.eql([]);
    expect(by([born], patient({ birthDate: '1999-05-01' }))).to.eql(['Patient.birthDate x-1']);
  });

  it('take their codes from a set that a profile makes required', () => {
    const use = `${HL7.replace('StructureDefinition', 'ValueSet')}marital-status`;
    const strict = profile('Patient', [
      { id: 'Patient.maritalStatus', binding: { strength: 'required', valueSet: use } },
    ]);
    const system = 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus';
    const married = (code: string) => patient({ maritalStatus: { coding: [{ system, code }] } });
    expect(by([strict], married('M'))).to.eql([]);
    expect(by([strict], married('maybe'))).to.eql(['Patient.maritalStatus code-not-in-value-set']);
    expect(by([strict], patient({ maritalStatus: { text: 'yes' } }))).to.eql([
      'Patient.maritalStatus code-not-in-value-set',
    ]);
  });
});

describe('extensions', () => {
  const extension: StructureDefinition = profile(
    'Extension',
    [
      { id: 'Extension.url', fixedUri: 'http://x/e' },
      { id: 'Extension.value[x]', min: 1, type: [{ code: 'string' }] },
    ],
    { url: 'http://x/e', context: [{ type: 'element', expression: 'Patient.contact' }] },
  );
  const check = (resource: object) =>
    createDefinitions([extension])
      .validate(resource)
      .map((issue) => `${issue.expression} ${issue.code}`);
  const given = { extension: [{ url: 'http://x/e', valueString: 'x' }] };

  it('stand only where their definition says', () => {
    const name = { text: 'A' };
    expect(check(patient({ contact: [{ name, ...given }] }))).to.eql([]);
    expect(check(patient(given))).to.eql(['Patient.extension[0] extension-context']);
    expect(check(patient({ contact: [{ name: { ...name, ...given } }] }))).to.eql([
      'Patient.contact[0].name.extension[0] extension-context',
    ]);
  });

  it('are judged within resources in resources by the inner one', () => {
    const contact = [{ name: { text: 'A' }, ...given }];
    const bundle = (resource: object) => ({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource }],
    });
    expect(check(bundle(patient({ contact })))).to.eql([]);
    expect(check(bundle(patient(given)))).to.eql([
      'Bundle.entry[0].resource.extension[0] extension-context',
    ]);
  });
});

describe('resources within others', () => {
  it('are held against the profiles that they declare', () => {
    const named = profile('Patient', [{ id: 'Patient.name', min: 1 }]);
    const inner = { meta: { profile: ['http://x/p'] }, resourceType: 'Patient', active: true };
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: inner }] };
    const issues = createDefinitions([named]).validate(bundle);
    expect(issues.map((issue) => `${issue.expression} ${issue.code}`)).to.eql([
      'Bundle.entry[0].resource.name missing-element',
    ]);
  });
});

describe('references', () => {
  const named = profile('Patient', [{ id: 'Patient.name', min: 1 }], { url: 'http://x/named' });
  const owned = profile('Group', [
    {
      id: 'Group.member.entity',
      type: [{ code: 'Reference', targetProfile: ['http://x/named'] }],
    },
  ]);
  const group = (reference: string, more: object = {}) => ({
    resourceType: 'Group',
    meta: { profile: ['http://x/p'] },
    type: 'person',
    actual: true,
    member: [{ entity: { reference } }],
    ...more,
  });
  const check = (resource: object) =>
    createDefinitions([owned, named])
      .validate(resource)
      .map((issue) => `${issue.expression} ${issue.code}`);

  it('lead to what the profile of their target asks, where it stands beside them', () => {
    const contained = (patient: object) =>
      check(group('#p', { contained: [{ resourceType: 'Patient', id: 'p', ...patient }] }));
    expect(contained({ name: [{ text: 'A' }] })).to.eql([]);
    expect(contained({ active: true })).to.eql([
      'Group.member[0].entity.reference target-not-as-profiled',
    ]);
    expect(check(group('Patient/elsewhere'))).to.eql([]);
    expect(check(group('Location/1'))).to.include(
      'Group.member[0].entity.reference wrong-reference-target',
    );
  });

  it('are followed within a Bundle', () => {
    const bundle = (patient: object) => ({
      resourceType: 'Bundle',
      type: 'collection',
      entry: [
        { fullUrl: 'http://x/Group/g', resource: group('Patient/p', { id: 'g' }) },
        {
          fullUrl: 'http://x/Patient/p',
          resource: { resourceType: 'Patient', id: 'p', ...patient },
        },
      ],
    });
    expect(check(bundle({ name: [{ text: 'A' }] }))).to.eql([]);
    expect(check(bundle({ active: true }))).to.eql([
      'Bundle.entry[0].resource.member[0].entity.reference target-not-as-profiled',
    ]);
  });

  it('tell slices apart by the type or the profile of what they lead to', () => {
    const slices = (type: string) =>
      profile(
        'Group',
        [
          {
            id: 'Group.member',
            slicing: { discriminator: [{ type, path: 'entity.resolve()' }], rules: 'closed' },
          },
          { id: 'Group.member:named', sliceName: 'named', min: 1, max: '1' },
          {
            id: 'Group.member:named.entity',
            type: [{ code: 'Reference', targetProfile: ['http://x/named'] }],
          },
        ] as Change[],
        { url: 'http://x/p' },
      );
    const by = (type: string, resource: object) =>
      createDefinitions([slices(type), named])
        .validate(resource)
        .map((issue) => `${issue.expression} ${issue.code}`);
    const patient = { resourceType: 'Patient', id: 'p' };
    const good = group('#p', { contained: [{ ...patient, name: [{ text: 'A' }] }] });
    expect(by('profile', good)).to.eql([]);
    expect(by('profile', group('#p', { contained: [{ ...patient, active: true }] }))).to.include(
      'Group.member missing-slice',
    );
  });
});
