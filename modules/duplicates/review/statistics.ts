/**
 * What verdicts tell of the matching and of the reviewers: how often a grade is right, with the interval
 * in which that lies, how far two people agree beyond chance, and whether a grade has drifted.
 */

/** A share with its 95 % interval. */
export interface Share {
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

const Z = 1.959964;

/** Wilson's interval, which holds for small numbers and for shares near 0 and 1. Without cases: all. */
export function wilson(hits: number, cases: number): Share {
  if (cases === 0) return { share: Number.NaN, low: 0, high: 1 };
  const p = hits / cases;
  const z2 = (Z * Z) / cases;
  const middle = (p + z2 / 2) / (1 + z2);
  const half = (Z * Math.sqrt((p * (1 - p)) / cases + z2 / (4 * cases))) / (1 + z2);
  return { share: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
}

/** How often two people said what. */
export interface Answers {
  readonly one: string;
  readonly other: string;
  readonly n: number;
}

/**
 * Cohen's kappa: 1 when two people always agree, 0 when as often as by chance; undefined without cases.
 * When both always say the same one thing they agree, though chance would, too.
 */
export function kappa(answers: readonly Answers[]): number | undefined {
  const sum = (of: readonly Answers[]): number => of.reduce((total, { n }) => total + n, 0);
  const all = sum(answers);
  if (all === 0) return undefined;
  const agreed = sum(answers.filter(({ one, other }) => one === other)) / all;
  const words = new Set(answers.flatMap(({ one, other }) => [one, other]));
  const chance = [...words].reduce((total, word) => {
    const first = sum(answers.filter(({ one }) => one === word)) / all;
    const second = sum(answers.filter(({ other }) => other === word)) / all;
    return total + first * second;
  }, 0);
  return chance === 1 ? 1 : (agreed - chance) / (1 - chance);
}

/** True when what is right of a grade lies elsewhere now than before, intervals excluded. */
export function hasDrifted(before: Share, now: Share): boolean {
  if (Number.isNaN(before.share) || Number.isNaN(now.share)) return false;
  return now.high < before.low || now.low > before.high;
}

/** Decided pairs of one probability. */
export interface Reviewed {
  readonly p: number;
  readonly decided: number;
  readonly duplicate: number;
}

/** A probability from which on so many pairs were decided, and so many were one person. */
export interface Threshold extends Reviewed {
  readonly share: Share;
}

/**
 * The lowest probability such that, of all decided pairs at least as likely, the share that was one person
 * is at least `wanted` even at the lower end of its interval; undefined where no probability reaches that.
 *
 * @param reviewed  decided pairs, the likeliest first
 */
export function thresholdFor(wanted: number, reviewed: readonly Reviewed[]): Threshold | undefined {
  let found: Threshold | undefined;
  let [decided, duplicate] = [0, 0];
  for (const each of reviewed) {
    decided += each.decided;
    duplicate += each.duplicate;
    const share = wilson(duplicate, decided);
    if (share.low >= wanted) found = { p: each.p, decided, duplicate, share };
  }
  return found;
}
