/**
 * Back-pay of past months after random histories of moves, births, deaths and changes, some written
 * late with their day: each month is paid to the household of its own time, as a naive replay of the
 * history finds it; nobody counts twice, and every line can be computed again to the cent.
 */

import type { BundleEntry, Group, GroupMember, Patient } from '@medplum/fhirtypes';
import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { releaseHold } from '../../../modules/households/index.ts';
import { addDays, addMonths, codeSystem } from '../../../src/sdk/index.ts';
import type { Json } from '../../support/server.ts';
import {
  area,
  component,
  criterion,
  extension,
  household,
  inArea,
  mobileAccount,
  patient,
  scheme,
} from '../support/people.ts';
import { code, Scene, text } from './scene.ts';

const HOMES = 5;
const PEOPLE = 9;
const MONTHS = 3;
const AREAS = ['north', 'south'];

/** Each person has a bit of their own, so that an amount tells who was counted. */
const weight = (person: number) => 2 ** person;

type Happening =
  | { what: 'move'; person: number; to: number; late: number; ends: boolean }
  | { what: 'birth'; to: number; late: number }
  | { what: 'death'; person: number; late: number }
  | { what: 'area'; home: number; to: number }
  | { what: 'income'; home: number; value: number; late: number };

const person = fc.nat(PEOPLE - 1);
const home = fc.nat(HOMES - 1);
const late = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50 }));
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('move' as const),
      ...{ person, to: home, late, ends: fc.boolean() },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('birth' as const), to: home, late: fc.nat(40) }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('death' as const), person, late }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('area' as const), home, to: fc.nat(1) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('income' as const),
      ...{ home, value: fc.integer({ min: 1, max: 9 }), late },
    }),
  },
);

/** What is true from a day on; the first is true from always. */
type Timeline<Value> = { from: string; value: Value }[];
const at = <Value>(timeline: Timeline<Value>, day: string): Value =>
  timeline.findLast((each, index) => index === 0 || each.from <= day)!.value;

/** A registry that writes what happens, and remembers what is true when. */
class Country {
  readonly scene: Scene;
  readonly tag: string;
  readonly where: Timeline<number>[] = [];
  readonly born: string[] = [];
  readonly died: (string | undefined)[] = [];
  /** Who has been merged into whom. */
  readonly merged = new Map<number, number>();
  readonly areas: Timeline<number>[] = [];
  readonly incomes: Timeline<number>[] = [];
  readonly #members: GroupMember[][] = [];
  readonly #facts: NonNullable<Group['characteristic']>[] = [];

  constructor(scene: Scene, tag: string) {
    this.scene = scene;
    this.tag = tag;
  }

  get today(): string {
    return this.scene.house.clock.now().toISOString().slice(0, 10);
  }

