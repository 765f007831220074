/**
 * Schemes and enrolment: rules are checked when saved and versioned when changed; a household is
 * enrolled once, and each change of state has a reason.
 */

import type { Coverage, Extension, Parameters } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { households } from '../../../modules/households/index.ts';
import { payPoints } from '../../../modules/pay-points/index.ts';
import { providers } from '../../../modules/providers/index.ts';
import { enrolmentLifecycle, schemes } from '../../../modules/schemes/index.ts';
import { codeSystem, lifecycleTable, structureDefinition } from '../../../src/sdk/index.ts';
import {
  area,
  base,
  cap,
  component,
  criterion,
  extension,
  household,
  inArea,
  money,
  patient,
  scheme,
  supplement,
} from '../support/people.ts';
import { openStage, refusal, type Stage } from '../support/stage.ts';

const MONTHLY: Extension = { url: 'frequency', valueCode: 'monthly' };
const EVERYBODY = criterion('true');
const FLAT = [MONTHLY, EVERYBODY, base(1000)];

let stage: Stage;
const open = async () => {
  stage = await openStage([households, payPoints, providers, schemes]);
};

describe('schemes', () => {
  before(open);
  after(() => stage.close());

  const put = (...rules: Extension[]) => refusal(stage.put(scheme('s-1', rules)));
  const place = `InsurancePlan.extension('scheme-rules')`;

  it('are refused without rules, and where rules do not hold together', async () => {
    expect(await refusal(stage.put(scheme('s-1', [], { extension: [] })))).to.equal(
      `scheme-rules-missing ${place}`,
    );
    expect(await put()).to.equal(`scheme-rules-missing ${place}`);
    expect(await put(MONTHLY, EVERYBODY)).to.equal(`scheme-amount-missing ${place}`);
    expect(await put(MONTHLY, base(1000))).to.equal(`scheme-criterion-missing ${place}`);
    expect(await put(EVERYBODY, base(1000))).to.equal(`scheme-code-unknown ${place}.frequency`);
    expect(await put(...FLAT, money('minimum-payable', 5, 'UGX'))).to.equal(
      `scheme-currencies ${place}.component[0].amount`,
    );
    expect(await put(MONTHLY, EVERYBODY, base(10.005))).to.equal(
      `amount-too-precise ${place}.component[0].amount.value`,
    );
    expect(await put(...FLAT, cap(5), cap(6))).to.equal(`scheme-name-twice ${place}.adjustment[1]`);
    expect(await stage.rows('select 1 from scheme')).to.eql([]);
  });

  it('are refused with the place where a criterion does not compile', async () => {
    expect(await put(...FLAT, criterion('members.count( > 3'))).to.equal(
      `criterion-malformed ${place}.criterion[1]`,
    );
    expect(await put(...FLAT, supplement('child', 'ages < 5', 100))).to.equal(
      `criterion-malformed ${place}.component[1].for`,
    );
    expect(await put(...FLAT, criterion(`livesIn('NOWHERE')`))).to.equal(
      `criterion-area-unknown ${place}`,
    );
  });

  it('get a new version of their rules when these change, and only then', async () => {
    const versions = async () =>
      (await stage.rows<{ version: number }>('select version from scheme_rules order by 1')).map(
        (row) => row.version,
      );
    expect(await put(...FLAT)).to.equal('accepted');
    await stage.put(scheme('s-1', FLAT, { name: 'Another name' }));
    expect(await versions()).to.eql([1]);
    await put(MONTHLY, EVERYBODY, base(1200));
    expect(await versions()).to.eql([1, 2]);
    expect(await stage.rows('select rules_version, name, currency from scheme')).to.eql([
      { rules_version: 2, name: 'Scheme s-1', currency: 'KES' },
    ]);
  });

  it('pay in the periods that they list, whose numbers both languages count alike', async () => {
    const calendar = (text: string): Extension => ({ url: 'calendar', valueString: text });
    const often = (valueCode: string): Extension => ({ url: 'frequency', valueCode });
    const terms = [
      'T1, 2026-01-12, 2026-04-03',
      'T2 2026-05-04 2026-07-31',
      'T3 2026-09-07 2027-01-08',
    ];
    const expected = (period: string, amount: number): Extension => ({
      url: 'test-case',
      extension: [
        { url: 'name', valueString: `in ${period}` },
        { url: 'period', valueString: period },
        {
          url: 'household',
          valueString: '{"members":[{"age":30}],"enrolment":{"startedOn":"2026-04-20"}}',
        },
        money('amount', amount),
      ],
    });
    const counted = [
      EVERYBODY,
      component('base', '100 * %period.number + 10 * enrolment.cycles + enrolment.monthCount'),
      { url: 'currency', valueCode: 'KES' },
      { url: 'first-cycle', valueDate: '2026-05-10' },
    ];
    const good = [often('calendar'), calendar(terms.join('\n')), ...counted];
    await stage.put(scheme('terms', [...good, expected('T2', 113), expected('T3', 225)]));
    await stage.put(scheme('weeks', [often('weekly'), ...counted, expected('2026-W21', 351)]));
    expect(await put(...good, expected('T2', 999))).to.contain('scheme-case-failed');
    const at = `scheme-calendar ${place}.calendar`;
    expect(await put(often('calendar'), ...counted)).to.equal(at);
    expect(await put(MONTHLY, calendar(terms.join('\n')), ...counted)).to.equal(at);
    const bad = [
      ...['', 'T1 2026-01-12', 'T1 2026-02-30 2026-03-01', 'T1 2026-03-02 2026-03-01', 'T 1 2 3'],
      `${terms[0]}\nT1 2026-05-04 2026-07-31`,
      `${terms[0]}\nT2 2026-04-03 2026-07-31`,
      `${terms[1]}\n${terms[0]}`,
    ];
    for (const text of bad) {
      expect(await put(often('calendar'), calendar(text || ' '), ...counted), text).to.equal(at);
    }
    for (const clock of ['x', '0 6 5 * * *', '0 0 30 2 *', '99 * * * *', '']) {
      const rings = { url: 'draft-at', valueString: clock || ' ' };
      expect(await put(...FLAT, rings)).to.equal(`draft-at-malformed ${place}.draft-at`);
    }
  });

  it('leave plans of health insurance alone', async () => {
    await stage.put({ resourceType: 'InsurancePlan', id: 'health', name: 'Health' });
    expect(await stage.rows(`select 1 from scheme where fhir_id = 'health'`)).to.eql([]);
  });
});

