/** Whatever a caller sends as a patch, the answer is a resource or a Problem, and comes at once. */

import type { Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import fc from 'fast-check';
import { before, describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import type { Definitions } from '../../../src/fhir/definitions/definitions.ts';
import { parseJson, writeJson } from '../../../src/fhir/formats/json.ts';
import { applyPatch, type Patch } from '../../../src/fhir/patch/apply.ts';
import { Problem } from '../../../src/sdk/index.ts';

const PERSON = JSON.stringify({
  resourceType: 'Patient',
  id: 'a',
  meta: { versionId: '1', tag: [{ code: 't' }] },
  contained: [{ resourceType: 'Organization', id: 'o', name: 'O' }],
  extension: [{ url: 'http://x', valueDecimal: 1.5 }],
  name: [{ given: ['A', null], _given: [null, { id: 'g' }], family: 'F' }],
  birthDate: '2001-02-03',
  _birthDate: { extension: [{ url: 'http://y', valueString: 'z' }] },
  deceasedBoolean: false,
  contact: [{ name: { family: 'C' }, telecom: [{ value: '1' }] }],
});

const STEPS = [
  'name',
  'given',
  'family',
  'birthDate',
  'deceased',
  'contact',
  'telecom',
  'contained',
  'extension',
  'value',
  'meta',
  'tag',
  'id',
  'resourceType',
  'nothing',
];

const step = fc.oneof(
  fc.constantFrom(...STEPS),
  fc.constantFrom('[0]', '[1]', '[9]', '[-1]', "['x']", '[name]'),
  fc.constantFrom(
    'first()',
    'last()',
    'single()',
    'tail()',
    "where(use = 'usual')",
    'where($this.exists())',
    "where(matches('(a+)+$'))",
    "extension('http://x')",
    'ofType(string)',
    'ofType(boolean)',
    'children()',
    '$this',
  ),
);

const path = fc
  .tuple(fc.constantFrom('Patient', 'Resource', 'Group', '%resource', ''), fc.array(step))
  .map(([head, steps]) =>
    steps.reduce((text, each) => (each.startsWith('[') ? text + each : `${text}.${each}`), head),
  );

const given = fc.oneof(
  fc.constantFrom<object>(
    { valueString: 'x' },
    { valueBoolean: true },
    { valueHumanName: { family: 'N' } },
    { valueDecimal: 2 },
    { _valueString: { id: 'only' } },
    { valueString: 'x', valueCode: 'y' },
    { part: [{ name: 'family', valueString: 'P' }] },
    { part: [{ name: 'name', part: [{ name: 'given', valueString: 'P' }] }] },
    { part: 'no list' },
    { resource: { resourceType: 'Basic' } },
    {},
  ),
  fc.object().map((each) => ({ ...each })),
);

const index = fc.oneof(fc.integer({ min: -2, max: 4 }), fc.constant('1'), fc.constant(undefined));

const fhirPathOperation = fc
  .record({
    type: fc.constantFrom('add', 'insert', 'delete', 'replace', 'move', 'explode', '__proto__'),
    path: fc.oneof(path, fc.string()),
    name: fc.oneof(fc.constantFrom(...STEPS, '__proto__', 'constructor', 'value[x]'), fc.string()),
    value: given,
    index,
  })
  .map((each) => ({
    name: 'operation',
    part: [
      { name: 'type', valueCode: each.type },
      { name: 'path', valueString: each.path },
      { name: 'name', valueString: each.name },
      { name: 'value', ...each.value },
      ...['index', 'source', 'destination'].map((name) => ({ name, valueInteger: each.index })),
    ],
  }));

const pointer = fc
  .array(
    fc.oneof(fc.constantFrom(...STEPS, '0', '1', '-', '00', '_given', '__proto__'), fc.string()),
  )
  .map((names) => names.map((each) => `/${each}`).join(''));

const jsonOperation = fc.record(
  {
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'explode'),
    path: fc.oneof(pointer, fc.string(), fc.constant(1)),
    from: pointer,
    value: fc.jsonValue(),
  },
  { requiredKeys: ['op', 'path'] },
);

describe('a hostile patch', () => {
  let definitions: Definitions;
  before(() => {
    definitions = createDefinitions();
  });

  /** True when it was applied; what it makes keeps its id and can be written and validated. */
  function applies(patch: Patch): boolean {
    try {
      const made = applyPatch(definitions, parseJson(PERSON) as Resource, patch);
      expect(made.id).to.equal('a');
      expect(made.resourceType).to.equal('Patient');
      definitions.validate(parseJson(writeJson(made)));
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      expect(error.status).to.be.oneOf([400, 422]);
      return false;
    }
  }

  it('of FHIRPath is applied or refused', () => {
    let applied = 0;
    fc.assert(
      fc.property(fc.array(fhirPathOperation, { minLength: 1, maxLength: 3 }), (parameter) => {
        if (applies({ kind: 'fhirpath', parameters: { resourceType: 'Parameters', parameter } })) {
          applied += 1;
        }
      }),
      { numRuns: 1000, seed: 1977 },
    );
    expect(applied).to.be.greaterThan(3);
  });

  it('of JSON is applied or refused', () => {
    let applied = 0;
    fc.assert(
      fc.property(fc.oneof(fc.array(jsonOperation), fc.jsonValue()), (operations) => {
        if (applies({ kind: 'json', operations })) applied += 1;
      }),
      { numRuns: 1000, seed: 1977 },
    );
    expect(applied).to.be.greaterThan(3);
    expect({}).to.not.have.property('polluted');
  });

  it('comes to its end whatever it repeats', () => {
    const started = process.hrtime.bigint();
    const deep = `Patient${'.name.where(exists('.repeat(40)}true${'))'.repeat(40)}`;
    const parameter = Array.from({ length: 200 }, () => ({
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'delete' },
        { name: 'path', valueString: deep },
      ],
    }));
    applies({ kind: 'fhirpath', parameters: { resourceType: 'Parameters', parameter } });
    const operations = Array.from({ length: 20_000 }, () => ({
      op: 'add',
      path: '/name/0',
      value: { family: 'x' },
    }));
    applies({ kind: 'json', operations });
    expect(Number(process.hrtime.bigint() - started) / 1e6).to.be.lessThan(3000);
  });
});
