/**
 * The one place through which every search passes before its SQL is run, so that an actor's reach
 * (areas and schemes) and masks narrow it inside the database, where counts and pages are right.
 *
 * Today the only limit is the permission to read a type.
 */

import type { UnitOfWork } from '../../app.ts';
import { authorize } from '../authorize.ts';

/**
 * Conditions on `r` that the actor's reach adds to a search of a type.
 *
 * @throws Problem forbidden when the type may not be read at all
 */
export function reachConditions(unit: UnitOfWork, type: string): readonly string[] {
  authorize(unit, 'read', type);
  return [];
}