  group(n: number): Group {
    const number = `+2547${this.tag}00000${n}`.slice(0, 13);
    return household(`h-${this.tag}-${n}`, this.#members[n]!, {
      extension: [mobileAccount('bank', number), inArea(AREAS[at(this.areas[n]!, '9999-12-31')]!)],
      characteristic: this.#facts[n]!,
    });
  }

  patient(n: number): Patient {
    return patient(`p-${this.tag}-${n}`, {
      birthDate: this.born[n]!,
      ...(this.died[n] && { deceasedDateTime: this.died[n] }),
      ...(this.merged.has(n) && {
        active: false,
        link: [
          {
            type: 'replaced-by',
            other: { reference: `Patient/p-${this.tag}-${this.merged.get(n)}` },
          },
        ],
      }),
      extension: [
        extension('member-characteristic', {
          extension: [
            { url: 'code', valueCode: 'weight' },
            { url: 'value', valueInteger: weight(n) },
          ],
        }),
      ],
    });
  }

  async write(patients: readonly number[], groups: readonly number[]): Promise<void> {
    const resources = [
      ...patients.map((n) => this.patient(n)),
      ...groups.map((n) => this.group(n)),
    ];
    const entry: BundleEntry[] = resources.map((resource) => {
      const url = `${resource.resourceType}/${resource.id}`;
      return { fullUrl: url, resource, request: { method: 'PUT', url } };
    });
    await this.scene.inside((ctx) =>
      ctx.fhir.transaction({ resourceType: 'Bundle', type: 'transaction', entry }),
    );
  }

  income(value: number, start?: string): NonNullable<Group['characteristic']>[number] {
    return {
      code: { coding: [{ system: codeSystem('household-characteristic'), code: 'income' }] },
      valueQuantity: { value },
      exclude: false,
      ...(start && { period: { start } }),
    };
  }

  entry(person: number): GroupMember {
    return { entity: { reference: `Patient/p-${this.tag}-${person}` } };
  }

  async register(): Promise<void> {
    for (let n = 0; n < HOMES; n += 1) {
      this.areas.push([{ from: '', value: n % 2 }]);
      this.incomes.push([{ from: '', value: 1 }]);
      this.#facts.push([this.income(1)]);
      const head = { url: extension('member-role', {}).url, valueCode: 'head' };
      this.#members.push([
        { entity: { reference: `Patient/k-${this.tag}-${n}` }, extension: [head] },
      ]);
      await this.scene.put(patient(`k-${this.tag}-${n}`));
    }
    for (let n = 0; n < PEOPLE; n += 1) {
      this.where.push([{ from: '', value: n % HOMES }]);
      this.born.push('2000-01-01');
      this.died.push(undefined);
      this.#members[n % HOMES]!.push(this.entry(n));
    }
    await this.write([...this.born.keys()], [...this.areas.keys()]);
  }

  async happen(event: Happening): Promise<void> {
    switch (event.what) {
      case 'move':
        return this.move(event.person, event.to, event.late, event.ends);
      case 'birth': {
        const n = this.born.length;
        this.born.push(addDays(this.today, -event.late));
        this.died.push(undefined);
        this.where.push([{ from: this.today, value: -1 }]);
        this.where[n]!.push({ from: this.today, value: event.to });
        this.#members[event.to]!.push(this.entry(n));
        return this.write([n], [event.to]);
      }
      case 'death':
        this.died[event.person] ??= addDays(this.today, -event.late);
        return this.write([event.person], []);
      case 'area':
        this.areas[event.home]!.push({ from: this.today, value: event.to });
        return this.write([], [event.home]);
      case 'income':
        return this.earn(event.home, event.value, event.late);
    }
  }

  async move(person: number, to: number, lateDays: number, ends: boolean): Promise<void> {
    const timeline = this.where[person]!;
    const last = timeline.at(-1)!;
    if (last.value === to) return;
    const day = addDays(this.today, -lateDays);
    const isLate = lateDays > 0 && day > last.from && day > this.born[person]!;
    const own = (each: GroupMember) =>
      each.entity.reference === this.entry(person).entity.reference && !each.period?.end;
    const members = this.#members[last.value]!;
    const before = members.find(own)!;
    this.#members[last.value] = members.filter((each) => !own(each));
    if (isLate && ends) {
      const period = { ...before.period, end: addDays(day, -1) };
      this.#members[last.value]!.push({ ...before, period });
    }
    this.#members[to]!.push({
      ...this.entry(person),
      ...(isLate && { period: { start: day } }),
    });
    timeline.push({ from: isLate ? day : this.today, value: to });
    return this.write([], [last.value, to]);
  }

  async earn(home: number, value: number, lateDays: number): Promise<void> {
    const timeline = this.incomes[home]!;
    const day = addDays(this.today, -lateDays);
    const isLate = lateDays > 0 && day > timeline.at(-1)!.from;
    const dated = this.#facts[home]!.filter((each) => each.period);
    const former = isLate ? dated : [];
    this.#facts[home] = [
      ...former,
      this.income(value, isLate || dated.length > 0 ? (isLate ? day : this.today) : undefined),
    ];
    if (!isLate && dated.length > 0) this.#facts[home] = [...dated, ...this.#facts[home]!];
    timeline.push({ from: isLate ? day : this.today, value });
    return this.write([], [home]);
  }

  /** Two records turn out to be one person: the source leaves its household, and never counted. */
  merge(source: number, target: number): Promise<void> {
    this.merged.set(source, target);
    const home = this.where[source]!.at(-1)!.value;
    const { reference } = this.entry(source).entity;
    this.#members[home] = this.#members[home]!.filter(
      (each) => each.entity.reference !== reference,
    );
    return this.write([source], [home]);
  }

  /** What each household is due for a month, by a replay of what is true. */
  due(month: string): string[] {
    const first = `${month}-01`;
    const last = addDays(addMonths(first, 1), -1);
    return this.areas.map((areas, n) => {
      const people = this.where.flatMap((timeline, person) => {
        const lives = this.born[person]! <= first && !(this.died[person]! <= first);
        const counts = lives && !this.merged.has(person);
        return counts && at(timeline, last) === n ? [weight(person)] : [];
      });
      const sum = people.reduce((total, each) => total + each, 0);
      const north = AREAS[at(areas, last)] === 'north' ? 500_000 : 0;
      const amount = sum + north + 10_000_000 * at(this.incomes[n]!, last);
      return `h-${this.tag}-${n} ${amount}`;
    });
  }
}

