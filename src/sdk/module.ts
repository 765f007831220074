/**
 * The module contract: a module is a value that lists what it adds. No container, no decorators,
 * no start-up order; `src/assemble.ts` checks names, dependencies and clashes at start.
 *
 * How to write one: `modules/README.md`, in eight steps.
 */

import type { OperationDefinition, Parameters, Resource } from '@medplum/fhirtypes';
import type { Context } from './context.ts';
import type { EventToken, ExtensionPoint, JobToken, Permission, Setting } from './tokens.ts';

/** Everything a room adds to the house. */
export interface Module {
  /** kebab-case, unique. */
  readonly name: string;
  readonly title: string;
  /** Names of the modules whose faces it imports. */
  readonly dependsOn?: readonly string[];
  readonly settings?: readonly Setting<unknown>[];
  readonly resources?: readonly ResourceBinding[];
  readonly operations?: readonly Operation[];
  readonly guards?: readonly Guard[];
  readonly reactions?: readonly Reaction[];
  readonly jobs?: readonly JobHandler[];
  readonly schedule?: readonly CronLine[];
  readonly permissions?: readonly Permission[];
  readonly contributes?: readonly Contribution[];
  readonly routes?: readonly Route[];
  readonly pages?: readonly Page[];
  /** Folder of plain .sql migrations; only for modules outside this repository. */
  readonly migrations?: string;
  /** StructureDefinitions, ValueSets, CodeSystems and SearchParameters it brings from outside. */
  readonly definitions?: readonly Resource[];
}

// ── resources ────────────────────────────────────────────────────────────────────────────────

export type ResourceBinding = StoredBinding | ProjectedBinding;

/** One stored resource on its way into the store, inside the write transaction. */
export interface ResourceWrite<R extends Resource = Resource> {
  readonly action: 'create' | 'update' | 'delete';
  readonly type: string;
  readonly id: string;
  /** Internal id; in a guard of a create it is not yet known and is 0n. */
  readonly rid: bigint;
  readonly version: number;
  /** Where it stands in what was sent, e.g. `Bundle.entry[3]`; see `inPlace`. */
  readonly place?: string;
  /** What will stand after the write; undefined for a delete. */
  readonly resource: R | undefined;
  /** What stood before; undefined for a create. */
  readonly previous: R | undefined;
}

/** Resources of a type live in the resource store; the room keeps typed facts in step. */
export interface StoredBinding {
  readonly kept: 'stored';
  readonly type: string;
  /** Canonical of our profile. Resources that do not declare it are stored as plain R4. */
  readonly profile?: string;
  /**
   * Keeps typed rows in step with the resources of this type, in the same transaction and
   * set-based: called once per unit of work with all writes of the type, after every resource of
   * the transaction has been inserted (so that references between them resolve to rids).
   */
  readonly project?: (ctx: Context, writes: readonly ResourceWrite[]) => Promise<void>;
  /**
   * Takes out of what was sent what must not be stored with it (secrets), keeping it elsewhere:
   * answers what is to be stored, in the order of the writes; undefined for a delete. After the
   * guards, which see what was sent.
   */
  readonly redact?: (
    ctx: Context,
    writes: readonly ResourceWrite[],
  ) => Promise<readonly (Resource | undefined)[]>;
}

/** Resources of a type are views of typed tables. A type may be stored and projected at once. */
export interface ProjectedBinding {
  readonly kept: 'projected';
  readonly type: string;
  readonly profile: string;
  /**
   * Published SQL view. It must have the columns `id text` (the FHIR id), `key bigint` (unique,
   * rising; the tie-break of every order), `updated_at timestamptz` and `version int`, indexed
   * underneath, and whatever `search` and `render` use.
   */
  readonly view: string;
  /**
   * Column of the view by which an id is found: what `id` is the text of. Without it `id` itself is
   * compared, which no index serves.
   */
  readonly idKey?: ProjectedKey;
  /**
   * The view may show millions of rows: its column `key` is indexed, and a search walks that index
   * or gathers what matches by the indexes of its conditions, so that a page costs a page.
   */
  readonly large?: {
    /** `updated_at` is indexed, too. */
    readonly updatedAt?: boolean;
    /** The table is partitioned by `updated_at`. */
    readonly partitioned?: boolean;
  };
  /** Search parameters served, by name; `_id` and `_lastUpdated` are always served. */
  readonly search: Readonly<Record<string, ProjectedParameter>>;
  /** Renders rows of the view; `meta` is filled in by the caller from version and updated_at. */
  readonly render: (ctx: Context, rows: readonly ProjectedRow[]) => Promise<Resource[]>;
  /** Takes a POSTed resource that declares `profile`; answers what now stands. */
  readonly accept?: (ctx: Context, resource: Resource) => Promise<Resource>;
}

