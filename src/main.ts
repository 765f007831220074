/**
 * `npm start`: introduces the modules to the house, starts it, and says where it is and how to sign
 * in. Ctrl-C finishes the work in hand and stops the database; a second Ctrl-C stops at once.
 */

import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { MODULES as OWN } from '../modules/index.ts';
import { AssemblyFault } from './assemble.ts';
import { DatabaseTooOld } from './database/connect.ts';
import { EmbeddedUnavailable } from './database/embedded.ts';
import { MigrationChanged } from './database/migrate.ts';
import { planHouse, version } from './house.ts';
import { createLog } from './log.ts';
import { type Module, systemClock } from './sdk/index.ts';
import { PortTaken, type RunningHouse, startHouse } from './server.ts';
import { LOG_LEVEL, MODULES, SettingsFault } from './settings.ts';

/** Faults that the operator can mend: their message is enough. */
const FOR_OPERATOR = [
  AssemblyFault,
  DatabaseTooOld,
  EmbeddedUnavailable,
  MigrationChanged,
  PortTaken,
  SettingsFault,
];

/** Modules from outside this repository, by package name or path. */
export async function outsideModules(names: readonly string[]): Promise<Module[]> {
  const found: Module[] = [];
  for (const name of names) {
    const isPath = name.startsWith('.') || isAbsolute(name);
    const loaded = await import(isPath ? pathToFileURL(resolve(name)).href : name);
    found.push((loaded.default ?? loaded.module) as Module);
  }
  return found;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function greet(house: RunningHouse): void {
  const { url, embedded, firstAccess } = house;
  say(`\nAmana ${version()} is running.\n`);
  say(`  Web             ${url}/`);
  say(`  FHIR base       ${url}/fhir/R4`);
  say(`  OpenID          ${url}/.well-known/openid-configuration`);
  say(`  Database        ${databaseText(embedded)}`);
  if (firstAccess) {
    say(`\n  Sign in as      ${firstAccess.login}`);
    say(`  Password        ${firstAccess.password}   (shown this once: keep it)`);
    if (firstAccess.client) say(`  Client          ${firstAccess.client} (client_credentials)`);
  } else say('\n  Sign in with an account that was made earlier.');
  say('\nCtrl-C stops it.\n');
}

function databaseText(embedded: RunningHouse['embedded']): string {
  if (!embedded) return 'the PostgreSQL of DATABASE_URL';
  return embedded.startedHere
    ? 'embedded PostgreSQL'
    : 'embedded PostgreSQL, already running: joined';
}

async function main(): Promise<void> {
  const outside = process.env.MODULES ? MODULES.parse(process.env.MODULES) : [];
  const plan = planHouse([...OWN, ...(await outsideModules(outside))], process.env);
  const log = createLog(plan.settings.get(LOG_LEVEL));
  const house = await startHouse({ plan, clock: systemClock, log });
  greet(house);
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1);
    stopping = true;
    say('Finishing the work in hand …');
    await house.stop();
    say('Stopped.');
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

main().catch((error: unknown) => {
  const known = FOR_OPERATOR.some((kind) => error instanceof kind);
  process.stderr.write(`${known ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exit(1);
});
