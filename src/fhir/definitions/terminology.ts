/**
 * Value sets and code systems, as far as we carry them: expansion and membership.
 *
 * A value set is expanded when first asked for, from what it includes: listed codes, whole code
 * systems, filters by hierarchy, other value sets. Where it draws on a code system that is not
 * carried (LOINC, SNOMED CT, UCUM), membership of an unlisted code is `unknown`, never `out`.
 * Four systems that are grammars rather than lists are checked by their form.
 *
 * Spec: https://hl7.org/fhir/R4/valueset.html#compose
 */

import type {
  CodeSystem,
  CodeSystemConcept,
  ValueSet,
  ValueSetComposeInclude,
} from '@medplum/fhirtypes';
import type { ExpandedValueSet, Membership } from './definitions.ts';

type Codes = Map<string, string | undefined>;

/** A code system's concepts by code, with what lies above each. */
interface Concepts {
  readonly displays: Codes;
  readonly parents: ReadonlyMap<string, readonly string[]>;
}

/** Where definitions are found. */
export interface TerminologySource {
  valueSet(url: string): ValueSet | undefined;
  codeSystem(url: string): CodeSystem | undefined;
  /** Whether a code system is brought by modules. */
  ownCodeSystem(url: string): boolean;
}

/** Code systems that are part of FHIR itself and fixed with its release. */
const FHIR_ITSELF = 'http://hl7.org/fhir/';

/** Codes of ISO 4217 that the platform's table leaves out: funds, units of account, new money. */
const MORE_CURRENCIES =
  'BOV CHE CHW COU MXV USN UYI UYW VED XAD XBA XBB XBC XBD XCG XSU XUA ZWG'.split(' ');

let currencies: ReadonlySet<string> | undefined;

function isCurrency(code: string): boolean {
  currencies ??= new Set([...Intl.supportedValuesOf('currency'), ...MORE_CURRENCIES]);
  return currencies.has(code);
}

/** Systems whose codes follow a grammar. */
const GRAMMARS: Readonly<Partial<Record<string, (code: string) => boolean>>> = {
  'urn:ietf:bcp:47': (code) => /^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$/.test(code),
  'urn:ietf:bcp:13': (code) =>
    /^[\w.+-]+\/[\w.+*-]+(\s*;\s*[\w.+-]+=("[^"]*"|[^\s;]+))*$/.test(code),
  'urn:iso:std:iso:4217': isCurrency,
  'http://unitsofmeasure.org': (code) => /^[\x21-\x7e]+$/.test(code),
};

/** Expands value sets once and keeps them. */
export class Terminology {
  readonly #source: TerminologySource;
  readonly #sets = new Map<string, Expansion | undefined>();
  readonly #systems = new Map<string, Concepts | undefined>();
  readonly #settled = new Map<string, ReadonlyMap<string, string | undefined> | null>();

  constructor(source: TerminologySource) {
    this.#source = source;
  }

  /** The codes of a value set; undefined when we do not carry it. A `|version` is ignored. */
  valueSet(url: string): ExpandedValueSet | undefined {
    return this.#expanded(url.split('|')[0]!);
  }

  /** The codes of a value set that stands within something, such as a form. */
  expansionOf(valueSet: ValueSet | undefined): ExpandedValueSet | undefined {
    return valueSet && this.#expand(valueSet.url ?? `#${valueSet.id}`, valueSet);
  }

  /** The codes of a code system that we carry whole. */
  codeSystem(url: string): ReadonlyMap<string, string | undefined> | undefined {
    return this.#concepts(url.split('|')[0]!)?.displays;
  }

  /**
   * The codes of a system to which nobody but us or this release of FHIR adds any; undefined for
   * others, also those of terminology.hl7.org, which grow apart from R4.
   */
  settled(system: string): ReadonlyMap<string, string | undefined> | undefined {
    const known = this.#settled.get(system);
    if (known) return known;
    if (known === null) return undefined;
    if (!this.#source.ownCodeSystem(system) && !system.startsWith(FHIR_ITSELF)) return undefined;
    const definition = this.#source.codeSystem(system);
    if (!definition) return undefined; // not remembered: anybody may name any system
    const sensitive = definition.caseSensitive !== false;
    const codes = sensitive ? this.#concepts(system)?.displays : undefined;
    this.#settled.set(system, codes ?? null);
    return codes;
  }

  #expanded(url: string): Expansion | undefined {
    if (this.#sets.has(url)) return this.#sets.get(url);
    this.#sets.set(url, undefined); // a set that includes itself sees nothing of itself
    const valueSet = this.#source.valueSet(url);
    const expansion = valueSet && this.#expand(url, valueSet);
    this.#sets.set(url, expansion);
    return expansion;
  }

  #expand(url: string, valueSet: ValueSet): Expansion {
    const expansion = new Expansion(url);
    for (const include of valueSet.compose?.include ?? []) this.#include(expansion, include);
    for (const exclude of valueSet.compose?.exclude ?? []) {
      const out = new Expansion(url);
      this.#include(out, exclude);
      expansion.remove(out);
    }
    if (!valueSet.compose) this.#takeExpansion(expansion, valueSet);
    return expansion;
  }

  /** A set published by its expansion only. */
  #takeExpansion(expansion: Expansion, valueSet: ValueSet): void {
    const contains = valueSet.expansion?.contains ?? [];
    if (contains.length === 0) expansion.open.push({ system: undefined });
    for (const each of contains) {
      if (each.system && each.code) expansion.add(each.system, each.code, each.display);
    }
  }

  #include(expansion: Expansion, include: ValueSetComposeInclude): void {
    const own = include.system ? this.#ofSystem(expansion.url, include) : undefined;
    const others = (include.valueSet ?? []).map((url) => this.#expanded(url.split('|')[0]!));
    if (others.some((each) => !each)) {
      expansion.open.push({ system: include.system });
      return;
    }
    const parts = [...(own ? [own] : []), ...(others as Expansion[])];
    const [first, ...rest] = parts;
    if (!first) return;
    const met = new Expansion(expansion.url);
    met.merge(first);
    for (const part of rest) met.keepOnly(part);
    expansion.merge(met);
  }

  #ofSystem(url: string, include: ValueSetComposeInclude): Expansion {
    const found = new Expansion(url);
    const system = include.system!;
    if (include.concept) {
      for (const each of include.concept) found.add(system, each.code!, each.display);
      return found;
    }
    const grammar = GRAMMARS[system];
    const concepts = grammar ? undefined : this.#concepts(system);
    if (!concepts) {
      found.open.push({ system, grammar: include.filter ? undefined : grammar });
      return found;
    }
    for (const [code, display] of concepts.displays) {
      const verdicts = (include.filter ?? []).map((filter) => passes(concepts, code, filter));
      if (verdicts.includes(undefined)) {
        found.open.push({ system });
        return found;
      }
      if (!verdicts.includes(false)) found.add(system, code, display);
    }
    return found;
  }

  #concepts(url: string): Concepts | undefined {
    if (this.#systems.has(url)) return this.#systems.get(url);
    const system = this.#source.codeSystem(url);
    const whole = system?.content === 'complete' && system.concept ? flatten(system) : undefined;
    this.#systems.set(url, whole);
    return whole;
  }
}

