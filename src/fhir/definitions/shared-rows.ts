/**
 * Which rows parameters of a type share, so that each text and each token is written once.
 *
 * Texts: what several string parameters read (`Patient.name` is read by `name`, its `family` by
 * `family` too) is cut into groups, each read whole by the same parameters. A group has a key of
 * its own, and a parameter is searched under the keys of all its groups. HL7's parameters alone
 * decide the groups: a parameter that is added or removed later uses whole groups or has rows of
 * its own, and never changes under which key other rows stand. Parts of names and addresses are
 * groups of their own, which share rows.
 *
 * Tokens: a parameter that takes one system of what another reads (`phone` of `telecom`) uses the
 * rows of the other, whose column `system` tells them apart.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#string
 */

import { type Path, signatureOf } from './paths.ts';

/** A string parameter and what it reads. */
export interface TextReads {
  readonly code: string;
  readonly paths: readonly Path[];
  /** HL7's. */
  readonly standard: boolean;
}

/** Texts that stand under one key. */
export interface TextGroup {
  /**
   * Name of the key within the type: the code of a parameter, or those of several with `+`; of
   * texts that share rows with others, the name of those rows.
   */
  readonly name: string;
  /** Which column of the rows the texts have. */
  readonly column: Column;
  readonly leaves: readonly Path[];
}

type Column = 0 | 1 | 2 | 3;
type Place = readonly [rows: string, column: Column];

/** The texts within a HumanName and an Address by which they are found. */
export const PARTS: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['text', 'family', 'given', 'prefix', 'suffix'],
  Address: ['text', 'line', 'city', 'district', 'state', 'postalCode', 'country'],
};

/**
 * What is nearly always there, and once, stands beside each other in one row: a row costs five times
 * what a short text does. These places stand in stored rows, so they must never change.
 */
const PLACES: Readonly<Record<string, Place>> = {
  'HumanName.family': ['texts-1', 0],
  'HumanName.given': ['texts-1', 1],
  'Address.city': ['texts-1', 2],
  'Address.state': ['texts-1', 3],
  'Address.line': ['texts-2', 0],
  'Address.district': ['texts-2', 1],
  'Address.text': ['texts-2', 2],
  'Address.country': ['texts-2', 3],
};

interface Leaf {
  readonly path: Path;
  readonly place?: Place | undefined;
}
type Leaves = ReadonlyMap<string, Leaf>;

/** The groups of each parameter, by code. */
export function textGroups(all: readonly TextReads[]): Map<string, readonly TextGroup[]> {
  const leaves = new Map(all.map((each) => [each.code, leavesOf(each)]));
  const standard = all.filter((each) => each.standard).map((each) => each.code);
  const groups = standardGroups(standard, leaves);
  return new Map(
    all.map(({ code }) => {
      const own = leaves.get(code)!;
      const whole = groups.filter((group) =>
        group.leaves.every((leaf) => own.has(nameOf(leaf, code))),
      );
      const covered = whole.reduce((sum, group) => sum + group.leaves.length, 0);
      const paths = [...own.values()].map((leaf) => leaf.path);
      return [code, covered === own.size ? whole : [{ name: code, column: 0, leaves: paths }]];
    }),
  );
}

function standardGroups(codes: readonly string[], leaves: Map<string, Leaves>): TextGroup[] {
  const readers = new Map<string, { leaf: Leaf; codes: string[] }>();
  for (const code of codes) {
    for (const [name, leaf] of leaves.get(code)!) {
      const reader = readers.get(name) ?? { leaf, codes: [] };
      // Only who reads the whole element knows that it is a part of one.
      if (leaf.place) reader.leaf = leaf;
      reader.codes.push(code);
      readers.set(name, reader);
    }
  }
  const together = Map.groupBy(readers.values(), (each) => [...each.codes].sort().join('+'));
  const taken = new Set<Place>();
  return [...together].flatMap(([name, group]) => {
    const only = group[0]!.codes.find((code) => leaves.get(code)!.size === group.length);
    const groups: TextGroup[] = [];
    // A second element of the kind, read by others, has rows of its own.
    const placeOf = ({ place }: Leaf) => (place && !taken.has(place) ? place : undefined);
    for (const [place, own] of Map.groupBy(group, ({ leaf }) => placeOf(leaf))) {
      const [rows, column] = place ?? [only ?? name, 0 as const];
      groups.push({ name: rows, column, leaves: own.map(({ leaf }) => leaf.path) });
    }
    for (const { leaf } of group) if (leaf.place) taken.add(leaf.place);
    return groups;
  });
}

/** The texts that a parameter reads, each with a name that is the same for the same place. */
function leavesOf({ code, paths }: TextReads): Leaves {
  const parts = paths.flatMap((path): Leaf[] => {
    const names = path.compute ? undefined : PARTS[path.type];
    if (!names) return [{ path }];
    return names.map((key) => ({
      path: { steps: [...path.steps, { key }], type: 'string' },
      place: PLACES[`${path.type}.${key}`],
    }));
  });
  return new Map(parts.map((leaf) => [nameOf(leaf.path, code), leaf]));
}

function nameOf(path: Path, code: string): string {
  return path.compute ? `=${code}` : signatureOf(path);
}

/** The places of paths that all keep to one system, as they are without that. */
export function widened(
  paths: readonly Path[],
): { readonly system: string; readonly places: string[] } | undefined {
  const systems = new Set<string | undefined>();
  const places = paths.map((path) => {
    const last = path.steps.at(-1);
    const taken = path.type === 'ContactPoint' || path.type === 'Identifier';
    systems.add(taken && last?.equals?.member === 'system' ? last.equals.value : undefined);
    if (!last) return '';
    const { filter: _filter, equals: _equals, ...bare } = last;
    return signatureOf({ ...path, steps: [...path.steps.slice(0, -1), bare] });
  });
  const [system] = systems;
  return system !== undefined && systems.size === 1 ? { system, places } : undefined;
}
