/** The public test set of SQL on FHIR v2: every view gives the rows that it says. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isResourceType } from '../../../src/fhir/definitions/resource-types.ts';
import { parseJson } from '../../../src/fhir/formats/json.ts';
import { compileView } from '../../../src/fhir/views/view.ts';
import { writeRow } from '../../../src/fhir/views/write.ts';
import { sharedTexts } from '../../support/shared.ts';

interface Case {
  readonly title: string;
  readonly view: object;
  readonly expect?: readonly Record<string, unknown>[];
  readonly expectColumns?: readonly string[];
  readonly expectError?: boolean;
}

function rowsOf(view: object, resources: readonly unknown[]): Record<string, unknown>[] {
  const compiled = compileView(view, isResourceType);
  return resources
    .flatMap((each) => compiled.rows(JSON.stringify(each)))
    .map((row) => JSON.parse(writeRow(compiled.columns, row)));
}

describe('the public test set of SQL on FHIR', () => {
  it('passes whole', function () {
    const files = sharedTexts(this, 'data/fhir/sql-on-fhir');
    const failed: string[] = [];
    let count = 0;
    for (const { name, text } of files) {
      const set = parseJson(text) as { resources: unknown[]; tests: Case[] };
      for (const each of set.tests) {
        count += 1;
        const fault = faultOf(each, set.resources);
        if (fault) failed.push(`${name}: ${each.title}: ${fault}`);
      }
    }
    expect(count).to.be.greaterThan(130);
    expect(failed.join('\n')).to.equal('');
  });
});

function faultOf(each: Case, resources: readonly unknown[]): string | undefined {
  let rows: Record<string, unknown>[];
  try {
    rows = rowsOf(each.view, resources);
  } catch (error) {
    return each.expectError ? undefined : String(error);
  }
  if (each.expectError) return 'no refusal';
  try {
    if (each.expectColumns) expect(Object.keys(rows[0] ?? {})).to.deep.equal(each.expectColumns);
    if (each.expect) expect(rows).to.have.deep.members(JSON.parse(JSON.stringify(each.expect)));
  } catch (error) {
    return `${error} ${JSON.stringify(rows)}`;
  }
  return undefined;
}
