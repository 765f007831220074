/**
 * Moves keys of new and changed people from the small index, where each registration enters its own, into
 * the large one: many together, so that each of its pages is written once and not once a person.
 */

import type { Units } from '../../../src/sdk/index.ts';
import { enterKeys, freshPeople, moveKeys } from '../store/features.ts';

/** People of one transaction. */
const PORTION = 50_000;
/** While the small index holds fewer, it costs next to nothing. */
const MOVED_MIN = 10_000;

/** Empties the small index if it has grown. */
export async function moveFreshKeys(units: Units): Promise<void> {
  const fresh = await units.run((ctx) => freshPeople(ctx, MOVED_MIN));
  if (fresh < MOVED_MIN) return;
  for (;;) {
    const moved = await units.run((ctx) => moveKeys(ctx, PORTION));
    await units.run(enterKeys);
    if (moved < PORTION) return;
  }
}
