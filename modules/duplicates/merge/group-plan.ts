/**
 * A merge of two registrations of one household as a function of what stands: its members move into the
 * household that remains, and so do its living enrolments, holds and tasks; what is settled stays. Members
 * who stand in both are merged one by one on top of it (`plan.ts`). Pure.
 *
 * An enrolment keeps its household for ever, for payments hang on it: the replaced household's ends, and
 * where the household that remains has none in the scheme one is made for it, in the same state, from
 * today on. Where it has one that pays nothing yet, that one is enrolled. So nobody is left without, and
 * nobody is paid twice.
 *
 * Who heads, who collects and into which account is paid stay as the household that remains has them.
 */

import { createHash } from 'node:crypto';
import type { Coverage, Extension, Group, GroupMember } from '@medplum/fhirtypes';
import {
  addDays,
  codeIn,
  dayRange,
  extensionOf,
  hasCode,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { changedCoverage, LIVE_STATES } from '../../schemes/index.ts';
import {
  COLLECTOR,
  ended,
  endedEnrolment,
  type FollowUp,
  householdOf,
  isRunning,
  liveScheme,
  ROLE,
} from './household.ts';
import { LIVING_OF_GROUP, ledOver } from './living.ts';
import { type Body, same } from './patch.ts';
import type { World } from './plan.ts';

const REPLACED_BY = structureDefinition('replaced-by');
const HOUSEHOLD = structureDefinition('enrolment-household');
/** Where the household lives and is paid: taken over only where the one that remains says nothing. */
const HOW_PAID = ['household-area', 'preferred-pay-point', 'payment-account'].map((name) =>
  structureDefinition(name),
);

/** Which households, on which day, and by which merge: what is made has its id from it. */
export interface GroupPair {
  readonly merge: string;
  readonly source: string;
  readonly target: string;
  readonly today: string;
}

/** What the merge comes to. */
export interface GroupPlan {
  /** What changes or is made, as it will stand. */
  readonly after: World;
  readonly followUps: readonly FollowUp[];
}

/** True when a household has been replaced by another. */
export function isReplacedGroup(group: Group): boolean {
  return (group.extension ?? []).some(({ url }) => url === REPLACED_BY);
}

/** @param world  both Groups, what refers to them and their living enrolments; see `gather.ts` */
export function planGroupMerge(world: World, pair: GroupPair): GroupPlan {
  const source = world.get(`Group/${pair.source}`) as unknown as Group;
  const target = world.get(`Group/${pair.target}`) as unknown as Group;
  const after = new Map<string, Body>();
  const put = (key: string, body: object): void => {
    if (!same(world.get(key), body)) after.set(key, body as Body);
  };
  put(`Group/${pair.source}`, replacedGroup(source, pair));
  put(`Group/${pair.target}`, joinedGroup(target, source, pair.today));
  const followUps = planEnrolments(world, pair, put);
  for (const living of LIVING_OF_GROUP) {
    for (const body of world.values()) {
      if (body.resourceType !== living.type) continue;
      put(`${living.type}/${body.id}`, ledOver(living, body, pair.source, pair.target, 'Group'));
    }
  }
  return { after, followUps };
}

/** The household that is replaced: nobody is in it any more, and it leads to the other. */
function replacedGroup(source: Group, { target, today }: GroupPair): Group {
  const replaced = { url: REPLACED_BY, valueReference: { reference: `Group/${target}` } };
  return {
    ...source,
    extension: [...(source.extension ?? []).filter(({ url }) => url !== REPLACED_BY), replaced],
    active: false,
    member: (source.member ?? []).map((each) =>
      isRunning(source, each, today) ? leftMember(each, today) : each,
    ),
  };
}

/**
 * A membership that is over. Where the day is stated on which it began, so is its last one, the day before
 * the move, for nobody is in two households on a day; else the day of writing says it.
 */
function leftMember(row: GroupMember, today: string): GroupMember {
  const start = row.period?.start;
  if (start === undefined) {
    const { period: _period, ...over } = ended(row, today);
    return over;
  }
  const before = addDays(today, -1);
  return ended(row, dayRange(start).first > before ? today : before);
}

/** The household that remains, with the members of the other and what it lacked. */
function joinedGroup(target: Group, source: Group, today: string): Group {
  const own = (target.member ?? []).filter((each) => isRunning(target, each, today));
  const led = own.some(({ extension = [] }) =>
    extension.some((each) => each.url === COLLECTOR || isHead(each)),
  );
  const moved = (source.member ?? [])
    .filter((each) => isRunning(source, each, today))
    .map((each) => movedMember(each, led));
  const extension = unitedExtensions(target, source);
  const identifier = unitedIdentifiers(target, source);
  const characteristic = unitedFacts(target, source);
  const counted = target.quantity !== undefined && target.quantity === own.length;
  return {
    ...target,
    ...(extension.length > 0 && { extension }),
    ...(identifier.length > 0 && { identifier }),
    ...(characteristic.length > 0 && { characteristic }),
    ...(counted && { quantity: own.length + moved.length }),
    member: [...(target.member ?? []), ...moved],
  };
}

function isHead(each: Extension): boolean {
  return each.url === ROLE && codeIn(each)?.toLowerCase() === 'head';
}

/** A member by the day of writing; leading and collecting stay with whom the household that remains has chosen. */
function movedMember(row: GroupMember, led: boolean): GroupMember {
  const { extension, period: _period, inactive: _inactive, ...rest } = row;
  const kept = (extension ?? []).filter(
    (each) => !led || (each.url !== COLLECTOR && !isHead(each)),
  );
  return {
    ...(kept.length > 0 && { extension: kept }),
    ...rest,
  };
}

function unitedExtensions(target: Group, source: Group): Extension[] {
  const own = target.extension ?? [];
  const known = new Set(own.map(({ url }) => url));
  const taken = (source.extension ?? []).filter(
    ({ url }) => HOW_PAID.includes(url) && !known.has(url),
  );
  return [...own, ...taken];
}

/** Numbers of the replaced household lead to this one as old ones. */
function unitedIdentifiers(target: Group, source: Group): NonNullable<Group['identifier']> {
  const own = target.identifier ?? [];
  const known = new Set(own.map(({ system, value }) => JSON.stringify([system, value])));
  const taken = (source.identifier ?? []).filter(
    ({ system, value }) => !known.has(JSON.stringify([system, value])),
  );
  return [...own, ...taken.map((each) => ({ ...each, use: 'old' as const }))];
}

/** Facts of the replaced household that the other says nothing of. */
function unitedFacts(target: Group, source: Group): NonNullable<Group['characteristic']> {
  const own = target.characteristic ?? [];
  const isKnown = (code: string | undefined): boolean =>
    code !== undefined && own.some((each) => hasCode(each.code, code));
  const taken = (source.characteristic ?? []).filter(
    ({ code }) =>
      !(code.coding ?? []).some((coding) => isKnown(coding.code)) &&
      !own.some((each) => same(each.code, code)),
  );
  return [...own, ...taken];
}

// ── enrolments ───────────────────────────────────────────────────────────────────────────────

function stateOf(coverage: Coverage): string | undefined {
  return codeIn(extensionOf(coverage, 'enrolment-state'));
}

function planEnrolments(
  world: World,
  pair: GroupPair,
  put: (key: string, body: object) => void,
): FollowUp[] {
  const followUps: FollowUp[] = [];
  const live = [...world.values()].flatMap((body) => {
    const coverage = body as unknown as Coverage;
    const scheme = body.resourceType === 'Coverage' ? liveScheme(coverage) : undefined;
    return scheme === undefined ? [] : [{ coverage, scheme, household: householdOf(coverage) }];
  });
  for (const { coverage, scheme } of live.filter(({ household }) => household === pair.source)) {
    put(`Coverage/${coverage.id}`, endedEnrolment(coverage, pair.today));
    const other = live.find((each) => each.household === pair.target && each.scheme === scheme);
    if (!other) {
      const made = madeEnrolment(coverage, pair);
      put(`Coverage/${made.id}`, made);
      continue;
    }
    const [its, own] = [stateOf(coverage), stateOf(other.coverage)];
    if (its !== 'enrolled' || own === 'enrolled') continue;
    if (own === 'suspended') {
      followUps.push({
        focus: `Coverage/${other.coverage.id}`,
        says:
          'The household that was merged was enrolled in this scheme; the one that remains is ' +
          'suspended. Look whether it is to be reinstated.',
      });
    } else put(`Coverage/${other.coverage.id}`, enrolled(other.coverage));
  }
  return followUps;
}

function enrolled(coverage: Coverage): Coverage {
  return changedCoverage(coverage, 'enrolled', 'officer-decision', '');
}

/** The enrolment of the household that remains in place of the one that ends. */
function madeEnrolment(coverage: Coverage, pair: GroupPair): Coverage & { id: string } {
  const { id, meta, identifier: _identifier, period, ...rest } = coverage;
  const starts = period?.start && period.start > pair.today ? period.start : pair.today;
  const household = {
    url: HOUSEHOLD,
    valueReference: { reference: `Group/${pair.target}` },
  };
  return {
    ...rest,
    id: madeId(pair.merge, id!),
    ...(meta?.profile && { meta: { profile: meta.profile } }),
    extension: (coverage.extension ?? []).map((each) =>
      each.url === HOUSEHOLD ? household : each,
    ),
    period: { start: starts },
  };
}

/** The same id whenever the merge is planned: it is planned again when an earlier one is taken back. */
function madeId(merge: string, coverage: string): string {
  const hex = createHash('sha256').update(`${merge} ${coverage}`).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  return [...parts, `${variant}${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-');
}

/** True for an enrolment that counts; what a merge made ends when the merge is taken back. */
export function isLiveEnrolment(body: Body): boolean {
  return LIVE_STATES.has(stateOf(body as unknown as Coverage) as never);
}
