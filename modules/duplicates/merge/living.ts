/**
 * Which references to a person live, and so lead to the record that remains after a merge: those of
 * what still has effect. What is settled stays as it was written (claims, payments, the trail,
 * observations, answered forms, what was completed, cancelled or ended): an alias finds it.
 */

import type { Patient } from '@medplum/fhirtypes';
import type { Body } from './patch.ts';

/** A type with living references to people. */
export interface Living {
  readonly type: string;
  /** Search parameters that find those that refer to a person. */
  readonly search: readonly string[];
  /** Elements that are led over. */
  readonly elements: readonly string[];
  readonly isLiving: (body: Body) => boolean;
}

const notIn =
  (field: string, ...codes: string[]) =>
  (body: Body): boolean =>
    !codes.includes(String(body[field]));

const TASK_OVER = ['completed', 'cancelled', 'rejected', 'failed', 'entered-in-error'];

/** Groups and enrolments are judged as a whole, in `household.ts`. */
export const LIVING: readonly Living[] = [
  {
    type: 'Coverage',
    search: ['beneficiary', 'subscriber', 'policy-holder'],
    elements: ['beneficiary', 'subscriber', 'policyHolder'],
    isLiving: notIn('status', 'cancelled', 'entered-in-error'),
  },
  {
    type: 'Consent',
    search: ['patient'],
    elements: ['patient'],
    isLiving: notIn('status', 'rejected', 'inactive', 'entered-in-error'),
  },
  {
    type: 'RelatedPerson',
    search: ['patient'],
    elements: ['patient'],
    isLiving: ({ active }) => active !== false,
  },
  {
    type: 'EpisodeOfCare',
    search: ['patient'],
    elements: ['patient'],
    isLiving: notIn('status', 'finished', 'cancelled', 'entered-in-error'),
  },
  {
    type: 'Task',
    search: ['subject', 'focus'],
    elements: ['for', 'focus'],
    // Reviews of suspected duplicates are about two records, not about a person.
    isLiving: (body) => notIn('status', ...TASK_OVER)(body) && !isAboutRecords(body),
  },
  {
    type: 'Flag',
    search: ['patient'],
    elements: ['subject'],
    isLiving: ({ status }) => status === 'active',
  },
];

/** What lives and refers to a household; enrolments are judged as a whole, in `group-plan.ts`. */
export const LIVING_OF_GROUP: readonly Living[] = LIVING.flatMap((each) => {
  if (each.type === 'Task') return [each];
  return each.type === 'Flag' ? [{ ...each, search: ['subject'] }] : [];
});

/** Kinds of Task that speak of records as such. */
export const RECORD_TASKS: ReadonlySet<string> = new Set([
  'duplicate-review',
  'household-review',
  'merge-proposal',
  'merge-follow-up',
  'paid-twice',
  'unmerge-review',
]);

/** True for a Task that speaks of records as such, and for the hold of a suspicion. */
export function isAboutRecords({ code }: Body): boolean {
  const codings = (code as { coding?: readonly { code?: string }[] } | undefined)?.coding ?? [];
  return codings.some((each) => RECORD_TASKS.has(each.code ?? '') || each.code === SUSPECTED);
}

/** Code of the hold that a suspicion raises. */
const SUSPECTED = 'duplicate-suspected';

/** What is merged: people, or households. */
export type Merged = 'Patient' | 'Group';

/** True when an element refers to the record, relatively or by an own URL. */
export function refersTo(element: unknown, id: string, type: Merged = 'Patient'): boolean {
  const { reference } = (element ?? {}) as { reference?: unknown };
  return (
    typeof reference === 'string' &&
    (reference === `${type}/${id}` || reference.endsWith(`/${type}/${id}`))
  );
}

/** The element leading to another record; a display of the former is left out. */
export function leadingTo(element: unknown, id: string, type: Merged = 'Patient'): Body {
  const { display: _display, identifier: _identifier, ...rest } = element as Body;
  return { ...rest, reference: `${type}/${id}` };
}

/** The resource with its living references led from one record to the other; itself when it has none. */
export function ledOver(
  living: Living,
  body: Body,
  source: string,
  target: string,
  type: Merged = 'Patient',
): Body {
  if (!living.isLiving(body)) return body;
  const changed = living.elements.filter((element) => refersTo(body[element], source, type));
  if (changed.length === 0) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      changed.includes(key) ? leadingTo(value, target, type) : value,
    ]),
  );
}

/** True when a record has been replaced by another. */
export function isReplaced(patient: Patient): boolean {
  return (patient.link ?? []).some(({ type }) => type === 'replaced-by');
}
