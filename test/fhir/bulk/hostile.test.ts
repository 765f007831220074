/** Bodies that are not what they should be, at operations over whole types: refused, never a fault. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const VALUES: readonly unknown[] = [null, 0, -1, 'x', '', true, [], [null], {}, { a: 1 }, [[1]]];

describe('hostile bodies', () => {
  let house: TestHouse;
  const folder = mkdtempSync(join(tmpdir(), 'bulk-'));
  before(async () => {
    house = await startTestHouse({ environment: { DATA_DIR: folder } });
    await house.fetch('Patient/p', {
      method: 'PUT',
      body: { resourceType: 'Patient', id: 'p', name: [{ family: 'A' }] },
    });
  });
  after(async () => {
    await house?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function refused(path: string, body: unknown): Promise<void> {
    const { status, text } = await house.fetch(path, { body });
    expect(status, `${path} ${JSON.stringify(body).slice(0, 300)}: ${text}`).to.be.lessThan(500);
  }

  it('of views end in no fault', async () => {
    const column = { name: 'a', path: 'id' };
    const view = {
      resourceType: 'ViewDefinition',
      resource: 'Patient',
      select: [{ column: [column] }],
    };
    const paths = [
      '('.repeat(3000),
      `${'('.repeat(1900)}id${')'.repeat(1900)}`,
      '-'.repeat(3000),
      `id${'.where(true)'.repeat(300)}`,
      `'a'${" & 'a'".repeat(600)}`,
      '%',
      '%`x`',
      "'",
      'name[99999999999999999999]',
      'name[-1]',
      '1/0',
      'id.substring(-1)',
      'today() + 1',
      'name.ofType(Nothing)',
      '$index',
      '$total',
      'iif(name)',
      'getReferenceKey(1)',
      'extension(1).where(x)',
      'defineVariable("x")',
      'id.first(1, 2)',
    ];
    for (const path of paths) {
      await refused('ViewDefinition/$run', {
        ...view,
        select: [{ column: [{ name: 'a', path }] }],
      });
    }
    for (const bad of VALUES) {
      for (const name of ['resource', 'select', 'where', 'constant', 'name']) {
        await refused('ViewDefinition/$run', { ...view, [name]: bad });
      }
      for (const name of ['column', 'select', 'forEach', 'forEachOrNull', 'repeat', 'unionAll']) {
        await refused('ViewDefinition/$run', {
          ...view,
          select: [{ column: [column], [name]: bad }],
        });
      }
      for (const name of ['name', 'path', 'type', 'collection']) {
        await refused('ViewDefinition/$run', {
          ...view,
          select: [{ column: [{ ...column, [name]: bad }] }],
        });
      }
      await refused('$viewdefinition-run', {
        resourceType: 'Parameters',
        parameter: [
          { name: 'viewResource', resource: view },
          { name: '_format', valueCode: bad },
          { name: '_limit', valuePositiveInt: bad },
          { name: 'patient', valueReference: bad },
        ],
      });
    }
  });

  it('of terminology end in no fault', async () => {
    for (const bad of VALUES) {
      for (const part of ['include', 'exclude']) {
        const compose = { [part]: bad };
        await refused('ValueSet/$expand', { resourceType: 'ValueSet', status: 'active', compose });
      }
      await refused('ValueSet/$expand', { resourceType: 'Parameters', parameter: bad });
      await refused('ValueSet/$expand', { resourceType: 'ValueSet', compose: bad, expansion: bad });
      for (const value of ['valueCoding', 'valueCodeableConcept', 'valueCode', 'resource']) {
        const parameter = [
          { name: 'url', valueUri: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
          { name: value === 'valueCoding' ? 'coding' : 'codeableConcept', [value]: bad },
        ];
        await refused('ValueSet/$validate-code', { resourceType: 'Parameters', parameter });
      }
      const concept = { concept: bad };
      const codeSystem = {
        resourceType: 'CodeSystem',
        status: 'active',
        content: 'complete',
        ...concept,
      };
      const parameter = [
        { name: 'codeSystem', resource: codeSystem },
        { name: 'code', valueCode: 'x' },
      ];
      await refused('CodeSystem/$validate-code', { resourceType: 'Parameters', parameter });
    }
  });

  it('of exports and imports end in no fault', async () => {
    for (const bad of VALUES) {
      await refused('$export', { resourceType: 'Parameters', parameter: bad });
      for (const name of ['_type', '_since', '_typeFilter', '_elements', 'patient']) {
        const parameter = [
          { name, valueString: bad },
          { name, valueReference: { reference: bad } },
        ];
        await refused('$export', { resourceType: 'Parameters', parameter });
      }
      await refused('$viewdefinition-export', { resourceType: 'Parameters', parameter: bad });
      for (const part of [bad, [{ name: 'viewResource', resource: bad }], [bad]]) {
        const parameter = [{ name: 'view', part }];
        await refused('$viewdefinition-export', { resourceType: 'Parameters', parameter });
      }
      const headers = { 'content-type': 'application/fhir+ndjson' };
      const { status } = await house.fetch('$import', { body: JSON.stringify(bad), headers });
      expect(status).to.be.lessThan(500);
      await house.settle();
    }
    for (const path of [
      'bulk-status/x',
      'bulk-status/..%2f',
      'bulk-files/a/b',
      'bulk-files/%00/%00',
    ]) {
      expect((await house.fetch(path)).status, path).to.be.lessThan(500);
    }
  });
});
