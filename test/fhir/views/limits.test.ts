/**
 * Paths of callers that ask for more time or memory than there is: the view is refused, and nobody
 * else waits for it.
 */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../../support/server.ts';

const PERSON = {
  resourceType: 'Patient',
  id: 'a',
  telecom: Array.from({ length: 200 }, (_, at) => ({ system: 'phone', value: `070000${at}` })),
};

describe('a view that would run away', function () {
  this.timeout(60_000);
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const run = (path: string, resource: object = PERSON) =>
    house.fetch('$viewdefinition-run', {
      body: {
        resourceType: 'Parameters',
        parameter: [
          {
            name: 'viewResource',
            resource: {
              resourceType: 'ViewDefinition',
              resource: 'Patient',
              select: [{ column: [{ name: 'found', path }] }],
            },
          },
          { name: 'resource', resource },
        ],
      },
    });

  it('is refused as too costly, and others are answered meanwhile', async () => {
    const bombs = [
      'telecom.select(%resource.telecom.select(%resource.telecom)).count()',
      'descendants().select(%resource.descendants()).select(%resource.descendants()).count()',
    ];
    let over = false;
    const running = Promise.all(bombs.map((path) => run(path))).finally(() => {
      over = true;
    });
    let slowest = 0;
    while (!over) {
      const began = performance.now();
      expect((await house.fetch('Patient?_summary=count')).status).to.equal(200);
      slowest = Math.max(slowest, performance.now() - began);
    }
    for (const answer of await running) {
      expect(answer.status, answer.text).to.equal(403);
      expect(answer.json.issue[0].code).to.equal('too-costly');
    }
    expect(slowest).to.be.below(3000);
    expect((await run('telecom.value.first().upper()')).json).to.deep.equal({ found: '0700000' });
  });

  it('gives exact decimals of paths that are evaluated elsewhere', async () => {
    const extension = [{ url: 'http://example.org/share', valueDecimal: '@@' }];
    const text = JSON.stringify({ resourceType: 'Patient', extension }).replace('"@@"', '1.50');
    const parameters = JSON.stringify({
      resourceType: 'Parameters',
      parameter: [
        {
          name: 'viewResource',
          resource: {
            resourceType: 'ViewDefinition',
            resource: 'Patient',
            select: [{ column: [{ name: 'a', path: 'extension.value.where($this > 1)' }] }],
          },
        },
        { name: 'resource', resource: '@@' },
      ],
    }).replace('"@@"', text);
    const answer = await house.fetch('$viewdefinition-run', { body: parameters });
    expect(answer.text.trim()).to.equal('{"a":1.50}');
  });

  it('names the path that is not FHIRPath before an export is begun', async () => {
    const view = {
      resourceType: 'ViewDefinition',
      resource: 'Patient',
      select: [{ column: [{ name: 'a', path: "name.where(family & 'x' = )" }] }],
    };
    const parameter = [{ name: 'view', part: [{ name: 'viewResource', resource: view }] }];
    const answer = await house.fetch('$viewdefinition-export', {
      body: { resourceType: 'Parameters', parameter },
    });
    expect(answer.status, answer.text).to.equal(400);
    expect(answer.text).to.include('is not a FHIRPath expression');
  });
});
