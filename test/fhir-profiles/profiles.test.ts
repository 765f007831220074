/**
 * What Amana publishes of itself: every profile has an example that it accepts, every name that
 * the code writes is published, and the compiled files are what the FSH gives.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource, StructureDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../src/fhir/definitions/create.ts';
import { structureDefinition } from '../../src/sdk/index.ts';

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
