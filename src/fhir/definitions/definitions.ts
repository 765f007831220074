/**
 * What the rest of the house may ask of the FHIR definitions: one value, made once at start from
 * HL7's R4 definitions and what the modules bring. No database, no network, no clock.
 *
 * The parts are in the files beside this one: `load.ts` (where definitions come from),
 * `validate.ts`, `extract.ts`, `terminology.ts`, `profiles.ts`. How: `README.md`.
 */

import type {
  CodeSystem,
  Resource,
  SearchParameter,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';
import type { Issue } from '../../sdk/problem.ts';

/** How a search parameter's values are compared. */
export type SearchParameterType =
  | 'number'
  | 'date'
  | 'string'
  | 'token'
  | 'composite'
  | 'reference'
  | 'quantity'
  | 'uri'
  | 'special';

/** A search parameter of one resource type, compiled. */
export interface SearchParameterInfo {
  readonly code: string;
  readonly url: string;
  readonly type: SearchParameterType;
  readonly description: string;
  readonly expression: string;
  /**
   * Key of its rows. Parameters of a type that read the same places share it (`phonetic` and
   * `name`, `patient` and `subject`), so that each place has one row; restrict to `targets`.
   */
  readonly key: number;
  /**
   * Keys of the rows of a string parameter: texts that other parameters read too stand under the
   * keys of those. For other parameters `key` alone.
   */
  readonly keys: readonly number[];
  /** Only rows of this system are the parameter's: `phone` among the rows of `telecom`. */
  readonly onlySystem?: string;
  /**
   * Code of the parameter that gives the key. Rows of modifiers stand under its name:
   * `paramKey(type, rowsCode + ':identifier')`.
   */
  readonly rowsCode: string;
  /**
   * Presence token in `tk`, of this parameter alone. Of texts and dates it stands only where a value
   * made no row: rows tell the rest.
   */
  readonly presence: bigint;
  /**
   * Tokens of `tk` any of which tells that it has a value: presence, or what stands there anyhow
   * (the codes of a closed list; of `phone` the system).
   */
  readonly present: readonly bigint[];
  /** Where its tokens stand; undefined unless `type` is token. */
  readonly tokens?: 'tk' | 'tok' | 'both';
  /**
   * For tokens read from elements of type `code`, which carry no system: the systems that a search
   * for `system|code` may name. Such a search is one for `code` alone.
   */
  readonly implicitSystems: readonly string[];
  /** Codes of a closed list by which the parameter is sorted, ascending; empty if there is none. */
  readonly sortCodes: readonly string[];
  /** Where else the values stand by which it is sorted: SQL/JSON paths into the resource. */
  readonly sortPaths: readonly string[];
  /** Types that a reference may lead to; empty for other parameters. */
  readonly targets: readonly string[];
  /** True when some value is a canonical, which leads to a definition by its url. */
  readonly canonical: boolean;
  /** True when every value is a plain date (birthdate), to be compared by calendar day. */
  readonly daysOnly: boolean;
  /** True when a resource has one date at most, so that one index row tells all of it. */
  readonly single: boolean;
  /** True when no value spans more than a year: what a date without month covers. */
  readonly shortSpans: boolean;
  /** False when the expression leads to nothing of the type. */
  readonly readable: boolean;
  /** True while its index is not complete, so that it cannot be searched. */
  readonly pending: boolean;
  /** The parts of a composite, in order. */
  readonly components: readonly CompositePart[];
}

/** One part of a composite parameter. */
export interface CompositePart {
  readonly definition: string;
  readonly expression: string;
  readonly type: SearchParameterType;
  /** Which place of the rows the part has. */
  readonly place: 1 | 2 | 3;
  /** As of a parameter of its own. */
  readonly implicitSystems: readonly string[];
  readonly targets: readonly string[];
}

/** The rows by which a resource is found. Every list is free of repetitions. */
export interface IndexRows {
  /** Low-cardinality tokens and presence, hashed, ascending. */
  readonly tk: bigint[];
  /** Near-unique tokens (identifiers, contact points, texts as tokens, uris). */
  readonly tok: TokenRow[];
  readonly str: StringRow[];
  readonly ref: ReferenceRow[];
  readonly dat: DateRow[];
  readonly num: NumberRow[];
  /** Parts of composites that stand in one element. */
  readonly pair: PairRow[];
}

/** What one element has for a composite. */
export interface PairRow {
  readonly param: number;
  /** By place; a place that the composite does not have is empty. */
  readonly parts: readonly [PairPart, PairPart, PairPart];
}

/**
 * A part's value: a hash and a system (token, reference, uri), a range with its unit (`h` the unit
 * with its system, `s` its code alone), an interval, or a text.
 */
export interface PairPart {
  readonly h?: bigint;
  readonly s?: number;
  /** Decimal texts, as those of a NumberRow. */
  readonly low?: string;
  readonly high?: string;
  readonly val?: string;
  /** ISO instants or ±infinity, half open. */
  readonly lower?: string;
  readonly upper?: string;
  /** Folded as `StringRow.val`; `raw` only when that is cut short. */
  readonly txt?: string;
  readonly raw?: string;
}

/**
 * `hash` = valueHash(key, value); `system` = systemKey, 0 for none; `kind` = kindKey of the type
 * that an identifier says of itself, 0 for none.
 */
export interface TokenRow {
  readonly hash: bigint;
  readonly system: number;
  readonly kind: number;
}

/**
 * `val` is normalised, at most 200 characters; `raw` is null when the text is `val` with a
 * capital first letter, else the text (serves `:exact`).
 */
export interface StringRow {
  readonly param: number;
  readonly val: string;
  readonly raw: string | null;
}

/**
 * `type` is the number of the target's type and `target` the idKey of its id; for what is not
 * local (absolute URLs, canonicals, urn:) `type` is 0 and `target` the hashedKey of the literal; a
 * canonical with a version has another row of type -1, without the version.
 */
export interface ReferenceRow {
  readonly param: number;
  readonly type: number;
  readonly target: string;
}

/** ISO instants in UTC, half-open [lower, upper); null is an open end. */
export interface DateRow {
  readonly param: number;
  readonly lower: string | null;
  readonly upper: string | null;
}

/**
 * `unit` is 0n (any), unitHash(system, code) or unitHash('', code or printed unit); `low` and
 * `high` bound the precision [low, high), `value` is exact. Decimal texts; ±Infinity when open.
 */
export interface NumberRow {
  readonly param: number;
  readonly unit: bigint;
  readonly low: string;
  readonly high: string;
  readonly value: string;
}

/** Which elements lead a resource into a compartment. */
export interface Compartment {
  readonly code: string;
  /** By resource type: the search parameters, any of which leads into the compartment. */
  readonly parameters: ReadonlyMap<string, readonly string[]>;
}

/** What a value set says about a code. */
export type Membership = 'in' | 'out' | 'unknown';

/** The codes of a value set that we carry. */
export interface ExpandedValueSet {
  readonly url: string;
  /** False when it draws on a code system that we do not carry whole. */
  readonly complete: boolean;
  /** By system, the codes with their display. */
  readonly codes: ReadonlyMap<string, ReadonlyMap<string, string | undefined>>;
  /** Whether a code belongs; without `system`, whether it belongs under any system. */
  contains(code: string, system?: string): Membership;
}

/** An element of a type, as `_summary`, `_elements` and documentation need it. */
export interface ElementInfo {
  readonly path: string;
  readonly min: number;
  readonly max: number;
  readonly types: readonly string[];
  readonly summary: boolean;
  readonly modifier: boolean;
}

/** Options of a validation. */
export interface ValidateOptions {
  /** Canonicals of profiles to hold the resource against, beside those of meta.profile. */
  readonly profiles?: readonly string[];
}

/** FHIR R4 and what the modules add to it. */
export interface Definitions {
  /** Concrete R4 types, alphabetical. */
  readonly resourceTypes: readonly string[];
  isResourceType(type: string): boolean;
  /** The smallint under which a type is stored; throws RangeError for an unknown type. */
  typeNumber(type: string): number;
  typeOfNumber(number: number): string | undefined;

  /** All faults of a resource: empty, or warnings only, means that it may be stored. */
  validate(resource: unknown, options?: ValidateOptions): Issue[];
  /**
   * Validation by more definitions (profiles, value sets, code systems, forms), such as stored
   * ones. What we carry ourselves comes first: nobody loosens our profiles by storing another.
   */
  withMore(resources: readonly Resource[]): Pick<Definitions, 'validate' | 'snapshot'>;

  /** Search parameters of a type, those of Resource and DomainResource included, by code. */
  searchParameters(type: string): readonly SearchParameterInfo[];
  searchParameter(type: string, code: string): SearchParameterInfo | undefined;
  /** Whether a canonical is that of a search parameter of HL7. */
  isStandardParameter(url: string): boolean;
  /** Search parameters that modules bring, as published. */
  readonly broughtParameters: readonly SearchParameter[];
  /**
   * The same definitions with other search parameters beside those of HL7.
   *
   * @param pending  URLs of those that cannot be searched yet
   */
  withSearchParameters(
    parameters: readonly SearchParameter[],
    pending?: ReadonlySet<string>,
  ): Definitions;
  /**
   * Index rows of a valid resource; its absolute references to ourselves are made relative.
   *
   * @param max  rows of each table that it may have
   * @throws Problem `too-many-index-rows`
   */
  extract(resource: Resource, max?: number): IndexRows;

  /** StructureDefinition with snapshot, by canonical (a `|version` is ignored). */
  snapshot(url: string): StructureDefinition | undefined;
  /**
   * What is published with the house or brought by modules, by its id: definitions of all kinds, and
   * HL7's search parameters.
   */
  published(type: string, id: string): Resource | undefined;
  /** All of a type that is published so. */
  publishedOf(type: string): readonly Resource[];
  /** Canonicals of the profiles brought by modules, by type. */
  profiles(type: string): readonly string[];
  valueSet(url: string): ExpandedValueSet | undefined;
  codeSystem(url: string): ReadonlyMap<string, string | undefined> | undefined;
  /** A CodeSystem as published by us, a module or HL7, by canonical without version. */
  publishedCodeSystem(url: string): CodeSystem | undefined;
  publishedValueSet(url: string): ValueSet | undefined;

  /** Element by path, e.g. `Patient.contact.name`; choice elements as `Observation.value[x]`. */
  elementInfo(path: string): ElementInfo | undefined;
  /** Names of the top-level properties that stay under `_summary=true`. */
  summaryElements(type: string): ReadonlySet<string>;
  isSummary(type: string, element: string): boolean;
  /** Names of the top-level properties that must stand (min > 0), kept under `_elements`. */
  mandatoryElements(type: string): ReadonlySet<string>;

  compartment(code: string): Compartment | undefined;
}
