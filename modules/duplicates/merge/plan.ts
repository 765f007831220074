/**
 * A merge as a function of what stands: from the resources about two people to what they become.
 * Nothing is read or written here, so that a preview, a merge and the replaying of later merges when
 * an earlier one is taken back are one thing.
 */

import type { Coverage, Group, Patient } from '@medplum/fhirtypes';
import { isHousehold } from '../../households/index.ts';
import {
  endedEnrolment,
  type FollowUp,
  type GroupEffect,
  groupAfter,
  householdOf,
  liveScheme,
  type Pair,
  rowOf,
} from './household.ts';
import { LIVING, ledOver, refersTo } from './living.ts';
import { type Body, same } from './patch.ts';
import { replacedBy, type Survivor, survivorOf } from './survivor.ts';

/** Resources by `Type/id`. */
export type World = ReadonlyMap<string, Body>;

export interface Plan {
  /** What changes, as it will stand. */
  readonly after: World;
  readonly survivor: Survivor;
  readonly followUps: readonly FollowUp[];
}

/** All resources of a type. */
function ofType<R>(world: World, type: string): (R & { id: string })[] {
  return [...world.values()].filter((each) => each.resourceType === type) as never;
}

/**
 * @param world  both Patients and what refers to them; see `gather.ts`
 * @param result  what the remaining record becomes, where the caller says so
 */
export function planMerge(world: World, pair: Pair, result: Patient | undefined): Plan {
  const source = world.get(`Patient/${pair.source}`) as unknown as Patient;
  const target = world.get(`Patient/${pair.target}`) as unknown as Patient;
  const chosen = survivorOf(target, source);
  const survivor = result ? { ...chosen, patient: result, conflicts: [] } : chosen;
  const after = new Map<string, Body>();
  const put = (key: string, body: object): void => {
    if (!same(world.get(key), body)) after.set(key, body as Body);
  };
  put(`Patient/${pair.source}`, replacedBy(source, pair.target));
  put(`Patient/${pair.target}`, survivor.patient);
  const effects = groupEffects(world, pair);
  for (const [id, { group }] of effects) put(`Group/${id}`, group);
  const followUps: FollowUp[] = [];
  const home = homesOf(world, pair.target, pair.today);
  for (const coverage of ofType<Coverage>(world, 'Coverage')) {
    put(`Coverage/${coverage.id}`, coverageAfter(world, coverage, pair, effects, home, followUps));
  }
  for (const living of LIVING) {
    if (living.type === 'Coverage') continue;
    for (const body of ofType<Body>(world, living.type)) {
      put(`${living.type}/${body.id}`, ledOver(living, body, pair.source, pair.target));
    }
  }
  followUps.push(...leftBehind(effects, pair));
  return { after, survivor, followUps };
}

function groupEffects(world: World, pair: Pair): Map<string, GroupEffect> {
  const home = homesOf(world, pair.target, pair.today);
  return new Map(
    ofType<Group>(world, 'Group').map((group) => {
      const elsewhere = home.some((id) => id !== group.id);
      return [group.id, groupAfter(group, pair, isHousehold(group), elsewhere)];
    }),
  );
}

/** Ids of the households in which somebody is a running member. */
function homesOf(world: World, person: string, today: string): string[] {
  return ofType<Group>(world, 'Group')
    .filter((group) => isHousehold(group) && rowOf(group, person, today) !== undefined)
    .map(({ id }) => id);
}

function coverageAfter(
  world: World,
  coverage: Coverage & { id: string },
  pair: Pair,
  effects: ReadonlyMap<string, GroupEffect>,
  home: readonly string[],
  followUps: FollowUp[],
): Body {
  const scheme = liveScheme(coverage);
  const household = householdOf(coverage) ?? '';
  const how = effects.get(household)?.how;
  const leaves = scheme !== undefined && !home.includes(household);
  if (leaves && how === 'household-ended') {
    if (!isEnrolledAt(world, coverage, scheme, home)) {
      followUps.push({
        focus: `Coverage/${coverage.id}`,
        says:
          'The enrolment ended with its household, whose only member belongs to another one under the ' +
          'record that remains; that one is not enrolled in this scheme. Look whether it is to be.',
      });
    }
    return endedEnrolment(coverage, pair.today) as never;
  }
  const about = refersTo(coverage.beneficiary, pair.source);
  if (!leaves || how !== 'row-ended' || !about) {
    return ledOver(LIVING[0]!, coverage as never, pair.source, pair.target);
  }
  const twice = isEnrolledAt(world, coverage, scheme, home, pair.target);
  followUps.push({
    focus: `Coverage/${coverage.id}`,
    says: twice
      ? 'The enrolment ended, for its recipient is enrolled under another record; look whether those ' +
        'who stay in the household are to be enrolled anew.'
      : 'The recipient of this enrolment belongs to another household under the record that remains; ' +
        'name another recipient, or end the enrolment.',
  });
  return (twice ? endedEnrolment(coverage, pair.today) : coverage) as never;
}

/** True when one of these households, or the person, has another living enrolment in the scheme. */
function isEnrolledAt(
  world: World,
  coverage: Coverage & { id: string },
  scheme: string,
  home: readonly string[],
  person?: string,
): boolean {
  return ofType<Coverage>(world, 'Coverage').some(
    (each) =>
      each.id !== coverage.id &&
      liveScheme(each) === scheme &&
      ((person !== undefined && refersTo(each.beneficiary, person)) ||
        home.includes(householdOf(each) ?? '')),
  );
}

/** Households that lost their head or collector. */
function leftBehind(effects: ReadonlyMap<string, GroupEffect>, pair: Pair): FollowUp[] {
  return [...effects].flatMap(([id, { group, how }]) => {
    const elsewhere = rowOf(group, pair.target, pair.today) === undefined;
    if (how !== 'row-ended' || !elsewhere || !isHousehold(group)) return [];
    const says =
      'A member of this household was merged into a record that belongs to another household; look who ' +
      'heads it and who collects now.';
    return [{ focus: `Group/${id}`, says }];
  });
}
