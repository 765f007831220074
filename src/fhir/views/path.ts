/**
 * FHIRPath of views: what is plain (names, `where` with equality, `first()`, `ofType()` of choices,
 * keys) is compiled to closures; everything else is evaluated by the `fhirpath` package with R4's
 * model, in a process of its own (`evaluator.ts`).
 *
 * Only functions that end are taken: a regular expression of a caller could run for hours, and
 * `trace` and `resolve` reach outside. Constants are put into the text as literals of their type.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
 */

import { problem } from '../../sdk/index.ts';
import { interpret, type Path } from './interpret.ts';
import { plain } from './plain.ts';

/** A path; `parse` stands where the `fhirpath` package evaluates it. */
export interface CompiledPath {
  readonly evaluate: Path;
  readonly parse?: () => void;
}

const FUNCTIONS = new Set(
  (
    'all allFalse allTrue anyFalse anyTrue abs as ceiling children combine contains convertsToBoolean ' +
    'convertsToDate convertsToDateTime convertsToDecimal convertsToInteger convertsToQuantity ' +
    'convertsToString convertsToTime count descendants distinct empty endsWith exclude exists exp ' +
    'extension first floor getReferenceKey getResourceKey getValue hasValue highBoundary iif indexOf ' +
    'intersect is isDistinct join last length ln log lowBoundary lower not now ofType power precision ' +
    'replace round select single skip split sqrt startsWith subsetOf substring supersetOf tail take ' +
    'timeOfDay toBoolean toChars toDate toDateTime toDecimal toInteger toQuantity toString toTime today ' +
    'trim truncate type union upper where'
  ).split(' '),
);

const VARIABLES = new Set([
  'rowIndex',
  'resource',
  'rootResource',
  'context',
  'ucum',
  'sct',
  'loinc',
]);

/** Longest path taken; a longer one is no path but an attack on the parser. */
const LENGTH_MAX = 4000;
/** Brackets within brackets; a parser of deeper ones runs out of stack. */
const DEPTH_MAX = 50;
/** Operators and steps of one path. */
const STEPS_MAX = 400;

/** Texts in quotes, variables and functions, in the order in which they stand. */
const PARTS =
  /'(?:[^'\\]|\\.)*'|%(?:`([^`]+)`|'([^']+)'|([A-Za-z_][\w-]*))|`[^`]+`|([A-Za-z_]\w*)\s*\(/g;

/**
 * Compiles a path.
 *
 * @param constants  literals of FHIRPath by name
 * @param place  where it stands in the view, for refusals
 * @throws Problem invalid, naming the place
 */
export function compilePath(
  text: unknown,
  constants: ReadonlyMap<string, string>,
  place: string,
): CompiledPath {
  if (typeof text !== 'string' || text.trim() === '' || text.length > LENGTH_MAX) {
    throw refused(`A path is a FHIRPath expression of 1 to ${LENGTH_MAX} characters.`, place);
  }
  const whole = withConstants(text, constants, place);
  if (isDeep(whole))
    throw refused(`A path has at most ${STEPS_MAX} steps, ${DEPTH_MAX} deep.`, place);
  const evaluate = plain(whole);
  return evaluate ? { evaluate } : interpret(whole, place);
}

function refused(says: string, place: string) {
  return problem('invalid', 'view-invalid', says, place);
}

function withConstants(
  text: string,
  constants: ReadonlyMap<string, string>,
  place: string,
): string {
  return text.replace(PARTS, (part, a?: string, b?: string, c?: string, called?: string) => {
    if (called !== undefined && !FUNCTIONS.has(called)) {
      throw refused(`The function ${called}() is not evaluated in views.`, place);
    }
    const name = a ?? b ?? c;
    if (name === undefined || VARIABLES.has(name)) return part;
    const literal = constants.get(name);
    if (literal === undefined) throw refused(`The view has no constant "${name}".`, place);
    return literal;
  });
}

function isDeep(text: string): boolean {
  const bare = text.replace(/'(?:[^'\\]|\\.)*'/g, '');
  if (
    (bare.match(/[^\w\s)\]]|\b(?:and|or|xor|implies|is|as|in|contains|div|mod)\b/g)?.length ?? 0) >
    STEPS_MAX
  ) {
    return true;
  }
  let depth = 0;
  for (const sign of bare) {
    if ('([{'.includes(sign)) depth += 1;
    if (')]}'.includes(sign)) depth -= 1;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}