/** A column that holds what a text is written from, and is indexed. */
export interface ProjectedKey {
  readonly column: string;
  /** `trail`: bytes of an id as the trail keeps it. */
  readonly type: 'uuid' | 'bigint' | 'trail';
  /** SQL over alias `v`: which rows have the key, where only those are indexed. */
  readonly where?: string;
}

/** A row of a projection's view, with every column of the view. */
export type ProjectedRow = {
  readonly id: string;
  readonly key: bigint;
  readonly updated_at: Date;
  readonly version: number;
} & Readonly<Record<string, unknown>>;

/** Tests over alias `v`, by code: all that the column can have. */
export type ProjectedCodes = Readonly<Record<string, string>>;

/** A value of rows of another table that many rows of the view share. */
export interface ProjectedShared {
  /** The table, its key, and its column of the value, never null. */
  readonly table: string;
  readonly key: string;
  readonly column: string;
  /** Column of the view that holds the key; an index has it together with the view's `key`. */
  readonly rows: string;
}

/**
 * How a search parameter reads the view. `few`: a value is that of few rows, which an index finds.
 * `ordered`: an index has the column in order; `as-key`: its values rise with `key`; or the rows of
 * another table have it.
 */
export type ProjectedParameter =
  /**
   * `column` text; `system` is what a `system|code` search may name. Where the codes are few, `codes`
   * has a test over alias `v` for each, by which an index finds the rare ones; `also` adds to the
   * comparison with some code what the index that finds it says. Where the text is computed from an
   * indexed column, `key` names that column and the SQL function that reads the text back into it.
   */
  | {
      readonly type: 'token';
      readonly column: string;
      readonly system?: string;
      readonly codes?: ProjectedCodes;
      readonly key?: { readonly column: string; readonly by: string };
      readonly also?: ProjectedCodes;
      readonly few?: boolean;
      readonly ordered?: 'as-key';
    }
  /**
   * `holds: 'rid'`: bigint rid of a stored `target`; `'id'`: FHIR id text of a `target`, found by
   * `key` where there is one. Where the element is a canonical, the column `canonical` holds its URL.
   */
  | {
      readonly type: 'reference';
      readonly column: string;
      readonly target: string;
      readonly holds: 'rid' | 'id';
      readonly key?: ProjectedKey;
      readonly canonical?: string;
      readonly few?: boolean;
      readonly ordered?: true;
    }
  /** `column` date or timestamptz; with `end`, the interval from `column` to `end`. */
  | {
      readonly type: 'date';
      readonly column: string;
      readonly end?: string;
      readonly ordered?: true | ProjectedShared;
    }
  /**
   * `among`: the rows have few different texts. `names`: a text is `Type/id`, and one with a UUID is
   * compared whole.
   */
  | {
      readonly type: 'string';
      readonly column: string;
      readonly codes?: ProjectedCodes;
      readonly among?: ProjectedAmong;
      readonly names?: { readonly type: string; readonly key: ProjectedKey };
      readonly ordered?: undefined;
    }
  | { readonly type: 'number'; readonly column: string; readonly ordered?: undefined }
  /** Money in minor units with its currency column. */
  | {
      readonly type: 'money';
      readonly column: string;
      readonly currency: string;
      readonly ordered?: undefined;
    }
  | { readonly type: 'uri'; readonly column: string; readonly ordered?: undefined };

/** Texts of a view that are few: a view of them, `key` and `text`, and what holds a key. */
export interface ProjectedAmong {
  readonly view: string;
  /** Indexed column of the binding's view. */
  readonly column: string;
}

// ── operations and routes ────────────────────────────────────────────────────────────────────

/** What an operation is called with. */
export interface OperationInput {
  /** Resource type and id of the URL, where the operation is on a type or an instance. */
  readonly type?: string;
  readonly id?: string;
  /** Query parameters of a GET and the body of a POST, already checked against the definition. */
  readonly parameters: Parameters;
  /** The body as posted, when it was a bare resource. */
  readonly body?: Resource;
  /** The Accept header, for an operation that gives other forms. */
  readonly accept?: string;
}

