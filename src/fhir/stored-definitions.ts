/**
 * Profiles, extensions, value sets, code systems and forms that callers have stored, found by their
 * canonicals where a resource needs them for its validation.
 *
 * The house's own definitions and HL7's come first and are never looked up. A stored one counts as
 * soon as it is committed, in every process, because it is looked up in each request; only what is
 * compiled from it is kept, by the versions that it was made of. What is not found is no fault.
 *
 * Spec: https://hl7.org/fhir/R4/profiling.html, https://hl7.org/fhir/R4/references.html#canonical
 */

import { createContext, Script } from 'node:vm';
import type { Resource } from '@medplum/fhirtypes';
import { LRUCache } from 'lru-cache';
import type { UnitOfWork } from '../app.ts';
import { type Problem, problem } from '../sdk/index.ts';
import type { Definitions } from './definitions/definitions.ts';
import { parseSearch } from './search/parse.ts';
import { sourcesOf } from './search/source.ts';
import { parseContent } from './store/content.ts';
import { fhirOf } from './types.ts';

/** What validates. */
export type Validation = Pick<Definitions, 'validate' | 'snapshot'>;

const KINDS = ['StructureDefinition', 'ValueSet', 'CodeSystem', 'Questionnaire'] as const;
type Kind = (typeof KINDS)[number];

/** Definitions draw on definitions; deeper than this nobody looks. */
const ROUNDS_MAX = 8;
/** No resource needs more than this many stored definitions. */
const DEFINITIONS_MAX = 300;
/** Canonicals looked up by one statement. */
const LOOK_UP_MAX = 50;

/** HL7's core: carried, or not to be had by looking. */
const CORE =
  /^http:\/\/(?:hl7\.org\/fhir|terminology\.hl7\.org)\/(?:StructureDefinition|ValueSet|CodeSystem)\/[\w.-]+$/;

interface Stored {
  readonly kind: Kind;
  readonly url: string;
  readonly version: string;
  readonly resource: Resource;
}

/** Compiled validations, by the versions of the definitions that they were made of. */
const compiled = new WeakMap<Definitions, LRUCache<string, Validation>>();

/**
 * The validation of some resources: the house's, with the stored definitions that they need.
 * Costs no statement when they declare nothing but what the house has.
 *
 * @param profiles canonicals that they are held against beside those that they declare
 */
export async function validationOf(
  unit: UnitOfWork,
  resources: readonly unknown[],
  profiles: readonly string[] = [],
): Promise<Validation> {
  const { definitions } = fhirOf(unit);
  const wanted = new Wanted(definitions);
  for (const each of profiles) wanted.add('StructureDefinition', each);
  for (const each of resources) wanted.ofResource(each);
  const found = new Map<string, Stored>();
  for (let round = 0; round < ROUNDS_MAX && found.size < DEFINITIONS_MAX; round++) {
    const open = wanted.take();
    if (open.length === 0) break;
    for (const kind of KINDS) {
      const urls = open.filter((each) => each.kind === kind).map((each) => each.url);
      for (const each of await lookUp(unit, kind, urls)) {
        found.set(`${each.kind} ${each.url}`, each);
        wanted.ofResource(each.resource);
      }
    }
  }
  if (found.size === 0) return definitions;
  const stored = [...found.values()];
  return bounded(() => withStored(definitions, stored));
}

/** Time that the definitions of callers may take of one request. */
const LIMIT_MS = 2000;
const SANDBOX = createContext({ work: (): unknown => undefined });
const WORK = new Script('work()');

/**
 * A validation by definitions of callers, whose rules are programs: all that is held against them
 * in one request takes two seconds at most. What is ended so leaves nothing half-made behind, for a
 * validation keeps its state to itself.
 */
function bounded(make: () => Validation): Validation {
  let left = LIMIT_MS;
  const within = <Result>(work: () => Result): Result => {
    const began = performance.now();
    SANDBOX.work = work;
    try {
      if (left < 1) throw tooCostly();
      return WORK.runInContext(SANDBOX, { timeout: Math.ceil(left) }) as Result;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      throw tooCostly();
    } finally {
      left -= performance.now() - began;
    }
  };
  const validation = within(make);
  return {
    snapshot: (url) => within(() => validation.snapshot(url)),
    validate: (resource, options) => within(() => validation.validate(resource, options)),
  };
}

function tooCostly(): Problem {
  const says =
    'The rules of the profiles, value sets and forms that are stored here take too long for what ' +
    'you sent; send less at once, or make them simpler.';
  return problem('too-costly', 'rules-too-costly', says, 'meta.profile');
}

