/**
 * Slicing: which of a profile's slices does a value belong to.
 *
 * A slice says what its values look like; a discriminator says where to look. A value belongs to
 * the first slice of which every discriminator is met.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html#discriminator
 */

import { intervalOf } from './dates.ts';
import { target } from './references.ts';
import { isObject, type Json, type Run } from './run.ts';
import type { ElementNode, Slicing, Wanted } from './schema.ts';
import type { Terminology } from './terminology.ts';
import { equal, members } from './values.ts';

/** What telling slices apart needs of the outside. */
export interface SliceSource {
  readonly terminology: Terminology;
  /** The root element of a profile; undefined when we do not have it. */
  profile(url: string): ElementNode | undefined;
  /** Whether a value meets a profile; `run` tells what stands around it. */
  meets(url: string, value: Json, run: Run): boolean;
}

/** A value of a sliced element with the type that its JSON name tells. */
export interface TypedValue {
  readonly value: unknown;
  readonly type: string;
}

type Matcher = (value: TypedValue, run: Run) => boolean;

/** Compiles the test of whether a value belongs to a slice. */
export function sliceMatcher(slicing: Slicing, slice: ElementNode, source: SliceSource): Matcher {
  const tests = slicing.discriminators.map((each) => discriminate(each, slice, source));
  if (tests.length === 0) return () => false;
  return (value, run) => tests.every((test) => test(value, run));
}

/** Compiles the search for the slice of a value: its place, -1 for none. */
export function placing(
  slicing: Slicing,
  slices: ReadonlyArray<{ readonly slice: ElementNode; readonly matches: Matcher }>,
  source: SliceSource,
): (value: TypedValue, run: Run) => number {
  const byText = placesByText(slicing, slices, source);
  if (byText) {
    const [name, places] = byText;
    return ({ value }) => (isObject(value) ? (places.get(value[name]) ?? -1) : -1);
  }
  return (value, run) => slices.findIndex(({ matches }) => matches(value, run));
}

/** Slices told apart by a fixed text of one child, as extensions are by url: a table. */
function placesByText(
  { discriminators }: Slicing,
  slices: ReadonlyArray<{ readonly slice: ElementNode }>,
  source: SliceSource,
): readonly [string, ReadonlyMap<unknown, number>] | undefined {
  const [only, ...more] = discriminators;
  if (only?.type !== 'value' || more.length > 0 || !/^[a-z]\w*$/i.test(only.path)) return undefined;
  const places = new Map<unknown, number>();
  for (const [place, { slice }] of slices.entries()) {
    const [node, ...others] = nodesAt(slice, only.path, source);
    const text = node?.wanted?.kind === 'fixed' ? node.wanted.value : undefined;
    if (typeof text !== 'string' || others.length > 0) return undefined;
    if (node!.array || node!.choice) return undefined;
    if (!places.has(text)) places.set(text, place);
  }
  return [only.path, places];
}

function discriminate(
  discriminator: Slicing['discriminators'][number],
  slice: ElementNode,
  source: SliceSource,
): Matcher {
  const { type, path } = discriminator;
  const nodes = nodesAt(slice, path, source);
  switch (type) {
    case 'exists': {
      const wanted = nodes.some((node) => node.min > 0);
      return ({ value }, run) => valuesAt(value, path, run).length > 0 === wanted;
    }
    case 'type':
      return typeMatcher(path, nodes);
    case 'profile':
      return profileMatcher(path, nodes, source);
    default:
      if (nodes.length === 0) return () => false;
      return ({ value }, run) => {
        const values = valuesAt(value, path, run);
        return nodes.every((node) =>
          values.some((each) => conforms(node, each, source.terminology)),
        );
      };
  }
}

function typeMatcher(path: string, nodes: readonly ElementNode[]): Matcher {
  const types = new Set(nodes.flatMap((node) => node.types.map((each) => each.code)));
  if (path === '$this') {
    return ({ value, type }) =>
      types.has(type) || (isObject(value) && types.has(String(value.resourceType)));
  }
  const named = new Set(nodes.flatMap(targetsOf).map(lastSegment));
  return ({ value }, run) =>
    valuesAt(value, path, run).some((each) => {
      const { resourceType } = isObject(each) ? each : ({} as Json);
      return (
        typeof resourceType === 'string' && (named.has(resourceType) || types.has(resourceType))
      );
    });
}

/** The profiles that a value has, or that what it refers to has. */
function profileMatcher(path: string, nodes: readonly ElementNode[], source: SliceSource): Matcher {
  const profiles = path.endsWith('resolve()')
    ? nodes.flatMap(targetsOf)
    : nodes.flatMap((node) => node.types.flatMap((each) => each.profiles));
  return ({ value }, run) =>
    valuesAt(value, path, run).some(
      (each) => isObject(each) && profiles.some((url) => source.meets(url, each, run)),
    );
}

function targetsOf(node: ElementNode): readonly string[] {
  return node.types.flatMap((each) => each.targets);
}

