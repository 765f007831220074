/**
 * How fast resources are validated and their index rows extracted, on one core, and what the
 * definitions cost at start.
 *
 * A validation is one parsed resource held against its whole R4 type (shape, formats, bindings,
 * references, invariants); by profile, against one of ours as well, as it declares: a member, and
 * a household of five with area, pay point, account, roles and collector. Parsing is not counted.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import { createDefinitions } from '../../src/fhir/definitions/create.ts';
import type { Definitions } from '../../src/fhir/definitions/definitions.ts';
import { valueHash } from '../../src/fhir/definitions/hash.ts';

/** Takes one figure. */
export type Report = (
  figure: string,
  value: number,
  unit: string,
  target?: number,
  better?: 'higher' | 'lower',
) => void;

export const name = 'definitions';

const PATIENT = {
  resourceType: 'Patient',
  identifier: [
    { use: 'official', system: 'https://example.org/ids/national', value: 'N-0.724418306554534' },
    { system: 'https://example.org/ids/registry', value: 'R-88321' },
  ],
  active: true,
  name: [{ use: 'official', family: 'Tesfaye', given: ['Almaz', 'Hirut'] }],
  telecom: [{ system: 'phone', value: '+251911234567', use: 'mobile' }],
  gender: 'female',
  birthDate: '1987-04-12',
  address: [{ use: 'home', city: 'Adama', district: 'East Shewa', state: 'Oromia', country: 'ET' }],
  managingOrganization: { reference: 'Organization/77f0a1f6-4f0e-4b62-8ee5-4f0d1a1f5a10' },
};

const GROUP = {
  resourceType: 'Group',
  identifier: [{ system: 'https://example.org/ids/household', value: 'H-1001' }],
  active: true,
  type: 'person',
  actual: true,
  code: { coding: [{ system: 'https://example.org/kinds', code: 'household' }] },
  quantity: 5,
  characteristic: [
    {
      code: { coding: [{ system: 'https://example.org/facts', code: 'rooms' }] },
      valueQuantity: { value: 2 },
      exclude: false,
    },
  ],
  member: Array.from({ length: 5 }, (_, index) => ({
    entity: { reference: `Patient/77f0a1f6-4f0e-4b62-8ee5-4f0d1a1f5a1${index}` },
  })),
};

const PROFILES = join(import.meta.dirname, '../../fhir-profiles');

function readPublished(path: string): Resource {
  return JSON.parse(readFileSync(join(PROFILES, path), 'utf8')) as Resource;
}

/** The published example of a household with five members, and that of a member. */
function profiled(): { household: Resource; member: Resource } {
  const example = readPublished('examples/household.json') as Resource & { member: object[] };
  const [head, other] = example.member;
  const household = { ...example, member: [head, other, other, other, other] } as Resource;
  return { household, member: readPublished('examples/member.json') };
}

/** Distinct objects of one text, as a server meets them. */
function copies<T>(resource: T): T[] {
  const text = JSON.stringify(resource);
  return Array.from({ length: 100 }, () => JSON.parse(text) as T);
}

/** Work done in a second of one core: time of the processor, so that neighbours do not count. */
function perSecond<T>(items: readonly T[], work: (item: T) => unknown): number {
  for (let pass = 0; pass < 50; pass++) for (const item of items) work(item); // compiled, warm
  let best = 0;
  for (let round = 0; round < 6; round++) {
    const start = performance.now();
    const before = process.cpuUsage();
    let done = 0;
    while (performance.now() - start < 250) {
      for (const item of items) work(item);
      done += items.length;
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, (done * 1_000_000) / (user + system));
  }
  return Math.round(best);
}

/** Runs the benchmark. */
export async function run(report: Report): Promise<void> {
  const start = performance.now();
  const definitions = createDefinitions();
  report('made in', Math.round(performance.now() - start), 'ms', 600, 'lower');
  const first = performance.now();
  definitions.validate(PATIENT);
  definitions.extract(PATIENT as never);
  report('first Patient in', Math.round(performance.now() - first), 'ms', 600, 'lower');
  rates(definitions, report);
  const hashes = Array.from({ length: 1000 }, (_, index) => `N-0.7244183${index}`);
  report(
    'token hashes',
    perSecond(hashes, (value) => valueHash(7, value)),
    '/s',
    1_000_000,
  );
}

function rates(definitions: Definitions, report: Report): void {
  const patients = copies(PATIENT);
  const groups = copies(GROUP);
  const validate = (resource: unknown) => definitions.validate(resource);
  const extract = (resource: unknown) => definitions.extract(resource as never);
  report('Patients validated', perSecond(patients, validate), '/s', 300_000);
  report('Groups of five validated', perSecond(groups, validate), '/s', 150_000);
  byProfile(report);
  report('Patients extracted', perSecond(patients, extract), '/s', 50_000);
  report('Groups of five extracted', perSecond(groups, extract), '/s', 50_000);
}

function byProfile(report: Report): void {
  const published = readdirSync(join(PROFILES, 'generated'));
  const definitions = createDefinitions(
    published.map((name) => readPublished(`generated/${name}`)),
  );
  const { household, member } = profiled();
  const faults = [household, member].flatMap((each) => definitions.validate(each));
  if (faults.length > 0) throw new Error(`the examples are wrong: ${faults[0]!.diagnostics}`);
  const validate = (resource: unknown) => definitions.validate(resource);
  const members = copies(member);
  const households = copies(household);
  const both = members.flatMap((each, at) => [each, households[at]!]);
  report('members by profile', perSecond(members, validate), '/s', 50_000);
  report('households of five by profile', perSecond(households, validate), '/s', 50_000);
  report('members and households by profile', perSecond(both, validate), '/s', 50_000);
}