function flatten(system: CodeSystem): Concepts {
  const displays: Codes = new Map();
  const parents = new Map<string, string[]>();
  const walk = (concepts: readonly CodeSystemConcept[], above: string | undefined) => {
    for (const concept of concepts) {
      const code = concept.code!;
      displays.set(code, concept.display);
      const over = parents.get(code) ?? [];
      if (above) over.push(above);
      for (const property of concept.property ?? []) {
        if (property.code === 'subsumedBy' && property.valueCode) over.push(property.valueCode);
      }
      parents.set(code, over);
      walk(concept.concept ?? [], code);
    }
  };
  walk(system.concept ?? [], undefined);
  return { displays, parents };
}

type Filter = NonNullable<ValueSetComposeInclude['filter']>[number];

/** Whether a code passes a filter; undefined for a filter that we do not know. */
function passes(concepts: Concepts, code: string, filter: Filter): boolean | undefined {
  if (filter.property !== 'concept' && filter.property !== 'code') return undefined;
  const value = filter.value ?? '';
  switch (filter.op) {
    case 'is-a':
      return code === value || below(concepts, code, value);
    case 'descendent-of':
      return code !== value && below(concepts, code, value);
    case 'is-not-a':
      return code !== value && !below(concepts, code, value);
    case '=':
      return code === value;
    case 'in':
      return value.split(',').includes(code);
    case 'not-in':
      return !value.split(',').includes(code);
    default:
      return undefined;
  }
}

function below(concepts: Concepts, code: string, ancestor: string, depth = 0): boolean {
  const over = concepts.parents.get(code) ?? [];
  return (
    over.includes(ancestor) ||
    (depth < 50 && over.some((each) => below(concepts, each, ancestor, depth + 1)))
  );
}

/** What is included without being listed. */
interface Open {
  /** undefined: any system. */
  readonly system: string | undefined;
  readonly grammar?: ((code: string) => boolean) | undefined;
}

class Expansion implements ExpandedValueSet {
  readonly url: string;
  readonly codes = new Map<string, Codes>();
  readonly open: Open[] = [];

  constructor(url: string) {
    this.url = url;
  }

  get complete(): boolean {
    return this.open.length === 0;
  }

  add(system: string, code: string, display: string | undefined): void {
    const codes = this.codes.get(system);
    if (codes) codes.set(code, display ?? codes.get(code));
    else this.codes.set(system, new Map([[code, display]]));
  }

  merge(other: Expansion): void {
    for (const [system, codes] of other.codes) {
      for (const [code, display] of codes) this.add(system, code, display);
    }
    this.open.push(...other.open);
  }

  remove(other: Expansion): void {
    for (const [system, codes] of other.codes) {
      for (const code of codes.keys()) this.codes.get(system)?.delete(code);
    }
  }

  keepOnly(other: Expansion): void {
    for (const [system, codes] of this.codes) {
      for (const code of codes.keys()) {
        if (other.contains(code, system) === 'out') codes.delete(code);
      }
    }
  }

  contains(code: string, system?: string): Membership {
    for (const [each, codes] of this.codes) {
      if ((system === undefined || each === system) && codes.has(code)) return 'in';
    }
    let verdict: Membership = 'out';
    for (const open of this.open) {
      if (system !== undefined && open.system !== undefined && open.system !== system) continue;
      if (!open.grammar) verdict = 'unknown';
      else if (open.grammar(code)) return 'in';
    }
    return verdict;
  }
}