function lastSegment(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

const EXTENSION_STEP = /^extension\('([^']+)'\)$/;

/** Paths of profiles that are kept cut up. */
const STEPS_MAX = 1_000;
const steps = new Map<string, readonly string[]>();

/** Steps of a discriminator path: names, and `extension('url')`. */
function stepsOf(path: string): readonly string[] {
  const known = steps.get(path);
  if (known) return known;
  const found = (path.match(/extension\('[^']+'\)|resolve\(\)|[^.]+/g) ?? []).filter(
    (step) => step !== '$this',
  );
  if (steps.size < STEPS_MAX) steps.set(path, found);
  return found;
}

/** The elements of a slice at a discriminator's path, entering the profiles of its types. */
function nodesAt(slice: ElementNode, path: string, source: SliceSource): ElementNode[] {
  let nodes = [slice];
  for (const step of stepsOf(path)) {
    if (step === 'resolve()') continue; // the Reference says of what it refers to by its targets
    const url = EXTENSION_STEP.exec(step)?.[1];
    nodes = nodes.flatMap((node) => childrenNamed(node, url ? 'extension' : step, source));
    if (url) {
      nodes = nodes.flatMap((node) =>
        node.slices.filter((each) => each.types.some((type) => type.profiles.includes(url))),
      );
    }
  }
  return nodes;
}

function childrenNamed(node: ElementNode, name: string, source: SliceSource): ElementNode[] {
  const bare = name.replace('[x]', '').replace(/\.ofType\(\w+\)$/, '');
  const own = mandatory(node).flatMap((each) =>
    each.children.filter((child) => child.name === bare),
  );
  if (own.length > 0) return own;
  return node.types
    .flatMap((type) => type.profiles)
    .flatMap((url) => source.profile(url)?.children ?? [])
    .filter((child) => child.name === bare);
}

/** What stands for an element: the slices of it that must be there, else the element itself. */
function mandatory(node: ElementNode): readonly ElementNode[] {
  const slices = node.slices.filter((slice) => slice.min > 0);
  return slices.length > 0 ? slices : [node];
}

/** The values at a discriminator's path. */
function valuesAt(value: unknown, path: string, run: Run): unknown[] {
  let values: unknown[] = [value];
  for (const step of stepsOf(path)) {
    if (step === 'resolve()') {
      values = values.flatMap((each) => target(each, run) ?? []);
      continue;
    }
    const url = EXTENSION_STEP.exec(step)?.[1];
    values = members(values, url ? 'extension' : step);
    if (url) values = values.filter((each) => isObject(each) && each.url === url);
  }
  return values;
}

/** Whether a value is what an element says by fixed value, pattern, binding or its children. */
function conforms(node: ElementNode, value: unknown, terminology: Terminology): boolean {
  if (node.wanted) return meetsWanted(node.wanted, value);
  let told = false;
  for (const child of node.children) {
    if (!isTelling(child)) continue;
    told = true;
    const found = members([value], child.name);
    const all = mandatory(child).every((part) =>
      found.some((each) => conforms(part, each, terminology)),
    );
    if (!all) return false;
  }
  if (told) return true;
  return node.binding?.strength === 'required' && inSet(node.binding.valueSet, value, terminology);
}

function isTelling(node: ElementNode): boolean {
  const [part] = mandatory(node);
  return (
    (node.min > 0 || part !== node) &&
    (part?.wanted !== undefined || part?.children.some(isTelling) === true)
  );
}

function inSet(url: string, value: unknown, terminology: Terminology): boolean {
  const set = terminology.valueSet(url);
  const codings = isObject(value) && Array.isArray(value.coding) ? value.coding : [value];
  return codings.some((each) => {
    if (typeof each === 'string') return set?.contains(each) === 'in';
    if (!isObject(each) || typeof each.code !== 'string') return false;
    const system = typeof each.system === 'string' ? each.system : undefined;
    return set?.contains(each.code, system) === 'in';
  });
}

/** Whether a value equals a fixed value or contains a pattern. */
export function meetsWanted(wanted: Wanted, value: unknown): boolean {
  return wanted.kind === 'fixed' ? equal(wanted.value, value) : contains(value, wanted.value);
}

/** Whether a value has everything that a pattern has; array members in any order. */
export function contains(value: unknown, pattern: unknown): boolean {
  if (Array.isArray(pattern)) {
    return (
      Array.isArray(value) &&
      pattern.every((wanted) => value.some((each) => contains(each, wanted)))
    );
  }
  if (isObject(pattern)) {
    return (
      isObject(value) && Object.keys(pattern).every((key) => contains(value[key], pattern[key]))
    );
  }
  if (typeof pattern === 'string' && typeof value === 'string' && pattern !== value) {
    const [a, b] = [intervalOf(pattern), intervalOf(value)];
    return a !== undefined && b !== undefined && a.lower === b.lower && a.upper === b.upper;
  }
  return equal(value, pattern);
}
