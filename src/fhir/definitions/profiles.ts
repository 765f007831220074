/**
 * The registry of what modules bring: profiles and extensions, value sets, code systems, search
 * parameters. Ours come before HL7's, and each canonical stands for one thing only.
 */

import type {
  CodeSystem,
  Questionnaire,
  SearchParameter,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';
import { loadCodeSystem, loadStructure, loadValueSet } from './load.ts';
import { SnapshotFault, withSnapshot } from './snapshot.ts';

/** What the modules bring. */
export interface Brought {
  readonly structureDefinitions?: readonly StructureDefinition[];
  readonly valueSets?: readonly ValueSet[];
  readonly codeSystems?: readonly CodeSystem[];
  readonly searchParameters?: readonly SearchParameter[];
  readonly questionnaires?: readonly Questionnaire[];
}

const HL7_STRUCTURE = 'http://hl7.org/fhir/StructureDefinition/';

/** Definitions by canonical: those brought, then HL7's. */
export class Registry {
  readonly #structures: ReadonlyMap<string, StructureDefinition>;
  readonly #valueSets: ReadonlyMap<string, ValueSet>;
  readonly #codeSystems: ReadonlyMap<string, CodeSystem>;
  readonly searchParameters: readonly SearchParameter[];

  readonly #questionnaires: ReadonlyMap<string, Questionnaire>;
  readonly #whole = new Map<string, StructureDefinition | undefined>();

  readonly #under: Registry | undefined;

  /**
   * @param under what comes before that which is brought here; HL7's come last
   * @throws Error when two definitions claim one canonical
   */
  constructor(brought: Brought, under?: Registry) {
    this.#under = under;
    this.#structures = byUrl(brought.structureDefinitions ?? []);
    this.#valueSets = byUrl(brought.valueSets ?? []);
    this.#codeSystems = byUrl(brought.codeSystems ?? []);
    this.searchParameters = brought.searchParameters ?? [];
    this.#questionnaires = byUrl(brought.questionnaires ?? []);
  }

  /**
   * A StructureDefinition with its snapshot; undefined when we do not have it, or cannot make its
   * snapshot, so that nobody is held to half a profile.
   */
  structure(url: string): StructureDefinition | undefined {
    const before = this.#under?.own(url);
    if (before) return before;
    const own = this.#structures.get(url);
    if (!own) return loadStructure(url);
    if (own.snapshot) return own;
    if (this.#whole.has(url)) return this.#whole.get(url);
    this.#whole.set(url, undefined); // a profile that is its own base has none
    const whole = this.#complete(own);
    this.#whole.set(url, whole);
    return whole;
  }

  /** A StructureDefinition that is brought, not HL7's. */
  own(url: string): StructureDefinition | undefined {
    return this.#structures.has(url) ? this.structure(url) : this.#under?.own(url);
  }

  #complete(definition: StructureDefinition): StructureDefinition | undefined {
    try {
      return withSnapshot(definition, (url) => this.structure(url));
    } catch (error) {
      if (error instanceof SnapshotFault) return undefined;
      throw error;
    }
  }

  baseStructure(type: string): StructureDefinition | undefined {
    return loadStructure(HL7_STRUCTURE + type);
  }

  valueSet(url: string): ValueSet | undefined {
    return this.ownSet(url) ?? loadValueSet(url);
  }

  codeSystem(url: string): CodeSystem | undefined {
    return this.ownSystem(url) ?? loadCodeSystem(url);
  }

  /** A form by its canonical; a `|version` must be the form's own. */
  questionnaire(canonical: string): Questionnaire | undefined {
    const [url, version] = canonical.split('|');
    const found =
      this.#questionnaires.get(canonical) ??
      this.#questionnaires.get(url!) ??
      this.#under?.questionnaire(canonical);
    return version === undefined || found?.version === version ? found : undefined;
  }

  ownCodeSystem(url: string): boolean {
    return this.ownSystem(url) !== undefined;
  }

  ownSystem(url: string): CodeSystem | undefined {
    return this.#under?.ownSystem(url) ?? this.#codeSystems.get(url);
  }

  ownSet(url: string): ValueSet | undefined {
    return this.#under?.ownSet(url) ?? this.#valueSets.get(url);
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
