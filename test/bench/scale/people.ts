/**
 * The people of a country for the scale benchmark: household number n as the resources that a
 * registry would send, the same on each run. Names repeat as names do (a few are everybody's), so
 * that searches meet common and rare values.
 */

import type { Coverage, Flag, Group, Patient, Task } from '@medplum/fhirtypes';
import { enrolmentCoverage } from '../../../modules/schemes/enrolment.ts';
import { codeSystem, structureDefinition } from '../../../src/sdk/index.ts';
import { household, inArea, mobileAccount } from '../../modules/support/people.ts';

/** Members of four households; a million Patients live in 250,000. */
export const MEMBERS_OF_FOUR = 16;
export const AREAS = 500;
export const PAY_POINTS = 500;
export const PROVIDERS = 3;
export const NATIONAL = 'https://example.org/ids/national';
export const SCHEME = 'bench';

const YEAR_MS = 365 * 86_400_000;
const BEGUN = Date.UTC(2025, 0, 10);

/** A resource with its id and when it was registered. */
export interface Registered {
  readonly resource: Patient | Group | Coverage | Flag | Task;
  readonly id: string;
  readonly at: Date;
}

/** How many members household `n` has. */
export function membersOf(n: number): number {
  return [3, 4, 4, 5][n % 4]!;
}

const KINDS = { Patient: 1, Group: 2, Coverage: 3, Flag: 4, Task: 5 } as const;

