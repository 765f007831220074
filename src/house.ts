/**
 * Builds the App: database, registers, definitions, FHIR room, as one value; starts nothing.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import type { Pool } from 'pg';
import type { App } from './app.ts';
import { type Assembly, assemble } from './assemble.ts';
import { createReadTrail } from './audit/reads.ts';
import { readSecret } from './database/secret.ts';
import { fhirAccess } from './fhir/access.ts';
import { capabilityStatement } from './fhir/capability.ts';
import { createDefinitions } from './fhir/definitions/create.ts';
import type { Definitions } from './fhir/definitions/definitions.ts';
import { startParameters } from './fhir/parameters/registry.ts';
import { links } from './fhir/search/links.ts';
import type { FhirHouse } from './fhir/types.ts';
import {
  type Clock,
  type Log,
  type Module,
  subscriptionTopic,
  type Topic,
  topicUrl,
} from './sdk/index.ts';
import { HOUSE_SETTINGS, readSettings, type Settings } from './settings.ts';

const ROOT = join(import.meta.dirname, '..');

/** Folder of the migrations of this repository. */
export const MIGRATIONS = join(ROOT, 'migrations');

/** What is known before the database is there. */
export interface Plan {
  readonly assembly: Assembly;
  readonly settings: Settings;
  readonly migrations: readonly string[];
}

/**
 * Assembles modules and reads settings.
 *
 * @throws AssemblyFault, SettingsFault
 */
export function planHouse(
  modules: readonly Module[],
  environment: Readonly<Record<string, string | undefined>>,
): Plan {
  const assembly = assemble(modules, HOUSE_SETTINGS);
  return {
    assembly,
    settings: readSettings(assembly.settings, environment),
    migrations: [
      MIGRATIONS,
      ...modules.flatMap((module) => (module.migrations ? [module.migrations] : [])),
    ],
  };
}

let shared: { key: readonly Resource[]; definitions: Definitions } | undefined;

/** Definitions of R4 with our profiles and those of modules; compiled once per process. */
function definitionsOf(brought: readonly Resource[]): Definitions {
  if (shared && shared.key.length === 0 && brought.length === 0) return shared.definitions;
  const folder = join(ROOT, 'fhir-profiles/generated');
  const own = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Resource);
  const definitions = createDefinitions([...own, ...brought]);
  shared = { key: brought, definitions };
  return definitions;
}

/** What the App is built from. */
export interface Ground {
  readonly plan: Plan;
  readonly pool: Pool;
  readonly readPool: Pool;
  readonly queuePool: Pool;
  readonly clock: Clock;
  readonly log: Log;
  /** Public URL of the server, known once it listens. */
  readonly origin: () => string;
  readonly wake: () => void;
}

/** Builds the App on a migrated database. */
export async function buildApp(ground: Ground): Promise<App<FhirHouse>> {
  const { plan, pool, readPool, queuePool, clock, log, origin, wake } = ground;
  const cursorKey = await readSecret(pool, 'cursor');
  if (!cursorKey) throw new Error('the database has no cursor secret; is it migrated?');
  const started = clock.now();
  const base = (): string => `${origin()}/fhir/R4`;
  let capability: { of: Definitions; text: string } | undefined;
  const parameters = await startParameters(
    definitionsOf(plan.assembly.definitions),
    pool,
    readPool,
  );
  const fhir: FhirHouse = {
    ...plan.assembly.fhir,
    links,
    parameters,
    get definitions() {
      return parameters.definitions;
    },
    base,
    started,
    cursorKey,
    capability() {
      if (capability?.of !== fhir.definitions) {
        const statement = capabilityStatement(fhir, {
          version: version(),
          date: started,
          tokenUrl: `${origin()}/oidc/token`,
          authorizeUrl: `${origin()}/oidc/authorize`,
          topics: topicsOf(plan.assembly).map(topicUrl),
        });
        capability = { of: fhir.definitions, text: JSON.stringify(statement) };
      }
      return capability.text;
    },
  };
  return {
    settings: plan.settings,
    log,
    clock,
    pool,
    readPool,
    queuePool,
    registers: plan.assembly.registers,
    reads: createReadTrail(pool, log),
    fhir,
    fhirAccess,
    wake,
  };
}

function topicsOf({ registers }: Assembly): readonly Topic[] {
  return (registers.contributions.get(subscriptionTopic.name) ?? []) as Topic[];
}

/** Version of this software. */
export function version(): string {
  return JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
}
