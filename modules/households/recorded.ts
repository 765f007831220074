/**
 * Facts read from the history of Groups and Patients: what was known when a version was written, and
 * what by a later account was so on a day. Pure; the days that Group.member.period states are asked of
 * the store (`staysAt`).
 */

import type { Group, Patient } from '@medplum/fhirtypes';
import type { RecordedVersion } from '../../src/sdk/index.ts';
import { type Characteristic, readDatedFacts } from './characteristic.ts';
import { type HouseholdFacts, readHousehold } from './household.ts';
import { type MemberFacts, readMember } from './member.ts';

const dayIn = (instant: Date): string => instant.toISOString().slice(0, 10);

/** Facts of a household as they were read when this version was written; without accounts. */
export function recordedHousehold({ resource, recordedAt }: RecordedVersion): HouseholdFacts {
  const { extension = [], ...group } = resource as Group;
  const others = extension.filter(({ url }) => !url.endsWith('/payment-account'));
  return readHousehold({ ...group, extension: others }, dayIn(recordedAt), undefined);
}

/** Facts of a member as they were read when this version was written; without the phone. */
export function recordedMember({ resource, recordedAt }: RecordedVersion): MemberFacts {
  const { telecom: _, ...patient } = resource as Patient;
  return readMember(patient, undefined, dayIn(recordedAt));
}

/**
 * The version that stood at the end of a day; of what was recorded later the one at the end of its
 * first day.
 *
 * @param versions  of one resource, in their order
 */
function versionOn(versions: readonly RecordedVersion[], day: string): RecordedVersion | undefined {
  const [first] = versions;
  if (!first) return undefined;
  const began = dayIn(first.recordedAt);
  const last = day < began ? began : day;
  return versions.findLast((each) => dayIn(each.recordedAt) <= last);
}

/** A household on a day, by what had been written by then and what was stated of it since. */
export function householdOn(
  versions: readonly RecordedVersion[],
  day: string,
): HouseholdFacts | undefined {
  const base = versionOn(versions, day);
  const latest = versions.at(-1);
  if (!base?.resource || !latest?.resource) return undefined;
  const facts = recordedHousehold(base);
  const dated = Map.groupBy(readDatedFacts(latest.resource as Group), ({ code }) => code);
  const isPresent = base === latest;
  const written = facts.characteristics.filter(({ code }) => {
    const stated = dated.get(code) ?? [];
    return (
      stated.length === 0 || (!isPresent && stated.every((each) => (each.startsOn ?? '') > day))
    );
  });
  const stated = [...dated.values()].flatMap((values): Characteristic[] => {
    const inForce = values
      .filter(({ startsOn, endsOn }) => (startsOn ?? day) <= day && (endsOn ?? day) >= day)
      .toSorted((a, b) => ((a.startsOn ?? '') > (b.startsOn ?? '') ? -1 : 1));
    return inForce.slice(0, 1);
  });
  return { ...facts, characteristics: [...written, ...stated] };
}

/** A member on a day: birth, death and sex as they are known by the last version. */
export function memberOn(
  versions: readonly RecordedVersion[],
  day: string,
): MemberFacts | undefined {
  const base = versionOn(versions, day);
  const latest = versions.at(-1);
  if (!latest?.resource) return undefined;
  const facts = recordedMember(latest);
  if (!base?.resource) return facts;
  const { disability, facts: values } = recordedMember(base);
  return { ...facts, disability, facts: values };
}
