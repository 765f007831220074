/**
 * Random merges and their taking back, in any order, on invented people: whatever is done, when all is
 * taken back everything stands as it stood, to the byte.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { planGroupMerge } from '../../../modules/duplicates/merge/group-plan.ts';
import { householdOf, liveScheme } from '../../../modules/duplicates/merge/household.ts';
import {
  type Body,
  difference,
  MADE,
  same,
  undo,
} from '../../../modules/duplicates/merge/patch.ts';
import { planMerge, type World } from '../../../modules/duplicates/merge/plan.ts';
import { type Layer, meeting, replay } from '../../../modules/duplicates/merge/replay.ts';
import { extension, household, patient } from '../support/people.ts';

const PEOPLE = 6;
const DAY = '2026-01-15';
const HOMES = [1, 2, 3];
const id = (n: number): string => `p-${n}`;

const person = fc.record({
  birthDate: fc.constantFrom('1990', '1990-06-15', undefined),
  family: fc.constantFrom('Achieng', 'Otieno'),
  phone: fc.constantFrom('1', '2', undefined),
  number: fc.constantFrom('A', 'B', 'C', undefined),
  home: fc.constantFrom(0, 1, 2, 3),
});

function enrolment(home: number, scheme: string, state: string, beneficiary: number) {
  return {
    resourceType: 'Coverage',
    id: `e-${home}-${scheme}`,
    extension: [
      extension('enrolment-scheme', { valueReference: { reference: `InsurancePlan/${scheme}` } }),
      extension('enrolment-household', { valueReference: { reference: `Group/h-${home}` } }),
      extension('enrolment-state', { valueCode: state }),
    ],
    status: 'active',
    beneficiary: { reference: `Patient/${id(beneficiary)}` },
    period: { start: '2025-01-01' },
  };
}

function worldOf(
  people: readonly {
    birthDate?: string;
    family: string;
    phone?: string;
    number?: string;
    home: number;
  }[],
  states: readonly (string | undefined)[] = [],
) {
  const world = new Map<string, Body>();
  const put = (resource: object & { resourceType: string; id?: string }): void => {
    const entries = Object.entries(resource).filter(([, value]) => value !== undefined);
    world.set(`${resource.resourceType}/${resource.id}`, Object.fromEntries(entries));
  };
  people.forEach(({ birthDate, family, phone, number }, n) => {
    put({
      ...patient(id(n), { gender: 'female' }),
      birthDate,
      name: [{ family }],
      ...(phone && { telecom: [{ system: 'phone', value: phone }] }),
      ...(number && { identifier: [{ system: 'urn:n', value: number }] }),
    } as never);
    const subject = { reference: `Patient/${id(n)}` };
    put({ resourceType: 'Flag', id: `f-${n}`, status: 'active', subject } as never);
  });
  for (const home of HOMES) {
    const members = people.flatMap((each, n) => (each.home === home ? [n] : []));
    const { member, ...rest } = household(
      `h-${home}`,
      members.map((n, at) => (at === 0 ? `head:${id(n)}` : id(n))),
    );
    put({ ...rest, ...(members.length > 0 && { member }) });
    const subject = { reference: `Group/h-${home}` };
    put({ resourceType: 'Flag', id: `hold-${home}`, status: 'active', subject } as never);
  }
  states.forEach((state, at) => {
    const [home, scheme] = [HOMES[at % HOMES.length]!, at < HOMES.length ? 's' : 't'];
    const first = people.findIndex((each) => each.home === home);
    if (state !== undefined && first >= 0) put(enrolment(home, scheme, state, first) as never);
  });
  return world;
}

/** People with merges, as the server would keep them. */
class Registry {
  world: Map<string, Body>;
  merges: Layer[] = [];
  #order = 0;
  constructor(world: World) {
    this.world = new Map(world);
  }

  isReplaced(type: Layer['type'], record: string): boolean {
    return this.merges.some((each) => each.type === type && each.source === record);
  }

  merge(source: string, target: string): void {
    if (source === target) return;
    if ([source, target].some((each) => this.isReplaced('Patient', each))) return;
    const { after } = planMerge(this.world, { source, target, today: DAY }, undefined);
    this.#lay('Patient', source, target, after);
  }

  mergeGroups(source: string, target: string): void {
    const gone = [source, target].some((each) => this.isReplaced('Group', each));
    const isOver = this.world.get(`Group/${target}`)!.active === false;
    if (source === target || gone || isOver) return;
    const pair = { merge: `m-${this.#order + 1}`, source, target, today: DAY };
    this.#lay('Group', source, target, planGroupMerge(this.world, pair).after);
  }

  #lay(type: Layer['type'], source: string, target: string, after: World): void {
    const patches = new Map(
      [...after].map(([key, body]) => {
        const before = this.world.get(key);
        return [key, before ? difference(before, body) : MADE];
      }),
    );
    for (const [key, body] of after) this.world.set(key, body);
    this.#order += 1;
    const [id, order] = [`m-${this.#order}`, this.#order];
    this.merges.push({ type, id, order, source, target, day: DAY, result: undefined, patches });
  }

  unmerge(type: Layer['type'], source: string): void {
    const own = this.merges.find((each) => each.type === type && each.source === source);
    if (!own) return;
    const met = meeting(
      [own],
      this.merges.filter(({ order }) => order > own.order),
    );
    const done = replay(this.world, [own], met, DAY);
    expect(done.left).to.deep.equal([]);
    this.world = new Map(done.world);
    this.merges = this.merges
      .filter((each) => each !== own)
      .map((each) => {
        const at = met.indexOf(each);
        return at < 0 ? each : { ...each, patches: done.later[at]! };
      });
  }

