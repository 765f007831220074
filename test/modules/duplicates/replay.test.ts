/**
 * Random merges and their taking back, in any order, on invented people: whatever is done, when all is
 * taken back everything stands as it stood, to the byte.
 */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { type Body, difference, same, undo } from '../../../modules/duplicates/merge/patch.ts';
import { planMerge, type World } from '../../../modules/duplicates/merge/plan.ts';
import { type Layer, meeting, replay } from '../../../modules/duplicates/merge/replay.ts';
import { household, patient } from '../support/people.ts';

const PEOPLE = 6;
const DAY = '2026-01-15';
const id = (n: number): string => `p-${n}`;

const person = fc.record({
  birthDate: fc.constantFrom('1990', '1990-06-15', undefined),
  family: fc.constantFrom('Achieng', 'Otieno'),
  phone: fc.constantFrom('1', '2', undefined),
  number: fc.constantFrom('A', 'B', 'C', undefined),
  home: fc.constantFrom(0, 1, 2),
});

function worldOf(
  people: readonly {
    birthDate?: string;
    family: string;
    phone?: string;
    number?: string;
    home: number;
  }[],
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
  for (const home of [1, 2]) {
    const members = people.flatMap((each, n) => (each.home === home ? [n] : []));
    put(
      household(
        `h-${home}`,
        members.map((n, at) => (at === 0 ? `head:${id(n)}` : id(n))),
      ),
    );
  }
  return world;
}

interface Standing extends Layer {
  readonly number: number;
}

/** People with merges, as the server would keep them. */
class Registry {
  world: Map<string, Body>;
  merges: Standing[] = [];
  #number = 0;
  constructor(world: World) {
    this.world = new Map(world);
  }

  isReplaced(person: string): boolean {
    return this.merges.some(({ source }) => source === person);
  }

  merge(source: string, target: string): void {
    if (source === target || this.isReplaced(source) || this.isReplaced(target)) return;
    const { after } = planMerge(this.world, { source, target, today: DAY }, undefined);
    const patches = new Map(
      [...after].map(([key, body]) => [key, difference(this.world.get(key)!, body)]),
    );
    for (const [key, body] of after) this.world.set(key, body);
    this.#number += 1;
    this.merges.push({
      source,
      target,
      day: DAY,
      result: undefined,
      patches,
      number: this.#number,
    });
  }

  unmerge(source: string): void {
    const own = this.merges.find((each) => each.source === source);
    if (!own) return;
    const met = meeting(
      own,
      this.merges.filter(({ number }) => number > own.number),
    );
    const done = replay(this.world, own, met);
    expect(done.left).to.deep.equal([]);
    this.world = new Map(done.world);
    this.merges = this.merges
      .filter((each) => each !== own)
      .map((each) => {
        const at = met.indexOf(each);
        return at < 0 ? each : { ...each, patches: done.later[at]! };
      });
  }
}

describe('merges above each other', () => {
  const world = fc.array(person, { minLength: PEOPLE, maxLength: PEOPLE }).map(worldOf as never);
  const step = fc.tuple(fc.boolean(), fc.nat(PEOPLE - 1), fc.nat(PEOPLE - 1));

  it('return to the beginning in whatever order they are taken back', () => {
    fc.assert(
      fc.property(
        world,
        fc.array(step, { maxLength: 12 }),
        fc.infiniteStream(fc.nat(5)),
        (start, steps, order) => {
          const registry = new Registry(start as World);
          for (const [back, one, other] of steps) {
            if (back) registry.unmerge(id(one));
            else registry.merge(id(one), id(other));
          }
          while (registry.merges.length > 0) {
            const at = order.next().value! % registry.merges.length;
            registry.unmerge(registry.merges[at]!.source);
          }
          for (const [key, body] of start as World) {
            expect(JSON.stringify(registry.world.get(key)), key).to.equal(JSON.stringify(body));
          }
        },
      ),
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
          one.unmerge(id(a!));
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
        for (const [, one, other] of steps) registry.merge(id(one), id(other));
        const running = [...registry.world.values()].flatMap((each) =>
          ((each.member ?? []) as { inactive?: boolean; entity: { reference: string } }[])
            .filter(({ inactive }) => inactive !== true && each.active !== false)
            .map(({ entity }) => entity.reference),
        );
        expect(new Set(running).size).to.equal(running.length);
        for (const reference of running)
          expect(registry.isReplaced(reference.slice(8))).to.equal(false);
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
