/**
 * `start` and `end` of `$everything`: when care was given, not when it was written down. A resource
 * without such a date (who the person is, who treats them) belongs to every period.
 *
 * Spec: https://hl7.org/fhir/R4/patient-operation-everything.html
 */

import type { Resource } from '@medplum/fhirtypes';
import type { Definitions } from '../definitions/definitions.ts';
import { parseDate } from '../search/values.ts';

/** A period of care as asked for, with its bounds as instants. */
export interface CarePeriod {
  readonly start: string | undefined;
  readonly end: string | undefined;
  readonly from: number;
  readonly to: number;
}

/** Search parameters that say when care was given; of a type, the first that it has. */
const CARE_DATES = [
  'date',
  'period',
  'performed-date',
  'effective',
  'onset-date',
  'authoredon',
  'authored',
  'created',
  'sent',
  'issued',
  'started',
  'whenhandedover',
  'effective-time',
  'recorded-date',
];

/** @throws Problem when a date is malformed */
export function carePeriod(start?: string, end?: string): CarePeriod | undefined {
  if (start === undefined && end === undefined) return undefined;
  return {
    start,
    end,
    from: start ? Date.parse(parseDate(start, 'start').lower) : Number.NEGATIVE_INFINITY,
    to: end ? Date.parse(parseDate(end, 'end').upper) : Number.POSITIVE_INFINITY,
  };
}

/** True when the care that a resource tells of falls into a period, or it tells of none. */
export function isInCarePeriod(
  definitions: Definitions,
  resource: Resource,
  { from, to }: CarePeriod,
): boolean {
  const type = resource.resourceType;
  const infos = CARE_DATES.map((code) => definitions.searchParameter(type, code));
  const key = infos.find((info) => info?.type === 'date')?.key;
  if (key === undefined) return true;
  const dates = definitions.extract(resource).dat.filter((row) => row.param === key);
  if (dates.length === 0) return true;
  return dates.some(
    ({ lower, upper }) =>
      (lower === null || Date.parse(lower) < to) && (upper === null || Date.parse(upper) > from),
  );
}
