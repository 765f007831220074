/**
 * The search parameters of each type: HL7's and those brought, compiled when a type is first met.
 *
 * Parameters of a type that read the same places with the same comparison share their rows: the
 * first of them (HL7's before brought ones, unrestricted before restricted, then by code) gives
 * the key, and the others only keep a presence token of their own. What they share beyond that is
 * told in `shared-rows.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/searchparameter-registry.html
 */

import { createRequire } from 'node:module';
import type { SearchParameter } from '@medplum/fhirtypes';
import type { Types } from './compile.ts';
import { declaredParts, pairReader, partPaths, placesOf } from './composites.ts';
import type { CompositePart, SearchParameterInfo, SearchParameterType } from './definitions.ts';
import { Extractor, type Reader } from './extract.ts';
import { codeHash, paramKey, presenceHash, systemHash, textKey } from './hash.ts';
import { indexerOf, tokensOf } from './index-values.ts';
import { type Path, pathsOf, signatureOf } from './paths.ts';
import { RESOURCE_TYPES } from './resource-types.ts';
import { isObject, type Json } from './run.ts';
import { type TextGroup, textGroups, widened } from './shared-rows.ts';
import { sortPathsOf } from './sort-paths.ts';

interface Declared {
  readonly parameter: SearchParameter;
  readonly standard: boolean;
}

interface CompiledType {
  readonly parameters: readonly SearchParameterInfo[];
  readonly byCode: ReadonlyMap<string, SearchParameterInfo>;
  readonly extractor: Extractor;
}

/** One parameter on one type, under way. */
interface Draft {
  readonly parameter: SearchParameter;
  readonly type: SearchParameterType;
  readonly paths: readonly Path[];
  readonly standard: boolean;
  /** The same for parameters that may share rows. */
  readonly signature: string;
}

/** Whose rows the parameters of a type have. */
interface Owners {
  readonly leaders: ReadonlyMap<string, Draft>;
  /** Of string parameters that lead, by code. */
  readonly texts: ReadonlyMap<string, readonly TextGroup[]>;
}

/** Served as columns of the stored row, so that nothing is extracted for them. */
const COLUMNS = new Set(['_id', '_lastUpdated']);

/** Longer lists of codes are sorted by what stands in the resource. */
const SORT_CODES_MAX = 40;

/** Types of a date that spans a year at most. */
const MOMENTS: ReadonlySet<string> = new Set(['date', 'dateTime', 'instant']);

const NOT_EXTRACTED = new Set(['_text', '_content', '_query']);

export class SearchParameters {
  readonly #types: Types;
  readonly #pending: ReadonlySet<string>;
  readonly #byType = new Map<string, Declared[]>();
  readonly #byUrl = new Map<string, SearchParameter>();
  readonly #compiled = new Map<string, CompiledType>();

  constructor(
    types: Types,
    standard: readonly SearchParameter[],
    brought: readonly SearchParameter[],
    pending: ReadonlySet<string> = new Set(),
  ) {
    this.#types = types;
    this.#pending = pending;
    for (const parameter of standard) this.#declare(parameter, true);
    for (const parameter of brought) this.#declare(parameter, false);
  }

  /** The parameters of a type, by code. */
  of(type: string): CompiledType {
    const known = this.#compiled.get(type);
    if (known) return known;
    const made = this.#compile(type);
    this.#compiled.set(type, made);
    return made;
  }

