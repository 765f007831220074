/**
 * App: the assembled house as a value, handed to whatever needs more than a module does.
 * Only types stand here, so that rooms of `src` can know each other's shape without importing
 * each other.
 */

import type { Pool, PoolClient } from 'pg';
import type { ReadTrail } from './audit/reads.ts';
import type {
  Actor,
  Clock,
  Context,
  Contribution,
  CronLine,
  Database,
  ExtensionPoint,
  FhirAccess,
  JobHandler,
  Log,
  Module,
  Permission,
  Reaction,
} from './sdk/index.ts';
import type { Settings } from './settings.ts';

/** What modules have brought, checked and indexed. */
export interface Registers {
  readonly modules: readonly Module[];
  readonly jobs: ReadonlyMap<string, JobHandler>;
  /** Reactions by a stable name, `<module>/<event>/<number>`. */
  readonly reactions: ReadonlyMap<string, Reaction>;
  /** Names of reactions by event. */
  readonly reactionsByEvent: ReadonlyMap<string, readonly string[]>;
  readonly schedule: readonly CronLine[];
  readonly permissions: ReadonlyMap<string, Permission>;
  readonly contributions: ReadonlyMap<string, readonly Contribution['part'][]>;
}

/** The assembled house. `Fhir` is the FHIR room's own part, opaque to the others. */
export interface App<Fhir = unknown> {
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly pool: Pool;
  /** Connections on which PostgreSQL refuses to write, for what only reads. */
  readonly readPool: Pool;
  /** Connections of the job queue, which needs PostgreSQL's plain types. */
  readonly queuePool: Pool;
  readonly registers: Registers;
  /** Notes of reads and refusals, appended to the trail in batches. */
  readonly reads: ReadTrail;
  readonly fhir: Fhir;
  /** Builds the FHIR access of a unit of work. */
  readonly fhirAccess: (unit: UnitOfWork) => FhirAccess;
  /** Called after a commit that left events or jobs behind, to start them without delay. */
  readonly wake: () => void;
}

/** A Context with what the house itself needs beside what modules see. */
export interface UnitOfWork extends Context {
  readonly app: App;
  /** Undefined in a read-only unit of work, where each statement stands alone. */
  readonly client: PoolClient | undefined;
  readonly readOnly: boolean;
}

/** How a unit of work is opened. */
export interface UnitOptions {
  /** Id of the request or job. */
  readonly requestId?: string;
  /** No transaction: each statement takes a connection that refuses to write. */
  readonly readOnly?: boolean;
  /** The same path, rolled back at the end. */
  readonly rolledBack?: boolean;
}

export type { Actor, Database, ExtensionPoint };
