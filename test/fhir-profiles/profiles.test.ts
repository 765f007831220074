/**
 * What Amana publishes of itself: every profile has an example that it accepts, every name that
 * the code writes is published, and the compiled files are what the FSH gives.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  Coverage,
  Extension,
  Group,
  InsurancePlan,
  Resource,
  StructureDefinition,
} from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { MODULES } from '../../modules/index.ts';
import { assemble } from '../../src/assemble.ts';
import { createDefinitions } from '../../src/fhir/definitions/create.ts';
import { CANONICAL_ROOT, structureDefinition } from '../../src/sdk/index.ts';
import { HOUSE_SETTINGS } from '../../src/settings.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'fhir-profiles');

function readAll(name: string): Resource[] {
  return readdirSync(join(folder, name))
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(readFileSync(join(folder, name, file), 'utf8')) as Resource);
}

const published = readAll('generated');
const examples = readAll('examples');
const definitions = createDefinitions(published);
const profiles = published.filter(
  (each): each is StructureDefinition =>
    each.resourceType === 'StructureDefinition' && each.type !== 'Extension',
);

/** Canonical URLs that source files write by the helpers of the SDK, as `Kind/name`. */
function namesInCode(): Set<string> {
  const kinds: Record<string, string> = {
    structureDefinition: 'StructureDefinition',
    codeSystem: 'CodeSystem',
    valueSet: 'ValueSet',
  };
  const names = new Set<string>();
  for (const area of ['src', 'modules']) {
    const files = readdirSync(join(root, area), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((each) => each.endsWith('.ts'))) {
      const text = readFileSync(join(root, area, file), 'utf8');
      const calls = /\b(structureDefinition|codeSystem|valueSet)\(\s*'([a-z0-9-]+)'/g;
      for (const [, call, name] of text.matchAll(calls)) names.add(`${kinds[call!]}/${name}`);
    }
  }
  return names;
}

describe('the profiles', () => {
  for (const profile of profiles) {
    it(`${profile.id} accepts its example`, () => {
      const example = examples.find((each) => each.meta?.profile?.includes(profile.url));
      expect(example, 'an example').to.not.equal(undefined);
      const issues = definitions.validate(example!);
      expect(issues.filter((each) => each.severity !== 'warning')).to.deep.equal([]);
    });
  }

  it('are valid FHIR themselves, with the value sets and operations beside them', () => {
    const faults = published.flatMap((each) =>
      definitions
        .validate(each)
        .filter(({ severity }) => severity === 'error')
        .map((issue) => `${each.id}: ${issue.expression} ${issue.diagnostics}`),
    );
    expect(faults).to.deep.equal([]);
  });

  it('name no type or profile of other servers', () => {
    expect(JSON.stringify(published)).to.not.contain('medplum');
  });

  it('stand beside a definition of each operation that the house and its modules offer', () => {
    const { operations } = assemble(MODULES, HOUSE_SETTINGS).fhir;
    const urls = [...operations.values()].map(({ definition }) => definition.url ?? 'none');
    expect(urls.filter((url) => !/^https?:\/\//.test(url))).to.deep.equal([]);
    // those of HL7, IHE and SQL on FHIR are published there
    const ours = urls.filter((url) => url.startsWith(CANONICAL_ROOT));
    const known = published.map((each) => 'url' in each && each.url);
    expect(ours.length).to.be.greaterThan(20);
    expect(known).to.include.members(ours);
  });

  const coverage = (change: Record<string, unknown>) => {
    const example = examples.find(({ id }) => id === 'enrolment-1') as Coverage;
    const extension = example.extension!.flatMap((each): Extension[] => {
      const name = each.url!.slice(each.url!.lastIndexOf('/') + 1);
      if (!(name in change)) return [each];
      return change[name] === undefined ? [] : [{ url: each.url!, ...(change[name] as object) }];
    });
    return definitions
      .validate({ ...example, extension })
      .map((issue) => `${issue.expression} ${issue.code}`);
  };

  it('want scheme, household and state of an enrolment, and a known reason', () => {
    for (const name of ['enrolment-scheme', 'enrolment-household', 'enrolment-state']) {
      expect(coverage({ [name]: undefined }), name).to.include('Coverage.extension missing-slice');
    }
    expect(coverage({ 'enrolment-reason': { valueCode: 'imported' } })).to.deep.equal([]);
    expect(coverage({ 'enrolment-reason': { valueCode: 'because' } })).to.deep.equal([
      'Coverage.extension[3].value code-not-in-value-set',
    ]);
    expect(
      coverage({ 'enrolment-reason': { valueCodeableConcept: { text: 'because' } } }),
    ).to.deep.equal(['Coverage.extension[3].value code-not-in-value-set']);
  });

  it('want the reason of an enrolment that has ended', () => {
    const ended = { valueCode: 'exited' };
    expect(coverage({ 'enrolment-state': ended })).to.deep.equal([]);
    expect(coverage({ 'enrolment-state': ended, 'enrolment-reason': undefined })).to.deep.equal([
      'Coverage enrolment-reason-given',
    ]);
  });

  it('want one active head and one collector of a household', () => {
    const household = examples.find(({ id }) => id === 'household-1') as Group;
    const [head] = household.member!;
    const check = (more: object) =>
      definitions
        .validate({ ...household, member: [head!, { ...head!, ...more }] })
        .map(({ code }) => code);
    expect(check({})).to.deep.equal(['household-one-head', 'household-one-collector']);
    expect(check({ inactive: true })).to.deep.equal([]);
  });

  it('take the codes of a scheme that the rules know, and no part that is not defined', () => {
    const scheme = examples.find(({ id }) => id === 'older-persons') as InsurancePlan;
    const [rules] = scheme.extension!;
    const check = (part: Extension) => {
      const kept = rules!.extension!.filter(({ url }) => url !== part.url);
      const extension = [{ url: rules!.url!, extension: [...kept, part] }];
      return definitions.validate({ ...scheme, extension }).map(({ code }) => code);
    };
    expect(check({ url: 'rounding-mode', valueCode: 'half-up' })).to.deep.equal([]);
    for (const url of ['rounding-mode', 'age-on', 'delivery', 'frequency']) {
      expect(check({ url, valueCode: 'sometimes' }), url).to.deep.equal(['code-not-in-value-set']);
    }
    expect(check({ url: 'roundingmode', valueCode: 'up' })).to.deep.equal([
      'unknown-extension-part',
    ]);
    const language = 'text/cql' as const;
    expect(
      check({ url: 'criterion', valueExpression: { language, expression: 'true' } }),
    ).to.deep.equal(['not-as-fixed']);
  });

  it('refuse an example that lacks what they demand', () => {
    const payroll = examples.find((each) =>
      each.meta?.profile?.includes(structureDefinition('payroll')),
    );
    const issues = definitions.validate({ ...payroll!, extension: [] } as Resource);
    expect(issues.some((each) => each.severity === 'error')).to.equal(true);
  });

  it('cover every profile, extension, code system and value set that the code names', () => {
    const known = new Set(published.map((each) => `${each.resourceType}/${each.id}`));
    expect([...namesInCode()].filter((name) => !known.has(name))).to.deep.equal([]);
  });

  it('are compiled from the FSH as it stands', function () {
    this.timeout(120_000);
    const out = execFileSync(process.execPath, [join(folder, 'build.ts'), '--check'], {
      encoding: 'utf8',
    });
    expect(out).to.contain('are current');
  });
});
