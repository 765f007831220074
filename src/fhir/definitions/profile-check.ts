/**
 * What a profile asks beyond its base type, compiled: cardinality, fixed values and patterns,
 * bindings, types, reference targets, slices, extensions, rules.
 *
 * Elements about which a profile says nothing new compile to nothing, so that a profile costs
 * what it asks and no more. Unknown elements and formats are the base type's business.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html
 */

import type { StructureDefinition } from '@medplum/fhirtypes';
import type { Issue } from '../../sdk/problem.ts';
import { bindingCheck, strictSet } from './bindings.ts';
import { primitiveOf, type Rule, ruleBroken, type ValueCheck } from './checks.ts';
import type { Types } from './compile.ts';
import { type ContextCheck, contextCheck } from './contexts.ts';
import { rulesOf } from './invariants.ts';
import {
  counter,
  forbiddenChoices,
  notWanted,
  outsideSlices,
  sliceCount,
  tooLong,
  wrongChoice,
} from './profile-faults.ts';
import { boundCheck, checkOrder, type Placed, partsCheck } from './profile-parts.ts';
import { referenceTypeCheck, resolved } from './references.ts';
import { isResourceType } from './resource-types.ts';
import { type Further, isObject, type Json, Run } from './run.ts';
import { choiceKey, type ElementNode, schemaOf, typeOfCanonical } from './schema.ts';
import {
  meetsWanted,
  placing,
  type SliceSource,
  sliceMatcher,
  type TypedValue,
} from './slicing.ts';
import type { Terminology } from './terminology.ts';

/** A profile ready for use. */
export interface CompiledProfile {
  readonly url: string;
  /** The type that it constrains. */
  readonly type: string;
  readonly check: (value: Json, run: Run) => void;
  /** Of an extension: may it stand where the run is. */
  readonly place: ContextCheck | undefined;
}

/** Found values with the index that their path shows (-1: does not repeat). */
interface Found extends TypedValue {
  readonly index: number;
  /** Of a primitive: the object with its extensions. */
  readonly beside: Json | undefined;
}

/** As many references are followed, one from another. */
const LEVELS_MAX = 3;

/** As many unknown canonicals are remembered: callers choose them. */
const UNKNOWN_MAX = 2_000;

const NOTHING: Json = {};
const NONE: readonly Found[] = [];

type ElementCheck = (owner: Json, run: Run) => void;

/** Compiles profiles when they are first asked for. */
export class ProfileChecks implements SliceSource {
  readonly #types: Types;
  readonly #find: (url: string) => StructureDefinition | undefined;
  readonly #compiled = new Map<string, CompiledProfile>();
  readonly #schemas = new Map<string, ElementNode>();
  /** Canonicals that were looked for in vain. */
  readonly #unknown = new Set<string>();

  readonly terminology: Terminology;
  /** Set by the validator: what a value within a slice is held against. */
  further: Further | undefined;

  constructor(
    types: Types,
    find: (url: string) => StructureDefinition | undefined,
    terminology: Terminology,
  ) {
    this.#types = types;
    this.#find = find;
    this.terminology = terminology;
  }

