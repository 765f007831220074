/**
 * The cookbook is run: each block of rules in it is read, and each of its cases comes to what stands
 * there, by SQL and by the fhirpath library alike.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Extension } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { schemes } from '../../../modules/schemes/index.ts';
import { expression, money, table } from '../support/people.ts';
import { openStage, type Stage } from '../support/stage.ts';
import { outcome, rulesOf } from './programmes/case.ts';

interface Recipe {
  readonly title: string;
  readonly parts: Extension[];
  readonly cases: { period: string | null; household: string; expected: string }[];
}

const EXPRESSIONS = /^(criterion|variable|member-variable|adjustment) ([^:]+): (.+)$/;
const CASE = /^case (?:(\d{4}\S*) )?(\{.*\}) = (\S+)$/;

/** Blocks of rules of the document, each under its heading. */
function recipes(): Recipe[] {
  const file = join(import.meta.dirname, '../../../modules/schemes/COOKBOOK.md');
  const found: Recipe[] = [];
  let title = '';
  let block: string[] | undefined;
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('### ')) title = line.slice(4);
    if (line === '```rules') block = [];
    else if (line === '```' && block) {
      found.push(recipe(title, block));
      block = undefined;
    } else block?.push(line);
  }
  return found;
}

function recipe(title: string, lines: readonly string[]): Recipe {
  const parts: Extension[] = [];
  const cases: Recipe['cases'] = [];
  const currency = lines.find((line) => line.startsWith('currency'))?.slice(10) ?? '';
  for (const [at, line] of lines.entries()) {
    if (line.startsWith(' ')) continue;
    const under: string[] = [];
    for (let next = at + 1; lines[next]?.startsWith('  '); next += 1)
      under.push(lines[next]!.trim());
    const tried = CASE.exec(line);
    if (tried) {
      const [, period, household, expected] = tried;
      cases.push({ period: period ?? null, household: household!, expected: expected! });
    } else parts.push(part(line, under, currency));
  }
  return { title, parts, cases };
}

function part(line: string, under: readonly string[], currency: string): Extension {
  const named = EXPRESSIONS.exec(line);
  if (named) return expression(named[1]!, named[3]!, named[2]);
  if (line.startsWith('table ')) return table(line.slice(6), under.join('\n'));
  if (line.startsWith('component ')) return componentPart(line.slice(10), under);
  const [url = '', value = ''] = line.split(': ');
  if (url === 'first-cycle') return { url, valueDate: value };
  if (url === 'minimum-payable' || url === 'rounding-unit')
    return money(url, Number(value), currency);
  return { url, valueCode: value };
}

function componentPart(text: string, under: readonly string[]): Extension {
  const colon = text.indexOf(': ');
  return {
    url: 'component',
    extension: [
      { url: 'name', valueString: text.slice(0, colon) },
      expression('amount', text.slice(colon + 2)),
      ...under.map((line): Extension => {
        const [url = '', ...value] = line.split(': ');
        const rest = value.join(': ');
        return url === 'order' ? { url, valueCode: rest } : expression(url, rest);
      }),
    ],
  };
}

describe('the cookbook', () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage([households, payPoints, providers, schemes]);
  });
  after(() => stage.close());

  for (const { title, parts, cases } of recipes()) {
    it(title, async () => {
      const rules = rulesOf(parts);
      expect(cases).to.not.eql([]);
      for (const { period, household, expected } of cases) {
        const found = await outcome(stage, rules, JSON.parse(household) as object, period);
        const said = /^[a-z]/.test(expected) ? found.decision : found.amount;
        const wanted = /^[a-z]/.test(expected) ? expected : String(Number(expected));
        expect(said && /^\d/.test(said) ? String(Number(said)) : said, household).to.equal(wanted);
      }
    });
  }

  it('has a recipe for each kind of rule', () => {
    expect(recipes().length).to.be.above(24);
  });
});