  #declare(parameter: SearchParameter, standard: boolean): void {
    if (parameter.url) this.#byUrl.set(parameter.url, parameter);
    for (const base of parameter.base ?? []) {
      const list = this.#byType.get(base) ?? [];
      const at = list.findIndex((each) => each.parameter.code === parameter.code);
      if (at < 0) list.push({ parameter, standard });
      else list[at] = { parameter, standard: standard && list[at]!.standard };
      this.#byType.set(base, list);
    }
  }

  #declaredFor(type: string): Declared[] {
    const byCode = new Map<string, Declared>();
    for (const base of ['Resource', 'DomainResource', type]) {
      if (base === 'DomainResource' && !this.#isDomain(type)) continue;
      for (const each of this.#byType.get(base) ?? []) {
        if (!NOT_EXTRACTED.has(each.parameter.code ?? '')) byCode.set(each.parameter.code!, each);
      }
    }
    return [...byCode.values()];
  }

  #isDomain(type: string): boolean {
    return this.#types.schema(type)?.children.some((child) => child.name === 'text') ?? false;
  }

  #compile(type: string): CompiledType {
    const drafts = this.#declaredFor(type).map((each) => this.#draft(type, each));
    const owners = ownersOf(drafts);
    const parameters = drafts
      .map((draft) => this.#info(type, draft, owners))
      .sort((a, b) => (a.code < b.code ? -1 : 1));
    noCollisions(type, parameters, owners.texts);
    const byCode = new Map(parameters.map((each) => [each.code, each]));
    const readers = drafts.flatMap((draft) =>
      draft.type === 'composite'
        ? this.#pairReaders(type, draft, byCode.get(draft.parameter.code!)!)
        : readersOf(type, draft, owners, byCode.get(draft.parameter.code!)!),
    );
    readers.push(...textReaders(type, owners.texts));
    return {
      parameters,
      byCode,
      extractor: new Extractor(readers),
    };
  }

  #draft(type: string, { parameter, standard }: Declared): Draft {
    const kind = parameter.type as SearchParameterType;
    const paths =
      parameter.expression && !COLUMNS.has(parameter.code ?? '')
        ? pathsOf(this.#types, type, parameter.expression, interpreted)
        : [];
    if (kind === 'composite') {
      return { parameter, type: kind, paths, standard, signature: `composite ${parameter.code}` };
    }
    const places = paths.map((path) => (path.compute ? `=${parameter.code}` : signatureOf(path)));
    const signature = signatureFor(kind, places.length > 0 ? places : [parameter.code!]);
    return { parameter, type: kind, paths, standard, signature };
  }

  #info(type: string, draft: Draft, owners: Owners): SearchParameterInfo {
    const { parameter } = draft;
    const code = parameter.code!;
    const { leader, system } = ownerOf(draft, owners);
    const key = paramKey(type, leader.parameter.code!);
    const kinds = new Set(draft.paths.map((path) => tokensOf(path.type)));
    const presence = presenceHash(paramKey(type, code));
    const sortCodes = draft.type === 'token' ? this.#sortCodes(draft.paths) : [];
    return {
      code,
      url: parameter.url ?? '',
      type: draft.type,
      description: descriptionFor(type, parameter.description ?? ''),
      expression: parameter.expression ?? '',
      key,
      keys: owners.texts
        .get(leader.parameter.code!)
        ?.map(({ name, column }) => textKey(type, name, column)) ?? [key],
      ...(system !== undefined && { onlySystem: system }),
      rowsCode: leader.parameter.code!,
      presence,
      present: presentBy(key, presence, sortCodes, system),
      ...(draft.type === 'token' && {
        tokens: kinds.size === 2 ? 'both' : ([...kinds][0] ?? 'tk'),
      }),
      implicitSystems: draft.type === 'token' ? this.#implicitSystems(draft.paths) : [],
      sortCodes,
      sortPaths: sortPathsOf(draft.type, draft.paths),
      targets: draft.type === 'reference' ? targetsOf(draft) : [],
      canonical: draft.paths.some((path) => path.type === 'canonical'),
      readable: draft.paths.length > 0 || COLUMNS.has(code),
      pending: this.#pending.has(parameter.url ?? ''),
      daysOnly: draft.paths.length > 0 && draft.paths.every((path) => path.type === 'date'),
      single: isSingle(draft.paths),
      shortSpans: draft.paths.every((path) => MOMENTS.has(path.type)),
      components: this.#components(parameter, draft.paths),
    };
  }

  /** Systems behind the required bindings of `code` elements. */
  #implicitSystems(paths: readonly Path[]): string[] {
    const systems = paths.flatMap(({ type, element }) => {
      if (type !== 'code' || element?.binding?.strength !== 'required') return [];
      const set = this.#types.source.terminology.valueSet(element.binding.valueSet);
      return set ? [...set.codes.keys()] : [];
    });
    return [...new Set(systems)];
  }

  /** The codes of closed lists, when all values are from such. */
  #sortCodes(paths: readonly Path[]): string[] {
    const lists = paths.map(({ type, element }): readonly string[] | undefined => {
      if (type === 'boolean') return ['false', 'true'];
      if (type !== 'code' || element?.binding?.strength !== 'required') return undefined;
      const set = this.#types.source.terminology.valueSet(element.binding.valueSet);
      return set?.complete
        ? [...set.codes.values()].flatMap((each) => [...each.keys()])
        : undefined;
    });
    const codes = [...new Set(lists.flatMap((each) => each ?? []))].sort();
    return lists.includes(undefined) || codes.length > SORT_CODES_MAX ? [] : codes;
  }

  #components(parameter: SearchParameter, bases: readonly Path[]): CompositePart[] {
    if (parameter.type !== 'composite') return [];
    const parts = declaredParts(
      parameter,
      (url) => this.#byUrl.get(url)?.type as SearchParameterType | undefined,
    );
    const places = placesOf(parts);
    return parts.map((part, at) => {
      const paths = partPaths(this.#types, bases, part);
      return {
        ...part,
        place: places[at]!,
        implicitSystems: part.type === 'token' ? this.#implicitSystems(paths) : [],
        targets: part.type === 'reference' ? this.#targetsOf(part.definition) : [],
      };
    });
  }

  #targetsOf(definition: string): string[] {
    return (this.#byUrl.get(definition)?.target ?? []) as string[];
  }

  /** What reads a composite: for each place of its expression, the parts below it. */
  #pairReaders(type: string, draft: Draft, info: SearchParameterInfo): Reader[] {
    return draft.paths.map((path) => ({
      path,
      index: undefined,
      pairs: pairReader(this.#types, type, path, info.components, info.key),
      presence: info.presence,
    }));
  }
}

