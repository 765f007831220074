/**
 * Lines of payrolls computed again: whatever has happened since, they come out to the cent, and a line
 * that was changed in the books is named.
 */

import type { Extension, Group, Observation, QuestionnaireResponse } from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { createActor } from '../../../src/access/actors.ts';
import { codeSystem, structureDefinition } from '../../../src/sdk/index.ts';
import { getToken, type Json } from '../../support/server.ts';
import {
  area,
  base,
  cap,
  component,
  criterion,
  expression,
  extension,
  household,
  inArea,
  mobileAccount,
  patient,
  scheme,
  supplement,
  table,
} from '../support/people.ts';
import { code, Scene, text } from './scene.ts';

const FORM = 'https://forms.example/dwelling';
const DAY = 86_400;

/** Rules that ask for a fact of each kind. */
const RULES: Extension[] = [
  { url: 'frequency', valueCode: 'monthly' },
  { url: 'currency', valueCode: 'KES' },
  table('rates', 'school -> rate\nprimary -> 12.50\nsecondary -> 31.75'),
  criterion("communityDecision = 'accepted'", 'community'),
  criterion("characteristic('income') < 300", 'poor'),
  base(100),
  supplement('young', 'age < 5', 20.25),
  component('school', "lookup('rates', characteristic('school'))", {
    for: "characteristic('school').exists()",
  }),
  component('visits', "7 * monthsMet('clinic')", { for: 'age < 5' }),
  component('rooms', `2.5 * ifMissing(answer('${FORM}', 'rooms'), 0)`),
  component('north', "iif(livesIn('NORTH'), 5, 3) + iif(areaAt(1) = 'LAND', 1, 0)"),
  component('loyal', '10 * enrolment.paidCycles + enrolment.monthCount'),
  component('head', "iif(members.exists(role = 'head' and sex = 'female'), 1.5, 0)"),
  component('other', "iif(enrolledIn('t'), 4, 0)"),
  expression('adjustment', '%total * 1.015', 'index'),
  cap(400),
];

