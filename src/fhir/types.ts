/**
 * What the FHIR room is made of and speaks: its part of the App, its requests and answers. Knows no
 * Express: a bundle's entries are the same requests as those of the wire.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../app.ts';
import type {
  Guard,
  Operation,
  ProjectedBinding,
  RawAnswer,
  ResourceWrite,
  StoredBinding,
} from '../sdk/index.ts';
import type { Definitions } from './definitions/definitions.ts';
import type { ParameterRegistry } from './parameters/registry.ts';
import type { Patch } from './patch/apply.ts';
import type { Links } from './search/linking.ts';

/** The FHIR room as part of the App. */
export interface FhirHouse {
  /** As they stand now: search parameters come and go while the house runs. */
  readonly definitions: Definitions;
  readonly parameters: ParameterRegistry;
  /** By resource type. */
  readonly stored: ReadonlyMap<string, readonly StoredBinding[]>;
  readonly projected: ReadonlyMap<string, readonly ProjectedBinding[]>;
  readonly guards: ReadonlyMap<string, readonly Guard[]>;
  /** By `$code` at system level, `Type/$code`, or `Type/[id]/$code`. */
  readonly operations: ReadonlyMap<string, Operation>;
  /** How a search asks for what other resources lead to. */
  readonly links: Links;
  /** Absolute URL of the FHIR base without trailing slash; known once the server listens. */
  base(): string;
  /** When this process began; what is published with it is as old. */
  readonly started: Date;
  /** Key under which cursors are signed. */
  readonly cursorKey: Buffer;
  /** CapabilityStatement as text, built once. */
  capability(): string;
}

/** The FHIR room of a unit of work. */
export function fhirOf(unit: UnitOfWork): FhirHouse {
  return unit.app.fhir as FhirHouse;
}

/** A FHIR request, from the wire or from an entry of a bundle. */
export interface FhirRequest {
  readonly method: string;
  /** Below the base, no slash at either end: `Patient/1`, ``, `Patient/_search`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed body (FhirDecimal for fragile numbers); form fields are already in `query`. */
  readonly body?: unknown;
  /** Of a PATCH in a bundle, whose body does not say by a content type what it is. */
  readonly patch?: Patch;
}

/** A FHIR answer. `text` is JSON as sent. */
export interface FhirResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text?: string;
  readonly raw?: RawAnswer;
}

/** A stored row, as the interactions need it. */
export interface StoredRow {
  readonly rid: bigint;
  readonly id: string;
  readonly ver: number;
  readonly lu: Date;
  readonly deleted: boolean;
  readonly content: string;
}

/** What a write has left. */
export interface Written {
  readonly action: ResourceWrite['action'];
  readonly type: string;
  readonly id: string;
  readonly rid: bigint;
  readonly version: number;
  readonly lastUpdated: Date;
  readonly content: string;
}

/** A resource that is about to be written; `id` is set. */
export interface PlannedWrite {
  readonly action: 'create' | 'update' | 'delete';
  readonly type: string;
  readonly id: string;
  /** Undefined for a delete. */
  readonly resource?: Resource;
  /** versionId that must be current. */
  readonly ifMatch?: string;
  /** `*`: the resource must not exist; a version: it must not be the current one. */
  readonly ifNoneMatch?: string;
  /** The id is the sender's and must not be in use. */
  readonly onlyNew?: boolean;
  /** Where it stands in a bundle, e.g. `Bundle.entry[3]`. */
  readonly place?: string;
}
