/**
 * HL7's reference validator beside ours: what we publish is right by its verdict, and of our
 * examples and some thousand damaged copies of them both say the same.
 *
 * Where the two differ on purpose, `DIFFERENCES` says why.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../src/fhir/definitions/create.ts';
import { type Damage, damages } from './hl7-validator/damage.ts';
import { ask, errorsOf, type Request, validatorJars } from './hl7-validator/oracle.ts';

const root = join(import.meta.dirname, '../../fhir-profiles');

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder))
    .sort()
    .map((name) => join(root, folder, name));
}

const generated = filesOf('generated');
const examples = filesOf('examples');

function read(file: string): Resource {
  return JSON.parse(readFileSync(file, 'utf8')) as Resource;
}

/** Why a verdict of ours may differ, by what the damage was or what either side says. */
const DIFFERENCES: ReadonlyArray<{ readonly says: RegExp; readonly reason: string }> = [
  {
    says: /ours: bad-reference/,
    reason: 'references.html: a relative reference is [type]/[id]; a bare word leads nowhere',
  },
  {
    says: /ours: empty-array/,
    reason: 'json.html: an array may not be empty; the reference passes over it',
  },
  {
    says: /ours: unknown-code .*restful-interaction/,
    reason: 'the code is not in a code system that we carry whole; HAPI only warns of this one',
  },
  {
    says: /Unknown code '[^']*#null'/,
    reason: 'datatypes.html#Coding: the code is optional, so a system alone says nothing wrong',
  },
  {
    says: /Unknown code '(http:\/\/terminology\.hl7\.org|urn:iso:|http:\/\/dicom)/,
    reason: 'these systems grow apart from R4: a code newer than our copy is no fault',
  },
  {
    says: /CANONICAL_ABSOLUTE|Identifier_System|TX_System_Relative/,
    reason: 'datatypes.html#uri: a uri may be relative; registries that write so are not refused',
  },
  {
    says: /CONCEPTMAP_GROUP_SOURCE_CODE_INVALID/,
    reason: 'ConceptMap.group.element.code has no binding; a map may be older than its system',
  },
];

describe("HL7's reference validator", function () {
  this.timeout(300_000);

  it('finds no error in what we publish, nor in the examples', async function () {
    const lib = validatorJars() ?? this.skip();
    const checked = [...generated, ...examples];
    const verdicts = await ask(lib, [
      ...generated.map((load): Request => ({ load })),
      ...checked.map((check): Request => ({ check })),
    ]);
    const faults = checked.flatMap((file, at) =>
      errorsOf(verdicts[at]!).map((each) => `${file}: ${each.location} ${each.message}`),
    );
    expect(faults).to.deep.equal([]);
    expect(verdicts.length).to.equal(checked.length);
  });

  it('judges damaged examples as we do', async function () {
    const lib = validatorJars() ?? this.skip();
    const definitions = createDefinitions(generated.map(read));
    const folder = mkdtempSync(join(tmpdir(), 'amana-damaged-'));
    try {
      const all: { file: string; damage: Damage }[] = [];
      for (const example of examples) {
        for (const damage of damages(read(example))) {
          const file = join(folder, `${all.length}.json`);
          writeFileSync(file, JSON.stringify(damage.resource));
          all.push({ file, damage });
        }
      }
      const verdicts = await ask(lib, [
        ...generated.map((load): Request => ({ load })),
        ...all.map(({ file }): Request => ({ check: file })),
      ]);
      const differ = all.flatMap(({ damage }, at) => {
        const theirs = errorsOf(verdicts[at]!);
        const ours = definitions
          .validate(damage.resource)
          .filter(({ severity }) => severity === 'error');
        if (theirs.length > 0 === ours.length > 0) return [];
        const said = [
          ...theirs.map((each) => `HL7: ${each.id} ${each.location} ${each.message}`),
          ...ours.map((each) => `ours: ${each.code} ${each.expression} ${each.diagnostics}`),
        ].join('; ');
        const told = `${damage.resource.resourceType} ${damage.what}: ${said}`;
        return DIFFERENCES.some(({ says }) => says.test(told)) ? [] : [told];
      });
      expect(all.length).to.be.greaterThan(500);
      expect(differ.join('\n')).to.equal('');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
