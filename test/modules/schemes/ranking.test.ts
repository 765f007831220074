/**
 * Ranking, quotas and the waiting list; what communities decide; conditions met by month.
 */

import type { Coverage, Extension, Observation, Parameters } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { changedCoverage } from '../../../modules/schemes/enrolment.ts';
import { entitlementSelect, explainSteps, schemes } from '../../../modules/schemes/index.ts';
import { divideByShares, withoutReserve } from '../../../modules/schemes/quota.ts';
import { codeSystem, parsePeriod, structureDefinition } from '../../../src/sdk/index.ts';
import {
  area,
  base,
  component,
  criterion,
  expression,
  extension,
  household,
  inArea,
  patient,
  scheme,
  table,
} from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

const MONTHLY: Extension = { url: 'frequency', valueCode: 'monthly' };

describe('quotas', () => {
  it('divide places by the largest remainder, so that they add up', () => {
    const shares = new Map([
      ['a', '33.3'],
      ['b', '33.3'],
      ['c', '33.4'],
    ]);
    expect([...divideByShares(100, shares)]).to.eql([
      ['a', 33],
      ['b', 33],
      ['c', 34],
    ]);
    expect([...divideByShares(10, shares).values()], 'equal remainders go by code').to.eql([
      3, 3, 4,
    ]);
    expect([
      ...divideByShares(
        2,
        new Map([
          ['a', '1'],
          ['b', '1'],
          ['c', '1'],
        ]),
      ).values(),
    ]).to.eql([1, 1, 0]);
    expect([...divideByShares(5, new Map([['a', '0']])).values()]).to.eql([0]);
  });

  it('keep a share in reserve', () => {
    expect(withoutReserve(100, '5')).to.equal(95);
    expect(withoutReserve(19, '10')).to.equal(18);
    expect(withoutReserve(19, null)).to.equal(19);
    expect(withoutReserve(7, '100')).to.equal(0);
  });
});

