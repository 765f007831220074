/**
 * What keeps a merge from being undone by the way: a registry that sends its own copies again would
 * otherwise bring a replaced record back to life, or put it into a household beside the one that
 * remains, and the person would be paid twice. Nor is a replaced record held or enrolled any more: the
 * hold would hold nobody.
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import {
  type Context,
  type Guard,
  inPlace,
  localId,
  type Problem,
  problem,
  type ResourceWrite,
} from '../../../src/sdk/index.ts';
import { replacements } from '../store/aliases.ts';
import { shareWithMerges } from '../store/merge-locks.ts';
import { replacedGroups } from '../store/merges.ts';
import { isReplacedGroup } from './group-plan.ts';
import { isRunning } from './household.ts';
import { isAboutRecords, isReplaced, LIVING, type Merged } from './living.ts';
import type { Body } from './patch.ts';

/** Patients made in a unit of work: nobody can have replaced them. */
const made = new WeakMap<Context, Set<string>>();

export const patientGuard: Guard = {
  type: 'Patient',
  does: 'keeps replaced records as they are until the merge is taken back',
  check: async (ctx, writes) => {
    const known = made.get(ctx) ?? new Set<string>();
    made.set(ctx, known);
    for (const { action, id } of writes) if (action === 'create') known.add(id);
    const freed = freedOf(writes as readonly ResourceWrite<Patient>[], isReplaced);
    refuse(freed, await replacements(ctx, idsOf(freed)), stillReplaced('Patient', 'link'));
  },
};

export const groupGuard: Guard = {
  type: 'Group',
  does: 'keeps replaced households as they are, and replaced records out of households',
  check: async (ctx, writes) => {
    const groups = writes as readonly ResourceWrite<Group>[];
    const freed = freedOf(groups, isReplacedGroup);
    refuse(freed, await replacedGroups(ctx, idsOf(freed)), stillReplaced('Group', 'active'));
    const today = ctx.now.toISOString().slice(0, 10);
    const entering = groups.flatMap((write) =>
      newMembers(ctx, write, today).map((id) => ({ id, place: write.place })),
    );
    await refuseDuringMerge(ctx, entering, 'Patient');
    refuse(entering, await replacements(ctx, idsOf(entering)), (id, by) =>
      problem(
        'conflict',
        'member-replaced',
        `Patient/${id} was merged into Patient/${by}; name that one as the member.`,
        'Group.member',
      ),
    );
  },
};

/** Holds and enrolments: what acts on payments by the record that it names. */
export const actingGuards: readonly Guard[] = ['Flag', 'Coverage'].map((type) => ({
  type,
  does: 'keeps holds and enrolments from replaced records, where they would have no effect',
  check: async (ctx, writes) => {
    for (const about of ['Patient', 'Group'] as const) {
      const named = newlyNamed(ctx, writes, about);
      if (named.length === 0) continue;
      await refuseDuringMerge(ctx, named, about);
      const find = about === 'Patient' ? replacements : replacedGroups;
      refuse(named, await find(ctx, idsOf(named)), (id, by) =>
        problem(
          'business-rule',
          'reference-replaced',
          `${about}/${id} was merged into ${about}/${by}; refer to that one.`,
          type,
        ),
      );
    }
  },
}));

/** Records that living resources name and did not name before. */
function newlyNamed(ctx: Context, writes: readonly ResourceWrite[], about: Merged): Named[] {
  const fresh = made.get(ctx);
  return writes.flatMap(({ type, resource, previous, place }) => {
    const body = resource as Body | undefined;
    if (!body || isAboutRecords(body)) return [];
    const before = new Set(namedIn(type, previous as Body | undefined, about));
    return namedIn(type, body, about)
      .filter((id) => !before.has(id) && !fresh?.has(id))
      .map((id) => ({ id, place }));
  });
}

function namedIn(type: string, body: Body | undefined, about: Merged): string[] {
  const living = LIVING.find((each) => each.type === type);
  if (!body || !living?.isLiving(body)) return [];
  return living.elements.flatMap((element) => {
    const { reference } = (body[element] ?? {}) as { reference?: string };
    return localId(reference, about) ?? [];
  });
}

/** @throws Problem conflict: the merge is over in a moment */
async function refuseDuringMerge(
  ctx: Context,
  named: readonly Named[],
  about: Merged,
): Promise<void> {
  const busy = await shareWithMerges(
    ctx,
    named.map(({ id }) => `${about}/${id}`),
  );
  const first = named.find(({ id }) => busy.has(`${about}/${id}`));
  if (!first) return;
  inPlace(first.place, () => {
    throw problem(
      'conflict',
      'record-in-merge',
      `${about}/${first.id} is being merged at this moment; send this again.`,
    );
  });
}

/** A record that a write is about, and where in a Bundle the write stands. */
type Named = Pick<ResourceWrite, 'id' | 'place'>;

function idsOf(named: readonly Named[]): string[] {
  return named.map(({ id }) => id);
}

/** Writes after which a replaced record would count as a living one again, or be gone. */
function freedOf<R extends Patient | Group>(
  writes: readonly ResourceWrite<R>[],
  isGone: (record: R) => boolean,
): ResourceWrite<R>[] {
  return writes.filter(
    ({ previous, resource }) =>
      previous !== undefined &&
      isGone(previous) &&
      !(resource && isGone(resource) && resource.active === false),
  );
}

/** @throws Problem for the first of these records that has been replaced, in its place */
function refuse(
  named: readonly Named[],
  replaced: ReadonlyMap<string, string>,
  problemOf: (id: string, by: string) => Problem,
): void {
  for (const { id, place } of named) {
    const by = replaced.get(id);
    if (by === undefined) continue;
    inPlace(place, () => {
      throw problemOf(id, by);
    });
  }
}

function stillReplaced(type: Merged, element: string): (id: string, by: string) => Problem {
  return (id, by) =>
    problem(
      'conflict',
      'record-replaced',
      `${type}/${id} was merged into ${type}/${by}; change that one, or take the merge back with ` +
        `${type}/$unmerge.`,
      `${type}.${element}`,
    );
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