  /** A profile by canonical; undefined when we do not have it. */
  get(canonical: string): CompiledProfile | undefined {
    const exact = this.#compiled.get(canonical);
    if (exact) return exact;
    if (this.#unknown.has(canonical)) return undefined;
    const url = canonical.split('|')[0]!;
    const known = this.#compiled.get(url);
    if (known) return known;
    const definition = this.#find(url);
    if (!definition?.snapshot || definition.kind === 'logical') {
      if (this.#unknown.size < UNKNOWN_MAX) this.#unknown.add(canonical);
      return undefined;
    }
    let inner: CompiledProfile['check'] | undefined;
    const made: CompiledProfile = {
      url,
      type: definition.type ?? '',
      place: definition.type === 'Extension' ? contextCheck(definition, this.#types) : undefined,
      check: (value, run) => {
        inner ??= this.#compile(schemaOf(definition));
        inner(value, run);
      },
    };
    this.#compiled.set(url, made);
    return made;
  }

  /** Whether an extension was met before and is defined. */
  knows(url: string): boolean {
    return this.#compiled.get(url)?.type === 'Extension';
  }

  profile(canonical: string): ElementNode | undefined {
    const url = canonical.split('|')[0]!;
    const known = this.#schemas.get(url);
    if (known) return known;
    const definition = this.#find(url);
    if (!definition?.snapshot) return undefined;
    const schema = schemaOf(definition);
    this.#schemas.set(url, schema);
    return schema;
  }

  meets(url: string, value: Json, around: Run): boolean {
    return this.#faultsBy(url, value, around)?.length === 0;
  }

  /** The errors of a value by a profile; undefined when that is not known, or is of another type. */
  #faultsBy(url: string, value: Json, around: Run): readonly Issue[] | undefined {
    const profile = this.get(url);
    const { resourceType } = value;
    if (!profile || (resourceType !== undefined && resourceType !== profile.type)) return undefined;
    const run = new Run(this.further);
    run.level = around.level + 1;
    if (run.level > LEVELS_MAX) return []; // references may lead round in circles
    run.bundle = around.bundle;
    run.container = around.container;
    run.resource = resourceType === undefined ? around.resource : value;
    run.push(profile.type);
    profile.check(value, run);
    return run.issues.filter((issue) => issue.severity === 'error');
  }

  #compile(root: ElementNode): (value: Json, run: Run) => void {
    const inside = this.#inside(root, this.#types.schema(root.path));
    const parts = root.path === 'Extension' ? partsCheck(root) : undefined;
    return (value, run) => {
      inside?.({ value, type: root.path, index: -1, beside: undefined }, run);
      parts?.(value, run);
    };
  }

  /** Rules and children of an element, run on each of its values; a primitive's stand beside it. */
  #inside(node: ElementNode, base: ElementNode | undefined): ValueOf | undefined {
    const known = new Set((base?.constraints ?? []).map((each) => each.key ?? ''));
    known.add('ele-1').add('ext-1');
    const rules: readonly Rule[] = rulesOf(node, known);
    const checks = node.children.flatMap((child) => this.#element(child) ?? []);
    if (rules.length === 0 && checks.length === 0) return undefined;
    const whole: ValueOf = ({ value, beside }, run) => {
      const owner = isObject(value) ? value : (beside ?? NOTHING);
      for (const check of checks) check(owner, run);
      for (const rule of rules) if (!rule.holds(value as Json, run)) ruleBroken(rule, run);
    };
    return rules.length === 0 ? this.#plainExtension(node, whole) : whole;
  }

  /**
   * A shorter way for what most extensions are, a url and one value: it goes straight to the value,
   * and leaves all else, faults included, to the whole check.
   */
  #plainExtension(node: ElementNode, whole: ValueOf): ValueOf {
    const [url, value, ...others] = node.children.filter(
      (child) => child.name !== 'id' && !(child.name === 'extension' && child.max === 0),
    );
    const fixed = url?.name === 'url' ? url.wanted?.value : undefined;
    const plain = value?.name === 'value' && value.choice && value.max === 1 && !value.slicing;
    if (typeof fixed !== 'string' || !plain || others.length > 0) return whole;
    const each = this.#each(value, this.#types.element(value.path));
    const types = new Map(keysOf(value).map(({ key, type }) => [key, type] as const));
    return (found, run) => {
      const owner = found.value as Json;
      let type: string | undefined;
      let given: unknown;
      for (const key in owner) {
        if (key === 'url') continue;
        const own = types.get(key);
        if (own === undefined || type !== undefined) return whole(found, run);
        type = own;
        given = owner[key];
      }
      if (type === undefined || owner.url !== fixed) return whole(found, run);
      if (!each) return;
      run.push('value');
      each({ value: given, type, index: -1, beside: undefined }, run);
      run.pop();
    };
  }

