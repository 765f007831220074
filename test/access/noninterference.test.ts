/**
 * What is hidden from a limited actor makes no difference to what the actor is answered.
 *
 * The same actor asks two houses the same random things. They hold the same registry, but in the
 * second all that the actor may not see is not there, or is something else. Answers, counts, pages,
 * errors and what writes do must not differ: then no answer can tell anything of what is hidden.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Resource } from '@medplum/fhirtypes';
import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { createActor } from '../../src/access/actors.ts';
import { getToken, type Json, startTestHouse, type TestHouse } from '../support/server.ts';
import { operationReads } from './operation-requests.ts';
import { type Asked, reads, writes } from './requests.ts';
import { makeWorld, type World } from './world.ts';

const SEED = Number(process.env.SEED ?? 20260115);
const RUNS = Number(process.env.RUNS ?? 80);
const TYPES = [
  ...['Patient', 'Group', 'Observation', 'Encounter', 'Flag', 'List', 'Provenance', 'Coverage'],
  ...['Location', 'Organization', 'InsurancePlan', 'Binary', 'DocumentReference'],
];

/** A limited actor, and how the second house differs for it. */
interface Limited {
  readonly title: string;
  readonly roles: readonly string[];
  readonly limits?: { areas?: string[]; schemes?: string[] };
  readonly scope?: string;
  /** What stands in the second house for what the actor may not see; undefined: nothing. */
  readonly instead: (resource: Resource, seen: boolean) => Resource | undefined;
  readonly mayWrite: boolean;
  /** Calls operations; a payroll is drafted for them to look at. */
  readonly calls?: boolean;
}

const nothing = (resource: Resource, seen: boolean): Resource | undefined =>
  seen ? resource : undefined;

/** Another person under the same id. */
function stranger(resource: Resource): Resource {
  if (resource.resourceType === 'Group') {
    const extension = resource.extension?.filter((each) => !each.url.endsWith('payment-account'));
    return { ...resource, extension, name: 'Somebody' };
  }
  if (resource.resourceType !== 'Patient') return resource;
  return {
    ...resource,
    identifier: [{ system: 'urn:other', value: `other-${resource.id}` }],
    name: [{ family: 'Zulu', given: ['Somebody'] }],
    telecom: [{ system: 'phone', value: '+254733999999' }],
  };
}

const LIMITED: readonly Limited[] = [
  {
    title: 'an administrator of an area',
    roles: ['administrator'],
    limits: { areas: ['north'] },
    instead: nothing,
    mayWrite: false,
    calls: true,
  },
  {
    title: 'an officer of an area',
    roles: ['area-officer', 'registrar'],
    limits: { areas: ['north'] },
    instead: nothing,
    mayWrite: true,
  },
  {
    title: 'a manager of a scheme',
    roles: ['scheme-manager', 'registrar'],
    limits: { schemes: ['one'] },
    instead: nothing,
    mayWrite: true,
  },
  {
    title: 'an officer of an area and a scheme',
    roles: ['registrar'],
    limits: { areas: ['north-1'], schemes: ['one'] },
    instead: nothing,
    mayWrite: true,
  },
  {
    title: 'a program whose scopes show women only',
    roles: ['administrator'],
    scope:
      'system/Patient.rs?gender=female system/Group.rs system/Observation.rs system/Flag.rs ' +
      'system/Encounter.rs system/Location.rs system/Organization.rs system/Provenance.rs',
    instead: (resource, seen) => (seen ? resource : stranger(resource)),
    mayWrite: false,
  },
  {
    title: 'a program whose scopes show no people',
    roles: ['administrator'],
    scope:
      'system/Group.rs system/Observation.rs system/Flag.rs system/Encounter.rs ' +
      'system/Organization.rs system/Location.rs system/List.rs',
    instead: (resource, seen) => (seen ? resource : stranger(resource)),
    mayWrite: false,
  },
  {
    title: 'a statistician',
    roles: ['statistician'],
    instead: (resource) => stranger(resource),
    mayWrite: false,
  },
];