/** True when all paths lead to one element that a resource has once, with one date in it. */
function isSingle(paths: readonly Path[]): boolean {
  const [first] = paths;
  return (
    first?.element !== undefined &&
    paths.every(
      ({ steps, type, element }) =>
        element === first.element &&
        steps.length === 1 &&
        !element!.array &&
        (MOMENTS.has(type) || type === 'Period'),
    )
  );
}

/** The tokens that tell that a parameter has a value. */
function presentBy(
  key: number,
  presence: bigint,
  codes: readonly string[],
  system: string | undefined,
): readonly bigint[] {
  if (system !== undefined) return [systemHash(key, system)];
  return codes.length > 0 ? codes.map((code) => codeHash(key, code)) : [presence];
}

function signatureFor(kind: SearchParameterType, places: readonly string[]): string {
  return `${kind} ${[...new Set(places)].sort().join(' ')}`;
}

/** Which parameter's key the rows of a signature stand under. */
function leadersOf(drafts: readonly Draft[]): Map<string, Draft> {
  const leaders = new Map<string, Draft>();
  for (const draft of drafts) {
    const leader = leaders.get(draft.signature);
    if (!leader || rank(draft) < rank(leader)) leaders.set(draft.signature, draft);
  }
  return leaders;
}

function rank({ parameter, standard, paths }: Draft): string {
  const restricted = paths.some((path) => path.leadsTo !== undefined);
  return `${standard ? 0 : 1}${restricted ? 1 : 0}${parameter.code}`;
}

function ownersOf(drafts: readonly Draft[]): Owners {
  const leaders = leadersOf(drafts);
  const strings = [...leaders.values()].filter((each) => each.type === 'string');
  const reads = strings.map(({ parameter, paths, standard }) => ({
    code: parameter.code!,
    paths,
    standard,
  }));
  return { leaders, texts: textGroups(reads) };
}

/** The parameter whose rows a parameter has, and the system of those among them that are its own. */
function ownerOf(
  draft: Draft,
  { leaders }: Owners,
): { readonly leader: Draft; readonly system?: string } {
  const wide = draft.type === 'token' ? widened(draft.paths) : undefined;
  const wider = wide && leaders.get(signatureFor('token', wide.places));
  if (wider?.standard) return { leader: wider, system: wide!.system };
  return { leader: leaders.get(draft.signature) ?? draft };
}

