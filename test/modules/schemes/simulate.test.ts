/**
 * What `$simulate` says comes true: the rules are then saved, households enrolled, a payroll
 * drafted, and its totals are those that were told, to the cent; and a simulation changes nothing.
 */

import type {
  Extension,
  QuestionnaireResponse,
  QuestionnaireResponseItem,
  Resource,
} from '@medplum/fhirtypes';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { raiseHold } from '../../../modules/households/index.ts';
import { ageBand } from '../../../modules/schemes/store/simulation-cells.ts';
import { createActor } from '../../../src/access/actors.ts';
import { runUnitOfWork, SYSTEM } from '../../../src/database/unit-of-work.ts';
import { codeSystem, structureDefinition } from '../../../src/sdk/index.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';
import { area, base, criterion, household, inArea, patient, scheme } from '../support/people.ts';
import { DRAFTS, HOUSEHOLDS, MONTHLY, OLD, registry } from './registry.ts';

const PERIOD = { name: 'period', valueString: '2026-01' };
const AS_OF = { name: 'as-of', valueDate: '2026-01-01' };
type Parts = Readonly<Record<string, Json>>;

/** An answer without the order of its lists. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value))
    return value
      .map(unordered)
      .map((each) => JSON.stringify(each))
      .sort();
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, unordered(each)]));
}

describe('rules over the live registry', () => {
  let house: TestHouse;
  before(async function () {
    this.timeout(60_000);
    house = await startTestHouse();
    const entry = registry().map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    }));
    const sent = await house.fetch('', {
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    expect(sent.status, sent.text).to.equal(200);
    await runUnitOfWork(house.app, SYSTEM, {}, (ctx) =>
      raiseHold(ctx, { subject: { type: 'Group', id: 'h-9' }, code: 'grievance', policy: 'hard' }),
    );
  });
  after(() => house?.stop());

  const call = (path: string, parameter: object[], token?: string, accept?: string) =>
    house.fetch(path, {
      body: { resourceType: 'Parameters', parameter },
      ...(token && { token }),
      ...(accept && { headers: { accept } }),
    });
  const done = async (path: string, parameter: object[] = []): Promise<Parts> => {
    const answer = await call(path, parameter);
    expect(answer.status, answer.text).to.equal(200);
    const given = (answer.json.parameter ?? []) as { name: string }[];
    return Object.fromEntries(given.map((each) => [each.name, each]));
  };
  const put = async (resource: Resource): Promise<void> => {
    const path = `${resource.resourceType}/${resource.id}`;
    const answer = await house.fetch(path, { method: 'PUT', body: resource });
    expect(answer.status, answer.text).to.be.below(300);
  };
  const begin = async (id: string): Promise<void> => {
    await put(scheme(id, OLD));
    await done(`InsurancePlan/${id}/$enrol`, [AS_OF, inside('north')]);
    const [{ id: coverage }] = (
      await house.database.pool.query(
        `select e.fhir_id as id from enrolment e join scheme s using (scheme_id)
         where s.fhir_id = $1 order by e.household_id limit 1`,
        [id],
      )
    ).rows;
    await done2(`Coverage/${coverage}/$suspend`);
  };
  const done2 = async (path: string): Promise<void> => {
    const answer = await call(path, [{ name: 'reason', valueCode: 'sanction' }]);
    expect(answer.status, answer.text).to.equal(200);
  };
  const inside = (id: string) => ({
    name: 'area',
    valueReference: { reference: `Location/${id}` },
  });
  const figures = (part: Json) => ({
    households: part.part[0].valueInteger,
    amount: part.part[2].valueMoney.value,
  });
  /** Rows of every table that a simulation could have written to. */
  const everything = async () =>
    (
      await house.database.pool.query(
        `select (select count(*) from resource) as resources, (select count(*) from enrolment) as e,
           (select count(*) from enrolment_change) as c, (select count(*) from payroll) as p,
           (select count(*) from scheme_rules) as r, (select count(*) from outbox) as o`,
      )
    ).rows[0];

  const limited = async (roles: string[], limits: object): Promise<string> => {
    const [login, secret] = [`limited-${roles.join('-')}`, 'secret-of-somebody-limited'];
    const actor = { kind: 'client', name: login, login, secret, roles } as const;
    const id = await createActor(house.app.pool, house.clock, actor);
    const url = `${house.house.url}/access/actors/${id}/limits`;
    const answer = await house.fetch(url, {
      method: 'PUT',
      body: limits,
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status, answer.text).to.equal(204);
    return getToken(house.house.url, login, secret);
  };

  it('is answered later where that is asked, with the same figures', async () => {
    const body = {
      resourceType: 'Parameters',
      parameter: [{ name: 'plan', resource: scheme('later', Object.values(DRAFTS)[0]!) }, PERIOD],
    };
    const now = await house.fetch('InsurancePlan/$simulate', { body });
    expect(now.status, now.text).to.equal(200);
    const how = { body, headers: { prefer: 'respond-async' } };
    const taken = await house.fetch('InsurancePlan/$simulate', how);
    expect(taken.status, taken.text).to.equal(202);
    await house.settle();
    const { json } = await house.fetch(taken.headers.get('content-location')!);
    const figures = (all: Json[]) => unordered(all.filter((each) => each.name !== 'report'));
    const { parameter } = json.entry[0].resource;
    expect(figures(parameter)).to.deep.equal(figures(now.json.parameter));
  });

  const pretend = async (households: number): Promise<void> => {
    await house.database.pool.query('analyze household');
    await house.database.pool.query(
      "update pg_class set reltuples = $1 where oid = 'household'::regclass",
      [households],
    );
  };

  it('comes to the same in two halves, on two connections, as in one piece', async () => {
    await begin('s-halves');
    const told = async (): Promise<unknown[]> => {
      const answers: unknown[] = [];
      for (const rules of Object.values(DRAFTS)) {
        const draft = { name: 'plan', resource: scheme('s-halves', rules) };
        answers.push(await done('InsurancePlan/s-halves/$simulate', [draft]));
      }
      const preview = { name: 'preview', valueBoolean: true };
      answers.push(await done('InsurancePlan/s-halves/$enrol', [preview, AS_OF]));
      return answers.map(unordered);
    };
    const whole = await told();
    await pretend(1_000_000);
    expect(await told()).to.deep.equal(whole);
    await pretend(HOUSEHOLDS);
  });

  let number = 0;
  for (const [what, rules] of Object.entries(DRAFTS)) {
    it(`comes true to the cent: ${what}`, async () => {
      number += 1;
      const id = `s-${number}`;
      await begin(id);
      const draft = { name: 'plan', resource: scheme(id, rules) };
      const quarter = rules.some((each) => each.valueCode === 'quarterly');
      const period = quarter ? { ...PERIOD, valueString: '2026-Q1' } : PERIOD;
      const before = await everything();
      const tried = await done(`InsurancePlan/${id}/$simulate`, [draft, period]);
      const enrolled = await done(`InsurancePlan/${id}/$simulate`, [
        draft,
        period,
        { name: 'scope', valueCode: 'enrolled' },
      ]);
      const part = await done(`InsurancePlan/${id}/$simulate`, [draft, period, inside('north')]);
      expect(await everything(), 'nothing is written').to.deep.equal(before);
      const now = await done(`InsurancePlan/${id}/$preview-payroll`, [PERIOD]);
      expect(figures(enrolled.now), 'as things are').to.deep.equal({
        households: now.lines.valueInteger,
        amount: now.amount.valueMoney.value,
      });

      await put(scheme(id, rules));
      const preview = await done(`InsurancePlan/${id}/$preview-payroll`, [period]);
      expect(figures(enrolled.tried), 'those enrolled').to.deep.equal({
        households: preview.lines.valueInteger,
        amount: preview.amount.valueMoney.value,
      });
      if (!rules.some((each) => each.url === 'ranking')) {
        const north = await done(`InsurancePlan/${id}/$preview-payroll`, [period, inside('north')]);
        expect(figures(part.tried).households).to.be.at.least(north.lines.valueInteger);
      }
      await done(`InsurancePlan/${id}/$enrol`, [AS_OF]);
      const drafted = await done(`InsurancePlan/${id}/$draft-payroll`, [period]);
      expect(drafted.lines.valueInteger).to.be.above(5);
      expect(figures(tried.tried), 'with those who would be enrolled').to.deep.equal({
        households: drafted.lines.valueInteger,
        amount: drafted.amount.valueMoney.value,
      });
      await done(`InsurancePlan/${id}/$simulate`, [
        draft,
        period,
        { name: 'top', valueUnsignedInt: 3 },
      ]);
    });
  }

  it('gives splits that come to the same, and changes that explain the difference', async () => {
    const tried = await done('InsurancePlan/s-1/$simulate', [
      { name: 'plan', resource: scheme('s-1', OLD) },
      PERIOD,
      { name: 'area-level', valuePositiveInt: 2 },
    ]);
    const { group } = tried.report.resource;
    const value = (code: string) => {
      const found = group.find((each: Json) => each.code.coding[0].code === code);
      return { score: found.measureScore.value, count: found.population[0].count, found };
    };
    const cents = (amount: number) => Math.round(amount * 100);
    expect(cents(value('winners').score) + cents(value('losers').score)).to.equal(
      cents(value('paid-tried').score) - cents(value('paid-now').score),
    );
    expect(value('judged').count).to.equal(HOUSEHOLDS);
    for (const each of group) {
      for (const { stratum, code } of each.stratifier ?? []) {
        const count = stratum.reduce((sum: number, one: Json) => sum + one.population[0].count, 0);
        expect(count, `${each.code.text} by ${code[0].text}`).to.equal(each.population[0].count);
      }
    }
    const areas = value('judged').found.stratifier[0].stratum.map((one: Json) => one.value.text);
    expect(areas.toSorted()).to.deep.equal(['north-1', 'north-2', 'south-1']);
  });

  it('tells officers of an area of their area only, and names nobody to who may not read', async () => {
    const draft = { name: 'plan', resource: scheme('s-1', OLD) };
    const ask = [draft, PERIOD, { name: 'area-level', valuePositiveInt: 2 }];
    const officer = await limited(['area-officer'], { areas: ['south'] });
    const answer = await call('InsurancePlan/s-2/$simulate', ask, officer);
    expect(answer.status, answer.text).to.equal(200);
    const report = answer.json.parameter.at(-1).resource;
    expect(report.group[0].population[0].count).to.equal(HOUSEHOLDS / 3);
    expect(report.group[0].stratifier[0].stratum.map((one: Json) => one.value.text)).to.deep.equal([
      'south-1',
    ]);
    // Places are given over all areas, whoever asks.
    const whole = await done('InsurancePlan/s-2/$simulate', ask);
    const south = whole.report.resource.group
      .find((each: Json) => each.code.coding[0].code === 'paid-tried')
      .stratifier[0].stratum.find((one: Json) => one.value.text === 'south-1');
    expect(report.group[2].population[0].count).to.equal(south.population[0].count);
    const named = [...ask, { name: 'top', valueUnsignedInt: 5 }];
    const top = await call('InsurancePlan/s-2/$simulate', named, officer);
    const households = top.json.parameter
      .filter((each: Json) => each.name === 'gain' || each.name === 'loss')
      .map((each: Json) => Number(each.part[0].valueReference.reference.slice('Group/h-'.length)));
    expect(households.length).to.be.above(0);
    for (const n of households) expect(n % 3, `h-${n}`).to.equal(2);
    const policy = await house.tokenFor('policy-officer');
    expect((await call('InsurancePlan/s-2/$simulate', ask, policy)).status).to.equal(200);
    expect((await call('InsurancePlan/s-2/$simulate', named, policy)).status).to.equal(403);
    const drafter = await house.tokenFor('registry-client');
    expect((await call('InsurancePlan/s-2/$simulate', ask, drafter)).status).to.equal(403);
  });

  it('says who is beyond a budget, tries rules of no scheme yet, and comes as a table', async () => {
    const plan = { name: 'plan', resource: scheme('new', OLD) };
    const none = await done('InsurancePlan/$simulate', [plan, PERIOD]);
    expect(none.now).to.equal(undefined);
    const { households, amount } = figures(none.tried);
    expect(amount).to.equal(households * 100);
    const budget = { name: 'budget', valueMoney: { value: 1250, currency: 'KES' } };
    const short = await done('InsurancePlan/$simulate', [plan, PERIOD, budget]);
    expect(figures(short['beyond-budget'])).to.deep.equal({
      households: households - 12,
      amount: (households - 12) * 100,
    });
    const table = await call('InsurancePlan/$simulate', [plan, PERIOD], undefined, 'text/csv');
    expect(table.headers.get('content-type')).to.contain('text/csv');
    const rows = table.text.split('\r\n').filter((row) => row.startsWith('all,'));
    const paid = rows.map((row) => row.split(',')).filter((cells) => cells[5] === 'paid');
    expect(paid.map((cells) => [cells[9], cells[12]])).to.deep.equal([
      [String(households), amount.toFixed(2)],
    ]);
    const alone = await done('InsurancePlan/s-1/$simulate', [PERIOD]);
    expect(alone.now, 'the rules in force by themselves').to.equal(undefined);
  });

  it('puts people into the age bands of the indicators', async () => {
    for (const asOf of ['2026-02-28', '2028-02-29', '2026-03-01']) {
      const band = ageBand('d.day', 'd.day + more', asOf, [0, 5, 18, 60]);
      const { rows } = await house.database.pool.query(
        `select d.day::text, more from generate_series(date '1960-01-01', '2028-03-02', '1 day') g(at),
           lateral (select g.at::date as day) d, unnest(array[0, 1, 400]) more
         where (to_char(d.day, 'MMDD') in ('0228', '0229', '0301', '0302')
             or extract(doy from d.day)::int % 61 = 0)
           and indicators_age_band(d.day, d.day + more, date '${asOf}', '{0,5,18,60}')
           <> (${band})`,
      );
      expect(rows.slice(0, 3), asOf).to.deep.equal([]);
    }
  });

  it('refuses what cannot be tried, with the place', async () => {
    const code = async (path: string, parameter: object[]) => {
      const answer = await call(path, parameter);
      expect(answer.status, answer.text).to.be.within(400, 499);
      return answer.json.issue[0].details.coding[0].code;
    };
    const path = 'InsurancePlan/s-1/$simulate';
    const plan = (...rules: Extension[]) => ({ name: 'plan', resource: scheme('x', rules) });
    expect(await code(path, [plan(MONTHLY, criterion('1 +'), base(1))])).to.equal(
      'criterion-malformed',
    );
    expect(await code(path, [plan(MONTHLY, criterion('true'), base(1, 'USD'))])).to.equal(
      'scheme-currencies',
    );
    expect(await code(path, [{ name: 'version', valuePositiveInt: 99 }])).to.equal(
      'simulation-malformed',
    );
    expect(await code('InsurancePlan/$simulate', [])).to.equal('simulation-malformed');
    expect(await code('InsurancePlan/none/$simulate', [])).to.equal('scheme-unknown');
    expect(await code(path, [{ name: 'scope', valueCode: 'x' }])).to.equal('simulation-malformed');
    expect(await code(path, [{ name: 'top', valueUnsignedInt: 101 }])).to.equal(
      'simulation-malformed',
    );
    expect(await code(path, [{ name: 'period', valueString: '2026-13' }])).to.equal(
      'period-malformed',
    );
  });

  it('asks for the newest answers to a form, of households and members, as of the day', async () => {
    const form = 'https://forms.example/poverty';
    const response = (
      id: string,
      subject: string,
      authored: string,
      item: QuestionnaireResponseItem[],
      status: QuestionnaireResponse['status'] = 'completed',
    ): QuestionnaireResponse => ({
      resourceType: 'QuestionnaireResponse',
      id,
      status,
      questionnaire: `${form}|2`,
      subject: { reference: subject },
      authored,
      item,
    });
    const rooms = (valueInteger: number): QuestionnaireResponseItem[] => [
      { linkId: 'dwelling', item: [{ linkId: 'rooms', answer: [{ valueInteger }] }] },
    ];
    const works = (valueBoolean: boolean) => [{ linkId: 'works', answer: [{ valueBoolean }] }];
    await put(response('qr-1', 'Group/h-1', '2025-11-02', rooms(9)));
    await put(response('qr-2', 'Group/h-1', '2025-12-02T10:00:00Z', rooms(2)));
    await put(response('qr-3', 'Group/h-1', '2026-06-01', rooms(9)));
    await put(response('qr-4', 'Group/h-2', '2025-12-01', rooms(2)));
    await put(response('qr-5', 'Group/h-2', '2025-12-03', [{ linkId: 'other' }]));
    await put(response('qr-6', 'Group/h-3', '2025-12-03', rooms(2), 'entered-in-error'));
    await put(response('qr-7', 'Group/h-4', '2025-12-03', rooms(1)));
    for (const n of [0, 1]) {
      await put(response(`qr-m${n}`, `Patient/p-3-${n}`, '2025-12-03', works(n === 0)));
    }
    await put(response('qr-8', 'Patient/p-3-1', '2025-12-20', works(true)));
    const count = async (rule: string) => {
      const rules = [MONTHLY, criterion(rule, 'r'), base(1)];
      const plan = { name: 'plan', resource: scheme('form', rules) };
      const tried = await done('InsurancePlan/$simulate', [plan, PERIOD]);
      const { group } = tried.report.resource;
      const reasons = group.find((each: Json) => each.code.coding[0].code === 'unpaid-tried');
      const why = reasons.stratifier.find((each: Json) => each.code[0].text === 'reason').stratum;
      const failed = why.find((each: Json) => each.value.text === 'not-eligible: r');
      const unknown = why.find((each: Json) => each.value.text === 'undetermined: r');
      return [failed, unknown].map((each: Json) => each?.population[0].count ?? 0);
    };
    const all = HOUSEHOLDS;
    // h-1 and h-4 are known; in January the form of June has not been answered.
    expect(await count(`answer('${form}', 'rooms') > 5`)).to.deep.equal([2, all - 2]);
    expect(await count(`ifMissing(answer('${form}', 'rooms'), 9) > 1`)).to.deep.equal([1, 0]);
    // Of h-3, two members work by their newest answers.
    const working = `members.where(ifMissing(answer('${form}', 'works'), false)).count() < 2`;
    expect(await count(working)).to.deep.equal([1, 0]);
    const gone = await house.fetch('QuestionnaireResponse/qr-8', { method: 'DELETE' });
    expect(gone.status).to.be.below(300);
    expect(await count(working)).to.deep.equal([0, 0]);
    const wrong = scheme('form', [MONTHLY, criterion("answer('x')"), base(1)]);
    const refused = await call('InsurancePlan/$simulate', [{ name: 'plan', resource: wrong }]);
    expect(refused.json.issue[0].details.coding[0].code).to.equal('criterion-malformed');
  });

  it('keeps schemes that exclude each other apart, when both enrol at once', async () => {
    const excluding = (other: string) => [
      MONTHLY,
      criterion(`enrolledIn('${other}').not()`, 'alone'),
      base(1),
    ];
    await put(scheme('ex-b', [MONTHLY, criterion('true'), base(1)]));
    await put(scheme('ex-a', excluding('ex-b')));
    await put(scheme('ex-b', excluding('ex-a')));
    await Promise.all(['ex-a', 'ex-b'].map((id) => done(`InsurancePlan/${id}/$enrol`, [AS_OF])));
    const { rows } = await house.database.pool.query(
      `select count(distinct household_id)::int as households, count(*)::int as enrolments
       from enrolment e join scheme s using (scheme_id) where s.fhir_id in ('ex-a', 'ex-b')`,
    );
    expect(rows[0].households).to.be.above(40);
    expect(rows[0].enrolments).to.equal(rows[0].households);
  });

  it('counts who lived in a period, whatever has happened since', async () => {
    await put(area('life'));
    await put(patient('life-0', { birthDate: '1980-01-01' }));
    await put(patient('life-1', { birthDate: '1985-01-01', deceasedDateTime: '2025-11-15' }));
    await put(patient('life-2', { birthDate: '2025-12-10' }));
    await put(
      household('life', ['head:life-0', 'life-1', 'life-2'], { extension: [inArea('life')] }),
    );
    const sizes = new Map<string, number>();
    for (const period of ['2025-11', '2025-12', '2026-01']) {
      const size = [1, 2, 3].map(async (n) => {
        const rules = [MONTHLY, criterion(`size = ${n}`, 'n'), base(1)];
        const tried = await done('InsurancePlan/$simulate', [
          { name: 'plan', resource: scheme('life', rules) },
          { name: 'period', valueString: period },
          inside('life'),
        ]);
        const { group } = tried.report.resource;
        const unpaid = group.find((one: Json) => one.code.coding[0].code === 'unpaid-tried');
        return JSON.stringify(unpaid).includes('not-eligible') ? 0 : n;
      });
      sizes.set(period, Math.max(...(await Promise.all(size))));
    }
    // Who died on 15 November is counted on the first of it; who is born on 10 December from January.
    expect([...sizes]).to.deep.equal([
      ['2025-11', 2],
      ['2025-12', 1],
      ['2026-01', 2],
    ]);
  });

  describe('a review of who is enrolled', () => {
    const path = 'InsurancePlan/rv/$review-eligibility';
    const rules = [
      MONTHLY,
      criterion("characteristic('score') < 15 and size >= 1", 'poor'),
      criterion("monthsNotMet('school') = 0", 'school'),
      base(100),
    ];
    const findingsOf = (answer: Json) =>
      answer.json.parameter
        .filter((each: Json) => each.name === 'finding')
        .map((each: Json) => {
          const part = (name: string) => each.part.find((one: Json) => one.name === name);
          const criteria = part('criterion').part.map((one: Json) => one.valueString);
          return [
            part('household').valueReference.reference,
            part('decision').valueCode,
            ...criteria,
          ];
        });
    const score = (value: number | undefined) =>
      value === undefined
        ? {}
        : {
            characteristic: [
              {
                code: { coding: [{ code: 'score' }] },
                valueQuantity: { value },
                exclude: false,
              },
            ],
          };
    const coverages = new Map<string, string>();
    before(async () => {
      for (const [n, value] of [10, 11, 12, 13].entries()) {
        await put(patient(`rv-${n}`));
        await put(
          household(`rv-${n}`, [`head:rv-${n}`], { extension: [inArea('south')], ...score(value) }),
        );
      }
      await put(scheme('rv', rules));
      await done('InsurancePlan/rv/$enrol', [AS_OF, inside('south')]);
      const changed = (n: number, value: number | undefined) =>
        put(
          household(`rv-${n}`, [`head:rv-${n}`], { extension: [inArea('south')], ...score(value) }),
        );
      await changed(1, 15.5);
      await changed(2, undefined);
      await put({
        resourceType: 'Observation',
        id: 'rv-3',
        meta: { profile: [structureDefinition('compliance')] },
        status: 'final',
        category: [{ text: 'condition' }],
        code: { coding: [{ code: 'school' }] },
        subject: { reference: 'Group/rv-3' },
        effectiveDateTime: '2026-01',
        valueCodeableConcept: {
          coding: [{ system: codeSystem('compliance-outcome'), code: 'not-met' }],
        },
      });
      const { rows } = await house.database.pool.query(
        `select h.fhir_id as household, e.fhir_id as coverage from enrolment e
         join household h using (household_id) join scheme s using (scheme_id) where s.fhir_id = 'rv'`,
      );
      for (const row of rows) coverages.set(row.household, row.coverage);
    });

    it('tells who no longer qualifies, and why: ineligible is not non-compliant', async () => {
      const answer = await call(path, []);
      expect(answer.status, answer.text).to.equal(200);
      const mine = findingsOf(answer).filter((each: string[]) => each[0]!.startsWith('Group/rv-'));
      expect(mine).to.deep.equal([
        ['Group/rv-1', 'ineligible', 'poor', "characteristic('score') = 15.5; size = 1"],
        ['Group/rv-2', 'undetermined', 'poor', "characteristic('score') = not known; size = 1"],
        ['Group/rv-3', 'non-compliant', 'school', "monthsNotMet('school') = 1"],
      ]);
    });

    it('is read in pages that lose nobody, as a table, and within reach only', async () => {
      const all = findingsOf(await call(path, []));
      const pages: unknown[] = [];
      let after: string | undefined;
      for (let n = 0; n < 20; n += 1) {
        const answer = await call(path, [
          { name: '_count', valuePositiveInt: 1 },
          ...(after ? [{ name: 'after', valueString: after }] : []),
        ]);
        pages.push(...findingsOf(answer));
        after = answer.json.parameter.find((each: Json) => each.name === 'next')?.valueString;
        if (after === undefined) break;
      }
      expect(pages).to.deep.equal(all);
      const table = await house.fetch(`${path}?_format=csv`);
      expect(table.text.split('\r\n').length).to.equal(all.length + 2);
      const officer = await limited(['area-officer', 'registrar'], { areas: ['north'] });
      const north = await call(path, [], officer);
      expect(north.status, north.text).to.equal(200);
      expect(findingsOf(north)).to.deep.equal([]);
      const policy = await house.tokenFor('policy-officer');
      expect((await call(path, [], policy)).status).to.equal(403);
    });

    it('lists who is due to be looked at again, until somebody has confirmed the facts', async () => {
      const dues = async (by: string) => {
        const answer = await call('InsurancePlan/rv/$recertifications-due', [
          { name: 'by', valueDate: by },
        ]);
        expect(answer.status, answer.text).to.be.below(500);
        if (answer.status !== 200) return answer.json.issue[0].details.coding[0].code;
        return (answer.json.parameter ?? [])
          .map((each: Json) => [each.part[1].valueReference.reference, each.part[3].valueDate])
          .filter(([reference]: string[]) => reference!.startsWith('Group/rv-'));
      };
      expect(await dues('2027-01-01')).to.equal('recertification-none');
      const months = { url: 'recertify-months', valuePositiveInt: 12 };
      await put(scheme('rv', [...rules, months]));
      expect(await dues('2026-12-31')).to.deep.equal([]);
      expect(await dues('2027-01-01')).to.deep.equal(
        [0, 1, 2, 3].map((n) => [`Group/rv-${n}`, '2027-01-01']),
      );
      const path = `Coverage/${coverages.get('rv-0')}/$recertify`;
      const confirmed = await call(path, [{ name: 'on', valueDate: '2026-01-10' }]);
      expect(confirmed.status, confirmed.text).to.equal(200);
      const later = await call(path, [{ name: 'on', valueDate: '2099-01-01' }]);
      expect(later.status, 'not in the future').to.equal(422);
      expect((await dues('2027-01-01')).length).to.equal(3);
      expect((await dues('2027-01-10'))[0]).to.deep.equal(['Group/rv-0', '2027-01-10']);
    });

    it('ends nobody by itself: a person names whom, why and from when; nobody who qualifies', async () => {
      const end = (reason: string, ...names: string[]) =>
        call('InsurancePlan/rv/$end-enrolments', [
          ...names.map((name) => ({
            name: 'enrolment',
            valueReference: { reference: `Coverage/${coverages.get(name)}` },
          })),
          { name: 'reason', valueCode: reason },
          { name: 'on', valueDate: '2026-01-31' },
        ]);
      const wrong = await end('criteria-no-longer-met', 'rv-1', 'rv-0');
      expect([wrong.status, wrong.json.issue[0].details.coding[0].code]).to.deep.equal([
        422,
        'criteria-met',
      ]);
      const ended = await end('criteria-no-longer-met', 'rv-1');
      expect(ended.status, ended.text).to.equal(200);
      const { json } = await house.fetch(`Coverage/${coverages.get('rv-1')}`);
      expect([json.status, json.period.end]).to.deep.equal(['cancelled', '2026-01-31']);
      expect((await end('criteria-no-longer-met', 'rv-1')).status, 'twice').to.be.within(400, 499);
      expect((await end('sanction', 'rv-3')).status).to.equal(200);
      const left = findingsOf(await call(path, []));
      expect(left.map((each: string[]) => each[0])).to.include('Group/rv-2');
      expect(left.map((each: string[]) => each[0])).to.not.include.members(['Group/rv-1']);
    });
  });
});