function withStored(definitions: Definitions, stored: readonly Stored[]): Validation {
  let known = compiled.get(definitions);
  if (!known) {
    known = new LRUCache({ max: 50 });
    compiled.set(definitions, known);
  }
  const key = stored
    .map((each) => `${each.kind} ${each.url} ${each.version}`)
    .sort()
    .join('\n');
  const made = known.get(key) ?? definitions.withMore(stored.map((each) => each.resource));
  known.set(key, made);
  return made;
}

/** Stored definitions by canonical: of several, an active one, the newest. */
async function lookUp(unit: UnitOfWork, kind: Kind, urls: readonly string[]): Promise<Stored[]> {
  const found = new Map<string, Stored>();
  for (let at = 0; at < urls.length; at += LOOK_UP_MAX) {
    const asked = urls.slice(at, at + LOOK_UP_MAX).map((url) => url.replace(/([\\,|$])/g, '\\$1'));
    const query = new URLSearchParams({ url: asked.join(',') });
    const search = parseSearch(fhirOf(unit).definitions, [kind], query, false);
    for (const row of await sourcesOf(unit, search)[0]!.fetch(undefined, false, DEFINITIONS_MAX)) {
      const resource = parseContent(row.content) as Resource & { url: string; status?: string };
      const before = found.get(resource.url)?.resource as { status?: string } | undefined;
      if (before && (before.status === 'active' || resource.status !== 'active')) continue;
      const version = `${resource.id} ${resource.meta?.versionId}`;
      found.set(resource.url, { kind, url: resource.url, version, resource });
    }
  }
  return [...found.values()];
}

/** Canonicals that are needed and not yet looked for. */
class Wanted {
  readonly #definitions: Definitions;
  readonly #seen = new Set<string>();
  #open: { readonly kind: Kind; readonly url: string }[] = [];

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
  }

  take(): readonly { readonly kind: Kind; readonly url: string }[] {
    const open = this.#open;
    this.#open = [];
    return open;
  }

  add(kind: Kind, canonical: unknown): void {
    if (typeof canonical !== 'string') return;
    const url = canonical.split('|')[0]!;
    const key = `${kind} ${url}`;
    if (url === '' || url.startsWith('#') || CORE.test(url) || this.#seen.has(key)) return;
    this.#seen.add(key);
    if (!this.#carried(kind, url)) this.#open.push({ kind, url });
  }

  #carried(kind: Kind, url: string): boolean {
    if (kind === 'StructureDefinition') return this.#definitions.snapshot(url) !== undefined;
    if (kind === 'ValueSet') return this.#definitions.publishedValueSet(url) !== undefined;
    if (kind === 'CodeSystem') return this.#definitions.publishedCodeSystem(url) !== undefined;
    return false;
  }

  /** What a resource, or a definition, draws on. */
  ofResource(resource: unknown): void {
    const { resourceType } = (resource ?? {}) as { resourceType?: unknown };
    if (KINDS.includes(resourceType as Kind)) this.#walkDefinition(resource);
    else this.#walk(resource, 0);
  }

  /** Declared profiles and forms, at any depth that a resource may stand at. */
  #walk(value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null || depth > 12) return;
    if (Array.isArray(value)) {
      for (const each of value) this.#walk(each, depth + 1);
      return;
    }
    const resource = value as Record<string, unknown>;
    const { resourceType, meta } = resource;
    if (typeof resourceType === 'string') {
      const declared = (meta as { profile?: unknown } | undefined)?.profile;
      if (Array.isArray(declared))
        for (const each of declared) this.add('StructureDefinition', each);
      if (resourceType === 'QuestionnaireResponse')
        this.add('Questionnaire', resource.questionnaire);
    }
    for (const key of ['contained', 'entry', 'resource', 'parameter', 'part']) {
      if (key in resource) this.#walk(resource[key], depth + 1);
    }
    for (const key of ['extension', 'modifierExtension']) {
      const extensions = resource[key];
      if (!Array.isArray(extensions)) continue;
      for (const each of extensions)
        this.add('StructureDefinition', (each as { url?: unknown })?.url);
    }
  }

  /** Every canonical that a definition names, by the property that names it. */
  #walkDefinition(value: unknown): void {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      const kind = DRAWN[key];
      for (const each of kind ? [inner].flat() : []) this.add(kind!, each);
      if (typeof inner === 'object') this.#walkDefinition(inner);
    }
  }
}

/** Properties of definitions that name others. */
const DRAWN: Readonly<Partial<Record<string, Kind>>> = {
  baseDefinition: 'StructureDefinition',
  profile: 'StructureDefinition',
  targetProfile: 'StructureDefinition',
  valueSet: 'ValueSet',
  answerValueSet: 'ValueSet',
  system: 'CodeSystem',
};
