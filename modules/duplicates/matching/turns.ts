/**
 * Work in turns: several threads take the next piece until none is left, so that whoever is faster
 * takes more. What comes out is put in the order of the turns, the same however many threads there are.
 */

/** A work that is done in turns. */
export interface Work {
  /** What is to be done. */
  readonly kind: string;
  /** How many turns have been taken, by whomever; in shared memory. */
  readonly taken: Int32Array;
}

/** What came of one turn. */
export interface Turn {
  readonly turn: number;
}

/** No turn taken yet. */
export const newTurns = (): Int32Array => new Int32Array(new SharedArrayBuffer(4));

/** Takes turns until none of so many is left; answers what came of those taken here. */
export function inTurns<Part>(
  taken: Int32Array,
  count: number,
  work: (turn: number) => Part,
): Part[] {
  const done: Part[] = [];
  for (;;) {
    const turn = Atomics.add(taken, 0, 1);
    if (turn >= count) return done;
    done.push(work(turn));
  }
}
