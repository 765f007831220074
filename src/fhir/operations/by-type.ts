/**
 * The permission of the house's own operations: there is none of their own; they check the right
 * to read or write each type that they touch, as the plain interactions do.
 */

import { permission } from '../../sdk/index.ts';

/** Stands where an operation names its permission, and is not demanded. */
export const BY_TYPE = permission('fhir.by-type', 'what the interactions on the type allow');
