/**
 * What can be worked out of a resource before its write begins: that it is valid, and its index
 * rows. An import does so while PostgreSQL writes what came before.
 *
 * It holds for that very object and for the definitions by which it was worked out; when either has
 * changed since, the write does the work itself.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { Definitions, IndexRows } from '../definitions/definitions.ts';
import { ROWS_MAX } from '../definitions/rows.ts';

interface Foreseen {
  readonly by: Definitions;
  readonly rows: IndexRows;
}

const known = new WeakMap<Resource, Foreseen>();

/** Notes the rows of a resource that has been found valid and carries the id of its write. */
export function foresee(by: Definitions, resource: Resource): void {
  known.set(resource, { by, rows: by.extract(resource, ROWS_MAX) });
}

/** The rows of a resource if they are known and still hold; it is valid then, too. */
export function foreseen(by: Definitions, resource: Resource): IndexRows | undefined {
  const found = known.get(resource);
  return found?.by === by ? found.rows : undefined;
}
