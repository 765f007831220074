/**
 * Operations of rooms look at whole schemes and books. An actor who is limited may call one only on
 * an instance that its limits speak of and that is in reach: an officer of an area links the
 * households of the area, and does not draft the payroll of a nation.
 *
 * The house's own operations (`$everything`, `$export`) narrow themselves, as searches do.
 */

import type { UnitOfWork } from '../app.ts';
import { type Operation, problem, reachRule } from '../sdk/index.ts';
import { current } from './interactions/read.ts';
import { BY_TYPE } from './operations/by-type.ts';
import { limitsOf } from './search/narrow.ts';

/** @throws Problem forbidden (the operation is wider than the reach), not-found (the instance) */
export async function checkOperationReach(
  unit: UnitOfWork,
  operation: Operation,
  type: string | undefined,
  id: string | undefined,
): Promise<void> {
  if (operation.permission === BY_TYPE) return;
  const limits = limitsOf(unit.actor);
  if (limits.length === 0) return;
  for (const { kind } of limits) {
    const speaks = unit.parts(reachRule).some((each) => each.limits === kind && each.type === type);
    if (id && speaks) continue;
    throw problem(
      'forbidden',
      'operation-beyond-reach',
      `$${operation.definition.code} goes beyond the ${kind} that you are limited to; it takes ` +
        'somebody without that limit.',
    );
  }
  await current(unit, type!, id!);
}
