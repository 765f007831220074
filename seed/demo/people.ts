/**
 * Synthetic households, the same for the same seed: names of several cultures, ages as in a young
 * population, some without an account, some with facts missing. Nobody here exists.
 */

import type { Bundle, Group, Patient, Resource } from '@medplum/fhirtypes';
import { codeSystem, identifierSystem, structureDefinition } from '../../src/sdk/index.ts';

/** A repeatable source of chance (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)]!;
  }

  /** True in `share` of the cases. */
  happens(share: number): boolean {
    return this.next() < share;
  }
}

const FAMILY = [
  'Odhiambo',
  'Wanjiru',
  'Mutua',
  'Abdi',
  'Hassan',
  'Tesfaye',
  'Bekele',
  'Niyonzima',
  'Hakizimana',
  'Uwase',
  'Mwangi',
  'Achieng',
  'Kamau',
  'Njeri',
  'Otieno',
  'Chebet',
  'Kiprono',
  'Lokwawi',
  'Ekai',
  'Nakuru',
  'Mohamed',
  'Warsame',
  'Gebre',
  'Alemu',
  'Mukamana',
  'Ndayishimiye',
  'Barasa',
  'Wekesa',
];
const WOMEN = ['Amina', 'Grace', 'Halima', 'Mercy', 'Selam', 'Aline', 'Faith', 'Zainab', 'Joyce'];
const MEN = ['Peter', 'Yusuf', 'Daniel', 'Abebe', 'Eric', 'John', 'Ali', 'Samuel', 'Jean'];

/** Ids of what the households refer to. */
export const PLACES = {
  provider: 'demo-mobile-money',
  areas: ['demo-north', 'demo-south', 'demo-lake'],
} as const;

interface Person {
  readonly id: string;
  readonly female: boolean;
  readonly birthDate: string;
}

function person(chance: Chance, id: string, ageFrom: number, ageTo: number): Person {
  const year = 2026 - chance.whole(ageFrom, ageTo) - 1;
  const month = String(chance.whole(1, 12)).padStart(2, '0');
  const day = String(chance.whole(1, 28)).padStart(2, '0');
  return { id, female: chance.happens(0.52), birthDate: `${year}-${month}-${day}` };
}

function patient(chance: Chance, who: Person, family: string): Patient {
  return {
    resourceType: 'Patient',
    id: who.id,
    meta: { profile: [structureDefinition('member')] },
    identifier: [{ system: identifierSystem('demo-national-id'), value: `N${who.id}` }],
    active: true,
    name: [{ use: 'official', family, given: [chance.pick(who.female ? WOMEN : MEN)] }],
    gender: who.female ? 'female' : 'male',
    birthDate: who.birthDate,
    ...(chance.happens(0.05) && {
      extension: [{ url: structureDefinition('disability'), valueBoolean: true }],
    }),
  };
}

function account(number: string): NonNullable<Group['extension']>[number] {
  return {
    url: structureDefinition('payment-account'),
    extension: [
      { url: 'kind', valueCode: 'mobile' },
      { url: 'provider', valueReference: { reference: `Organization/${PLACES.provider}` } },
      { url: 'number', valueString: number },
    ],
  };
}

/** One household: its members and the group. */
export function household(chance: Chance, number: number): Resource[] {
  const id = `demo-${number}`;
  const family = chance.pick(FAMILY);
  const people = [person(chance, `${id}-0`, 20, 70)];
  if (chance.happens(0.6)) people.push(person(chance, `${id}-1`, 20, 65));
  const children = chance.whole(0, 5);
  for (let child = 0; child < children; child += 1) {
    people.push(person(chance, `${id}-${people.length}`, 0, 16));
  }
  const hasScore = chance.happens(0.97);
  const group: Group = {
    resourceType: 'Group',
    id,
    meta: { profile: [structureDefinition('household')] },
    identifier: [{ system: identifierSystem('demo-household'), value: `H${number}` }],
    active: true,
    type: 'person',
    actual: true,
    code: { coding: [{ system: codeSystem('group-type'), code: 'household' }] },
    name: `${family} household`,
    extension: [
      {
        url: structureDefinition('household-area'),
        valueReference: { reference: `Location/${chance.pick(PLACES.areas)}` },
      },
      ...(chance.happens(0.96) ? [account(`+2547${String(10_000_000 + number)}`)] : []),
    ],
    ...(hasScore && {
      characteristic: [
        {
          code: {
            coding: [{ system: codeSystem('household-characteristic'), code: 'poverty-score' }],
          },
          valueQuantity: { value: chance.whole(5, 95) },
          exclude: false,
        },
      ],
    }),
    member: people.map((each, at) => ({
      entity: { reference: `Patient/${each.id}` },
      ...(at === 0 && {
        extension: [{ url: structureDefinition('member-role'), valueCode: 'head' }],
      }),
    })),
  };
  return [...people.map((each) => patient(chance, each, family)), group];
}

/** Households as transaction Bundles of `size` households each. */
export function* registry(seed: number, count: number, size = 25): Generator<Bundle> {
  const chance = new Chance(seed);
  for (let from = 0; from < count; from += size) {
    const resources: Resource[] = [];
    for (let at = from; at < Math.min(count, from + size); at += 1) {
      resources.push(...household(chance, at + 1));
    }
    yield asTransaction(resources);
  }
}

/** A transaction that PUTs resources under their ids. */
export function asTransaction(resources: readonly Resource[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  };
}