describe('enrolment', () => {
  before(async () => {
    await open();
    await stage.put(area('north'), area('south'));
    await stage.put(
      scheme('s-old', [
        MONTHLY,
        criterion('members.exists(age >= 60)', 'older-person'),
        criterion(`livesIn('NORTH')`, 'lives-north'),
        base(2000),
      ]),
      scheme('s-all', FLAT),
    );
    await stage.put(
      patient('old-1', { birthDate: '1950-01-01' }),
      patient('old-2', { birthDate: '1951-01-01' }),
      patient('young', { birthDate: '2000-01-01' }),
      patient('unknown', { birthDate: undefined }),
      patient('two-a', { birthDate: '1949-01-01' }),
      patient('two-b', { birthDate: '1949-01-01' }),
      household('h-old-1', ['head:old-1'], { extension: [inArea('north')] }),
      household('h-old-2', ['old-2'], { extension: [inArea('south')] }),
      household('h-young', ['head:young'], { extension: [inArea('north')] }),
      household('h-unknown', ['head:unknown'], { extension: [inArea('north')] }),
      household('h-two', ['two-a', 'two-b'], { extension: [inArea('north')] }),
    );
  });
  after(() => stage.close());

  const enrol = async (id: string, ...parameter: NonNullable<Parameters['parameter']>) => {
    const answer = await stage.run<Parameters>('enrol', {
      type: 'InsurancePlan',
      id,
      parameters: { resourceType: 'Parameters', parameter },
    });
    const counts: Record<string, unknown> = {};
    const reasons: unknown[] = [];
    for (const each of answer.parameter ?? []) {
      if (each.name !== 'reason') counts[each.name ?? ''] = each.valueInteger;
      else reasons.push(each.part?.map((p) => p.valueCode ?? p.valueString ?? p.valueInteger));
    }
    return { ...counts, reasons };
  };
  const enrolments = () =>
    stage.rows<{ household: string; state: string; reason: string; id: string }>(
      `select h.fhir_id as household, e.state, e.reason, e.fhir_id as id
       from enrolment e join household h using (household_id) order by 1, e.enrolment_id`,
    );

  it('previews with counts and reasons, and writes nothing', async () => {
    expect(await enrol('s-old', { name: 'preview', valueBoolean: true })).to.eql({
      enrolled: 0,
      waiting: 0,
      'already-enrolled': 0,
      eligible: 1,
      ineligible: 2,
      undetermined: 1,
      blocked: 1,
      reasons: [
        ['no-collector', 1],
        ['not-eligible', 'older-person', 1],
        ['not-eligible', 'lives-north', 1],
        ['undetermined', 'older-person', 1],
      ],
    });
    expect(await enrolments()).to.eql([]);
  });

  it('enrols nobody who is held hard, until the hold is lifted', async () => {
    const hold = (status: 'active' | 'inactive') =>
      stage.put({
        resourceType: 'Flag',
        id: 'twice',
        meta: { profile: ['https://amana.example/fhir/StructureDefinition/hold'] },
        extension: [
          {
            url: 'https://amana.example/fhir/StructureDefinition/hold-policy',
            valueCode: 'hard',
          },
        ],
        status,
        category: [
          {
            coding: [
              { system: 'https://amana.example/fhir/CodeSystem/flag-category', code: 'hold' },
            ],
          },
        ],
        code: {
          coding: [
            {
              system: 'https://amana.example/fhir/CodeSystem/hold-code',
              code: 'duplicate-suspected',
            },
          ],
        },
        subject: { reference: 'Patient/old-1' },
      });
    await hold('active');
    const held = await enrol('s-old');
    expect(held).to.include({ enrolled: 0, eligible: 0, blocked: 2 });
    expect(held.reasons).to.deep.include(['hold', 1]);
    expect(await enrolments()).to.eql([]);
    await hold('inactive');
    expect(await enrol('s-old', { name: 'preview', valueBoolean: true })).to.include({
      eligible: 1,
    });
  });

  it('enrols each once, and on another run only who has become eligible', async () => {
    expect(await enrol('s-old')).to.include({ enrolled: 1, 'already-enrolled': 0 });
    expect(await enrol('s-old')).to.include({ enrolled: 0, 'already-enrolled': 1 });
    await stage.put(household('h-two', ['head:two-a', 'two-b'], { extension: [inArea('north')] }));
    const runs = await Promise.all([enrol('s-old'), enrol('s-old')]);
    expect(runs.map((run) => (run as { enrolled?: number }).enrolled).sort()).to.eql([0, 1]);
    const rows = await enrolments();
    expect(rows.map((row) => `${row.household} ${row.state} ${row.reason}`)).to.eql([
      'h-old-1 enrolled criteria-met',
      'h-two enrolled criteria-met',
    ]);
    const coverage = await stage.work((ctx) => ctx.fhir.read<Coverage>('Coverage', rows[0]!.id));
    expect(coverage).to.deep.include({
      status: 'active',
      beneficiary: { reference: 'Patient/old-1' },
    });
  });

  it('can be limited to an area', async () => {
    const area = { name: 'area', valueReference: { reference: 'Location/south' } };
    expect(await enrol('s-all', area)).to.include({ enrolled: 1, eligible: 1 });
  });

  const act = (code: string, id: string, reason?: string) =>
    stage.run<Coverage>(code, {
      type: 'Coverage',
      id,
      parameters: {
        resourceType: 'Parameters',
        parameter: reason ? [{ name: 'reason', valueCode: reason }] : [],
      },
    });

  it('changes state only as the lifecycle says, and always for a reason', async () => {
    const id = (await enrolments())[0]!.id;
    expect(await refusal(act('suspend', id))).to.equal('reason-missing reason');
    expect((await act('suspend', id, 'recertification')).status).to.equal('cancelled');
    expect(await refusal(act('suspend', id, 'recertification'))).to.match(/^wrong-state/);
    expect((await act('reinstate', id, 'officer-decision')).status).to.equal('active');
    const ended = await act('exit', id, 'moved-away');
    expect(ended.period?.end).to.equal('2026-01-15');
    expect(await refusal(act('reinstate', id, 'officer-decision'))).to.match(/^wrong-state/);
    expect(await enrol('s-old'), 'an ended enrolment does not bar a new one').to.include({
      enrolled: 1,
    });
    expect((await enrolments()).filter((row) => row.household === 'h-old-1')).to.have.length(2);
  });

  const coverage = (id: string, state: string, more: Partial<Coverage> = {}): Coverage => ({
    resourceType: 'Coverage',
    id,
    meta: { profile: [structureDefinition('enrolment')] },
    extension: [
      extension('enrolment-scheme', { valueReference: { reference: 'InsurancePlan/s-all' } }),
      extension('enrolment-household', { valueReference: { reference: 'Group/h-young' } }),
      extension('enrolment-state', { valueCode: state }),
      extension('enrolment-reason', {
        valueCodeableConcept: {
          coding: [{ system: codeSystem('enrolment-reason'), code: 'imported' }],
        },
      }),
    ],
    status: state === 'enrolled' ? 'active' : state === 'applied' ? 'draft' : 'cancelled',
    beneficiary: { reference: 'Patient/young' },
    payor: [{ display: 'Ministry' }],
    period: { start: '2025-01-01' },
    ...more,
  });

  it('can be written as a Coverage, under the same rules', async () => {
    const put = (...of: Parameters_<typeof coverage>) => refusal(stage.put(coverage(...of)));
    expect(await put('c-1', 'applied')).to.equal('accepted');
    expect(await put('c-2', 'enrolled')).to.equal('already-enrolled Coverage');
    expect(await put('c-1', 'suspended')).to.match(/^wrong-state/);
    expect(await put('c-1', 'enrolled')).to.equal('accepted');
    expect(await put('c-1', 'enrolled', { status: 'draft' })).to.equal(
      'enrolment-status Coverage.status',
    );
    expect(await put('c-1', 'exited')).to.equal('accepted');
    expect(await put('c-2', 'enrolled')).to.equal('accepted');
    await stage.put({ resourceType: 'InsurancePlan', id: 'health', name: 'Health' });
    const foreign = coverage('c-3', 'enrolled');
    foreign.extension![0] = extension('enrolment-scheme', {
      valueReference: { reference: 'InsurancePlan/health' },
    });
    expect(await refusal(stage.put(foreign))).to.match(/^enrolment-stranger/);
  });

  it('gives one of 8 that enrol one household at once the enrolment', async () => {
    await act('exit', 'c-2', 'error-corrected');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => refusal(stage.put(coverage(`race-${n}`, 'enrolled')))),
    );
    expect(answers.filter((answer) => answer === 'accepted')).to.have.length(1);
  });

  it('has its lifecycle in the README', async () => {
    const { readFileSync } = await import('node:fs');
    const readme = readFileSync(
      new URL('../../../modules/schemes/README.md', import.meta.url),
      'utf8',
    );
    // The formatter aligns tables; what counts is the cells.
    const cells = (text: string) => text.replace(/ *\| */g, '|').replace(/-{3,}/g, '---');
    expect(cells(readme)).to.include(cells(lifecycleTable(enrolmentLifecycle)));
  });
});

type Parameters_<F extends (...inputs: never[]) => unknown> = F extends (
  ...inputs: infer I
) => unknown
  ? I
  : never;
