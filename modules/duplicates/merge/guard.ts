/**
 * What keeps a merge from being undone by the way: a registry that sends its own copies again would
 * otherwise bring a replaced record back to life, or put it into a household beside the one that
 * remains, and the person would be paid twice.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  type Guard,
  inPlace,
  localId,
  problem,
  type ResourceWrite,
} from '../../../src/sdk/index.ts';
import { replacements } from '../store/aliases.ts';
import { replacedGroups } from '../store/merges.ts';
import { isReplacedGroup } from './group-plan.ts';
import { isRunning } from './household.ts';
import { isReplaced } from './living.ts';

/** Patients made in a unit of work: nobody can have replaced them. */
const made = new WeakMap<Context, Set<string>>();

export const patientGuard: Guard = {
  type: 'Patient',
  does: 'keeps replaced records as they are until the merge is taken back',
  check: async (ctx, writes) => {
    const known = made.get(ctx) ?? new Set<string>();
    made.set(ctx, known);
    for (const { action, id } of writes) if (action === 'create') known.add(id);
    const freed = (writes as readonly ResourceWrite<Patient>[]).filter(
      ({ previous, resource }) =>
        previous !== undefined &&
        isReplaced(previous) &&
        !(resource && isReplaced(resource) && resource.active === false),
    );
    if (freed.length === 0) return;
    const found = await replacements(
      ctx,
      freed.map(({ id }) => id),
    );
    for (const { id, place } of freed) {
      const by = found.get(id);
      if (by === undefined) continue;
      inPlace(place, () => {
        throw problem(
          'conflict',
          'record-replaced',
          `Patient/${id} was merged into Patient/${by}; change that one, or take the merge back with ` +
            'Patient/$unmerge.',
          'Patient.link',
        );
      });
    }
  },
};

export const groupGuard: Guard = {
  type: 'Group',
  does: 'keeps replaced households as they are, and replaced records out of households',
  check: async (ctx, writes) => {
    await refuseFreedGroups(ctx, writes as readonly ResourceWrite<Group>[]);
    const today = ctx.now.toISOString().slice(0, 10);
    const entering = (writes as readonly ResourceWrite<Group>[]).flatMap((write) =>
      newMembers(ctx, write, today).map((id) => ({ id, place: write.place })),
    );
    const found = await replacements(
      ctx,
      entering.map(({ id }) => id),
    );
    for (const { id, place } of entering) {
      const by = found.get(id);
      if (by === undefined) continue;
      inPlace(place, () => {
        throw problem(
          'conflict',
          'member-replaced',
          `Patient/${id} was merged into Patient/${by}; name that one as the member.`,
          'Group.member',
        );
      });
    }
  },
};

/** A household that was merged stays inactive and replaced until the merge is taken back. */
async function refuseFreedGroups(
  ctx: Context,
  writes: readonly ResourceWrite<Group>[],
): Promise<void> {
  const freed = writes.filter(
    ({ previous, resource }) =>
      previous !== undefined &&
      isReplacedGroup(previous) &&
      !(resource && isReplacedGroup(resource) && resource.active === false),
  );
  const found = await replacedGroups(
    ctx,
    freed.map(({ id }) => id),
  );
  for (const { id, place } of freed) {
    const by = found.get(id);
    if (by === undefined) continue;
    inPlace(place, () => {
      throw problem(
        'conflict',
        'record-replaced',
        `Group/${id} was merged into Group/${by}; change that one, or take the merge back with ` +
          'Group/$unmerge.',
        'Group.active',
      );
    });
  }
}

/** Members who were not running ones before, and were there before this unit of work. */
function newMembers(
  ctx: Context,
  { resource, previous }: ResourceWrite<Group>,
  today: string,
): string[] {
  const before = new Set(previous ? running(previous, today) : []);
  const fresh = made.get(ctx);
  return resource
    ? running(resource, today).filter((id) => !before.has(id) && !fresh?.has(id))
    : [];
}

function running(group: Group, today: string): string[] {
  return (group.member ?? [])
    .filter((member) => isRunning(group, member, today))
    .flatMap(({ entity }) => localId(entity?.reference, 'Patient') ?? []);
}
