/**
 * Pieces of SQL for three-valued truth and for numbers known only within bounds.
 *
 * A fact that is missing makes a comparison null, and null is "undetermined", never no and never
 * zero. A count over members of whom some cannot be judged lies between two bounds; a comparison
 * with it is decided where both bounds agree and null where they do not.
 */

/** A number: SQL of the least and the greatest value it can have. */
export interface Range {
  readonly low: string;
  readonly high: string;
}

/** A number that is known exactly, or null. */
export function exactly(sql: string): Range {
  return { low: sql, high: sql };
}

export function isExact(range: Range): boolean {
  return range.low === range.high;
}

/** A text as SQL literal. */
export function quote(text: string): string {
  if (text.includes('\0')) throw new Error('a text with NUL cannot be written in SQL');
  const doubled = text.replaceAll("'", "''");
  return text.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

export function not(sql: string): string {
  return `(not ${sql})`;
}

const FLIPPED: Readonly<Record<string, string>> = { '<': '>', '<=': '>=' };

/** Compares two numbers: `=`, `!=`, `<`, `<=`, `>`, `>=`. */
export function compare(operator: string, left: Range, right: Range): string {
  if (operator === '!=') return not(compare('=', left, right));
  if (isExact(left) && isExact(right)) return `(${left.low} ${operator} ${right.low})`;
  const flipped = FLIPPED[operator];
  if (flipped) return compare(flipped, right, left);
  if (operator === '=') {
    return (
      `(case when ${left.high} < ${right.low} or ${right.high} < ${left.low} then false ` +
      `when ${left.low} = ${left.high} and ${right.low} = ${right.high} ` +
      `and ${left.low} = ${right.low} then true end)`
    );
  }
  const opposite = operator === '>' ? '<=' : '<';
  return (
    `(case when ${left.low} ${operator} ${right.high} then true ` +
    `when ${left.high} ${opposite} ${right.low} then false end)`
  );
}

/** A number of which both bounds agree, else null. */
export function certain({ low, high }: Range): string {
  return low === high ? low : `(case when ${low} = ${high} then ${low} end)`;
}

/**
 * Adds, subtracts, multiplies, divides. Dividing by zero gives null, as in FHIRPath.
 *
 * @param whole  both are whole numbers: `div` and `mod` are those of bigint
 */
export function calculate(operator: string, left: Range, right: Range, whole: boolean): Range {
  const once = (a: string, b: string) => operation(operator, a, b, whole);
  if (isExact(left) && isExact(right)) return exactly(`(${once(left.low, right.low)})`);
  if (operator === '+') {
    return { low: `(${left.low} + ${right.low})`, high: `(${left.high} + ${right.high})` };
  }
  if (operator === '-') {
    return { low: `(${left.low} - ${right.high})`, high: `(${left.high} - ${right.low})` };
  }
  // These jump between the bounds of what they are computed from.
  if (operator === 'div' || operator === 'mod') {
    return exactly(`(${once(certain(left), certain(right))})`);
  }
  const corners = [left.low, left.high].flatMap((a) =>
    [right.low, right.high].map((b) => once(a, b)),
  );
  // Between divisors of both signs a quotient has no bounds.
  const crosses = `${right.low} <= 0 and ${right.high} >= 0`;
  const smooth = operator === '*' ? undefined : crosses;
  const bound = (choose: string) =>
    smooth
      ? `(case when ${smooth} then null else ${choose}(${corners.join(', ')}) end)`
      : `${choose}(${corners.join(', ')})`;
  return { low: bound('least'), high: bound('greatest') };
}

/** Division is decimal: 3 / 2 is 1.5 in FHIRPath, and 1 between integers of SQL. */
function operation(operator: string, left: string, right: string, whole: boolean): string {
  const divisor = `nullif(${right}, 0)`;
  if (operator === '/') return `${left}::numeric / ${divisor}`;
  if (operator === 'mod') return `${left} % ${divisor}`;
  if (operator === 'div') return whole ? `${left} / ${divisor}` : `div(${left}, ${divisor})`;
  return `${left} ${operator} ${right}`;
}

/**
 * "At least n completed years (or months)", with the day of birth known or only bounded.
 *
 * @param bornBy  whoever was born on or before this day has reached the age
 */
export function reachedBy(bornBy: string): string {
  const day = `date '${bornBy}'`;
  return (
    `(case when m.birth_date_last <= ${day} then true ` +
    `when m.birth_date > ${day} then false end)`
  );
}
