/**
 * `npm start`: introduces the modules to the house, starts it, and says where it is and how to sign
 * in. Ctrl-C finishes the work in hand and stops the database; a second Ctrl-C stops at once.
 *
 * `npm run reset-password -- LOGIN` gives a new password to who has lost it, on the machine that
 * can reach the database.
 */

import { MODULES as OWN } from '../modules/index.ts';
import { resetPassword } from './access/reset.ts';
import { AssemblyFault } from './assemble.ts';
import { DatabaseTooOld } from './database/connect.ts';
import { EmbeddedUnavailable } from './database/embedded.ts';
import { MigrationChanged, MigrationFailed } from './database/migrate.ts';
import { type Plan, planHouse, version } from './house.ts';
import { createLog } from './log.ts';
import { ModuleMissing, outsideModules } from './outside.ts';
import { Problem, systemClock } from './sdk/index.ts';
import { PortTaken, type RunningHouse, startHouse } from './server.ts';
import { LOG_LEVEL, MODULES, readSettings, SettingsFault } from './settings.ts';

/** Faults that the operator can mend: their message is enough. */
const FOR_OPERATOR = [
  AssemblyFault,
  DatabaseTooOld,
  EmbeddedUnavailable,
  MigrationChanged,
  MigrationFailed,
  ModuleMissing,
  PortTaken,
  Problem,
  SettingsFault,
];

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
  } else {
    say('\n  Sign in with an account that was made earlier; a lost password is replaced by');
    say('  npm run reset-password -- administrator');
  }
  say('\nCtrl-C stops it.\n');
}

function databaseText(embedded: RunningHouse['embedded']): string {
  if (!embedded) return 'the PostgreSQL of DATABASE_URL';
  return embedded.startedHere
    ? 'embedded PostgreSQL'
    : 'embedded PostgreSQL, already running: joined';
}

async function plan(): Promise<Plan> {
  const outside = readSettings([MODULES], process.env).get(MODULES);
  return planHouse([...OWN, ...(await outsideModules(outside))], process.env);
}

/**
 * Stops on the first signal, also one that comes while starting; exits on a second. One Ctrl-C
 * under npm arrives twice, from the terminal and from npm, so that a second one counts only after
 * a moment.
 */
function stopOnSignal(house: Promise<RunningHouse>): void {
  let stopping = false;
  let insists = false;
  const stop = async (): Promise<void> => {
    if (insists) process.exit(1);
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      insists = true;
    }, 1000).unref();
    say('Finishing the work in hand …');
    await (await house).stop();
    say('Stopped.');
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  if (process.env.npm_lifecycle_event === 'start') stopWithoutParent(stop);
}

/**
 * A signal to `npm start` ends npm and the shell that it ran us in, and says nothing to us: who is left
 * without a parent has been told to stop.
 */
function stopWithoutParent(stop: () => Promise<void>): void {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    void stop();
  }, 500).unref();
}

async function main(): Promise<void> {
  const planned = await plan();
  const [command, login] = process.argv.slice(2);
  if (command === 'reset-password') {
    const name = login ?? 'administrator';
    say(`New password of ${name}: ${await resetPassword(planned.settings, name)}`);
    return;
  }
  const log = createLog(planned.settings.get(LOG_LEVEL));
  const house = startHouse({ plan: planned, clock: systemClock, log });
  stopOnSignal(house);
  greet(await house);
}

main().catch((error: unknown) => {
  const known = FOR_OPERATOR.some((kind) => error instanceof kind);
  process.stderr.write(`${known ? (error as Error).message : ((error as Error).stack ?? error)}\n`);
  process.exit(1);
});