describe('what is hidden from a limited actor makes no difference to it', function () {
  this.timeout(240_000);
  const world = makeWorld(SEED, 6);
  const houses: TestHouse[] = [];
  let whole: TestHouse;

  before(async () => {
    whole = await houseOf(world);
  });
  after(async () => {
    for (const house of houses) await house.stop();
  });

  async function houseOf(registry: World): Promise<TestHouse> {
    // A hold tells whoever pays a person that somebody else may be the same: that is what it is for.
    const environment = { DUPLICATES_HOLD_CERTAIN: 'none', DUPLICATES_HOLD_PROBABLE: 'none' };
    const house = await startTestHouse({ environment });
    houses.push(house);
    for (const resource of registry.writes) {
      const path = `${resource.resourceType}/${resource.id}`;
      const answer = await house.fetch(path, { method: 'PUT', body: resource });
      expect(answer.status, `${path} ${answer.text}`).to.be.lessThan(300);
    }
    await house.settle();
    return house;
  }

  /** Drafts a payroll; answers its id. */
  async function payrollOf(house: TestHouse): Promise<string> {
    const period = { name: 'period', valueString: '2026-01' };
    const drafted = await house.fetch('InsurancePlan/one/$draft-payroll', {
      body: { resourceType: 'Parameters', parameter: [period] },
    });
    expect(drafted.status, drafted.text).to.equal(200);
    await house.settle();
    const { json } = await house.fetch('List?code=payroll');
    return json.entry[0].resource.id;
  }

  let count = 0;
  async function tokenOf(house: TestHouse, { roles, limits, scope }: Limited): Promise<string> {
    count += 1;
    const login = `limited-${count}`;
    const secret = `secret-of-limited-${count}`;
    const id = await createActor(house.app.pool, house.clock, {
      ...{ kind: 'client' as const, name: login, login, secret, roles },
    });
    if (limits) {
      const url = `${house.house.url}/access/actors/${id}/limits`;
      const answer = await house.fetch(url, { method: 'PUT', body: limits });
      expect(answer.status, answer.text).to.equal(204);
    }
    return getToken(house.house.url, login, secret, scope);
  }

  /** Names of all that the actor can see, by asking for every type. */
  async function seenBy(house: TestHouse, token: string): Promise<ReadonlySet<string>> {
    const names: string[] = [];
    for (const type of TYPES) {
      const { json, status } = await house.fetch(`${type}?_count=1000`, { token });
      if (status !== 200) continue;
      for (const { resource } of json.entry ?? []) names.push(`${type}/${resource.id}`);
    }
    return new Set(names);
  }

  for (const actor of LIMITED) {
    it(`to ${actor.title}`, async () => {
      // Whoever writes has a registry of its own, or the next one would meet what it has written.
      const all = actor.mayWrite || actor.calls ? await houseOf(world) : whole;
      const first = { house: all, token: await tokenOf(all, actor) };
      const seen = await seenBy(all, first.token);
      const kept = world.writes.flatMap((each) => actor.instead(each, isSeen(seen, each)) ?? []);
      const theirs = await houseOf({ ...world, writes: kept });
      const second = { house: theirs, token: await tokenOf(theirs, actor) };
      const payrolls = new Map<TestHouse, string>();
      if (actor.calls) {
        for (const house of [all, theirs]) payrolls.set(house, await payrollOf(house));
      }
      const asked = fc.oneof(
        { weight: 6, arbitrary: reads(world, TYPES) },
        ...(actor.calls ? [{ weight: 18, arbitrary: operationReads(world) }] : []),
        ...(actor.mayWrite ? [{ weight: 2, arbitrary: writes(world) }] : []),
      );
      const told: string[] = [];
      for (const one of fc.sample(asked, { seed: SEED, numRuns: RUNS })) {
        const to = ({ house }: { house: TestHouse }): Asked => ({
          ...one,
          path: one.path.replace('{payroll}', payrolls.get(house) ?? ''),
        });
        const here = await answerOf(first, to(first));
        const there = await answerOf(second, to(second));
        if (isDeepStrictEqual(here, there)) continue;
        told.push([one, here, there].map((each) => JSON.stringify(each)).join('\n    '));
      }
      expect(told, told.slice(0, 10).join('\n')).to.have.length(0);
    });
  }
});

/** Places and firms are open to all, but for whoever has no right to their type. */
function isSeen(seen: ReadonlySet<string>, { resourceType, id }: Resource): boolean {
  return seen.has(`${resourceType}/${id}`) || ['Location', 'Organization'].includes(resourceType);
}

/** An answer with what differs between houses that hold the same taken out. */
async function answerOf(
  { house, token }: { readonly house: TestHouse; readonly token: string },
  { path, method, body, headers }: Asked,
): Promise<Json> {
  const answer = await house.fetch(path, { token, method, body, headers });
  const text = answer.text
    .replaceAll(house.base, 'BASE')
    .replaceAll(/_cursor=[\w%.-]+/g, '_cursor=C')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID');
  const next = answer.json?.link?.find?.((each: Json) => each.relation === 'next')?.url;
  return {
    status: answer.status,
    etag: answer.headers.get('etag'),
    text,
    ...(next && { next: await answerOf({ house, token }, { method: 'GET', path: next }) }),
  };
}
