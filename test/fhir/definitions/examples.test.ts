/** Resources that nobody here wrote: what is right passes, what is wrong is refused. */

import { readFileSync } from 'node:fs';
import type { Resource, StructureDefinition } from '@medplum/fhirtypes';
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
  readonly profile?: {
    readonly source: string;
    readonly supporting?: readonly string[];
    readonly expectErrors: number;
  };
  readonly expectErrors: number;
}

const UNKNOWN_EXTENSION =
  'extensibility.html: an extension that is not known here may stand; nothing is held against it';
const DISPLAYS = 'LOINC is not carried, and displays are not judged: they may be translations';

/** Where the reference validator refuses and we do not, with the reason. */
const ACCEPTED: Readonly<Record<string, string>> = {
  'ab-list-slicing': 'narrative.html: where a local link leads is resolved by who shows it',
  'mr-covid-mr1': 'a MeasureReport is not held against its Measure: the scoring is its author’s',
  'obs-temp-bad': 'vital-sign profiles are asked of who declares them; theirs is not here',
  'patient-ig-bad':
    'global profiles of an ImplementationGuide are not applied: nobody asked for them',
  'parameters-reference-bad': 'whether a target exists is the store’s business, at the write',
  'sdoh-type-slice': DISPLAYS,
  'sdoh-type-slice by profile': DISPLAYS,
  'target-ref-profile-empty': UNKNOWN_EXTENSION,
  'pat-example-extensions': UNKNOWN_EXTENSION,
  'nested-questionnaire-nested-valueset': UNKNOWN_EXTENSION,
  'bad-markdown-no-html': 'a "<" in a note is text here and is escaped where it is shown',
  PulseOxBundle_25Oct2022: `${DISPLAYS}; US Core is not here`,
  'PulseOxBundle_25Oct2022 by profile': 'the package hl7.fhir.us.core is not here',
  'choice-gender-coding-async-qr': 'the code is in R4’s value set; displays are not judged',
  'open-choice-gender-coding-async-qr': 'the code is in R4’s value set; displays are not judged',
  'toplevel-minvalueduration-fail by profile': 'R4’s ElementDefinition has no minValueDuration',
  'toplevel-maxvalueduration-fail by profile': 'R4’s ElementDefinition has no maxValueDuration',
};

describe("validation against the reference validator's verdicts", () => {
  it('agrees, but for what a reason is given', function () {
    this.timeout(60_000);
    const folder = sharedPath(this, 'data/fhir/validator');
    const cases = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8')) as Case[];
    const read = (file: string) =>
      readFileSync(`${folder}/files/${file}`, 'utf8').replace(/^\ufeff/, '');
    const differ = cases.flatMap((each) => {
      const wrong = refused(read(each.file), loaded(each.supporting, read));
      if (wrong !== each.expectErrors > 0) return [each.name];
      return [];
    });
    const byProfile = cases.flatMap(({ name, file, supporting, profile }) => {
      if (!profile) return [];
      const more = profile.source.startsWith('http') ? [] : [profile.source];
      const known = loaded([...(supporting ?? []), ...(profile.supporting ?? []), ...more], read);
      const [asked] = more.flatMap((source) => loaded([source], read));
      const url = (asked as StructureDefinition | undefined)?.url ?? profile.source;
      const wrong = refused(read(file), known, [url]);
      return wrong === profile.expectErrors > 0 ? [] : [`${name} by profile`];
    });
    expect([...differ, ...byProfile].sort()).to.deep.equal(Object.keys(ACCEPTED).sort());
    expect(cases.length - differ.length).to.be.at.least(81);
  });
});

function refused(
  text: string,
  known: readonly Resource[],
  profiles: readonly string[] = [],
): boolean {
  let resource: unknown;
  try {
    resource = parseJson(text);
  } catch {
    return true; // not JSON
  }
  const issues = createDefinitions([...new Set(known)]).validate(resource, { profiles });
  return issues.some((issue) => issue.severity === 'error');
}

function loaded(files: readonly string[] | undefined, read: (file: string) => string): Resource[] {
  return [...new Set(files)].flatMap((file) => {
    if (!file.endsWith('.json')) return [];
    const resource = JSON.parse(read(file)) as Resource;
    if (resource.resourceType !== 'Bundle') return [resource];
    return (resource.entry ?? []).flatMap((entry) => entry.resource ?? []);
  });
}