describe('back-pay after a history', function () {
  this.timeout(120_000);
  let scene: Scene;
  let run = 0;
  before(async () => {
    scene = await Scene.open();
    await scene.fund('fund:s', 100_000_000_000);
    for (const each of AREAS) await scene.put(area(each));
    await scene.put(
      scheme('s', [
        { url: 'frequency', valueCode: 'monthly' },
        { url: 'currency', valueCode: 'KES' },
        criterion("characteristic('income').exists()", 'income'),
        component('people', "characteristic('weight')", {
          for: "characteristic('weight').exists()",
        }),
        component('north', "iif(livesIn('NORTH'), 500000, 0)"),
        component('income', "10000000 * characteristic('income')"),
      ]),
    );
  });
  after(() => scene?.house.stop());

  const amounts = (payroll: string) =>
    scene.rows<{ line: string }>(
      `select h.fhir_id || ' ' || l.amount_minor / 100 as line
       from payroll_line l join household h using (household_id)
       where l.payroll_id = $1 and l.state <> 'cancelled' and h.fhir_id like $2 order by 1`,
      [payroll.slice(5), `h-${run}-%`],
    );
  const tell = (parameters: Json[], name: string) =>
    parameters.find((each) => each.name === name)!.valueInteger;

  /** A history, a payroll each month while all are held, then back-pay of every month. */
  async function replay(
    events: readonly { day: number; event: Happening }[],
    merges: boolean,
  ): Promise<void> {
    run += 1;
    const country = new Country(scene, String(run));
    await country.register();
    await scene.done('InsurancePlan/s/$enrol');
    await scene.rows(`update enrolment set starts_on = '2025-12-01'`);
    const holds = [];
    for (let n = 0; n < HOMES; n += 1) holds.push(await scene.hold(`h-${run}-${n}`));
    const start = country.today;
    const months = Array.from({ length: MONTHS }, (_, n) =>
      addMonths(`${start.slice(0, 7)}-01`, n).slice(0, 7),
    );
    const drafts = months.map((month) => ({ day: addDays(`${month}-01`, 19), month }));
    const steps = [
      ...events.map(({ day, event }) => ({ day: addDays(start, day + 1), event })),
      ...drafts,
    ].sort((a, b) => (a.day < b.day ? -1 : 1));
    const until = addDays(addMonths(`${months.at(-1)}-01`, 1), 5);
    for (const step of [...steps, { day: until }]) {
      const now = Date.parse(country.today);
      scene.house.clock.advance((Date.parse(step.day) - now) / 1000);
      if ('event' in step) await country.happen(step.event);
      if ('month' in step) await scene.pay([text('period', step.month)]);
    }
    if (merges) await country.merge(1, 2);
    for (const id of await heldBy(run)) await scene.inside((ctx) => releaseHold(ctx, id));
    for (const month of months) {
      const given = [text('period', month), code('kind', 'back-pay')];
      const payroll = await scene.pay(given);
      const lines = (await amounts(payroll)).map((each) => each.line);
      expect(lines, month).to.deep.equal(country.due(month));
      const [on] = await scene.rows<{ day: string }>(
        'select facts_on::text as day from payroll where payroll_id = $1',
        [payroll.slice(5)],
      );
      expect(on!.day).to.equal(addDays(addMonths(`${month}-01`, 1), -1));
      const again = (await scene.call(`${payroll}/$recompute`)).json.parameter as Json[];
      expect(tell(again, 'equal'), JSON.stringify(again)).to.equal(tell(again, 'lines'));
    }
    const twice = await scene.rows(
      `select household_id from payroll_line where cancelled_key = 0
       group by household_id, period_code having count(*) > 1`,
    );
    expect(twice).to.deep.equal([]);
  }

  const heldBy = async (n: number): Promise<string[]> => {
    const rows = await scene.rows<{ id: string }>(
      `select f.fhir_id as id from hold f join household h using (household_id)
       where h.fhir_id like $1 and f.active`,
      [`h-${n}-%`],
    );
    return rows.map((each) => each.id);
  };

  it('pays each month to the household of its own time', async () => {
    const history = fc.array(
      fc.record({ day: fc.integer({ min: 0, max: 75 }), event: happening }),
      {
        minLength: 15,
        maxLength: 25,
      },
    );
    await fc.assert(fc.asyncProperty(history, fc.boolean(), replay), {
      numRuns: Number(process.env.RUNS ?? 1),
      endOnFailure: true,
    });
  });
});
