/**
 * A household as the room sees one: what a Group says about its members, its area, its accounts
 * and its socio-economic facts. Pure: references are still FHIR ids here.
 *
 * Which Groups are households: those that declare our profile, and groups of persons whose code
 * says so (`household`, or openIMIS's group type `H`). Every other Group is just stored.
 *
 * Spec: https://hl7.org/fhir/R4/group.html
 */

import type { Group, GroupMember } from '@medplum/fhirtypes';
import {
  codeIn,
  dayRange,
  declares,
  extensionOf,
  extensionsOf,
  hasCode,
  type Issue,
  idIn,
  localId,
  Problem,
  type ProblemKind,
  partOf,
  problem,
} from '../../src/sdk/index.ts';
import { normaliseBankAccount, normalisePhone } from './account.ts';
import {
  type Characteristic,
  type DatedFact,
  readCharacteristics,
  readDatedFacts,
} from './characteristic.ts';
import { type Claim, claimsOf } from './identifier.ts';

/** A Patient in a household. */
export interface MemberLink {
  /** FHIR id of the Patient. */
  readonly id: string;
  /** Place in Group.member, for messages; it never decides who is paid. */
  readonly position: number;
  readonly role: string | null;
  readonly collector: 'primary' | 'alternate' | null;
  readonly active: boolean;
}

/** A membership of which the Group says the days; at least one of them. */
export interface Stay {
  /** FHIR id of the Patient. */
  readonly id: string;
  readonly position: number;
  readonly role: string | null;
  readonly startsOn: string | null;
  /** The last day. */
  readonly endsOn: string | null;
}

/** Where a household may be paid. */
export interface AccountFacts {
  readonly kind: 'mobile' | 'bank';
  /** FHIR id of the provider's Organization. */
  readonly providerId: string;
  readonly number: string;
  readonly holderName: string | null;
  readonly preferred: boolean;
}

/** Facts of a household. */
export interface HouseholdFacts {
  readonly id: string;
  readonly active: boolean;
  readonly areaId: string | undefined;
  readonly preferredPayPointId: string | undefined;
  readonly members: readonly MemberLink[];
  /** Memberships with stated days, ended ones too. */
  readonly stays: readonly Stay[];
  readonly characteristics: readonly Characteristic[];
  /** Values with stated days, past and coming ones too. */
  readonly datedFacts: readonly DatedFact[];
  readonly accounts: readonly AccountFacts[];
  readonly identifiers: readonly Claim[];
}

/** Far above any household, and below what a place in the list can count. */
const MEMBERS_MAX = 1000;

const OPENIMIS_GROUP_TYPE = /openimis.*group-type/;

/** True for a Group that is a household; see the head of this file. */
export function isHousehold(group: Group | undefined): boolean {
  if (!group) return false;
  if (declares(group, 'household')) return true;
  if (group.type !== 'person' || group.actual !== true) return false;
  return (
    hasCode(group.code, 'household') ||
    (group.code?.coding ?? []).some(
      (coding) => coding.code === 'H' && OPENIMIS_GROUP_TYPE.test(coding.system ?? ''),
    )
  );
}

/**
 * Reads the facts of a household.
 *
 * @param today  `YYYY-MM-DD`; a membership that ended before it is over
 * @param country  ISO 3166 code for mobile numbers written nationally
 * @throws Problem with one issue for each rule that is broken
 */
export function readHousehold(
  group: Group,
  today: string,
  country: string | undefined,
): HouseholdFacts {
  const issues: Issue[] = [];
  if ((group.member?.length ?? 0) > MEMBERS_MAX) {
    throw problem(
      'business-rule',
      'household-too-large',
      `A household has at most ${MEMBERS_MAX} members; a larger Group is no household.`,
      'Group.member',
    );
  }
  const members = readMembers(group, today, issues);
  if (group.active !== false) checkRoles(members, issues);
  const stays = readStays(group, issues);
  const characteristics = readCharacteristics(group, today, issues);
  const accounts = readAccounts(group, country, issues);
  if (issues.length > 0) throw new Problem(issues);
  return {
    id: group.id ?? '',
    active: group.active !== false,
    areaId: idIn(extensionOf(group, 'household-area'), 'Location'),
    preferredPayPointId: idIn(extensionOf(group, 'preferred-pay-point'), 'Location'),
    members,
    stays,
    characteristics,
    datedFacts: readDatedFacts(group),
    accounts,
    identifiers: claimsOf(group.identifier),
  };
}

function readMembers(group: Group, today: string, issues: Issue[]): MemberLink[] {
  const members = new Map<string, MemberLink>();
  (group.member ?? []).forEach((member, position) => {
    const id = localId(member.entity.reference, 'Patient');
    if (id === undefined) {
      issues.push(
        fault(
          'value',
          'member-not-patient',
          `Group.member[${position}].entity`,
          'A member of a household is a Patient; refer to one as Patient/id.',
        ),
      );
      return;
    }
    const link = readLink(member, id, position, isOver(group, member, today));
    const other = members.get(id);
    if (other?.active && link.active) {
      issues.push(
        fault(
          'invariant',
          'member-twice',
          `Group.member[${position}].entity`,
          `Patient/${id} stands twice in this household; leave one entry.`,
        ),
      );
    }
    // An ended membership beside a running one is history.
    if (!other || link.active) members.set(id, link);
  });
  return [...members.values()];
}

