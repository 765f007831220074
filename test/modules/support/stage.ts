/**
 * A stage for the rooms of households, pay points, providers and schemes: their tables, and a
 * stand-in for the resource store that only keeps resources and calls projectors, so that a room's
 * rules are tested by themselves. The real store has its own tests, and the flows play over HTTP.
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../../src/app.ts';
import {
  bucketOf,
  type Context,
  type FhirAccess,
  idKey,
  type Module,
  newUuid,
  type OperationInput,
  Problem,
  problem,
  type ResourceWrite,
} from '../../../src/sdk/index.ts';
import { HOUSE_SETTINGS, readSettings } from '../../../src/settings.ts';
import { type SmallApp, smallApp } from '../../support/app.ts';
import { freshDatabase, type TestDatabase } from '../../support/database.ts';

/** The stage: a small house whose FHIR is a stand-in. */
export interface Stage {
  readonly app: SmallApp;
  readonly database: TestDatabase;
  /** One unit of work. */
  work<Result>(work: (ctx: Context) => Promise<Result>): Promise<Result>;
  /** Writes resources (each with its id) in one unit of work, as a transaction Bundle would. */
  put(...resources: Resource[]): Promise<void>;
  /** Runs an operation by its code in a unit of work. */
  run<R extends Resource>(
    code: string,
    input: Omit<OperationInput, 'parameters'> & { parameters?: OperationInput['parameters'] },
  ): Promise<R>;
  /** Rows of a query. */
  rows<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Runs every reaction to the events emitted so far, and the jobs they leave. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a stage with these modules, in order. */
export async function openStage(
  modules: readonly Module[],
  environment: Record<string, string> = {},
): Promise<Stage> {
  const database = await freshDatabase();
  await database.pool.query(
    `create table stage_resource (type text, id text, rid bigint primary key, ver int,
       deleted boolean, content jsonb, unique (type, id))`,
  );
  const base = smallApp(database, modules);
  const settings = [...HOUSE_SETTINGS, ...modules.flatMap((each) => each.settings ?? [])];
  const app: SmallApp = Object.assign(base, {
    settings: readSettings(settings, environment),
    fhirAccess: (unit: UnitOfWork) => standIn(unit, modules),
  });
  const rows = async <Row extends object>(text: string, values: readonly unknown[] = []) =>
    (await database.pool.query<Row>(text, [...values])).rows;
  return {
    app,
    database,
    work: (work) => app.work(work),
    put: async (...resources) => {
      await app.work((ctx) => write(ctx, modules, resources));
    },
    run: (code, input) => app.work((ctx) => runOperation(ctx, modules, code, input)),
    rows,
    settle: () => settle(app, rows),
    close: () => database.drop(),
  };
}

/** The code and place of the Problem that a promise fails with. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Problem) {
      return error.issues.map((issue) => `${issue.code} ${issue.expression}`).join(', ');
    }
    throw error;
  }
  return 'accepted';
}

async function runOperation<R extends Resource>(
  ctx: Context,
  modules: readonly Module[],
  code: string,
  input: Omit<OperationInput, 'parameters'> & { parameters?: OperationInput['parameters'] },
): Promise<R> {
  const operation = modules
    .flatMap((module) => module.operations ?? [])
    .find((each) => each.definition.code === code);
  if (!operation) throw new Error(`no operation ${code}`);
  ctx.demand(operation.permission);
  const answer = await operation.run(ctx, {
    parameters: { resourceType: 'Parameters' },
    ...input,
  });
  return answer as R;
}

type Rows = Stage['rows'];

async function settle(app: SmallApp, rows: Rows): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    const events = await rows<{ name: string; data: unknown }>(
      'delete from outbox returning name, data',
    );
    const jobs = await rows<{ name: string; data: unknown }>(
      `with gone as (delete from graphile_worker._private_jobs returning task_id, payload)
       select t.identifier as name, gone.payload as data
       from gone join graphile_worker._private_tasks t on t.id = gone.task_id`,
    );
    if (events.length === 0 && jobs.length === 0) return;
    for (const [name, batch] of Map.groupBy(events, (event) => event.name)) {
      for (const key of app.registers.reactionsByEvent.get(name) ?? []) {
        const reaction = app.registers.reactions.get(key);
        await app.work(async (ctx) => {
          await reaction?.run(
            ctx,
            batch.map((each) => each.data),
          );
        });
      }
    }
    for (const job of jobs) {
      await app.work(async (ctx) => {
        await app.registers.jobs.get(job.name)?.run(ctx, job.data);
      });
    }
  }
  throw new Error('the stage does not come to rest');
}

async function write(
  ctx: Context,
  modules: readonly Module[],
  resources: readonly Resource[],
): Promise<void> {
  const writes: ResourceWrite[] = [];
  for (const resource of resources) writes.push(await store(ctx, resource));
  await project(ctx, modules, writes);
}

async function store(ctx: Context, resource: Resource): Promise<ResourceWrite> {
  const id = resource.id ?? ctx.newId();
  const type = resource.resourceType;
  const [before] = await ctx.db.query<{ rid: bigint; ver: number; content: Resource }>(
    'select rid, ver, content from stage_resource where type = $1 and id = $2 and not deleted',
    [type, id],
  );
  const [sequence] = before
    ? []
    : await ctx.db.query<{ n: bigint }>(`select nextval('resource_rid') as n`);
  const rid = before?.rid ?? sequence!.n * 64n + BigInt(bucketOf(idKey(id)));
  const version = (before?.ver ?? 0) + 1;
  const kept = {
    ...resource,
    id,
    meta: { ...resource.meta, versionId: String(version), lastUpdated: ctx.now.toISOString() },
  } as Resource;
  await ctx.db.run(
    `insert into stage_resource values ($1, $2, $3, $4, false, $5)
     on conflict (type, id) do update set ver = $4, content = $5, deleted = false`,
    [type, id, rid, version, JSON.stringify(kept)],
  );
  return {
    action: before ? 'update' : 'create',
    type,
    id,
    rid,
    version,
    resource: kept,
    previous: before?.content,
  };
}

async function project(
  ctx: Context,
  modules: readonly Module[],
  writes: readonly ResourceWrite[],
): Promise<void> {
  for (const module of modules) {
    for (const guard of module.guards ?? []) {
      const mine = writes.filter((each) => each.type === guard.type);
      if (mine.length > 0) await guard.check(ctx, mine);
    }
  }
  for (const module of modules) {
    for (const binding of module.resources ?? []) {
      if (binding.kept !== 'stored') continue;
      const mine = writes.filter((each) => each.type === binding.type);
      if (mine.length > 0) await binding.project?.(ctx, mine);
    }
  }
}

function standIn(ctx: Context, modules: readonly Module[]): FhirAccess {
  const read = async <R extends Resource>(type: R['resourceType'], id: string): Promise<R> => {
    const [row] = await ctx.db.query<{ content: R }>(
      'select content from stage_resource where type = $1 and id = $2 and not deleted',
      [type, id],
    );
    if (!row) throw problem('not-found', 'unknown', `${type}/${id} is not known here.`);
    return row.content;
  };
  const save = async <R extends Resource>(resource: R): Promise<R> => {
    const written = await store(ctx, resource);
    await project(ctx, modules, [written]);
    return written.resource as R;
  };
  return {
    read,
    readByRid: async <R extends Resource>(_type: R['resourceType'], rids: readonly bigint[]) => {
      const rows = await ctx.db.query<{ rid: bigint; content: R }>(
        'select rid, content from stage_resource where rid = any($1) and not deleted',
        [rids],
      );
      return new Map(rows.map((row) => [row.rid, row.content]));
    },
    rids: async (type, ids) => {
      const rows = await ctx.db.query<{ rid: bigint; id: string }>(
        'select rid, id from stage_resource where type = $1 and id = any($2) and not deleted',
        [type, ids],
      );
      return new Map(rows.map((row) => [row.id, row.rid]));
    },
    recorded: () => Promise.resolve([]),
    search: () => Promise.reject(new Error('the stage cannot search')),
    create: (resource) => save({ ...resource, id: newUuid(ctx.now) }),
    update: save,
    delete: async (type, id) => {
      const [row] = await ctx.db.query<{ rid: bigint; ver: number; content: Resource }>(
        `update stage_resource set deleted = true, ver = ver + 1 where type = $1 and id = $2
         returning rid, ver, content`,
        [type, id],
      );
      const gone = { action: 'delete', type, id, resource: undefined } as const;
      await project(ctx, modules, [
        { ...gone, rid: row!.rid, version: row!.ver, previous: row!.content },
      ]);
    },
    transaction: async (bundle: Bundle) => {
      const resources = (bundle.entry ?? []).map((entry) => entry.resource as Resource);
      const writes: ResourceWrite[] = [];
      for (const each of resources) {
        writes.push(await store(ctx, { ...each, id: each.id ?? newUuid(ctx.now) }));
      }
      await project(ctx, modules, writes);
      return { resourceType: 'Bundle', type: 'transaction-response' };
    },
  };
}
