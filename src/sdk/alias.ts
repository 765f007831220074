/**
 * Aliases: a resource that answers for others, because they were replaced by it. What is settled keeps
 * the reference under which it was written; a search for the one that remains finds it all the same.
 */

import type { Database } from './sql.ts';
import { extensionPoint } from './tokens.ts';

/** Who answers for whom, of one type. */
export interface ReferenceAlias {
  readonly type: string;
  /** FHIR ids that these answer for, by FHIR id; those that answer for nobody are left out. */
  readonly formers: (
    unit: { readonly db: Database },
    ids: readonly string[],
  ) => Promise<ReadonlyMap<string, readonly string[]>>;
}

/** Rooms say here which resources answer for others; searches by reference ask for all of them. */
export const referenceAlias = extensionPoint<ReferenceAlias>(
  'house.reference-alias',
  'resources that answer for those that they replaced',
);
