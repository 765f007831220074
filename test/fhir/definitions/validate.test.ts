/** Base validation: every fault is found, placed and explained; good resources pass. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { parseJson } from '../../../src/fhir/formats/json.ts';

const definitions = createDefinitions();

function faults(resource: unknown): string[] {
  return definitions
    .validate(resource)
    .filter((issue) => issue.severity === 'error')
    .map((issue) => `${issue.expression} ${issue.code}`);
}

function patient(more: Record<string, unknown>): Record<string, unknown> {
  return { resourceType: 'Patient', ...more };
}

const observation = { resourceType: 'Observation', status: 'final', code: { text: 'weight' } };

describe('validation', () => {
  it('accepts a resource that uses what JSON offers', () => {
    const good = patient({
      id: 'a-1.B',
      meta: { tag: [{ system: 'http://x', code: 'a' }] },
      text: {
        status: 'generated',
        div: '<div xmlns="http://www.w3.org/1999/xhtml"><p title="a">Abebe &amp; co<br/></p></div>',
      },
      contained: [{ resourceType: 'Organization', id: 'o', name: 'Clinic' }],
      extension: [{ url: 'http://x/e', extension: [{ url: 'part', valueInteger: 1 }] }],
      _gender: { extension: [{ url: 'http://x/absent', valueCode: 'unknown' }] },
      birthDate: '2020-02-29',
      _birthDate: { extension: [{ url: 'http://x/time', valueDateTime: '2020-02-29T10:00:00Z' }] },
      name: [
        {
          given: ['A', null],
          _given: [null, { id: 'x', extension: [{ url: 'http://x', valueCode: 'c' }] }],
        },
      ],
      deceasedBoolean: false,
      managingOrganization: { reference: '#o' },
      generalPractitioner: [{ reference: 'urn:uuid:4d4b9d2c-8bb5-4b36-9a1e-9a54f1f3a1a0' }],
    });
    expect(definitions.validate(good)).to.deep.equal([]);
  });

  const CASES: ReadonlyArray<readonly [string, unknown, string]> = [
    ['what is no object', 5, 'Resource not-a-resource'],
    ['a missing type', {}, 'Resource.resourceType unknown-type'],
    ['an unknown type', { resourceType: 'patient' }, 'Resource.resourceType unknown-type'],
    ['an unknown element', patient({ birthdate: '2020' }), 'Patient.birthdate unknown-element'],
    [
      'a nested unknown element',
      patient({ name: [{ first: 'A' }] }),
      'Patient.name[0].first unknown-element',
    ],
    [
      'an object instead of an array',
      patient({ name: { family: 'A' } }),
      'Patient.name not-an-array',
    ],
    ['an array instead of a value', patient({ gender: ['male'] }), 'Patient.gender bad-format'],
    ['an empty array', patient({ name: [] }), 'Patient.name empty-array'],
    ['an empty object', patient({ name: [{}] }), 'Patient.name[0] empty-element'],
    [
      'an object with nothing but an id',
      patient({ name: [{ id: 'x' }] }),
      'Patient.name[0] empty-element',
    ],
    ['empty text', patient({ name: [{ family: '' }] }), 'Patient.name[0].family empty-value'],
    ['null', patient({ active: null }), 'Patient.active bad-format'],
    [
      'null in an array without its extension',
      patient({ name: [{ given: [null] }] }),
      'Patient.name[0].given[0] null-value',
    ],
    [
      'a date that does not exist',
      patient({ birthDate: '2021-02-29' }),
      'Patient.birthDate bad-format',
    ],
    [
      'a time without zone',
      patient({ deceasedDateTime: '2020-01-01T10:00:00' }),
      'Patient.deceased bad-format',
    ],
    [
      'two types of one choice',
      patient({ deceasedBoolean: true, deceasedDateTime: '2020' }),
      'Patient.deceased second-choice',
    ],
    [
      'a choice of a type that is not offered',
      patient({ deceasedString: 'x' }),
      'Patient.deceasedString unknown-element',
    ],
    [
      'a code outside a required value set',
      patient({ gender: 'xx' }),
      'Patient.gender code-not-in-value-set',
    ],
    ['a code with blanks around', patient({ gender: 'male ' }), 'Patient.gender bad-format'],
    ['a number as text', { ...observation, valueInteger: '5' }, 'Observation.value bad-format'],
    [
      'a fraction as integer',
      { ...observation, valueInteger: 5.5 },
      'Observation.value bad-format',
    ],
    [
      'an integer beyond 32 bits',
      { ...observation, valueInteger: 2147483648 },
      'Observation.value bad-format',
    ],
    ['text as boolean', patient({ active: 'true' }), 'Patient.active bad-format'],
    [
      'a missing element',
      { resourceType: 'Observation', status: 'final' },
      'Observation.code missing-element',
    ],
    [
      'a missing choice',
      {
        resourceType: 'MedicationRequest',
        status: 'active',
        intent: 'order',
        subject: { display: 'x' },
      },
      'MedicationRequest.medication missing-element',
    ],
    [
      'a reference to a wrong type',
      patient({ managingOrganization: { reference: 'Patient/1' } }),
      'Patient.managingOrganization.reference wrong-reference-target',
    ],
    [
      'a wrong type told by Reference.type',
      patient({ managingOrganization: { type: 'Group', identifier: { value: '1' } } }),
      'Patient.managingOrganization.reference wrong-reference-target',
    ],
    [
      'a reference that is none',
      patient({ managingOrganization: { reference: 'clinic' } }),
      'Patient.managingOrganization.reference bad-reference',
    ],
    [
      'a fragment that is not contained',
      patient({ managingOrganization: { reference: '#o' } }),
      'Patient.managingOrganization.reference ref-1',
    ],
    [
      'a resource contained and never used',
      patient({ contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }] }),
      'Patient dom-3',
    ],
    [
      'a fault within a contained resource',
      patient({
        contained: [{ resourceType: 'Organization', id: 'o', nam: 'x', name: 'y' }],
        managingOrganization: { reference: '#o' },
      }),
      'Patient.contained[0].nam unknown-element',
    ],
    [
      'an extension without url',
      patient({ extension: [{ valueString: 'x' }] }),
      'Patient.extension[0].url missing-element',
    ],
    [
      'an extension with value and parts',
      patient({
        extension: [
          { url: 'http://x', valueString: 'x', extension: [{ url: 'y', valueCode: 'c' }] },
        ],
      }),
      'Patient.extension[0] ext-1',
    ],
    [
      'an extension with neither',
      patient({ extension: [{ url: 'http://x' }] }),
      'Patient.extension[0] ext-1',
    ],
    [
      'an extension with a relative url',
      patient({ extension: [{ url: 'x', valueCode: 'c' }] }),
      'Patient.extension[0].url relative-extension-url',
    ],
    [
      'a primitive extension of bad form',
      patient({ _birthDate: { extensions: [] } }),
      'Patient.birthDate.extensions unknown-element',
    ],
    [
      'a period that ends before it starts',
      patient({ address: [{ city: 'x', period: { start: '2021', end: '2020' } }] }),
      'Patient.address[0].period per-1',
    ],
    [
      'a contact without anything',
      patient({ contact: [{ gender: 'male' }] }),
      'Patient.contact[0] pat-1',
    ],
    [
      'members of a definitional group',
      {
        resourceType: 'Group',
        type: 'person',
        actual: false,
        member: [{ entity: { reference: 'Patient/1' } }],
      },
      'Group grp-1',
    ],
    [
      'a script in the narrative',
      patient({
        text: {
          status: 'generated',
          div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>',
        },
      }),
      'Patient.text.div txt-1',
    ],
    [
      'a handler in the narrative',
      patient({
        text: {
          status: 'generated',
          div: '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="x()">a</p></div>',
        },
      }),
      'Patient.text.div txt-1',
    ],
    [
      'narrative that does not close',
      patient({
        text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</div>' },
      }),
      'Patient.text.div txt-1',
    ],
    [
      'bad base64',
      patient({ photo: [{ contentType: 'image/png', data: 'a' }] }),
      'Patient.photo[0].data bad-format',
    ],
    ['an id that is too long', patient({ id: 'a'.repeat(65) }), 'Patient.id bad-format'],
    [
      'a control character',
      patient({ name: [{ family: 'a\u0000b' }] }),
      'Patient.name[0].family bad-format',
    ],
    [
      'half a character',
      patient({ name: [{ family: 'a\ud800' }] }),
      'Patient.name[0].family bad-format',
    ],
    [
      'a currency that is none',
      { resourceType: 'Invoice', status: 'draft', totalNet: { value: 1, currency: 'XYZ' } },
      'Invoice.totalNet.currency code-not-in-value-set',
    ],
  ];
  for (const [what, resource, fault] of CASES) {
    it(`refuses ${what}`, () => {
      expect(faults(resource)).to.include(fault);
    });
  }

  it('knows a decimal that keeps its written form', () => {
    const text =
      '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}';
    expect(faults(parseJson(text))).to.deep.equal([]);
    expect(
      faults(parseJson(text.replace('valueQuantity":{"value":1.00}', 'valueInteger":1.0'))),
    ).to.deep.equal(['Observation.value bad-format']);
  });

  it('names the place and the remedy', () => {
    const [issue] = definitions.validate(patient({ birthdate: '2020' }));
    expect(issue).to.include({
      severity: 'error',
      kind: 'structure',
      expression: 'Patient.birthdate',
    });
    expect(issue!.diagnostics).to.contain('did you mean "birthDate"?');
    expect(definitions.validate(patient({ gender: 'femal' }))[0]!.diagnostics).to.contain(
      '"female"',
    );
  });

  it('lists all faults, up to a hundred', () => {
    const many = patient({
      name: Array.from({ length: 500 }, () => ({ family: '' })),
      gender: 'xx',
    });
    const issues = definitions.validate(many);
    expect(issues.length).to.equal(101);
    expect(issues.at(-1)).to.include({ severity: 'information', code: 'more-issues' });
  });

  it('bears hostile nesting and odd names', () => {
    let deep: unknown = { url: 'http://x', valueCode: 'x' };
    for (let level = 0; level < 5000; level++) deep = { url: 'http://x', extension: [deep] };
    expect(
      faults(patient({ extension: [deep] })).some((each) => each.endsWith('too-deep')),
    ).to.equal(true);
    const text = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const nested = patient({
      contained: [{ resourceType: 'Organization', id: 'o', name: 'x' }],
      extension: [{ url: 'http://x', extension: [deep, JSON.parse(text)] }],
    });
    expect(faults(nested).length).to.be.greaterThan(0);
    const odd = JSON.parse(
      '{"resourceType":"Patient","__proto__":{"a":1},"constructor":1,"toString":2,"name":[{"constructor":1}]}',
    ) as unknown;
    expect(faults(odd).filter((each) => each.includes('unknown-element')).length).to.equal(4);
  });

  it('reads long hostile texts in time', () => {
    const start = performance.now();
    for (const part of ['<!--', '<p ', '&#1', '<![CDATA[', '<p title="', '<div>']) {
      const div = `<div xmlns="http://www.w3.org/1999/xhtml">${part.repeat(200_000)}</div>`;
      expect(faults(patient({ text: { status: 'generated', div } })).length).to.be.greaterThan(0);
    }
    const reference = `Patient/${'/A'.repeat(300_000)}`;
    expect(faults(patient({ managingOrganization: { reference } })).length).to.be.greaterThan(0);
    expect(performance.now() - start).to.be.lessThan(1500);
  });

  it('warns of a profile that is not known, and still accepts', () => {
    const issues = definitions.validate(
      patient({ meta: { profile: ['http://x/unknown'] }, active: true }),
    );
    expect(issues.map((issue) => issue.severity)).to.deep.equal(['warning']);
  });

  it('refuses nothing but reports on any JSON whatever', () => {
    const values: unknown[] = [null, 1, 'x', true, [], {}, [null], [[]], { a: [] }, ''];
    for (const [index, value] of values.entries()) {
      for (const key of [
        'name',
        'contained',
        'meta',
        'extension',
        'text',
        'managingOrganization',
        '_birthDate',
        'link',
      ]) {
        const found = definitions.validate(patient({ [key]: value }));
        expect(found.length, `${key} ${index}`).to.be.greaterThan(0);
      }
    }
  });
});
