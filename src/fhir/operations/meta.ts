/**
 * `$meta`, `$meta-add` and `$meta-delete`: the profiles, tags and security labels of a resource.
 *
 * R4 leaves open whether a change of them is a new version. Here it is, for tags decide who may
 * see what and how a resource is checked, and the trail should show who changed them; where nothing
 * changes, nothing is written.
 *
 * Spec: https://hl7.org/fhir/R4/resource-operation-meta.html, -meta-add.html, -meta-delete.html
 */

import type { Coding, Meta, OperationDefinition, Parameters, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Operation, type OperationInput, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { changeResource } from '../interactions/patch.ts';
import { current } from '../interactions/read.ts';
import { parseContent } from '../store/content.ts';
import { BY_TYPE } from './by-type.ts';

/** Compares lists of a Meta member by member: what is added, or taken out. */
type Change = <Item>(
  stands: readonly Item[],
  given: readonly Item[],
  isSame: (a: Item, b: Item) => boolean,
) => Item[];

const adding: Change = (stands, given, isSame) => [
  ...stands,
  ...given.filter((each) => !stands.some((other) => isSame(other, each))),
];

const deleting: Change = (stands, given, isSame) =>
  stands.filter((each) => !given.some((other) => isSame(other, each)));

function definition(code: string, title: string, description: string): OperationDefinition {
  const changes = code !== 'meta';
  return {
    resourceType: 'OperationDefinition',
    url: `http://hl7.org/fhir/OperationDefinition/Resource-${code}`,
    name: title,
    status: 'active',
    kind: 'operation',
    code,
    description,
    affectsState: changes,
    // Every type; the typings know concrete ones only.
    resource: ['Resource' as 'Basic'],
    system: false,
    type: false,
    instance: true,
    parameter: [
      ...(changes ? ([{ name: 'meta', use: 'in', min: 1, max: '1', type: 'Meta' }] as const) : []),
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Meta' },
    ],
  };
}

/** The operations, found under every resource type. */
export const metaOperations: readonly Operation[] = [
  {
    definition: definition('meta', 'Meta', 'Profiles, tags and security labels of a resource.'),
    permission: BY_TYPE,
    async run(ctx, { type, id }) {
      const unit = ctx as UnitOfWork & typeof ctx;
      authorize(unit, 'read', type!);
      return answer(parseContent((await current(unit, type!, id!)).content).meta);
    },
  },
  {
    definition: definition('meta-add', 'MetaAdd', 'Adds profiles, tags and security labels.'),
    permission: BY_TYPE,
    run: (ctx, input) => changed(ctx as UnitOfWork & typeof ctx, input, adding),
  },
  {
    definition: definition('meta-delete', 'MetaDelete', 'Takes tags and security labels away.'),
    permission: BY_TYPE,
    run: (ctx, input) => changed(ctx as UnitOfWork & typeof ctx, input, deleting),
  },
];

async function changed(
  unit: UnitOfWork,
  { type, id, parameters }: OperationInput,
  change: Change,
): Promise<Parameters> {
  const given = parameters.parameter?.find((each) => each.name === 'meta')?.valueMeta ?? {};
  const unknown = Object.keys(given).find((name) => !['profile', 'tag', 'security'].includes(name));
  if (unknown) {
    throw problem(
      'invalid',
      'meta-part',
      `"${unknown}" is not changed by this operation; send profile, tag and security.`,
      `Meta.${unknown}`,
    );
  }
  authorize(unit, 'update', type!);
  const before = parseContent((await current(unit, type!, id!)).content);
  if (isUnchanged(before, apply(before, given, change))) return answer(before.meta);
  const written = await changeResource(unit, {
    type: type!,
    id: id!,
    patch: (resource) => apply(resource, given, change),
  });
  return answer(parseContent(written.content).meta);
}

function apply(resource: Resource, given: Meta, change: Change): Resource {
  const { profile = [], tag = [], security = [], ...rest } = resource.meta ?? {};
  const lists = {
    profile: change(profile, given.profile ?? [], (a, b) => a === b),
    tag: change(tag, given.tag ?? [], isSameCoding),
    security: change(security, given.security ?? [], isSameCoding),
  };
  const kept = Object.entries(lists).filter(([, list]) => list.length > 0);
  return { ...resource, meta: { ...rest, ...Object.fromEntries(kept) } };
}

/** Tags and labels are the same when system and code are, whatever their display. */
function isSameCoding(a: Coding, b: Coding): boolean {
  return a.system === b.system && a.code === b.code;
}

function isUnchanged({ meta: a }: Resource, { meta: b }: Resource): boolean {
  const count = (meta: Meta | undefined): number[] => [
    meta?.profile?.length ?? 0,
    meta?.tag?.length ?? 0,
    meta?.security?.length ?? 0,
  ];
  return count(a).join() === count(b).join();
}

function answer(meta: Meta | undefined): Parameters {
  return { resourceType: 'Parameters', parameter: [{ name: 'return', valueMeta: meta ?? {} }] };
}