  #element(node: ElementNode): ElementCheck | undefined {
    const base = this.#types.element(node.path);
    const counted = counter(node, base);
    const each = this.#each(node, base);
    const sliced = this.#slices(node);
    const forbidden = forbiddenChoices(node, base);
    if (!counted && !each && !sliced && forbidden.length === 0) return undefined;
    const keys = keysOf(node);
    const refused = forbidden.length > 0 ? new Set(forbidden) : undefined;
    return (owner, run) => {
      if (refused) for (const key in owner) if (refused.has(key)) wrongChoice(node, key, run);
      const found = collect(owner, keys);
      counted?.(found.length, run);
      if (found.length === 0 && !sliced) return;
      run.push(node.name);
      if (each) for (const one of found) at(one, run, each);
      sliced?.(found, run);
      run.pop();
    };
  }

  /** What each value of an element must meet; undefined when there is nothing new. */
  #each(node: ElementNode, base: ElementNode | undefined): ValueOf | undefined {
    const checks: ValueOf[] = [];
    const { wanted } = node;
    if (wanted) {
      checks.push(({ value }, run) => {
        if (!meetsWanted(wanted, value)) notWanted(wanted, value, run);
      });
    }
    const { lengthMax } = node;
    if (lengthMax !== undefined) {
      checks.push(({ value }, run) => {
        if (typeof value === 'string' && value.length > lengthMax) tooLong(lengthMax, run);
      });
    }
    for (const bound of node.bounds ?? []) {
      const check = boundCheck(bound);
      checks.push(({ value }, run) => check(value, run));
    }
    const typed = new Map(
      node.types.map((type) => [type.code, this.#ofType(node, base, type)] as const),
    );
    if ([...typed.values()].some((list) => list.length > 0)) {
      checks.push((found, run) => {
        for (const check of typed.get(found.type) ?? []) check(found.value, run);
      });
    }
    const inside = this.#inside(node, base);
    if (inside) checks.push(inside);
    if (checks.length === 0) return undefined;
    return (found, run) => {
      if (found.value === null) return; // fills a place beside an extension
      for (const check of checks) check(found, run);
    };
  }

  #ofType(
    node: ElementNode,
    base: ElementNode | undefined,
    type: ElementNode['types'][number],
  ): ValueCheck[] {
    const checks: ValueCheck[] = [];
    const same = base?.types.find((each) => each.code === type.code);
    if (node.binding && strictSet(node.binding) !== strictSet(base?.binding)) {
      const bound = bindingCheck(node, type.code, this.terminology);
      if (bound) checks.push(bound);
    }
    if (type.targets.length > 0 && type.targets.join() !== same?.targets.join()) {
      const types = new Set(type.targets.map((url) => this.#targetType(url)));
      if (!types.has('Resource')) checks.push(referenceTypeCheck(types));
      const held = this.#targets(type.targets);
      if (held) checks.push(held);
    }
    // extensions are held against their own definitions wherever they stand
    const own = (url: string) => type.code === 'Extension' && this.get(url)?.type === 'Extension';
    const profiles = type.profiles.filter((url) => !same?.profiles.includes(url) && !own(url));
    if (profiles.length > 0) checks.push(this.#anyProfile(profiles));
    return checks;
  }

  /** What a reference leads to within the same resource or Bundle meets one of the profiles. */
  #targets(urls: readonly string[]): ValueCheck | undefined {
    if (urls.every((url) => isBase(url))) return undefined;
    return (value, run) => {
      const literal = isObject(value) ? value.reference : undefined;
      const found = typeof literal === 'string' ? resolved(literal, run) : undefined;
      if (!found) return;
      const verdicts = urls.map((url) =>
        isBase(url) && typeOfCanonical(url) === found.resourceType
          ? []
          : this.#faultsBy(url, found, run),
      );
      const [first] = verdicts.flatMap((each) => each ?? []);
      if (!first || verdicts.some((each) => each?.length === 0)) return;
      run.error(
        'value',
        'target-not-as-profiled',
        `What this refers to is not as the profile asks: ${first.expression}: ${first.diagnostics}`,
        'reference',
      );
    };
  }

  /** The type of a target profile, which need not be the last part of its name. */
  #targetType(url: string): string {
    const named = typeOfCanonical(url);
    if (this.#types.source.isResourceType(named) || named === 'Resource') return named;
    return this.#find(url.split('|')[0]!)?.type ?? 'Resource';
  }

  #anyProfile(urls: readonly string[]): ValueCheck {
    return (value, run) => {
      if (!isObject(value)) return;
      const known = urls.flatMap((url) => this.get(url) ?? []);
      if (known.length < urls.length && known.length !== 1) return;
      if (known.length > 1 && known.some((profile) => this.meets(profile.url, value, run))) return;
      known[0]?.check(value, run);
    };
  }

  #slices(node: ElementNode): ((found: readonly Found[], run: Run) => void) | undefined {
    const { slicing } = node;
    if (!slicing || node.slices.length === 0) return undefined;
    const slices = node.slices.map((slice) => ({
      slice,
      matches: sliceMatcher(slicing, slice, this),
      each: this.#each(slice, this.#types.element(slice.path)),
      inner: this.#slices(slice),
    }));
    const inOrder = slicing.ordered || slicing.rules === 'openAtEnd';
    const placeOf = placing(slicing, slices, this);
    return (found, run) => {
      const members: (Found[] | undefined)[] = [];
      const placed: Placed[] = [];
      for (const one of found) {
        const place = placeOf(one, run);
        if (place >= 0) {
          const own = members[place];
          if (own) own.push(one);
          else members[place] = [one];
        } else if (slicing.rules === 'closed') at(one, run, () => outsideSlices(node, run));
        if (inOrder) placed.push({ place, index: one.index });
      }
      if (inOrder) checkOrder(slicing, placed, run);
      for (let place = 0; place < slices.length; place++) {
        const { slice, each, inner } = slices[place]!;
        const own = members[place] ?? NONE;
        sliceCount(slice, own.length, run);
        if (each) for (const one of own) at(one, run, each);
        inner?.(own, run);
      }
    };
  }
}

