/**
 * Operations of rooms look at whole schemes and books. An actor who is limited may call one only on
 * an instance that its limits speak of and that is in reach: an officer of an area links the
 * households of the area, and does not draft the payroll of a nation.
 *
 * An operation that says so (`narrowsAreas`) narrows itself to areas; of limits to schemes the
 * instance must be in reach then as well. The house's own operations (`$everything`, `$export`) narrow themselves, as searches do. Scopes
 * know no operations: they allow one where they allow to change (or, of one that only reads, to
 * read) the whole type that it stands on.
 */

import type { UnitOfWork } from '../app.ts';
import { type Operation, problem, reachRule } from '../sdk/index.ts';
import { scopesFor } from './authorize.ts';
import { current } from './interactions/read.ts';
import { BY_TYPE } from './operations/by-type.ts';
import { limitsOf } from './search/narrow.ts';

/**
 * @throws Problem forbidden (the operation is wider than the scopes or the reach), not-found (the
 *   instance)
 */
export async function checkOperationReach(
  unit: UnitOfWork,
  operation: Operation,
  type: string | undefined,
  id: string | undefined,
): Promise<void> {
  if (operation.permission === BY_TYPE) return;
  checkScopes(unit, operation, type);
  const limits = limitsOf(unit.actor);
  if (limits.length === 0) return;
  for (const { kind } of limits) {
    if (kind === 'areas' && operation.narrowsAreas) continue;
    const speaks = unit
      .parts(reachRule)
      .some((each) => each.limits === kind && each.type === type && !each.partly);
    if (id && speaks) continue;
    throw problem(
      'forbidden',
      'operation-beyond-reach',
      `$${operation.definition.code} goes beyond the ${kind} that you are limited to; it takes ` +
        'somebody without that limit.',
    );
  }
  if (type && id) await current(unit, type, id);
}

/** Scopes must allow changes (or reads) of the whole type that an operation stands on. */
function checkScopes(unit: UnitOfWork, { definition }: Operation, type: string | undefined): void {
  const { actor } = unit;
  if (!actor.scopes) return;
  const act = definition.affectsState === false ? 'read' : 'update';
  const wide = scopesFor(actor, act, type ?? '*').some((each) => !each.query);
  if (wide) return;
  throw problem(
    'forbidden',
    'scope-missing',
    `The token's scopes do not allow $${definition.code}; ask for a token with ` +
      `"system/${type ?? '*'}.${act === 'read' ? 'r' : 'u'}", or without SMART scopes.`,
  );
}