/** Rows of texts are made by `textReaders`. */
function readersOf(
  type: string,
  draft: Draft,
  owners: Owners,
  { code, presence, present, keys: under }: SearchParameterInfo,
): Reader[] {
  const table = toldBy(draft.type);
  const told = table && { presence, table, keys: under };
  const leads = draft.type !== 'string' && ownerOf(draft, owners).leader === draft;
  const keys = { type, code, key: paramKey(type, code) };
  return draft.paths.map((path) => ({
    path,
    index: leads ? indexerOf(draft.type, path.type, keys) : undefined,
    presence: present.includes(presence) ? presence : undefined,
    ...(told && { told }),
  }));
}

/** The table whose rows tell that a parameter has a value. */
export function toldBy(type: SearchParameterType): 'str' | 'dat' | undefined {
  if (type === 'string') return 'str';
  return type === 'date' ? 'dat' : undefined;
}

function textReaders(type: string, texts: Owners['texts']): Reader[] {
  const groups = new Set([...texts.values()].flat());
  return [...groups].flatMap(({ name, column, leaves }) => {
    const keys = { type, code: name, key: textKey(type, name, column) };
    return leaves.map((path) => ({
      path,
      index: indexerOf('string', path.type, keys),
      presence: undefined,
    }));
  });
}

function targetsOf({ parameter, paths }: Draft): string[] {
  const led = paths.flatMap((path) => path.leadsTo ?? []);
  const declared = (parameter.target ?? []) as string[];
  if (led.length === paths.length && led.length > 0) return [...new Set(led)];
  return declared.includes('Resource') || declared.length === 0 ? [...RESOURCE_TYPES] : declared;
}

/** Of a text that lists several types ("* [Patient](patient.html): …"), the line of one. */
function descriptionFor(type: string, description: string): string {
  const line = description.split(/\r?\n/).find((each) => each.includes(`[${type}](`));
  return (line ?? description).replace(/^\s*\*?\s*\[\w+\]\([\w.]+\):\s*/, '').trim();
}

function noCollisions(
  type: string,
  parameters: readonly SearchParameterInfo[],
  texts: Owners['texts'],
): void {
  const codes = parameters.map((each) => each.code);
  const groups = [...texts.values()].flat().map((each) => each.name);
  distinctKeys(type, codes, paramKey);
  distinctKeys(type, [...codes.map((code) => `${code}:text`), ...groups], textKey);
}

function distinctKeys(
  type: string,
  codes: readonly string[],
  keyOf: (type: string, code: string) => number,
): void {
  const owners = new Map<number, string>();
  for (const code of new Set(codes)) {
    const key = keyOf(type, code);
    const owner = owners.get(key);
    if (owner) {
      throw new Error(`the keys of ${type}.${code} and ${type}.${owner} collide; rename one`);
    }
    owners.set(key, code);
  }
}

/**
 * Evaluates with the `fhirpath` package what our compiler does not read. An expression that fails on
 * a resource finds nothing in it: a parameter that somebody has posted must not refuse every write.
 */
function interpreted(expression: string): (resource: Json) => readonly unknown[] {
  let evaluate: ((resource: Json) => unknown) | undefined;
  return (resource) => {
    evaluate ??= fhirpathOf(expression);
    const found = orNothing(evaluate, resource);
    return Array.isArray(found) ? found : isObject(found) ? [found] : [];
  };
}

function orNothing(evaluate: (resource: Json) => unknown, resource: Json): unknown {
  try {
    return evaluate(resource);
  } catch {
    return undefined;
  }
}

function fhirpathOf(expression: string): (resource: Json) => unknown {
  const require = createRequire(import.meta.url);
  const engine = require('fhirpath') as typeof import('fhirpath');
  const model = require('fhirpath/fhir-context/r4') as Parameters<typeof engine.compile>[1];
  const compiled = engine.compile(expression, model);
  return (resource) => compiled(resource);
}
