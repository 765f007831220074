/**
 * Who was compared with nobody: of whom too little is known for any key, and of whom too many others share
 * every key.
 */

import type { Blocks } from './blocks.ts';

export interface Unseen {
  /** People without any key: nothing but a given name is known of them, say. */
  readonly unknown: number;
  /** People all of whose keys were skipped because too many share them. */
  readonly crowded: number;
}

/** Counts them; keys that were skipped are zero. */
export function unseenOf({ keys, starts }: Pick<Blocks, 'keys' | 'starts'>): Unseen {
  let [unknown, crowded] = [0, 0];
  for (let row = 0; row + 1 < starts.length; row++) {
    const [from, to] = [starts[row]!, starts[row + 1]!];
    let at = from;
    while (at < to && keys[at] === 0) at++;
    if (from === to) unknown++;
    else if (at === to) crowded++;
  }
  return { unknown, crowded };
}