describe('ranking', () => {
  let stage: Stage;

  before(async () => {
    stage = await openStage([households, payPoints, providers, schemes]);
    await stage.put(area('hill-1'), area('hill-2'), area('hill-3'));
    await stage.put(
      scheme('s-rank', [
        MONTHLY,
        criterion('true'),
        base(1000),
        table('quota', 'hill -> places\nHILL-1 -> 2\nHILL-2 -> 1'),
        {
          url: 'ranking',
          extension: [
            expression('score', "characteristic('score')"),
            { url: 'direction', valueCode: 'ascending' },
            expression('tie-breaker', '0 - size'),
            expression('within', 'area'),
            { url: 'quota-table', valueString: 'quota' },
          ],
        },
      ]),
    );
    const families: [string, string, number | undefined, number][] = [
      ['h-1', 'hill-1', 30, 1],
      ['h-2', 'hill-1', 20, 1],
      ['h-3', 'hill-1', 30, 3],
      ['h-4', 'hill-2', 90, 1],
      ['h-5', 'hill-2', 91, 1],
      ['h-6', 'hill-3', 1, 1],
      ['h-7', 'hill-1', undefined, 1],
    ];
    for (const [id, where, score, size] of families) {
      const ids = Array.from({ length: size }, (_, n) => `${id}-${n}`);
      await stage.put(
        ...ids.map((each) => patient(each, { birthDate: '1980-01-01' })),
        household(id, [`head:${ids[0]}`, ...ids.slice(1)], {
          extension: [inArea(where)],
          characteristic:
            score === undefined
              ? []
              : [
                  {
                    code: { coding: [{ code: 'score' }] },
                    valueQuantity: { value: score },
                    exclude: false,
                  },
                ],
        }),
      );
    }
  });
  after(() => stage.close());

  const enrol = async (preview = false) => {
    const answer = await stage.run<Parameters>('enrol', {
      id: 's-rank',
      parameters: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'preview', valueBoolean: preview },
          { name: 'as-of', valueDate: '2026-01-01' },
        ],
      },
    });
    const integer = (name: string) =>
      answer.parameter?.find((each) => each.name === name)?.valueInteger;
    return [integer('enrolled'), integer('waiting')];
  };
  const states = async () => {
    const rows = await stage.rows<{ id: string; state: string; n: number; score: string }>(
      `select h.fhir_id as id, e.state, e.rank_position as n, e.score::text as score
       from enrolment e join household h using (household_id) order by 1`,
    );
    return rows.map((row) => `${row.id} ${row.state} ${row.n} ${row.score}`);
  };

  it('enrols the first of each group, ties by rule, and lets the others wait', async () => {
    expect(await enrol(true)).to.eql([3, 3]);
    expect(await states()).to.eql([]);
    expect(await enrol()).to.eql([3, 3]);
    expect(await states(), 'whoever has no score is not ranked; no quota is no place').to.eql([
      'h-1 waiting 3 30',
      'h-2 enrolled 1 20',
      'h-3 enrolled 2 30',
      'h-4 enrolled 1 90',
      'h-5 waiting 2 91',
      'h-6 waiting 1 1',
    ]);
    expect(await enrol(), 'again changes nothing').to.eql([0, 0]);
  });

  it('fills a place that becomes free from the waiting list', async () => {
    const [row] = await stage.rows<{ id: string }>(
      `select e.fhir_id as id from enrolment e join household h using (household_id)
       where h.fhir_id = 'h-2'`,
    );
    await stage.work(async (ctx) => {
      const coverage = await ctx.fhir.read<Coverage>('Coverage', row!.id);
      await ctx.fhir.update(changedCoverage(coverage, 'exited', 'moved-away', '2026-01-15'));
    });
    // Who has left and still qualifies would be ranked anew; this family has moved to another hill.
    await stage.put(household('h-2', ['head:h-2-0'], { extension: [inArea('hill-3')] }));
    expect(await enrol()).to.eql([1, 0]);
    expect((await states())[0]).to.equal('h-1 enrolled 1 30');
  });

  it('is refused where it does not say how many places there are', async () => {
    const ranking = {
      url: 'ranking',
      extension: [expression('score', 'size'), { url: 'direction', valueCode: 'ascending' }],
    };
    expect(
      await refusal(stage.put(scheme('s-x', [MONTHLY, criterion('true'), base(1), ranking]))),
    ).to.match(/^scheme-quota-missing /);
  });

  it('hears the community, and pays for months in which a condition was met', async () => {
    await stage.put(
      patient('c-0', { birthDate: '1980-01-01' }),
      patient('c-1', { birthDate: '2016-01-01' }),
      household('h-c', ['head:c-0', 'c-1'], { extension: [inArea('hill-1')] }),
      scheme('s-cond', [
        { url: 'frequency', valueCode: 'two-monthly' },
        { url: 'currency', valueCode: 'KES' },
        criterion("communityDecision = 'accepted'", 'community'),
        component('school', "100 * monthsMet('school')", { for: 'age < 18' }),
      ]),
    );
    const observation = (id: string, month: string, code: string): Observation => ({
      resourceType: 'Observation',
      id,
      meta: { profile: [structureDefinition('compliance')] },
      status: 'final',
      category: [{ text: 'condition' }],
      code: { coding: [{ code: 'school' }] },
      subject: { reference: 'Patient/c-1' },
      effectiveDateTime: month,
      valueCodeableConcept: { coding: [{ system: codeSystem('compliance-outcome'), code }] },
    });
    await stage.put(
      observation('o-1', '2026-01', 'met'),
      observation('o-2', '2026-02', 'not-met'),
      {
        resourceType: 'Coverage',
        id: 'cov-c',
        meta: { profile: [structureDefinition('enrolment')] },
        extension: [
          extension('enrolment-scheme', { valueReference: { reference: 'InsurancePlan/s-cond' } }),
          extension('enrolment-household', { valueReference: { reference: 'Group/h-c' } }),
          extension('enrolment-state', { valueCode: 'enrolled' }),
          extension('recipient-basis', { valueCode: 'collector' }),
        ],
        status: 'active',
        beneficiary: { reference: 'Patient/c-0' },
        payor: [{ display: 'Ministry' }],
        period: { start: '2026-01-01' },
      },
    );
    const due = () =>
      stage.work(async (ctx) => {
        const id = (await ctx.fhir.rids('InsurancePlan', ['s-cond'])).get('s-cond') as bigint;
        const select = await entitlementSelect(ctx, id, parsePeriod('two-monthly', '2026-B1'));
        const row = await ctx.db.one<{
          criterion_number: number | null;
          amount_minor: bigint;
          step_minor: string[];
          step_counts: number[];
          step_members: string[];
        }>(select.text, select.values);
        return { ...row, lines: explainSteps(select.rules, row) };
      });
    expect((await due()).criterion_number, 'nobody has decided yet').to.equal(1);
    const decided = await stage.run<Parameters>('record-validation', {
      id: 's-cond',
      parameters: {
        resourceType: 'Parameters',
        parameter: [
          { name: 'on', valueDate: '2025-12-20' },
          {
            name: 'decision',
            part: [
              { name: 'household', valueReference: { reference: 'Group/h-c' } },
              { name: 'decision', valueCode: 'accepted' },
            ],
          },
        ],
      },
    });
    expect(decided.parameter?.[0]?.valueInteger).to.equal(1);
    const first = await due();
    expect(first.amount_minor).to.equal(10_000n);
    expect(first.lines).to.eql([
      {
        kind: 'component',
        name: 'school',
        text: 'school: 1 member = 100.00 KES',
        netMinor: 10_000n,
        count: 1,
        members: [1],
      },
    ]);
    await stage.put(observation('o-2', '2026-02', 'met'));
    expect((await due()).amount_minor, 'after the appeal').to.equal(20_000n);
    await stage.put({ ...observation('o-1', '2026-01', 'met'), status: 'entered-in-error' });
    expect((await due()).amount_minor).to.equal(10_000n);
    expect(
      await refusal(
        stage.put({
          ...observation('o-9', '2026-01', 'met'),
          subject: { reference: 'Patient/nobody' },
        }),
      ),
    ).to.match(/compliance-stranger/);
  });
});