/** A time-ordered id, told by what it is of. */
export function idOf(kind: keyof typeof KINDS, n: number, of: number, member = 0): string {
  const time = timeOf(n, of).getTime().toString(16).padStart(12, '0');
  const last = n.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${KINDS[kind]}${member.toString(16).padStart(2, '0')}-8000-${last}`;
}

/** Households are registered over a year. */
function timeOf(n: number, of: number): Date {
  return new Date(BEGUN + Math.floor((YEAR_MS * n) / of));
}

type Random = () => number;

/** The mulberry32 generator. */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const SYLLABLES = 'ka mo ti ru be sa no li wa du fe ja ke ni zo pa ra hu ye go'.split(' ');

function names(count: number, syllables: number, seed: number): string[] {
  const random = seeded(seed);
  const found = new Set<string>();
  while (found.size < count) {
    const low = Array.from({ length: syllables }, () => pick(random, SYLLABLES)).join('');
    found.add(low[0]!.toUpperCase() + low.slice(1));
  }
  return [...found];
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() * values.length)]!;
}

/** Few names are common: the fourth power makes the first of 3,000 that of one in eight. */
function common<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random() ** 4 * values.length)]!;
}

/** Family names, the most common first. */
export const FAMILIES = names(3000, 3, 1);
/** Given names, the most common first. */
export const GIVENS = names(300, 2, 2).concat(names(1700, 4, 3));
const TOWNS = names(400, 3, 4);

/** Household `n` of `of`: its Patients, Group, and what is about them. */
export function resourcesOf(n: number, of: number): Registered[] {
  const random = seeded(n * 7919 + 11);
  const at = timeOf(n, of);
  const family = common(random, FAMILIES);
  const town = pick(random, TOWNS);
  const members = Array.from({ length: membersOf(n) }, (_, member) =>
    person(random, n, member, of, family, town),
  );
  const found: Registered[] = [...members, { resource: group(random, n, of), id: '', at }].map(
    (each) => ({ ...each, id: each.resource.id!, at }),
  );
  const about = (resource: Coverage | Flag | Task): void => {
    found.push({ resource, id: resource.id!, at });
  };
  if (n % 20 !== 7) about(coverage(n, of));
  if (n % 20 === 3) about(flag(n, of));
  if (n % 10 === 1) about(task(random, n, of));
  return found;
}

function person(
  random: Random,
  n: number,
  member: number,
  of: number,
  family: string,
  town: string,
): { resource: Patient; id: string; at: Date } {
  const number = n * 8 + member;
  const two = (most: number): string => String(1 + Math.floor(random() * most)).padStart(2, '0');
  const from = member === 0 ? 1940 : 1950;
  const year = from + Math.floor(random() * (member === 0 ? 65 : 75));
  const id = idOf('Patient', n, of, member);
  const resource: Patient = {
    resourceType: 'Patient',
    id,
    meta: { profile: [structureDefinition('member')] },
    identifier: [
      {
        use: 'official',
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'NI' }] },
        system: NATIONAL,
        value: `N-${number}`,
      },
    ],
    active: number % 50 !== 0,
    name: [{ use: 'official', family, given: [common(random, GIVENS), pick(random, GIVENS)] }],
    ...(number % 3 !== 0 && {
      telecom: [
        { system: 'phone', value: `+2547${String(number).padStart(8, '0')}`, use: 'mobile' },
      ],
    }),
    gender: random() < 0.52 ? 'female' : random() < 0.99 ? 'male' : 'unknown',
    birthDate: `${year}-${two(12)}-${two(28)}`,
    address: [
      {
        use: 'home',
        text: `Plot ${number}, ${town}`,
        city: town,
        district: `District ${n % 25}`,
        state: ['North', 'South', 'East', 'West', 'Central'][n % 5]!,
        country: 'KE',
      },
    ],
    ...(number % 40 === 5 && { deceasedDateTime: '2025-06-01' }),
    ...(member === 0 && {
      managingOrganization: { reference: `Organization/provider-${n % PROVIDERS}` },
    }),
  };
  return { resource, id, at: timeOf(n, of) };
}

function group(random: Random, n: number, of: number): Group {
  const members = Array.from({ length: membersOf(n) }, (_, member) => {
    const id = idOf('Patient', n, of, member);
    return member === 0 ? `head:${id}` : id;
  });
  const poor = codeSystem('household-characteristic');
  return household(idOf('Group', n, of), members, {
    extension: [
      inArea(`area-${n % AREAS}`),
      mobileAccount(`provider-${n % PROVIDERS}`, `+2547${String(n).padStart(8, '0')}`),
    ],
    identifier: [{ system: 'https://example.org/ids/household', value: `H-${n}` }],
    active: true,
    characteristic: [
      {
        code: { coding: [{ system: poor, code: 'poverty-score' }] },
        valueQuantity: { value: Math.floor(random() * 100) },
        exclude: false,
      },
    ],
  });
}

function coverage(n: number, of: number): Coverage {
  const made = enrolmentCoverage({
    schemeFhirId: SCHEME,
    householdFhirId: idOf('Group', n, of),
    recipientFhirId: idOf('Patient', n, of),
    payor: undefined,
    schemeName: 'Scheme bench',
    reason: 'criteria-met',
    startsOn: timeOf(n, of).toISOString().slice(0, 10),
  });
  return { ...made, id: idOf('Coverage', n, of) };
}

function flag(n: number, of: number): Flag {
  return {
    resourceType: 'Flag',
    id: idOf('Flag', n, of),
    status: n % 40 === 3 ? 'active' : 'inactive',
    code: { text: 'address to be visited' },
    subject: { reference: `Group/${idOf('Group', n, of)}` },
    period: { start: '2025-11-01' },
  };
}

function task(random: Random, n: number, of: number): Task {
  return {
    resourceType: 'Task',
    id: idOf('Task', n, of),
    status: pick(random, ['requested', 'in-progress', 'completed', 'completed', 'completed']),
    intent: 'order',
    priority: pick(random, ['routine', 'urgent']),
    for: { reference: `Patient/${idOf('Patient', n, of)}` },
    focus: { reference: `Group/${idOf('Group', n, of)}` },
    owner: { reference: `Organization/provider-${n % PROVIDERS}` },
    authoredOn: timeOf(n, of).toISOString(),
  };
}
