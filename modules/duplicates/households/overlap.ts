/**
 * What two households that share people are to each other: one household registered twice (under another
 * head, perhaps), one that was split off or taken in, or two that claim the same member. Pure.
 */

/** A member of one household who may be one of another. */
export interface Tie {
  readonly given: string | number;
  readonly found: string | number;
  readonly p: number;
  readonly certain: boolean;
}

/** Each member once, the likeliest pairs first: families are small, and probabilities far apart. */
export function oneToOne<Each extends Tie>(ties: readonly Each[]): Each[] {
  const [given, found] = [new Set<string | number>(), new Set<string | number>()];
  return ties
    .toSorted((x, y) => y.p - x.p)
    .filter((each) => {
      if (given.has(each.given) || found.has(each.found)) return false;
      given.add(each.given);
      found.add(each.found);
      return true;
    });
}

/** What is suspected of two households; members of CodeSystem `household-overlap`. */
export type OverlapKind = 'same-household' | 'part-of-household' | 'member-of-two';

export interface Overlap<Each extends Tie> {
  readonly kind: OverlapKind;
  /** Expected members in both over the size of the smaller; of one shared member its probability. */
  readonly score: number;
  readonly ties: readonly Each[];
}

/** Members expected in both for the households to be suspected as such: two, of whom none is certain. */
const SHARED_MIN = 1.5;
/** Share of a household that is in the other for it to be the same, or a part of it. */
const PART_MIN = 0.5;
/** How likely a single member must be in both: a less likely one is asked about as a person. */
const MEMBER_MIN = 0.9;

/**
 * @param one  members of the one household now
 * @param other  members of the other
 * @returns undefined when they share nobody who matters
 */
export function overlapOf<Each extends Tie>(
  ties: readonly Each[],
  one: number,
  other: number,
): Overlap<Each> | undefined {
  const best = oneToOne(ties);
  const sum = best.reduce((so, { p }) => so + p, 0);
  const [smaller, larger] = [Math.max(1, Math.min(one, other)), Math.max(1, one, other)];
  if (sum >= SHARED_MIN && sum >= smaller * PART_MIN) {
    const kind = sum >= larger * PART_MIN ? 'same-household' : 'part-of-household';
    return { kind, score: Math.min(1, sum / smaller), ties: best };
  }
  const likely = best.filter(({ p }) => p >= MEMBER_MIN);
  // Of two people who live alone the suspicion about the people says it all.
  if (likely.length === 0 || larger === 1) return undefined;
  return { kind: 'member-of-two', score: likely[0]!.p, ties: likely };
}

/** How sure it is that two households are one: two certain members, and nearly all of the smaller. */
export function gradeOfOverlap({
  score,
  ties,
}: Pick<Overlap<Tie>, 'score' | 'ties'>): 'certain' | 'probable' | 'possible' {
  const sure = ties.filter(({ certain }) => certain).length;
  if (sure >= 2 && score >= 0.9) return 'certain';
  return score >= 0.5 ? 'probable' : 'possible';
}
