/**
 * A small house for tests of the house's own rooms: a database, a clock that the test moves, and
 * whatever modules the test brings; no HTTP and no FHIR.
 */

import type { App, UnitOfWork } from '../../src/app.ts';
import { createReadTrail } from '../../src/audit/reads.ts';
import { runUnitOfWork, SYSTEM } from '../../src/database/unit-of-work.ts';
import { silentLog } from '../../src/log.ts';
import { type Context, ManualClock, type Module } from '../../src/sdk/index.ts';
import { HOUSE_SETTINGS, readSettings } from '../../src/settings.ts';
import { START, type TestDatabase } from './database.ts';

/** Builds an App around a database without going through assembly. */
export function smallApp(database: TestDatabase, modules: readonly Module[] = []): SmallApp {
  const clock = new ManualClock(START);
  const reactions = modules.flatMap((module) =>
    (module.reactions ?? []).map(
      (reaction, index) => [`${module.name}/${reaction.event.name}/${index}`, reaction] as const,
    ),
  );
  const app: SmallApp = {
    settings: readSettings(HOUSE_SETTINGS, {}),
    log: silentLog,
    clock,
    pool: database.pool,
    readPool: database.readPool,
    queuePool: database.queuePool,
    reads: createReadTrail(database.pool, silentLog),
    fhir: undefined,
    fhirAccess: () => {
      throw new Error('this small house has no FHIR');
    },
    wake: () => {},
    registers: {
      modules,
      jobs: new Map(
        modules.flatMap((module) => (module.jobs ?? []).map((each) => [each.job.name, each])),
      ),
      reactions: new Map(reactions),
      reactionsByEvent: new Map(
        [...Map.groupBy(reactions, ([, reaction]) => reaction.event.name)].map(([name, rows]) => [
          name,
          rows.map(([key]) => key),
        ]),
      ),
      schedule: modules.flatMap((module) => module.schedule ?? []),
      permissions: new Map(),
      contributions: new Map(
        [
          ...Map.groupBy(
            modules.flatMap((module) => module.contributes ?? []),
            (each) => each.point.name,
          ),
        ].map(([name, parts]) => [name, parts.map((each) => each.part)]),
      ),
    },
    work: (work) => runUnitOfWork(app, SYSTEM, {}, work),
  };
  return app;
}

export interface SmallApp extends App {
  readonly clock: ManualClock;
  /** Runs a unit of work as the system actor. */
  work<Result>(work: (ctx: Context & UnitOfWork) => Promise<Result>): Promise<Result>;
}
