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

/** Kinds of Task that speak of records as such. */
export const RECORD_TASKS: ReadonlySet<string> = new Set([
  'duplicate-review',
  'merge-proposal',
  'merge-follow-up',
  'paid-twice',
  'unmerge-review',
]);

/** True for a Task that speaks of records as such. */
export function isAboutRecords({ code }: Body): boolean {
  const codings = (code as { coding?: readonly { code?: string }[] } | undefined)?.coding ?? [];
  return codings.some((each) => RECORD_TASKS.has(each.code ?? ''));
}

/** True when an element refers to the person, relatively or by an own URL. */
export function refersTo(element: unknown, id: string): boolean {
  const { reference } = (element ?? {}) as { reference?: unknown };
  return (
    typeof reference === 'string' &&
    (reference === `Patient/${id}` || reference.endsWith(`/Patient/${id}`))
  );
}

/** The element leading to another person; a display of the former is left out. */
export function leadingTo(element: unknown, id: string): Body {
  const { display: _display, identifier: _identifier, ...rest } = element as Body;
  return { ...rest, reference: `Patient/${id}` };
}

/** The resource with its living references led from one person to the other; itself when it has none. */
export function ledOver(living: Living, body: Body, source: string, target: string): Body {
  if (!living.isLiving(body)) return body;
  const changed = living.elements.filter((element) => refersTo(body[element], source));
  if (changed.length === 0) return body;
  return Object.fromEntries(
    Object.entries(body).map(([key, value]) => [
      key,
      changed.includes(key) ? leadingTo(value, target) : value,
    ]),
  );
}

/** True when a record has been replaced by another. */
export function isReplaced(patient: Patient): boolean {
  return (patient.link ?? []).some(({ type }) => type === 'replaced-by');
}
