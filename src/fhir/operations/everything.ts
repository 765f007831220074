/**
 * `Patient/[id]/$everything` and `Group/[id]/$everything`: all that this server holds of a person,
 * or of the members of a household, with what it refers to. Whatever the actor may not read is left
 * out.
 *
 * Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
 */

import type { Bundle, Group, OperationDefinition, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Operation, parseReference } from '../../sdk/index.ts';
import { authorize, mayRead } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { includesOf } from '../search/include.ts';
import { parseSearch } from '../search/parse.ts';
import { type Found, sourcesOf } from '../search/source.ts';
import { loadReferrers } from '../store/compartment.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { BY_TYPE } from './by-type.ts';

/** Rounds of following references from what is found to what it names. */
const ROUNDS = 3;
/** Rows of one room about one group of people at most. */
const PROJECTED_MAX = 1000;

function definition(type: 'Patient' | 'Group'): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: `http://hl7.org/fhir/OperationDefinition/${type}-everything`,
    name: 'Everything',
    status: 'active',
    kind: 'operation',
    code: 'everything',
    description: `All that is known of a ${type === 'Patient' ? 'person' : 'group and its members'}.`,
    affectsState: false,
    resource: [type],
    system: false,
    type: false,
    instance: true,
    parameter: [
      { name: '_since', use: 'in', min: 0, max: '1', type: 'instant' },
      { name: '_type', use: 'in', min: 0, max: '*', type: 'string' },
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Bundle' },
    ],
  };
}

function everything(type: 'Patient' | 'Group'): Operation {
  return {
    definition: definition(type),
    permission: BY_TYPE,
    async run(ctx, { id, parameters }) {
      const unit = ctx as UnitOfWork & typeof ctx;
      authorize(unit, 'read', type);
      authorize(unit, 'read', 'Patient');
      const values = (name: string): string[] =>
        (parameters.parameter ?? [])
          .filter((each) => each.name === name)
          .flatMap((each) => (each.valueString ?? each.valueInstant ?? '').split(','));
      const root = parseContent((await current(unit, type, id!)).content);
      const people = type === 'Patient' ? [id!] : membersOf(root as Group);
      const roots = await byIds(unit, type, [id!]);
      const members = type === 'Group' ? await byIds(unit, 'Patient', people) : [];
      const found = await follow(unit, [...roots, ...members, ...(await about(unit, people))]);
      const types = values('_type');
      const [since] = values('_since');
      return bundleOf(
        unit,
        found.filter((each) => types.length === 0 || types.includes(each.type)),
        since === undefined ? undefined : new Date(since),
      );
    },
  };
}

/** The operations, on Patient and on Group. */
export const everythingOperations: readonly Operation[] = [
  everything('Patient'),
  everything('Group'),
];

function membersOf(group: Group): string[] {
  return (group.member ?? []).flatMap(({ entity }) => {
    const local = parseReference(entity?.reference);
    return local?.type === 'Patient' ? [local.id] : [];
  });
}

async function byIds(unit: UnitOfWork, type: string, ids: readonly string[]): Promise<Found[]> {
  if (ids.length === 0) return [];
  const query = new URLSearchParams({ _id: ids.join(',') });
  const search = parseSearch(fhirOf(unit).definitions, [type], query, false);
  const pages = sourcesOf(unit, search).map((source) => source.fetch(undefined, false, ids.length));
  return (await Promise.all(pages)).flat();
}

/** What stands in the compartments of people, stored or shown by rooms. */
async function about(unit: UnitOfWork, people: readonly string[]): Promise<Found[]> {
  const { definitions, projected } = fhirOf(unit);
  if (people.length === 0) return [];
  const keys: number[] = [];
  const types: number[] = [];
  const found: Found[] = [];
  for (const [type, codes] of definitions.compartment('Patient')!.parameters) {
    if (!mayRead(unit, type) || !definitions.isResourceType(type)) continue;
    types.push(definitions.typeNumber(type));
    for (const code of codes) {
      const key = definitions.searchParameter(type, code)?.key;
      if (key !== undefined) keys.push(key);
    }
    if (projected.has(type)) found.push(...(await shown(unit, type, codes, people)));
  }
  const stored = await loadReferrers(unit, 'Patient', people, { keys, types });
  return [...stored.map((each) => ({ ...each, key: each.rid, sort: [], source: 0 })), ...found];
}

/** Rows of the rooms that show a type, by those compartment parameters that they serve. */
async function shown(
  unit: UnitOfWork,
  type: string,
  codes: readonly string[],
  people: readonly string[],
): Promise<Found[]> {
  const { definitions, projected } = fhirOf(unit);
  const found: Found[] = [];
  // Parameters that read the same places share a key: a room may serve any of them.
  const keyOf = (code: string): number | undefined => definitions.searchParameter(type, code)?.key;
  const keys = new Set(codes.map(keyOf));
  for (const [at, binding] of projected.get(type)!.entries()) {
    for (const [code, parameter] of Object.entries(binding.search)) {
      if (parameter.type !== 'reference' || parameter.target !== 'Patient') continue;
      if (!keys.has(keyOf(code))) continue;
      const query = new URLSearchParams({ [code]: people.map((id) => `Patient/${id}`).join(',') });
      const search = parseSearch(definitions, [type], query, false);
      // The first source is the store; those of the rooms follow in the order of the register.
      const source = sourcesOf(unit, search)[at + 1]!;
      found.push(...(await source.fetch(undefined, false, PROJECTED_MAX)));
    }
  }
  return found;
}

/** Adds what the resources refer to, but not other people. */
async function follow(unit: UnitOfWork, from: readonly Found[]): Promise<Found[]> {
  const all = new Map(from.map((each) => [`${each.type}/${each.id}`, each]));
  let fresh: readonly Found[] = [...all.values()];
  const references = [{ source: '*', code: '*', iterate: false, reverse: false }];
  for (let round = 0; round < ROUNDS && fresh.length > 0; round += 1) {
    const { found } = await includesOf(unit, fresh, references);
    fresh = found.filter(
      ({ type, id }) => type !== 'Patient' && type !== 'Group' && !all.has(`${type}/${id}`),
    );
    for (const each of fresh) all.set(`${each.type}/${each.id}`, each);
  }
  return [...all.values()];
}

function bundleOf(unit: UnitOfWork, found: readonly Found[], since: Date | undefined): Bundle {
  const base = fhirOf(unit).base();
  const resources = found
    .map((each): Resource => parseContent(each.content))
    .filter((each) => !since || new Date(each.meta?.lastUpdated ?? 0) >= since);
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: resources.length,
    entry: resources.map((resource) => ({
      fullUrl: `${base}/${resource.resourceType}/${resource.id}`,
      resource,
      search: { mode: 'match' },
    })),
  };
}