describe('a line computed again', function () {
  this.timeout(60_000);
  let scene: Scene;
  let auditor: string;
  const payrolls: string[] = [];
  before(async () => {
    scene = await Scene.open();
    auditor = await scene.house.tokenFor('auditor');
    await tellStory();
  });
  after(() => scene?.house.stop());

  const income = (value: number) => ({
    code: { coding: [{ system: codeSystem('household-characteristic'), code: 'income' }] },
    valueQuantity: { value },
    exclude: false,
  });
  const schooled = (id: string, level: string, birthDate = '2015-03-01') =>
    patient(id, {
      birthDate,
      extension: [
        extension('member-characteristic', {
          extension: [
            { url: 'code', valueCode: 'school' },
            { url: 'value', valueCode: level },
          ],
        }),
      ],
    });
  const home = (n: number, members: string[], place = 'n-1', more: Partial<Group> = {}) =>
    household(`h-${n}`, members, {
      extension: [mobileAccount('bank', `+25470000000${n}`), inArea(place)],
      characteristic: [income(100 + n)],
      ...more,
    });
  const rooms = (id: string, n: number, valueInteger: number): QuestionnaireResponse => ({
    resourceType: 'QuestionnaireResponse',
    id,
    status: 'completed',
    questionnaire: FORM,
    subject: { reference: `Group/h-${n}` },
    authored: '2025-12-20',
    item: [{ linkId: 'rooms', answer: [{ valueInteger }] }],
  });
  const visit = (id: string, member: string, outcome: string): Observation => ({
    resourceType: 'Observation',
    id,
    meta: { profile: [structureDefinition('compliance')] },
    status: 'final',
    category: [{ text: 'condition' }],
    code: { coding: [{ code: 'clinic' }] },
    subject: { reference: `Patient/${member}` },
    effectiveDateTime: '2026-01',
    valueCodeableConcept: {
      coding: [{ system: codeSystem('compliance-outcome'), code: outcome }],
    },
  });
  const decide = (decision: string, ...homes: number[]) =>
    scene.done('InsurancePlan/s/$record-validation', [
      { name: 'on', valueDate: '2025-12-20' },
      ...homes.map((n) => ({
        name: 'decision',
        part: [
          { name: 'household', valueReference: { reference: `Group/h-${n}` } },
          { name: 'decision', valueCode: decision },
        ],
      })),
    ]);
  const remove = async (path: string) =>
    expect((await scene.house.fetch(path, { method: 'DELETE' })).status).to.be.below(300);

  /** Two months are paid, the second with facts changed; then all that happens to a registry. */
  async function tellStory(): Promise<void> {
    for (const each of [area('land'), area('north', {}, 'land'), area('n-1', {}, 'north')]) {
      await scene.put(each);
    }
    for (const each of [
      schooled('c-1', 'primary'),
      schooled('c-2', 'secondary', '2011'),
      patient('b-1', { birthDate: '2023-05-05' }),
      patient('b-2', { birthDate: '2024-02-29', gender: 'male' }),
    ]) {
      await scene.put(each);
    }
    await scene.put(home(1, ['head:p-1', 'c-1', 'b-1']));
    await scene.put(home(2, ['head:p-2', 'c-2', 'b-2'], 'south'));
    await scene.put(home(3, ['head:p-3']));
    await scene.put(scheme('t', [RULES[0]!, criterion('size >= 3'), base(1)]));
    await scene.put(scheme('s', RULES));
    await scene.done('InsurancePlan/t/$enrol');
    await decide('accepted', 1, 2, 3);
    await scene.put(rooms('qr-1', 1, 3));
    await scene.put(visit('o-1', 'b-1', 'met'));
    await scene.put(visit('o-2', 'b-2', 'not-met'));
    await scene.house.settle();
    await scene.house.advance(3600);
    payrolls.push(await scene.pay([text('period', '2026-01')]));
    await scene.house.advance(DAY);
    await scene.put(rooms('qr-1', 1, 4));
    await scene.put(visit('o-3', 'b-2', 'met'));
    await scene.put(schooled('c-1', 'secondary'));
    await scene.house.advance(3600);
    payrolls.push(await scene.pay([text('period', '2026-02')]));
    await scene.house.advance(DAY);
    await scene.put(patient('p-1', { deceasedDateTime: '2026-01-01' }));
    await scene.put(patient('b-3', { birthDate: '2025-12-01' }));
    await scene.put(
      home(1, ['head:p-1', 'b-1', 'b-3'], 'south', { characteristic: [income(900)] }),
    );
    await scene.put(home(2, ['head:p-2', 'c-1', 'c-2']));
    await remove('QuestionnaireResponse/qr-1');
    await remove('Observation/o-1');
    await scene.put(visit('o-2', 'b-1', 'exempt'));
    await remove('Observation/o-3');
    await remove('Patient/b-2');
    await scene.put(area('n-1', {}, 'south'));
    await scene.put(scheme('s', [...RULES.slice(0, 5), base(999)]));
    await decide('rejected', 1, 2, 3);
    const enrolments = await scene.house.fetch('Coverage?_count=50');
    for (const { resource } of enrolments.json.entry) {
      await scene.done(`Coverage/${resource.id}/$exit`, [code('reason', 'moved-away')]);
    }
    await scene.put(patient('twin', { birthDate: '1990-06-15' }));
    await scene.done('Patient/$merge', [
      { name: 'source-patient', valueReference: { reference: 'Patient/p-3' } },
      { name: 'target-patient', valueReference: { reference: 'Patient/twin' } },
    ]);
    await scene.house.settle();
    await scene.house.advance(DAY);
  }

  const recompute = async (payroll: string, given: object[] = [], token = auditor) => {
    const answer = await scene.call(`${payroll}/$recompute`, given, token);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json.parameter as Json[];
  };
  const named = (parameters: Json[], name: string) =>
    parameters.filter((each) => each.name === name);
  const told = (parameters: Json[]) =>
    named(parameters, 'line').map(({ part }: Json) =>
      part
        .filter((each: Json) => each.name !== 'claim')
        .map((each: Json) =>
          each.part
            ? each.part.map((one: Json) => one.valueString ?? one.valueMoney.value).join(' ')
            : (each.valueCode ?? each.valueString ?? each.valueMoney?.value),
        )
        .join(', '),
    );

  it('comes out to the cent after deaths, moves, merges, new rules and deletions', async () => {
    expect(told(await recompute(payrolls[0]!))).to.deep.equal([
      'equal, fhirpath, 162.15, 162.15',
      'equal, sql, 163.92, 163.92',
      'equal, fhirpath, 110.13, 110.13',
    ]);
    expect(told(await recompute(payrolls[1]!))).to.deep.equal([
      'equal, fhirpath, 187.27, 187.27',
      'equal, sql, 174.07, 174.07',
      'equal, fhirpath, 120.28, 120.28',
    ]);
  });

  it('names a line that was changed in the books, and what of it', async () => {
    const lines = await scene.rows<{ id: string }>(
      `select line_id::text as id from payroll_line where payroll_id = $1 order by key`,
      [payrolls[0]!.slice(5)],
    );
    const amount = (id: string, sql: string) =>
      scene.rows(`update payroll_line set ${sql} where line_id = $1`, [id]);
    await amount(lines[0]!.id, 'amount_minor = amount_minor + 1');
    await amount(lines[2]!.id, 'step_minor[6] = step_minor[6] + 100');
    const [first, , third] = told(await recompute(payrolls[0]!));
    expect(first).to.equal('differs, fhirpath, 162.16, 162.15');
    expect(third).to.match(/^differs, fhirpath, 110.13, 110.13, north 7 6$/);
    await amount(lines[0]!.id, 'amount_minor = amount_minor - 1');
    await amount(lines[2]!.id, 'step_minor[6] = step_minor[6] - 100');
  });

  it('goes by pages, by name and by samples, and gives a table', async () => {
    const [page] = [await recompute(payrolls[0]!, [{ name: '_count', valuePositiveInt: 2 }])];
    expect(named(page!, 'equal')[0].valueInteger).to.equal(2);
    const after = named(page!, 'next')[0].valueString;
    const rest = await recompute(payrolls[0]!, [text('after', after)]);
    expect(named(rest, 'line')).to.have.length(1);
    const sample = [{ name: 'sample', valuePositiveInt: 2 }, text('seed', 'audit-7')];
    expect(told(await recompute(payrolls[0]!, sample))).to.deep.equal(
      told(await recompute(payrolls[0]!, sample)),
    );
    const [{ part }] = named(rest, 'line');
    const line = { name: 'line', valueReference: part[0].valueReference };
    expect(named(await recompute(payrolls[0]!, [line]), 'lines')[0].valueInteger).to.equal(1);
    const refused = (given: object[]) => scene.refused(`${payrolls[1]}/$recompute`, given, auditor);
    expect(await refused([line])).to.equal('line-unknown');
    expect(await refused([line, ...sample])).to.equal('recompute-malformed');
    const csv = await scene.call(`${payrolls[0]}/$recompute`, [text('_format', 'csv')], auditor);
    expect(csv.text.split(/\r?\n/)[0]).to.match(/^line,outcome,engine,step,then,now/);
    expect(csv.text.match(/,equal,/g)).to.have.length(3);
  });

  it('is for who audits, within areas, and not for who sees lines in part', async () => {
    expect(await scene.refused(`${payrolls[0]}/$recompute`, [], scene.maker)).to.equal(
      'permission-missing',
    );
    const { app, clock, house } = scene.house;
    const secret = 'secret-of-the-auditor-of-a-village';
    const who = {
      kind: 'client',
      name: 's',
      login: 'limited',
      secret,
      roles: ['auditor'],
    } as const;
    const id = await createActor(app.pool, clock, who);
    const limits = { method: 'PUT', body: { areas: ['n-1'] } };
    await scene.house.fetch(`${house.url}/access/actors/${id}/limits`, limits);
    const near = await getToken(house.url, 'limited', secret);
    expect(told(await recompute(payrolls[0]!, [], near))).to.deep.equal([
      'equal, fhirpath, 162.15, 162.15',
      'equal, fhirpath, 110.13, 110.13',
    ]);
    const [, far] = await scene.rows<{ id: string }>(
      'select line_id::text as id from payroll_line where payroll_id = $1 order by key',
      [payrolls[0]!.slice(5)],
    );
    const line = { name: 'line', valueReference: { reference: `Claim/${far!.id}` } };
    expect(await scene.refused(`${payrolls[0]}/$recompute`, [line], near)).to.equal('line-unknown');
    await scene.rows("insert into access_mask values ('auditor', 'Claim.total')");
    const masked = await getToken(house.url, 'limited', secret);
    expect(await scene.refused(`${payrolls[0]}/$recompute`, [], masked)).to.equal(
      'recompute-masked',
    );
  });
});
