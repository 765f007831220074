/**
 * Break-glass: in an emergency an actor with the permission reads beyond its reach and without
 * masks, by giving the reason in the header `Break-Glass`. It is for reads only, for one request,
 * and stands in the trail with its purpose (v3 ActReason BTG) and the reason.
 */

import { type Actor, permission, problem } from '../sdk/index.ts';
import type { FhirRequest } from './types.ts';

/** Reads beyond one's reach in an emergency. */
export const BREAK_GLASS = permission(
  'access.break-glass',
  'reads beyond one’s areas, schemes and masks in an emergency, with a reason',
);

const REASON_MIN = 10;
const REASON_MAX = 500;

/**
 * The actor of a request, with the limits lifted if it breaks the glass.
 *
 * @throws Problem forbidden, invalid
 */
export function actorBreakingGlass(actor: Actor, request: FhirRequest, reads: boolean): Actor {
  const given = request.headers['break-glass'];
  if (given === undefined) return actor;
  const reason = given.trim();
  if (!actor.permissions.has('*') && !actor.permissions.has(BREAK_GLASS.name)) {
    throw problem(
      'forbidden',
      'permission-missing',
      `Break-Glass needs the permission "${BREAK_GLASS.name}"; ask an administrator.`,
    );
  }
  if (!reads) {
    throw problem('forbidden', 'break-glass-writes', 'Break-Glass is for reading only.');
  }
  if (reason.length < REASON_MIN || reason.length > REASON_MAX) {
    throw problem(
      'invalid',
      'break-glass-reason',
      `Give the reason in the header Break-Glass, ${REASON_MIN} to ${REASON_MAX} characters.`,
    );
  }
  return { ...actor, breakGlass: reason };
}
