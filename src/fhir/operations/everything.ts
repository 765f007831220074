/**
 * `Patient/[id]/$everything` and `Group/[id]/$everything`: all that this server holds of a person,
 * or of a household and its members, with what it refers to. It is the search of the compartment,
 * page by page; what a page refers to, other people excepted, stands on that page. Whatever the
 * actor may not read is left out; the trail is given to who asks for it by `_type`.
 *
 * Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
 */

import type { Bundle, OperationDefinition, Parameters, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Operation, problem } from '../../sdk/index.ts';
import { authorize, mayRead } from '../authorize.ts';
import { compartmentSearch } from '../interactions/search-compartment.ts';
import { includesOf } from '../search/include.ts';
import { COUNT_MAX } from '../search/parse.ts';
import { runSearch } from '../search/search.ts';
import type { Found } from '../search/source.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { BY_TYPE } from './by-type.ts';
import { type CarePeriod, carePeriod, isInCarePeriod } from './care-period.ts';

/** Rounds of following references from what is found to what it names. */
const ROUNDS = 3;

function definition(type: 'Patient' | 'Group'): OperationDefinition {
  const one = { use: 'in', min: 0, max: '1' } as const;
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
      { name: 'start', ...one, type: 'date', documentation: 'Care from this day on.' },
      { name: 'end', ...one, type: 'date', documentation: 'Care until this day.' },
      { name: '_since', ...one, type: 'instant', documentation: 'What has changed since.' },
      { name: '_type', use: 'in', min: 0, max: '*', type: 'string' },
      { name: '_count', ...one, type: 'integer', documentation: 'Matches of one page.' },
      { name: '_cursor', ...one, type: 'string', documentation: 'Of the link to the next page.' },
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Bundle' },
    ],
  };
}

/** What a call asks for. */
interface Wanted {
  /** Types by which the answer is narrowed; empty for all. */
  readonly only: ReadonlySet<string>;
  readonly since: string | undefined;
  readonly care: CarePeriod | undefined;
  readonly count: number;
  readonly cursor: string | undefined;
}

function everything(type: 'Patient' | 'Group'): Operation {
  return {
    definition: definition(type),
    permission: BY_TYPE,
    async run(ctx, { id, parameters }) {
      const unit = ctx as UnitOfWork & typeof ctx;
      authorize(unit, 'read', type);
      authorize(unit, 'read', 'Patient');
      return page(unit, type, id!, wantedBy(unit, parameters));
    },
  };
}

/** The operations, on Patient and on Group. */
export const everythingOperations: readonly Operation[] = [
  everything('Patient'),
  everything('Group'),
];

function wantedBy(unit: UnitOfWork, { parameter = [] }: Parameters): Wanted {
  const texts = (name: string): string[] =>
    parameter
      .filter((each) => each.name === name)
      .flatMap(
        ({ valueString, valueInstant, valueDate }) =>
          valueString ?? valueInstant ?? valueDate ?? [],
      );
  const only = new Set(texts('_type').flatMap((each) => each.split(',')));
  for (const each of only) {
    if (fhirOf(unit).definitions.isResourceType(each)) continue;
    throw problem('invalid', 'search-type', `"${each}" is not a resource type.`, '_type');
  }
  const count = parameter.find((each) => each.name === '_count')?.valueInteger ?? COUNT_MAX;
  if (!(count > 0)) {
    throw problem('invalid', 'search-value', '_count is a whole number above 0.', '_count');
  }
  return {
    only,
    since: texts('_since')[0],
    care: carePeriod(texts('start')[0], texts('end')[0]),
    count: Math.min(count, COUNT_MAX),
    cursor: texts('_cursor')[0],
  };
}

async function page(unit: UnitOfWork, type: string, id: string, wanted: Wanted): Promise<Bundle> {
  const { definitions, base } = fhirOf(unit);
  const path = `${type}/${id}/$everything`;
  const query = new URLSearchParams({
    _count: String(wanted.count),
    ...(wanted.since && { _lastUpdated: `ge${wanted.since}` }),
    ...(wanted.cursor && { _cursor: wanted.cursor }),
  });
  const search = await compartmentSearch(unit, type, id, query, {
    path,
    types: (inside) => matchTypes(unit, inside, wanted.only),
  });
  const found = await runSearch(unit, search);
  const included = await follow(unit, found.matches);
  const isWanted = (each: Found): boolean => wanted.only.size === 0 || wanted.only.has(each.type);
  const since = wanted.since === undefined ? undefined : new Date(wanted.since);
  const entries = [
    ...found.matches.filter(isWanted).map((each) => entryOf(base(), each, 'match')),
    ...included.filter(isWanted).map((each) => entryOf(base(), each, 'include')),
  ].filter(
    ({ resource }) =>
      (!since || new Date(resource.meta?.lastUpdated ?? 0) >= since) &&
      (!wanted.care || isInCarePeriod(definitions, resource, wanted.care)),
  );
  const whole = !found.next && !wanted.cursor;
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    ...(whole && { total: entries.length }),
    link: linksOf(`${base()}/${path}`, wanted, found.next),
    entry: entries,
  };
}

/** The types to look through: where what is referred to is asked for, all, for any may refer. */
function matchTypes(
  unit: UnitOfWork,
  inside: readonly string[],
  only: ReadonlySet<string>,
): string[] {
  const within = [...only].every((type) => inside.includes(type));
  return inside.filter(
    (type) =>
      mayRead(unit, type) &&
      (only.size > 0 && within ? only.has(type) : type !== 'AuditEvent' || only.has(type)),
  );
}

/** What resources refer to, but not other people. */
async function follow(unit: UnitOfWork, from: readonly Found[]): Promise<Found[]> {
  const all = new Map(from.map((each) => [`${each.type}/${each.id}`, each]));
  let fresh: readonly Found[] = from;
  const references = [{ source: '*', code: '*', iterate: false, reverse: false }];
  for (let round = 0; round < ROUNDS && fresh.length > 0; round += 1) {
    const { found } = await includesOf(unit, fresh, references);
    fresh = found.filter(
      ({ type, id }) => type !== 'Patient' && type !== 'Group' && !all.has(`${type}/${id}`),
    );
    for (const each of fresh) all.set(`${each.type}/${each.id}`, each);
  }
  return [...all.values()].slice(from.length);
}

interface Entry {
  readonly fullUrl: string;
  readonly resource: Resource;
  readonly search: { readonly mode: 'match' | 'include' };
}

function entryOf(base: string, { type, id, content }: Found, mode: 'match' | 'include'): Entry {
  return { fullUrl: `${base}/${type}/${id}`, resource: parseContent(content), search: { mode } };
}

function linksOf(url: string, wanted: Wanted, next: string | undefined): Bundle['link'] {
  const query = new URLSearchParams({
    ...(wanted.care?.start && { start: wanted.care.start }),
    ...(wanted.care?.end && { end: wanted.care.end }),
    ...(wanted.since && { _since: wanted.since }),
    ...(wanted.only.size > 0 && { _type: [...wanted.only].join(',') }),
    ...(wanted.count < COUNT_MAX && { _count: String(wanted.count) }),
  });
  const link = (relation: string, cursor: string | null | undefined) => {
    const whole = new URLSearchParams(query);
    if (cursor) whole.set('_cursor', cursor);
    return { relation, url: whole.size > 0 ? `${url}?${whole}` : url };
  };
  const self = link('self', wanted.cursor);
  if (!next) return [self];
  return [self, link('next', new URLSearchParams(next).get('_cursor'))];
}
