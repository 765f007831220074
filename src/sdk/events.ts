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

/** A stored resource of a type that a Subscription waits for was created or updated. */
export const resourceAwaited = event<{
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly action: 'create' | 'update';
}>(
  'house.resource-awaited',
  'a stored FHIR resource of a type that a Subscription waits for was created or updated',
);
