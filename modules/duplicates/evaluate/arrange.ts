/**
 * A registry made ready for being compared: in memory that threads share, neighbours side by side, if
 * it is so large that this is worth the while. What is found does not depend on it but in the order.
 */

import type { Registry } from '../matching/registry.ts';
import { ALONE_MAX, helpersFor } from '../matching/threads.ts';
import { ready } from '../nightly/everybody.ts';

/** A registry in the order in which it is compared. */
export interface Arranged {
  readonly registry: Registry;
  /** Where each person stands in the files. */
  readonly places: Float64Array;
}

/** Makes a registry ready; small ones stay as they are. */
export function arranged(registry: Registry): Arranged {
  const ids = Float64Array.from({ length: registry.size }, (_, at) => at);
  if (registry.size < ALONE_MAX) return { registry, places: ids };
  const everybody = ready({ registry, ids }, helpersFor(registry.size) > 0);
  return { registry: everybody.registry, places: everybody.ids };
}
