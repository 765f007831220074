/**
 * Context: one unit of work as a module sees it. One actor, one instant, one transaction.
 *
 * What is emitted or enqueued is written in the same transaction and happens after it commits;
 * if it rolls back, nothing has happened.
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { Database } from './sql.ts';
import type { EventToken, ExtensionPoint, JobToken, Permission, Setting } from './tokens.ts';

/** Who acts. */
export interface Actor {
  /** Stable id: the token's subject; `system` for jobs and the clock. */
  readonly id: string;
  /** For people to read. Not logged. */
  readonly name: string;
  readonly kind: 'user' | 'client' | 'system';
  /** Names of the permissions that the actor's roles grant; `*` grants all. */
  readonly permissions: ReadonlySet<string>;
  /** Areas and schemes the actor may see; `all` unless limited. */
  readonly reach: Reach;
  /** SMART scopes of the token; absent: the roles alone decide. They only ever narrow. */
  readonly scopes?: readonly Scope[];
  /** Elements kept from the actor, e.g. `Patient.identifier`; see `src/fhir/disclosure.ts`. */
  readonly masks?: readonly string[];
  /** Why limits are lifted for this request (break-glass), as the actor gave it. */
  readonly breakGlass?: string;
}

/** A SMART App Launch v2 scope: `system/Group.rs?…`. */
export interface Scope {
  /** Resource type, or `*`. */
  readonly type: string;
  /** Letters of create, read, update, delete, search. */
  readonly allows: string;
  /** Search terms that a resource must fulfil, e.g. `status=active`. */
  readonly query?: string;
}

/** Limits an actor to areas and schemes; every search passes them to its SQL. */
export interface Reach {
  /** rids of Locations, with all areas below them. */
  readonly areas: 'all' | readonly bigint[];
  /** rids of InsurancePlans. */
  readonly schemes: 'all' | readonly bigint[];
}

/** Writes structured lines; fields are ids, codes, counts and durations, never personal data. */
export interface Log {
  info(message: string, fields?: Record<string, LogValue>): void;
  warn(message: string, fields?: Record<string, LogValue>): void;
  error(message: string, fields?: Record<string, LogValue>, cause?: unknown): void;
}

export type LogValue = string | number | boolean | bigint | undefined;

/** A version of a resource as it was recorded; without `resource`: its deletion. */
export interface RecordedVersion {
  readonly rid: bigint;
  readonly id: string;
  readonly version: number;
  readonly recordedAt: Date;
  readonly resource?: Resource;
}

/** FHIR as this actor: guards, validation, history, index, audit and events all apply. */
export interface FhirAccess {
  /** @throws Problem not-found or deleted */
  read<R extends Resource>(type: R['resourceType'], id: string): Promise<R>;
  /** Stored resources by internal id; missing and deleted ones are left out. */
  readByRid<R extends Resource>(
    type: R['resourceType'],
    rids: readonly bigint[],
  ): Promise<Map<bigint, R>>;
  /** Internal ids of stored resources by FHIR id; missing and deleted ones are left out. */
  rids(type: string, ids: readonly string[]): Promise<Map<string, bigint>>;
  /**
   * Versions of these resources (internal or FHIR ids) that had been recorded by an instant, in order
   * of resource and version, deleted resources included: to compute again what was computed then.
   * Reach is not applied, so that a figure does not depend on who asks: show nothing of them.
   *
   * @param which  `latest`: of each resource the one that stood at that instant
   */
  recorded(
    type: string,
    keys: readonly (string | bigint)[],
    until: Date,
    which: 'latest' | 'all',
  ): Promise<RecordedVersion[]>;
  /** A searchset; `query` is the part after `?`. Pages by `link.next`. */
  search<R extends Resource>(type: R['resourceType'], query: string): Promise<Bundle<R>>;
  /** @throws Problem from validation or guards; `ifNoneExist` is a search query */
  create<R extends Resource>(resource: R, options?: { ifNoneExist?: string }): Promise<R>;
  /** Creates or replaces. `ifMatch` is a versionId. */
  update<R extends Resource>(resource: R, options?: { ifMatch?: string }): Promise<R>;
  delete(type: string, id: string): Promise<void>;
  /** All or nothing, inside this unit of work. Answers a transaction-response. */
  transaction(bundle: Bundle): Promise<Bundle>;
}

/** One unit of work. */
export interface Context {
  readonly actor: Actor;
  /** The instant of this unit of work; the only clock a module may use. */
  readonly now: Date;
  /** Id of the HTTP request or job, for the trail and the log. */
  readonly requestId: string;
  readonly db: Database;
  readonly fhir: FhirAccess;
  readonly log: Log;
  /** A new time-ordered UUID. */
  newId(): string;
  /** True when the actor holds the permission. */
  may(permission: Permission): boolean;
  /** @throws Problem forbidden, naming the permission */
  demand(permission: Permission): void;
  /** Records an event with this unit of work; reactions run after commit, at least once. */
  emit<Data>(event: EventToken<Data>, data: Data): void;
  /**
   * Records a job with this unit of work.
   * `key` makes it unique among waiting jobs: a second one with the key replaces the first.
   */
  enqueue<Data>(
    job: JobToken<Data>,
    data: Data,
    options?: { runAt?: Date; key?: string; queue?: string },
  ): void;
  /** What modules have contributed to an extension point, in module order. */
  parts<Part>(point: ExtensionPoint<Part>): readonly Part[];
  setting<Value>(setting: Setting<Value>): Value;
  /** Records an act in the trail that is not a write of a resource (approval, disclosure). */
  audit(act: AuditAct): void;
  /** Runs after commit in this process only: caches, wake-ups. Never work that must happen. */
  afterCommit(run: () => void): void;
  /**
   * Before a statement over whole tables: analyses those of the named tables and views about which the
   * planner knows nothing or too little. Call it before anything is locked; it costs one question
   * where nothing is to be done.
   */
  freshStatistics(relations: readonly string[]): Promise<void>;
  /**
   * Runs `work` with `count` further connections that only read, all of them the database as it stands
   * now, without what this unit has written: for what several processes can share. The list is empty
   * where none can be spared; the work is then done on `db`. Not inside a savepoint.
   */
  readers<Result>(
    count: number,
    work: (readers: readonly Database[]) => Promise<Result>,
  ): Promise<Result>;
}

/** An act for the trail. */
export interface AuditAct {
  /** C create, R read, U update, D delete, E execute (search, operation, act). */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** FHIR interaction or operation: `create`, `search-type`, `$approve`. */
  readonly interaction: string;
  readonly type?: string;
  readonly id?: string;
  readonly version?: number;
  /** Codes and counts that explain the act; no personal data. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>;
}