  /** Live enrolments as `household scheme`, each once for each. */
  enrolments(): string[] {
    return [...this.world.values()].flatMap((body) => {
      if (body.resourceType !== 'Coverage') return [];
      const scheme = liveScheme(body as never);
      return scheme === undefined ? [] : [`${householdOf(body as never)} ${scheme}`];
    });
  }
}

describe('merges above each other', () => {
  const state = fc.constantFrom('enrolled', 'waiting', 'suspended', undefined);
  const world = fc
    .tuple(
      fc.array(person, { minLength: PEOPLE, maxLength: PEOPLE }),
      fc.array(state, { minLength: 2 * HOMES.length, maxLength: 2 * HOMES.length }),
    )
    .map(([people, states]) => worldOf(people as never, states));
  const act = fc.constantFrom('merge', 'merge', 'unmerge', 'merge-groups', 'unmerge-groups');
  const step = fc.tuple(act, fc.nat(PEOPLE - 1), fc.nat(PEOPLE - 1));
  const home = (n: number): string => `h-${HOMES[n % HOMES.length]}`;

  function play(registry: Registry, steps: readonly (readonly [string, number, number])[]): void {
    for (const [what, one, other] of steps) {
      if (what === 'merge') registry.merge(id(one), id(other));
      else if (what === 'unmerge') registry.unmerge('Patient', id(one));
      else if (what === 'merge-groups') registry.mergeGroups(home(one), home(other));
      else registry.unmerge('Group', home(one));
    }
  }

  it('return to the beginning in whatever order they are taken back', () => {
    fc.assert(
      fc.property(
        world,
        fc.array(step, { maxLength: 12 }),
        fc.infiniteStream(fc.nat(5)),
        (start, steps, order) => {
          const registry = new Registry(start as World);
          play(registry, steps);
          while (registry.merges.length > 0) {
            const at = order.next().value! % registry.merges.length;
            const { type, source } = registry.merges[at]!;
            registry.unmerge(type, source);
          }
          for (const [key, body] of start as World) {
            expect(JSON.stringify(registry.world.get(key)), key).to.equal(JSON.stringify(body));
          }
          const was = new Registry(start as World);
          expect(registry.enrolments().sort()).to.deep.equal(was.enrolments().sort());
        },
      ),
      { numRuns: 150 },
    );
  });

  it('never enrol a household twice in a scheme, nor leave an enrolled family with nothing', () => {
    fc.assert(
      fc.property(world, fc.array(step, { maxLength: 12 }), (start, steps) => {
        const registry = new Registry(start as World);
        const pays = (each: Registry): Set<string> =>
          new Set(each.enrolments().map((one) => one.split(' ')[1]!));
        play(
          registry,
          steps.filter(([what]) => what === 'merge'),
        );
        const before = pays(registry);
        play(
          registry,
          steps.filter(([what]) => what.endsWith('groups')),
        );
        const live = registry.enrolments();
        expect(new Set(live).size).to.equal(live.length);
        expect([...before].filter((scheme) => !pays(registry).has(scheme))).to.deep.equal([]);
        for (const each of live) {
          const group = registry.world.get(`Group/${each.split(' ')[0]}`);
          expect(registry.isReplaced('Group', String(group?.id)), each).to.equal(false);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('come to the same whether a merge was taken out from below or had never been', () => {
    fc.assert(
      fc.property(
        world,
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 3, maxLength: 3 }),
        (start, [a, b, c]) => {
          const one = new Registry(start as World);
          one.merge(id(a!), id(b!));
          one.merge(id(b!), id(c!));
          one.unmerge('Patient', id(a!));
          const other = new Registry(start as World);
          other.merge(id(b!), id(c!));
          for (const [key, body] of other.world)
            expect(one.world.get(key), key).to.deep.equal(body);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('never leave a person a running member of two households', () => {
    fc.assert(
      fc.property(world, fc.array(step, { maxLength: 10 }), (start, steps) => {
        const registry = new Registry(start as World);
        play(registry, steps);
        const running = [...registry.world.values()].flatMap((each) =>
          ((each.member ?? []) as { inactive?: boolean; entity: { reference: string } }[])
            .filter(({ inactive }) => inactive !== true && each.active !== false)
            .map(({ entity }) => entity.reference),
        );
        expect(new Set(running).size).to.equal(running.length);
        for (const reference of running)
          expect(registry.isReplaced('Patient', reference.slice(8))).to.equal(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a patch', () => {
  const value = fc.oneof(fc.string(), fc.array(fc.string(), { minLength: 1 }), fc.nat());
  const body = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), value);

  it('taken back gives what stood, whatever changed', () => {
    fc.assert(
      fc.property(body, body, (before, after) => {
        const back = undo(after, difference(before, after));
        expect(back.left).to.deep.equal([]);
        const lists = (each: Body): Body =>
          Object.fromEntries(
            Object.entries(each).map(([key, one]) => [
              key,
              Array.isArray(one) ? [...one].sort() : one,
            ]),
          );
        expect(lists(back.body)).to.deep.equal(lists(before));
      }),
    );
  });

  it('leaves what was changed since, and takes the rest back', () => {
    const patch = difference({ a: 1, b: ['x'] }, { a: 2, b: ['x', 'y'] });
    const back = undo({ a: 3, b: ['x', 'z', 'y'] }, patch);
    expect(back.body).to.deep.equal({ a: 3, b: ['x', 'z'] });
    expect(back.left).to.deep.equal([{ path: 'a', from: 1, to: 2 }]);
    expect(same(back.body, { a: 3, b: ['x', 'z'] })).to.equal(true);
  });
});
