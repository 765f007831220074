/**
 * Whether a model learnt anew may take the place of the one in force. What agreement means does not
 * change overnight: where a weight or the share of duplicates leaps, something was imported or
 * damaged that somebody should look at first.
 */

import { type Model, weightsOf } from '../matching/model.ts';

/** Bits that a weight may move. */
const BITS_MAX = 3;
/** How often the share of duplicates may be multiplied or divided. */
const LAMBDA_FOLD_MAX = 3;
/** Levels seen less often among pairs of one person are too rare for their weight to be known. */
const SEEN_MIN = 0.005;

/**
 * Why a model is refused; undefined: it is taken.
 *
 * @param now  the model in force, made fit for the present size of the registry
 */
export function refusalOf(fresh: Model, now: Model): string | undefined {
  const fold = fresh.lambdaM / now.lambdaM;
  if (!(fold <= LAMBDA_FOLD_MAX && fold >= 1 / LAMBDA_FOLD_MAX)) {
    return `the share of duplicates changed ${fold.toPrecision(3)}-fold`;
  }
  for (const [name, { m, u }] of Object.entries(fresh.fields)) {
    const before = now.fields[name];
    if (!before) continue;
    const weights = weightsOf(m, u, m.length);
    const earlier = weightsOf(before.m, before.u, before.m.length);
    for (const [level, weight] of weights.entries()) {
      const seen = Math.max(m[level]!, before.m[level] ?? 0) >= SEEN_MIN;
      const moved = weight - (earlier[level] ?? weight);
      if (seen && Math.abs(moved) > BITS_MAX) {
        return `the weight of ${name}, level ${level}, moved by ${moved.toFixed(1)} bits`;
      }
    }
  }
  return undefined;
}
