/**
 * Events of the house itself, for modules to react to.
 */

import { event } from './tokens.ts';

/** A stored resource was created, updated or deleted. */
export const resourceWritten = event<{
  readonly type: string;
  readonly id: string;
  /** Internal id as decimal text. */
  readonly rid: string;
  readonly version: number;
  readonly action: 'create' | 'update' | 'delete';
}>('house.resource-written', 'a stored FHIR resource was created, updated or deleted');