/** HL7's definitions of types are no profiles: the type is enough. */
function isBase(url: string): boolean {
  const name = typeOfCanonical(url);
  const bare = url.split('|')[0];
  return bare === `http://hl7.org/fhir/StructureDefinition/${name}` && isType(name);
}

function isType(name: string): boolean {
  return name === 'Resource' || isResourceType(name);
}

type ValueOf = (found: Found, run: Run) => void;

function at(one: Found, run: Run, check: ValueOf): void {
  run.indexes[run.depth - 1] = one.index;
  check(one, run);
  run.indexes[run.depth - 1] = -1;
}

/** A JSON name of an element, that of its extensions where it is a primitive, and its type. */
interface Key {
  readonly key: string;
  readonly sibling: string | undefined;
  readonly type: string;
}

function keysOf(node: ElementNode): readonly Key[] {
  const types = node.types.length > 0 ? node.types.map(({ code }) => code) : [''];
  return (node.choice ? types : types.slice(0, 1)).map((type) => {
    const key = node.choice ? choiceKey(node.name, type) : node.name;
    return { key, sibling: primitiveOf(type) && `_${key}`, type };
  });
}

function collect(owner: Json, keys: readonly Key[]): readonly Found[] {
  let found: Found[] | undefined;
  for (let at = 0; at < keys.length; at++) {
    const { key, sibling, type } = keys[at]!;
    const beside = sibling === undefined ? undefined : owner[sibling];
    const value = owner[key] ?? beside;
    if (value === undefined || value === null) continue;
    found ??= [];
    if (Array.isArray(value)) {
      const besides = Array.isArray(beside) && beside !== value ? beside : undefined;
      for (let index = 0; index < value.length; index++) {
        const own = besides === undefined ? undefined : objectOf(besides[index]);
        found.push({ value: value[index], type, index, beside: own });
      }
    } else {
      found.push({
        value,
        type,
        index: -1,
        beside: beside === value ? undefined : objectOf(beside),
      });
    }
  }
  return found ?? NONE;
}

function objectOf(value: unknown): Json | undefined {
  return isObject(value) ? value : undefined;
}
