/**
 * A function of texts that remembers what it answered, as long as most texts come again.
 */

/** Texts that are remembered at once. */
const KEPT_MAX = 100_000;

/** The function with a memory; where more texts are new than come again, it goes without one. */
export function remembered<Answer>(of: (text: string) => Answer): (text: string) => Answer {
  const known = new Map<string, Answer>();
  let again = 0;
  let worthwhile = true;
  return (text) => {
    if (!worthwhile) return of(text);
    const before = known.get(text);
    if (before !== undefined) {
      again++;
      return before;
    }
    const answer = of(text);
    if (known.size === KEPT_MAX) {
      worthwhile = again > KEPT_MAX;
      again = 0;
      known.clear();
    }
    known.set(text, answer);
    return answer;
  };
}