/** An answer that is not FHIR: a file, CSV, XML. */
export interface RawAnswer {
  readonly raw: true;
  readonly status?: number;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array | string>;
}

/** A FHIR operation; the OperationDefinition comes first and is what `metadata` shows. */
export interface Operation {
  readonly definition: OperationDefinition;
  readonly permission: Permission;
  /** A dry run of the same path, rolled back at the end (for `$preview`). */
  readonly rolledBack?: boolean;
  /** It shows an actor who is limited to areas these areas only: its own SQL narrows it. */
  readonly narrowsAreas?: boolean;
  /** What `_format` and Accept may ask for besides FHIR JSON, where it gives a RawAnswer. */
  readonly answers?: readonly string[];
  readonly run: (ctx: Context, input: OperationInput) => Promise<Resource | RawAnswer>;
}

/** A path outside FHIR: callbacks and files. Verify, record the bytes, answer, enqueue. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Express path under `/`, e.g. `/callbacks/simulator/:secret`. */
  readonly path: string;
  readonly does: string;
  /** A permission to demand, or `verified-here` when the route itself checks the sender. */
  readonly access: Permission | 'verified-here';
  readonly run: (ctx: Context, request: RouteRequest) => Promise<RouteAnswer>;
}

export interface RouteRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly remoteAddress: string;
}

export interface RouteAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

// ── behaviour ────────────────────────────────────────────────────────────────────────────────

/** Looks at writes of a type before they happen; may refuse with a Problem. */
export interface Guard {
  readonly type: string;
  readonly does: string;
  readonly check: (ctx: Context, writes: readonly ResourceWrite[]) => Promise<void>;
}

/** Runs after an event has been committed; at least once, so it must bear repeats. */
export interface Reaction {
  readonly event: EventToken<unknown>;
  readonly does: string;
  readonly run: (ctx: Context, events: readonly unknown[]) => Promise<void>;
  /**
   * Events wait some seconds for each other, are handled by the hundred, one handful at a time, and
   * give way to callers: for what nobody waits for.
   */
  readonly gathers?: boolean;
}

/** Declares a reaction with the event's type: `on(householdRegistered, 'links …', async …)`. */
export function on<Data>(
  event: EventToken<Data>,
  does: string,
  run: (ctx: Context, events: readonly Data[]) => Promise<void>,
  options: Pick<Reaction, 'gathers'> = {},
): Reaction {
  return { event, does, run: run as Reaction['run'], ...options };
}

export interface JobHandler {
  readonly job: JobToken<unknown>;
  readonly run: (ctx: Context, data: unknown) => Promise<void>;
  /** 'transaction' (default): one unit of work around the run. 'own': run opens its own. */
  readonly scope?: 'transaction' | 'own';
  readonly runOwn?: (units: Units, data: unknown) => Promise<void>;
}

/** Opens units of work, for jobs that talk to the outside between two commits. */
export interface Units {
  run<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result>;
}

/** A job whose run is one unit of work: commits when it returns, rolls back when it throws. */
export function handle<Data>(
  job: JobToken<Data>,
  run: (ctx: Context, data: Data) => Promise<void>,
): JobHandler {
  return { job, run: run as JobHandler['run'], scope: 'transaction' };
}

/** A job that commits before and after it talks to the outside; never holds a transaction open. */
export function handleInSteps<Data>(
  job: JobToken<Data>,
  runOwn: (units: Units, data: Data) => Promise<void>,
): JobHandler {
  return {
    job,
    scope: 'own',
    runOwn: runOwn as JobHandler['runOwn'],
    run: () => Promise.reject(new Error(`${job.name} opens its own units of work`)),
  };
}

/** A line of the clock. */
export interface CronLine {
  /** Five-field cron expression. */
  readonly at: string;
  /** IANA time zone; UTC when absent. */
  readonly timeZone?: string;
  readonly job: JobToken<Record<string, never>>;
  readonly does: string;
}

/** A part for another module's extension point. */
export interface Contribution {
  readonly point: ExtensionPoint<unknown>;
  readonly part: unknown;
}

/** Declares a contribution with the point's type. */
export function contribute<Part>(point: ExtensionPoint<Part>, part: Part): Contribution {
  return { point, part };
}

/** A page of the operators' console. */
export interface Page {
  readonly path: string;
  readonly title: string;
  readonly permission: Permission;
}
