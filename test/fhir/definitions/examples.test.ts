/** Resources that nobody here wrote: what is right passes, what is wrong is refused. */

import { readFileSync } from 'node:fs';
import type { Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { parseJson } from '../../../src/fhir/formats/json.ts';
import { sharedPath, sharedTexts } from '../../support/shared.ts';

const definitions = createDefinitions();

function errorsOf(resource: unknown, profiles: readonly string[] = []) {
  return definitions.validate(resource, { profiles }).filter((issue) => issue.severity === 'error');
}

/** HL7 examples that break R4's own rules, and the first rule that each breaks. */
const BROKEN: Readonly<Record<string, string>> = {
  'bundle-with-no-type.json': 'txt-1', // also without the required type, as its name says
  'codesystem-example.json': 'csd-1', // the code chol-mass stands twice
  'deviceusestatement-example.json': 'wrong-reference-target', // reason: a Procedure
  'explanationofbenefit-example.json': 'missing-element', // no status, type, use, patient …
  'medicationrequest0301.json': 'wrong-reference-target', // performer: a Practitioner
  'patient-container-example.json': 'org-1', // an Organization without name or identifier
};

describe('validation of published resources', () => {
  it('accepts the HL7 examples that keep the rules', function () {
    for (const { name, text } of sharedTexts(this, 'data/fhir/hl7-examples')) {
      const [first] = errorsOf(parseJson(text));
      expect(first?.code, `${name}: ${first?.diagnostics}`).to.equal(BROKEN[name]);
    }
  });

  it('accepts patient histories made by Synthea, whole', function () {
    this.timeout(10_000);
    for (const { name, text } of sharedTexts(this, 'data/fhir/synthea')) {
      expect(errorsOf(parseJson(text)), name).to.deep.equal([]);
    }
  });
});

interface Case {
  readonly name: string;
  readonly file: string;
  readonly supporting?: readonly string[];
  readonly profile?: { readonly source: string; readonly expectErrors: number };
  readonly expectErrors: number;
}

/** Verdicts that agree with the reference validator's; may only rise. */
const PLAIN_RATCHET = 35;
const ALL_RATCHET = 48;

describe("validation against the reference validator's verdicts", () => {
  it('refuses nothing that the reference accepts, and misses ever less', function () {
    this.timeout(30_000);
    const folder = sharedPath(this, 'data/fhir/validator');
    const cases = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as Case[];
    const read = (file: string) =>
      readFileSync(`${folder}/files/${file}`, 'utf8').replace(/^\ufeff/, '');
    const agreed = cases.filter((each) => {
      const supported = createDefinitions(withSnapshots(each.supporting ?? [], read));
      const wrong = verdict(() => supported.validate(parseJson(read(each.file))));
      if (each.expectErrors === 0) expect(wrong, each.name).to.equal(false);
      return wrong === each.expectErrors > 0;
    });
    const plain = agreed.filter((each) => !each.supporting?.length && !each.profile);
    expect(plain.length).to.be.at.least(PLAIN_RATCHET);
    expect(agreed.length).to.be.at.least(ALL_RATCHET);
  });
});

function verdict(validate: () => readonly { severity: string }[]): boolean {
  try {
    return validate().some((issue) => issue.severity === 'error');
  } catch {
    return true; // not JSON
  }
}

function withSnapshots(files: readonly string[], read: (file: string) => string): Resource[] {
  return files.flatMap((file) => {
    if (!file.endsWith('.json')) return [];
    const resource = JSON.parse(read(file)) as Resource;
    const all =
      resource.resourceType === 'Bundle'
        ? (resource.entry ?? []).flatMap((entry) => entry.resource ?? [])
        : [resource];
    return all.filter((each) => each.resourceType !== 'StructureDefinition' || each.snapshot);
  });
}
