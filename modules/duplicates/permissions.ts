/**
 * Rights of this room. Matching is an oracle on personal data, so reading Patients is not enough for
 * it. Which roles have them stands in `migrations/0130_duplicates_match.sql`.
 */

import { permission } from '../../src/sdk/index.ts';

export const MATCH = permission(
  'duplicates.match',
  'ask who in the registry a person or a household may be',
);
export const FIND = permission('duplicates.find', 'have the registry searched for duplicates');
export const OVERRIDE = permission(
  'duplicates.override',
  'lift the hold of a suspicion before it is decided',
);
export const REVIEW = permission(
  'duplicates.review',
  'decide on suspected duplicates, and see all records of one person',
);
export const LINK = permission(
  'duplicates.link',
  'link the records of two registries that are of one person',
);
