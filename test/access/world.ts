/**
 * A random small registry for tests of what limited actors see: areas, schemes, households, and
 * what is said of their members, with references across every border. A seed makes it again.
 */

import type { Resource } from '@medplum/fhirtypes';
import {
  area,
  base,
  criterion,
  extension,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../modules/support/people.ts';

/** System of the identifiers of people. */
export const IDENTIFIER = 'https://amana.example/id/national';

/** A registry in the order in which it is written; a resource may stand in it several times. */
export interface World {
  readonly writes: readonly Resource[];
  /** Ids of people, hidden or not. */
  readonly people: readonly string[];
}

/** Numbers from 0 up to, not including, 1, the same for a seed (mulberry32). */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const LEAVES = ['north-1', 'north-2', 'south'];
const FAMILIES = ['Abebe', 'Banda', 'Chanda'];

/** Makes a registry of so many households. */
export function makeWorld(seed: number, households: number): World {
  const roll = dice(seed);
  const one = <Item>(items: readonly Item[]): Item => items[Math.floor(roll() * items.length)]!;
  const writes: Resource[] = [
    provider('mpesa'),
    { resourceType: 'Organization', id: 'clinic', name: 'Clinic' },
    area('country'),
    area('north', {}, 'country'),
    ...['north-1', 'north-2'].map((id) => area(id, {}, 'north')),
    area('south', {}, 'country'),
    ...['one', 'two'].map((id) =>
      scheme(id, [
        { url: 'frequency', valueCode: 'monthly' },
        criterion('members.exists(age > 18)'),
        base(2000),
      ]),
    ),
  ];
  const people: string[] = [];
  for (let at = 0; at < households; at += 1) {
    // The first two stand on either side of every border.
    const place = at < 2 ? ['north-1', 'south'][at]! : one(LEAVES);
    const plan = at < 2 ? ['one', 'two'][at]! : one(['one', 'two']);
    const members = roll() < 0.5 ? [`p${at}`] : [`p${at}`, `p${at}b`];
    for (const [turn, id] of members.entries()) {
      const family = one(FAMILIES);
      const gender =
        turn === 0 && at < 2
          ? (['female', 'male'] as const)[at]!
          : one(['female', 'male'] as const);
      writes.push(person(id, family, gender), person(id, one(FAMILIES), gender));
    }
    writes.push(
      household(
        `h${at}`,
        members.map((id, turn) => (turn === 0 ? `head:${id}` : id)),
        {
          name: `Home of ${members[0]}`,
          extension: [inArea(place), mobileAccount('mpesa', `+25471100000${at}`)],
        },
      ),
      enrolment(`c${at}`, `h${at}`, members[0]!, plan),
    );
    people.push(...members);
  }
  for (const [at, id] of people.entries()) writes.push(...saidOf(id, at, () => one(people), roll));
  return { writes, people };
}

function person(id: string, family: string, gender: 'female' | 'male'): Resource {
  return patient(id, {
    identifier: [{ system: IDENTIFIER, value: id }],
    name: [{ family, given: [id] }],
    gender,
    telecom: [{ system: 'phone', value: `+2547220000${id.length}` }],
    managingOrganization: { reference: 'Organization/clinic' },
  });
}

/** An enrolment of a household in a scheme. */
export function enrolment(id: string, group: string, head: string, plan: string): Resource {
  return {
    resourceType: 'Coverage',
    id,
    meta: { profile: ['https://amana.example/fhir/StructureDefinition/enrolment'] },
    extension: [
      extension('enrolment-household', { valueReference: { reference: `Group/${group}` } }),
      extension('enrolment-scheme', { valueReference: { reference: `InsurancePlan/${plan}` } }),
      extension('enrolment-state', { valueCode: 'enrolled' }),
    ],
    status: 'active',
    beneficiary: { reference: `Patient/${head}` },
    payor: [{ reference: 'Organization/mpesa' }],
    period: { start: '2026-01-01' },
  };
}

/** What is said of a person, in part with another beside. */
function saidOf(id: string, at: number, other: () => string, roll: () => number): Resource[] {
  const subject = { reference: `Patient/${id}`, display: `Display of ${id}` };
  return [
    {
      resourceType: 'Observation',
      id: `o${at}`,
      status: 'final',
      code: { text: 'height', coding: [{ system: 'http://loinc.org', code: '8302-2' }] },
      // First about somebody else: the earlier version is about whom it was about.
      subject: { reference: `Patient/${other()}` },
      effectiveDateTime: '2026-01-10',
      valueQuantity: { value: 150, unit: 'cm', system: 'http://unitsofmeasure.org', code: 'cm' },
    },
    {
      resourceType: 'Observation',
      id: `o${at}`,
      status: 'final',
      code: { text: 'height', coding: [{ system: 'http://loinc.org', code: '8302-2' }] },
      subject,
      ...(roll() < 0.5 && { hasMember: [{ reference: `Observation/o${Math.max(at - 1, 0)}` }] }),
      effectiveDateTime: '2026-01-10',
      valueQuantity: {
        value: 150 + Math.floor(roll() * 30),
        unit: 'cm',
        system: 'http://unitsofmeasure.org',
        code: 'cm',
      },
    },
    {
      resourceType: 'Encounter',
      id: `e${at}`,
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      subject,
      location: [{ location: { reference: `Location/${['north-1', 'south'][at % 2]}` } }],
    },
    {
      resourceType: 'Flag',
      id: `f${at}`,
      status: 'active',
      code: { text: 'note' },
      subject,
      author: { reference: `Patient/${other()}` },
    },
    {
      resourceType: 'List',
      id: `l${at}`,
      status: 'current',
      mode: 'working',
      subject,
      entry: [
        { item: { reference: `Patient/${id}` } },
        { item: { reference: `Patient/${other()}` } },
      ],
    },
    {
      resourceType: 'Provenance',
      id: `v${at}`,
      target: [{ reference: `Patient/${id}` }, { reference: `Patient/${other()}` }],
      recorded: '2026-01-15T08:00:00Z',
      agent: [{ who: { reference: `Patient/${other()}` } }],
    },
    {
      resourceType: 'Binary',
      id: `b${at}`,
      contentType: 'text/plain',
      data: Buffer.from(`bytes of ${id}`).toString('base64'),
      securityContext: { reference: `Patient/${id}` },
    },
    {
      resourceType: 'DocumentReference',
      id: `d${at}`,
      status: 'current',
      subject,
      content: [{ attachment: { url: `Binary/b${at}`, contentType: 'text/plain' } }],
    },
  ];
}
