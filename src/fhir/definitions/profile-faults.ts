/**
 * What is said where a profile is not kept: sentences with the remedy, and the counting that leads
 * to them. When they are asked is said by `profile-check.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html
 */

import { type Run, shown } from './run.ts';
import { choiceKey, type ElementNode } from './schema.ts';

/** The check of how often an element stands; undefined when the profile says nothing new. */
export function counter(
  node: ElementNode,
  base: ElementNode | undefined,
): ((count: number, run: Run) => void) | undefined {
  const { min, max } = node;
  if (base && min === base.min && max === base.max) return undefined;
  const name = node.choice ? `${node.name}[x]` : node.name;
  return (count, run) => {
    if (count < min) {
      const says =
        min === 1 ? `${name} is required by the profile. Add it.` : tooFew(name, min, count);
      run.error('required', 'missing-element', says, node.name);
    } else if (count > max) {
      const says =
        max === 0
          ? `${name} is not allowed by the profile. Remove it.`
          : `${name} may stand at most ${max} times by the profile, but is given ${count} times.`;
      run.error('structure', 'too-many', says, node.name);
    }
  };
}

function tooFew(name: string, min: number, count: number): string {
  return `${name} is needed at least ${min} times by the profile, but is given ${count} times.`;
}

/** Reports a slice that stands too seldom or too often. */
export function sliceCount(slice: ElementNode, count: number, run: Run): void {
  if (count < slice.min) {
    run.error(
      'required',
      'missing-slice',
      `The profile wants ${slice.name} "${slice.slice}" at least ${slice.min} time(s), but ${count} match. Add it.`,
    );
  } else if (count > slice.max) {
    run.error(
      'structure',
      'too-many',
      `The profile wants ${slice.name} "${slice.slice}" at most ${slice.max} time(s), but ${count} match.`,
    );
  }
}

/** JSON names of the types of a choice that a profile leaves out. */
export function forbiddenChoices(node: ElementNode, base: ElementNode | undefined): string[] {
  if (!node.choice || !base || node.max === 0) return [];
  const allowed = new Set(node.types.map((type) => type.code));
  return base.types
    .filter((type) => !allowed.has(type.code))
    .map((type) => choiceKey(node.name, type.code));
}

/** Reports a choice of a type that the profile leaves out. */
export function wrongChoice(node: ElementNode, key: string, run: Run): void {
  const allowed = node.types.map((type) => choiceKey(node.name, type.code));
  const list = allowed.length > 8 ? `${allowed.slice(0, 8).join(', ')} …` : allowed.join(' or ');
  run.error(
    'structure',
    'wrong-type',
    `The profile does not allow ${key}. Use ${list}.`,
    node.name,
  );
}

/** Reports a value of no slice where the profile allows no other. */
export function outsideSlices(node: ElementNode, run: Run): void {
  const names = node.slices.map((slice) => slice.slice).join(', ');
  run.error('structure', 'not-in-slice', `This is none of what the profile allows here: ${names}.`);
}

/** Reports a value that is not the fixed one, or lacks the pattern. */
export function notWanted(
  wanted: { kind: string; value: unknown },
  value: unknown,
  run: Run,
): void {
  const verb = wanted.kind === 'fixed' ? 'be' : 'contain';
  run.error(
    'value',
    'not-as-fixed',
    `This is ${shown(value)}, but must ${verb} ${shown(wanted.value)}.`,
  );
}

/** Reports a text that is too long. */
export function tooLong(max: number, run: Run): void {
  run.error('too-long', 'too-long', `The text may have at most ${max} characters.`);
}
