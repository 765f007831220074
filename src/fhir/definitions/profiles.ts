/**
 * The registry of what modules bring: profiles and extensions, value sets, code systems, search
 * parameters. Ours come before HL7's, and each canonical stands for one thing only.
 */

import type {
  CodeSystem,
  SearchParameter,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';
import { loadCodeSystem, loadStructure, loadValueSet } from './load.ts';

/** What the modules bring. */
export interface Brought {
  readonly structureDefinitions?: readonly StructureDefinition[];
  readonly valueSets?: readonly ValueSet[];
  readonly codeSystems?: readonly CodeSystem[];
  readonly searchParameters?: readonly SearchParameter[];
}

const HL7_STRUCTURE = 'http://hl7.org/fhir/StructureDefinition/';

/** Definitions by canonical: those brought, then HL7's. */
export class Registry {
  readonly #structures: ReadonlyMap<string, StructureDefinition>;
  readonly #valueSets: ReadonlyMap<string, ValueSet>;
  readonly #codeSystems: ReadonlyMap<string, CodeSystem>;
  readonly searchParameters: readonly SearchParameter[];

  /** @throws Error when two definitions claim one canonical, or a profile has no snapshot */
  constructor(brought: Brought) {
    this.#structures = byUrl(brought.structureDefinitions ?? []);
    this.#valueSets = byUrl(brought.valueSets ?? []);
    this.#codeSystems = byUrl(brought.codeSystems ?? []);
    this.searchParameters = brought.searchParameters ?? [];
    for (const [url, definition] of this.#structures) {
      if (!definition.snapshot) throw new Error(`${url} has no snapshot; build it with snapshots`);
    }
  }

  structure(url: string): StructureDefinition | undefined {
    return this.#structures.get(url) ?? loadStructure(url);
  }

  baseStructure(type: string): StructureDefinition | undefined {
    return loadStructure(HL7_STRUCTURE + type);
  }

  valueSet(url: string): ValueSet | undefined {
    return this.#valueSets.get(url) ?? loadValueSet(url);
  }

  codeSystem(url: string): CodeSystem | undefined {
    return this.#codeSystems.get(url) ?? loadCodeSystem(url);
  }

  ownCodeSystem(url: string): boolean {
    return this.#codeSystems.has(url);
  }

  /** Canonicals of the profiles brought, by type. */
  profilesOf(type: string): string[] {
    return [...this.#structures.values()]
      .filter((each) => each.type === type && each.derivation === 'constraint')
      .map((each) => each.url!)
      .sort();
  }
}

function byUrl<R extends { url?: string }>(resources: readonly R[]): Map<string, R> {
  const found = new Map<string, R>();
  for (const resource of resources) {
    if (!resource.url) throw new Error('a definition has no url');
    if (found.has(resource.url)) throw new Error(`${resource.url} is brought twice`);
    found.set(resource.url, resource);
  }
  return found;
}
