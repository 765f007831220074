/**
 * What a merge does to households and their enrolments.
 *
 * A person is in one household. Where both records stand in one, the replaced one's row ends; where
 * the record that remains lives in another household, the replaced one's row ends in its own; else
 * the row leads to the record that remains. A household that nobody is left in ends. Of two enrolments
 * of one person in one scheme, that of the replaced record ends, as duplicate. People who stay behind
 * without head or recipient are a case for an officer.
 */

import type { Coverage, Extension, Group, GroupMember } from '@medplum/fhirtypes';
import {
  codeIn,
  dayRange,
  extensionOf,
  idIn,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { changedCoverage, LIVE_STATES } from '../../schemes/index.ts';
import { leadingTo, refersTo } from './living.ts';

/** Something that a person has to look at after the merge. */
export interface FollowUp {
  readonly focus: string;
  readonly says: string;
}

/** What becomes of a Group. */
export interface GroupEffect {
  readonly group: Group;
  readonly how: 'none' | 'led-over' | 'row-ended' | 'household-ended';
}

/** Whom the merge is about, and on which day. */
export interface Pair {
  readonly source: string;
  readonly target: string;
  readonly today: string;
}

/** True for a running membership. */
export function isRunning(group: Group, member: GroupMember, today: string): boolean {
  const end = member.period?.end;
  const over = end !== undefined && dayRange(end).last < today;
  return group.active !== false && member.inactive !== true && !over;
}

/** The running row of a person. */
export function rowOf(group: Group, id: string, today: string): GroupMember | undefined {
  return group.member?.find((each) => refersTo(each.entity, id) && isRunning(group, each, today));
}

/**
 * @param elsewhere  the record that remains is a running member of another household
 */
export function groupAfter(
  group: Group,
  pair: Pair,
  household: boolean,
  elsewhere: boolean,
): GroupEffect {
  const row = rowOf(group, pair.source, pair.today);
  if (!row) return { group, how: 'none' };
  const own = rowOf(group, pair.target, pair.today);
  const replace = (rows: ReadonlyMap<GroupMember, GroupMember>): Group => ({
    ...group,
    member: group.member!.map((each) => rows.get(each) ?? each),
  });
  if (own) {
    const both = new Map([
      [row, ended(row, pair.today)],
      [own, withRoles(own, row)],
    ]);
    return { group: replace(both), how: 'row-ended' };
  }
  if (!household || !elsewhere) {
    const entity = leadingTo(row.entity, pair.target) as GroupMember['entity'];
    return { group: replace(new Map([[row, { ...row, entity }]])), how: 'led-over' };
  }
  const after = replace(new Map([[row, ended(row, pair.today)]]));
  const left = after.member!.some((each) => isRunning(after, each, pair.today));
  if (left) return { group: after, how: 'row-ended' };
  return { group: { ...after, active: false }, how: 'household-ended' };
}

export const COLLECTOR = structureDefinition('collector');
export const ROLE = structureDefinition('member-role');

/** A former member collects nothing; what it was to the household stays as history. */
export function ended(row: GroupMember, today: string): GroupMember {
  const { extension, ...rest } = row;
  const kept = (extension ?? []).filter(({ url }) => url !== COLLECTOR);
  return {
    ...(kept.length > 0 && { extension: kept }),
    ...rest,
    period: { ...row.period, end: today },
    inactive: true,
  };
}

/** The row that remains takes the role of head or collector over, where it has none. */
function withRoles(own: GroupMember, from: GroupMember): GroupMember {
  const has = (url: string): boolean => own.extension?.some((each) => each.url === url) ?? false;
  const taken = (from.extension ?? []).filter((each): boolean => {
    if (each.url === COLLECTOR) return !has(COLLECTOR);
    return each.url === ROLE && !has(ROLE);
  });
  const isHead = (each: Extension): boolean =>
    each.url === ROLE && codeIn(each)?.toLowerCase() === 'head';
  const head = (from.extension ?? []).find(isHead);
  const other = own.extension ?? [];
  const roles = head && has(ROLE) ? [...other.filter(({ url }) => url !== ROLE), head] : other;
  const all = [...roles, ...taken];
  return all.length > 0 ? { ...own, extension: all } : own;
}

// ── enrolments ───────────────────────────────────────────────────────────────────────────────

/** The scheme of a live enrolment; undefined for any other Coverage. */
export function liveScheme(coverage: Coverage): string | undefined {
  const state = codeIn(extensionOf(coverage, 'enrolment-state'));
  if (![...LIVE_STATES].some((each) => each === state)) return undefined;
  return idIn(extensionOf(coverage, 'enrolment-scheme'), 'InsurancePlan');
}

/** The household of an enrolment. */
export function householdOf(coverage: Coverage): string | undefined {
  return idIn(extensionOf(coverage, 'enrolment-household'), 'Group');
}

/** An enrolment that ends because the person is enrolled under the record that remains. */
export function endedEnrolment(coverage: Coverage, today: string, reason = 'duplicate'): Coverage {
  const start = coverage.period?.start;
  const first = start === undefined ? today : dayRange(start).first;
  return changedCoverage(coverage, 'exited', reason, first > today ? first : today);
}