function readStays(group: Group, issues: Issue[]): Stay[] {
  return (group.member ?? []).flatMap((member, position): Stay[] => {
    const { start, end } = member.period ?? {};
    const id = localId(member.entity.reference, 'Patient');
    if (id === undefined || (start === undefined && end === undefined)) return [];
    const startsOn = start === undefined ? null : dayRange(start).first;
    const endsOn = end === undefined ? null : dayRange(end).last;
    if (startsOn !== null && endsOn !== null && endsOn < startsOn) {
      issues.push(
        fault(
          'invariant',
          'member-days',
          `Group.member[${position}].period`,
          'A membership ends on or after the day on which it starts.',
        ),
      );
    }
    return [{ id, position, role: roleOf(member), startsOn, endsOn }];
  });
}

/** A membership is over when it was ended, or when the whole household was. */
function isOver(group: Group, member: GroupMember, today: string): boolean {
  const end = member.period?.end;
  return (
    group.active === false ||
    member.inactive === true ||
    (end !== undefined && dayRange(end).last < today)
  );
}

function roleOf(member: GroupMember): string | null {
  return codeIn(extensionOf(member, 'member-role'))?.toLowerCase() ?? null;
}

function readLink(member: GroupMember, id: string, position: number, over: boolean): MemberLink {
  const collector = extensionOf(member, 'collector');
  const code = collector?.valueBoolean === true ? 'primary' : codeIn(collector);
  return {
    id,
    position,
    role: roleOf(member),
    collector: code === 'primary' || (code === 'alternate' && !over) ? code : null,
    active: !over,
  };
}

function checkRoles(members: readonly MemberLink[], issues: Issue[]): void {
  // The role of a former member is history: a household has had several heads, but has one now.
  const heads = members.filter((member) => member.active && member.role === 'head');
  const collectors = members.filter((member) => member.collector === 'primary');
  onlyOne(heads, 'household-heads', 'head', issues);
  onlyOne(collectors, 'household-collectors', 'collector', issues);
  for (const member of collectors) {
    if (member.active) continue;
    // Falling back to the head in silence would pay somebody the household did not choose.
    issues.push(
      fault(
        'invariant',
        'collector-not-active',
        `Group.member[${member.position}]`,
        'The collector must be an active member; name another collector, or none.',
      ),
    );
  }
}

function onlyOne(found: readonly MemberLink[], code: string, word: string, issues: Issue[]): void {
  for (const member of found.slice(1)) {
    issues.push(
      fault(
        'invariant',
        code,
        `Group.member[${member.position}]`,
        `A household has one ${word}; Group.member[${found[0]?.position}] is one already.`,
      ),
    );
  }
}

function readAccounts(group: Group, country: string | undefined, issues: Issue[]): AccountFacts[] {
  const accounts: AccountFacts[] = [];
  extensionsOf(group, 'payment-account').forEach((extension, index) => {
    const place = `Group.extension('payment-account')[${index}]`;
    const kind = codeIn(partOf(extension, 'kind'));
    const providerId = idIn(partOf(extension, 'provider'), 'Organization');
    const number = partOf(extension, 'number')?.valueString;
    if ((kind !== 'mobile' && kind !== 'bank') || !providerId || !number) {
      issues.push(
        fault(
          'required',
          'account-incomplete',
          place,
          'Give kind (mobile or bank), provider (Organization/id) and number.',
        ),
      );
      return;
    }
    try {
      accounts.push({
        kind,
        providerId,
        number:
          kind === 'mobile'
            ? normalisePhone(number, country, `${place}.number`)
            : normaliseBankAccount(number, `${place}.number`),
        holderName: partOf(extension, 'holder')?.valueString ?? null,
        preferred: partOf(extension, 'preferred')?.valueBoolean === true,
      });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      issues.push(...error.issues);
    }
  });
  return choosePreferred(accounts, issues);
}

/** The only account is the preferred one; among several the registry must say which. */
function choosePreferred(accounts: readonly AccountFacts[], issues: Issue[]): AccountFacts[] {
  if (accounts.length === 1) return accounts.map((account) => ({ ...account, preferred: true }));
  if (accounts.length > 1 && accounts.filter((account) => account.preferred).length !== 1) {
    issues.push(
      fault(
        'invariant',
        'account-preferred',
        `Group.extension('payment-account')`,
        'Among several payment accounts exactly one must say preferred = true.',
      ),
    );
  }
  return [...accounts];
}

function fault(kind: ProblemKind, code: string, expression: string, diagnostics: string): Issue {
  return { severity: 'error', kind, code, expression, diagnostics };
}
