/** Both kinds of patch without a server: the published cases, and what they leave open. */

import { readFileSync } from 'node:fs';
import type { Parameters, Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import type { Definitions } from '../../../src/fhir/definitions/definitions.ts';
import { parseJson, writeJson } from '../../../src/fhir/formats/json.ts';
import { applyPatch } from '../../../src/fhir/patch/apply.ts';
import { applyFhirPathPatch } from '../../../src/fhir/patch/fhirpath-patch.ts';
import { applyJsonPatch } from '../../../src/fhir/patch/json-patch.ts';
import { Problem } from '../../../src/sdk/index.ts';
import { sharedPath } from '../../support/shared.ts';

interface FhirCase {
  readonly name: string;
  readonly input: Resource;
  readonly diff: Parameters;
  readonly output?: Resource;
  readonly error?: unknown;
}

interface JsonCase {
  readonly comment: string;
  readonly doc: unknown;
  readonly patch: unknown;
  readonly expected?: unknown;
  readonly error?: string;
}

/** Names of an operation's parts: `type`, `path` and the rest as they stand. */
function operation(type: string, path: string, more: object[] = []) {
  const part = [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...more];
  return { name: 'operation', part };
}

const parameters = (...parameter: object[]): unknown => ({ resourceType: 'Parameters', parameter });
const value = (of: object): object => ({ name: 'value', ...of });

describe('a patch', () => {
  let definitions: Definitions;
  before(() => {
    definitions = createDefinitions();
  });

  const fhir = (text: string, ...operations: object[]): string =>
    writeJson(applyFhirPathPatch(definitions, parseJson(text), parameters(...operations)));
  const json = (text: string, ...operations: object[]): string =>
    writeJson(applyJsonPatch(parseJson(text), parseJson(JSON.stringify(operations))));
  const refusal = (work: () => unknown): Problem => {
    try {
      work();
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
    throw new Error('it was not refused');
  };

  it('gives the result of every published FHIRPath case', function () {
    const path = sharedPath(this, 'data/fhir/patch/fhir-patch-tests.json');
    const cases = JSON.parse(readFileSync(path, 'utf8')) as FhirCase[];
    expect(cases.length).to.be.greaterThan(16);
    for (const { name, input, diff, output, error } of cases) {
      if (error) refusal(() => applyFhirPathPatch(definitions, input, diff));
      else expect(applyFhirPathPatch(definitions, input, diff), name).to.deep.equal(output);
    }
  });

  it('gives the result of every published JSON Patch case', function () {
    const path = sharedPath(this, 'data/fhir/patch/json-patch-tests.json');
    const cases = JSON.parse(readFileSync(path, 'utf8')) as JsonCase[];
    expect(cases.length).to.be.greaterThan(7);
    for (const { comment, doc, patch, expected, error } of cases) {
      if (error) expect(refusal(() => applyJsonPatch(doc, patch)).status, comment).to.equal(422);
      else expect(applyJsonPatch(doc, patch), comment).to.deep.equal(expected);
    }
  });

  it('keeps the digits of decimals, also of those that it brings, copies and compares', () => {
    const risk = '{"resourceType":"X","a":1.00,"b":[2.50]}';
    expect(json(risk, { op: 'copy', from: '/a', path: '/b/-' })).to.include('"b":[2.50,1.00]');
    expect(json(risk, { op: 'test', path: '/a', value: 1 })).to.include('"a":1.00');
    const quantity = parseJson('{"value":7.10}');
    const observed = '{"resourceType":"Observation","valueQuantity":{"value":1.0}}';
    expect(
      fhir(
        observed,
        operation('replace', 'Observation.value', [value({ valueQuantity: quantity })]),
      ),
    ).to.include('"valueQuantity":{"value":7.10}');
  });

  it('changes the type of a choice', () => {
    const observed = '{"resourceType":"Observation","valueQuantity":{"value":1}}';
    expect(
      fhir(observed, operation('replace', 'Observation.value', [value({ valueString: 'high' })])),
    ).to.equal('{"resourceType":"Observation","valueString":"high"}');
    const wrong = operation('replace', 'Observation.value', [value({ valueAddress: {} })]);
    expect(refusal(() => fhir(observed, wrong)).status).to.equal(400);
  });

  it('finds elements by conditions, extensions and types', () => {
    const person =
      '{"resourceType":"Patient","name":[{"use":"usual","given":["A"]},{"use":"official","given":["B","C"]}]}';
    const last = "Patient.name.where(use = 'official').given.last()";
    expect(fhir(person, operation('replace', last, [value({ valueString: 'D' })]))).to.include(
      '"given":["B","D"]',
    );
    const extended =
      '{"resourceType":"Patient","extension":[{"url":"u","valueCode":"a"},{"url":"v","valueCode":"b"}]}';
    const typed = operation('replace', "Patient.extension('v').value.ofType(code)", [
      value({ valueCode: 'c' }),
    ]);
    expect(fhir(extended, typed)).to.include('{"url":"v","valueCode":"c"}');
    const other = operation('delete', "Patient.extension('v').value.ofType(string)");
    expect(fhir(extended, other)).to.equal(extended);
  });

  it('keeps the extensions of primitives beside their values', () => {
    const person =
      '{"resourceType":"Patient","name":[{"given":["A","B"],"_given":[null,{"id":"b"}]}]}';
    expect(fhir(person, operation('delete', 'Patient.name.given[0]'))).to.include(
      '{"given":["B"],"_given":[{"id":"b"}]}',
    );
    const inserted = operation('insert', 'Patient.name.given', [
      { name: 'index', valueInteger: 0 },
      value({ valueString: 'Z' }),
    ]);
    expect(fhir(person, inserted)).to.include(
      '{"given":["Z","A","B"],"_given":[null,null,{"id":"b"}]}',
    );
    const extension = operation('add', 'Patient.birthDate', [
      { name: 'name', valueString: 'extension' },
      value({ valueExtension: { url: 'http://x', valueBoolean: true } }),
    ]);
    expect(fhir('{"resourceType":"Patient","birthDate":"2001-01-01"}', extension)).to.include(
      '"_birthDate":{"extension":[{"url":"http://x","valueBoolean":true}]}',
    );
  });

  it('builds elements of parts to any depth, with lists and choices', () => {
    const questionnaire = '{"resourceType":"Questionnaire","item":[{"linkId":"1"}]}';
    const added = operation('add', 'Questionnaire.item[0]', [
      { name: 'name', valueString: 'item' },
      {
        name: 'value',
        part: [
          { name: 'linkId', valueString: '1.1' },
          { name: 'initial', part: [{ name: 'value', valueDecimal: 1 }] },
          { name: 'item', part: [{ name: 'linkId', valueString: '1.1.1' }] },
        ],
      },
    ]);
    expect(JSON.parse(fhir(questionnaire, added)).item[0].item).to.deep.equal([
      { linkId: '1.1', initial: [{ valueDecimal: 1 }], item: [{ linkId: '1.1.1' }] },
    ]);
  });

  it('leaves no empty lists and objects behind, and takes none away that it has not emptied', () => {
    const person = '{"resourceType":"Patient","name":[{"given":["A"]}],"contact":[]}';
    expect(json(person, { op: 'remove', path: '/name/0/given/0' })).to.equal(
      '{"resourceType":"Patient","contact":[]}',
    );
    expect(
      json(
        person,
        { op: 'remove', path: '/name/0' },
        { op: 'add', path: '/name/0', value: { family: 'B' } },
      ),
    ).to.include('"name":[{"family":"B"}]');
  });

  it('refuses a path that selects several or none, but for a delete of nothing', () => {
    const person = '{"resourceType":"Patient","name":[{"family":"A"},{"family":"B"}]}';
    const text = value({ valueString: 'C' });
    for (const type of ['replace', 'delete']) {
      const several = operation(type, 'Patient.name.family', [text]);
      expect(refusal(() => fhir(person, several)).status).to.equal(422);
    }
    const none = 'Patient.contact.name';
    expect(refusal(() => fhir(person, operation('replace', none, [text]))).status).to.equal(422);
    expect(fhir(person, operation('delete', none))).to.equal(person);
    const outside = operation('move', 'Patient.name', [
      { name: 'source', valueInteger: 0 },
      { name: 'destination', valueInteger: 2 },
    ]);
    expect(refusal(() => fhir(person, outside)).status).to.equal(422);
    const twice = operation('add', 'Patient.name[0]', [
      { name: 'name', valueString: 'family' },
      text,
    ]);
    expect(refusal(() => fhir(person, twice)).message).to.include('replace it');
  });

  it('refuses paths that would make the server labour, and those that lead to no element', () => {
    const hostile = [
      "Patient.name.where(family.matches('(a+)+$'))",
      "Patient.name.where('a'.replace('a', 'aaaaaaaa').replace('a', 'aaaaaaaa') = 'b')",
      'Patient.name.where(%resource.name.exists())',
      'Patient.repeat(contact)',
      'Patient.name.select(family)',
      'Patient.name | Patient.contact.name',
      'Patient.name[',
      `Patient${'.name'.repeat(300)}`,
      '1 + 1',
    ];
    for (const path of hostile) {
      expect(
        refusal(() =>
          fhir('{"resourceType":"Patient","name":[{"family":"A"}]}', operation('delete', path)),
        ).status,
        path,
      ).to.equal(400);
    }
  });

  it('bounds what copies make of a document, and reaches no prototype', () => {
    const doubling = Array.from({ length: 40 }, (_, at) => ({
      op: 'copy',
      from: '',
      path: `/x${at}`,
    }));
    expect(refusal(() => json('{"a":"0123456789"}', ...doubling)).status).to.equal(422);
    const reached = { op: 'add', path: '/__proto__/polluted', value: true };
    expect(refusal(() => json('{}', reached)).status).to.equal(400);
    const inherited = { op: 'test', path: '/constructor', value: 1 };
    expect(refusal(() => json('{}', inherited)).status).to.equal(422);
  });

  it('cannot make a resource another one', () => {
    const patient = (): Resource =>
      ({ resourceType: 'Patient', id: 'a', meta: { versionId: '1' } }) as Resource;
    for (const [path, given] of Object.entries({
      '/id': 'b',
      '/resourceType': 'Person',
      '/meta/versionId': '7',
      '': { resourceType: 'Patient' },
    })) {
      const operations = [{ op: 'replace', path, value: given }];
      const found = refusal(() => applyPatch(definitions, patient(), { kind: 'json', operations }));
      expect(found.status, path).to.equal(422);
    }
  });
});
