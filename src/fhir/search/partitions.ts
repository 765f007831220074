/**
 * The tables in which resources stand: types that are met by the million have one of their own.
 *
 * A walk names the table itself, without a condition on the type. PostgreSQL takes such a condition
 * for one that few rows pass as long as it has no statistics, and would then read and sort all of
 * them rather than walk a few in the order of an index.
 *
 * A test compares this list with the database.
 */

import { RESOURCE_TYPES } from '../definitions/resource-types.ts';

/** Types that have a table of their own. */
export const OWN_TABLES: Readonly<Record<string, string>> = {
  Claim: 'resource_claim',
  Coverage: 'resource_coverage',
  Encounter: 'resource_encounter',
  Flag: 'resource_flag',
  Group: 'resource_group',
  InsurancePlan: 'resource_insurance_plan',
  Location: 'resource_location',
  Observation: 'resource_observation',
  Organization: 'resource_organization',
  Patient: 'resource_patient',
  QuestionnaireResponse: 'resource_questionnaire_response',
  Task: 'resource_task',
};

/** Where the resources of a type stand. */
export interface Partition {
  readonly table: string;
  /** What rows `r` of the table are of the type; empty where all are. */
  readonly only: readonly string[];
}

/** The table of a type, and what restricts it to the type. */
export function partitionOf(type: string): Partition {
  const own = OWN_TABLES[type];
  if (own) return { table: own, only: [] };
  return { table: 'resource_other', only: [`r.type = ${RESOURCE_TYPES.indexOf(type) + 1}`] };
}
