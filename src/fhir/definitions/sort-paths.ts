/**
 * Where in a resource the values stand by which codes, references and URLs are sorted, as SQL/JSON
 * paths: their index rows hold hashes, which have no order.
 */

import type { SearchParameterType } from './definitions.ts';
import type { Path } from './paths.ts';

/** Members of a FHIR type by which its values are sorted. */
const MEMBERS: Readonly<Record<string, string>> = {
  Coding: '."code"',
  CodeableConcept: '."coding"."code"',
  Identifier: '."value"',
  ContactPoint: '."value"',
  Reference: '."reference"',
};

const SORTED: ReadonlySet<SearchParameterType> = new Set(['token', 'reference', 'uri']);

/** The paths; none when a value is computed, or filtered by more than one equality. */
export function sortPathsOf(type: SearchParameterType, paths: readonly Path[]): string[] {
  if (!SORTED.has(type)) return [];
  const found = paths.map(jsonPath);
  return found.some((each) => each === undefined) ? [] : (found as string[]);
}

function jsonPath({ steps, type, compute }: Path): string | undefined {
  if (compute) return undefined;
  const parts: string[] = [];
  for (const { key, index, equals, filter } of steps) {
    if (filter && !equals) return undefined;
    const at = index === undefined ? '' : `[${index}]`;
    const only = equals
      ? ` ? (@.${JSON.stringify(equals.member)} == ${JSON.stringify(equals.value)})`
      : '';
    parts.push(`.${JSON.stringify(key)}${at}${only}`);
  }
  return `$${parts.join('')}${MEMBERS[type] ?? ''}`;
}
