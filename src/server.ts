/**
 * Starts and stops the house: database → schema → App → jobs and clock → HTTP; and back, finishing
 * the work in hand.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Authenticator,
  createAuthenticator,
  type OutsideIssuer,
} from './access/authenticate.ts';
import { bootstrap, type FirstAccess } from './access/bootstrap.ts';
import { createProvider, loadKeys } from './access/provider.ts';
import type { App } from './app.ts';
import { makePartitions } from './audit/partitions.ts';
import { checkVersion, createPool, createQueuePool } from './database/connect.ts';
import { type EmbeddedDatabase, startEmbedded } from './database/embedded.ts';
import { migrate } from './database/migrate.ts';
import { runUnitOfWork, SYSTEM } from './database/unit-of-work.ts';
import type { FhirHouse } from './fhir/types.ts';
import { buildApp, type Plan } from './house.ts';
import { refuse, refuseInWords } from './http/refuse.ts';
import { createWeb } from './http/web.ts';
import { catchUp, startCron } from './jobs/cron.ts';
import { startDispatcher } from './jobs/outbox.ts';
import { startWorker } from './jobs/worker.ts';
import { type Clock, type Log, Problem, problem } from './sdk/index.ts';
import {
  CONNECTION_IDLE_SECONDS,
  DATA_DIR,
  DATABASE_URL,
  HOST,
  JOBS_AT_ONCE,
  OIDC_AUDIENCE,
  OIDC_ISSUER,
  OIDC_ROLES_CLAIM,
  POOL_MAX,
  PORT,
  PUBLIC_URL,
  READ_TIMEOUT_SECONDS,
  REQUEST_TIMEOUT_SECONDS,
  type Settings,
} from './settings.ts';

const PORT_DEFAULT = 8080;
const PORTS_TRIED = 100;
/** Time that headers may take to arrive. */
const HEADERS_SECONDS = 15;
/** Time that a stop gives to requests in hand. */
const GRACE_SECONDS = 30;

/** The port that was asked for is taken; the message is for the operator. */
export class PortTaken extends Error {}

/** A running house. */
export interface RunningHouse {
  readonly app: App<FhirHouse>;
  readonly authenticator: Authenticator;
  /** Public URL without trailing slash. */
  readonly url: string;
  readonly port: number;
  readonly embedded: EmbeddedDatabase | undefined;
  readonly migrated: readonly string[];
  readonly firstAccess: FirstAccess | undefined;
  /** Stops taking requests, finishes the work in hand, stops the database if it is ours. */
  stop(): Promise<void>;
}

/** How to start. */
export interface StartOptions {
  readonly plan: Plan;
  readonly clock: Clock;
  readonly log: Log;
  /** Fills an empty database before anything is served. */
  readonly seed?: (app: App<FhirHouse>) => Promise<void>;
  /** False: no worker, dispatcher and clock; tests settle the house themselves. */
  readonly jobs?: boolean;
}

/** Starts the house. */
export async function startHouse(options: StartOptions): Promise<RunningHouse> {
  const { plan, clock, log } = options;
  const { settings } = plan;
  const given = settings.get(DATABASE_URL);
  const embedded = given ? undefined : await startEmbedded(settings.get(DATA_DIR));
  const url = given ?? embedded!.url;
  const max = settings.get(POOL_MAX);
  const pool = createPool(url, { max, pipelined: true });
  const readPool = createPool(url, {
    ...{ max, readOnly: true },
    statementSeconds: settings.get(READ_TIMEOUT_SECONDS),
  });
  const queuePool = createQueuePool(url, { max: Math.min(10, settings.get(JOBS_AT_ONCE) + 3) });
  const closing: (() => Promise<unknown>)[] = [];
  // Each is given its turn, even where one before it fails: the database must not be left behind.
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) {
      await each().catch((error: unknown) => log.error('stop failed', {}, error));
    }
  };
  if (embedded) closing.push(() => embedded.leave());
  closing.push(
    () => pool.end(),
    () => readPool.end(),
    () => queuePool.end(),
  );
  try {
    await checkVersion(pool);
    const migrated = await migrate(url, queuePool, plan.migrations);
    const firstAccess = await bootstrap(pool, clock, settings);
    const house = await serve(options, { pool, readPool, queuePool }, closing);
    return { ...house, embedded, migrated, firstAccess, stop: close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function serve(
  options: StartOptions,
  pools: Record<'pool' | 'readPool' | 'queuePool', ReturnType<typeof createPool>>,
  closing: (() => Promise<unknown>)[],
): Promise<Pick<RunningHouse, 'app' | 'authenticator' | 'url' | 'port'>> {
  const { plan, clock, log } = options;
  const { settings } = plan;
  const { pool } = pools;
  let origin = '';
  let wake = (): void => {};
  let stopping = false;
  const app = await buildApp({
    plan,
    ...pools,
    clock,
    log,
    origin: () => origin,
    wake: () => wake(),
  });
  await runUnitOfWork(app, SYSTEM, { requestId: 'start' }, makePartitions);
  const keys = await loadKeys(pool);
  const authenticator = createAuthenticator(pool, keys, () => origin, outsideIssuer(settings));
  let provider: ReturnType<typeof createProvider> | undefined;
  const web = createWeb({
    app,
    authenticator,
    provider: () => provider!,
    issuer: () => origin,
    isStopping: () => stopping,
  });
  let open = false;
  const server = createServer(
    {
      requestTimeout: settings.get(REQUEST_TIMEOUT_SECONDS) * 1000,
      headersTimeout: Math.min(HEADERS_SECONDS, settings.get(REQUEST_TIMEOUT_SECONDS)) * 1000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      // The whole URL, as proxies write it (RFC 9112 §3.2.2): what follows our name is asked for.
      request.url = request.url?.replace(/^https?:\/\/[^/?#]*\/?/i, '/');
      if (open) web(request, response);
      else refuse(response, 503, starting());
    },
  );
  refuseInWords(server);
  // Nobody may hold an answer in our memory by not reading it.
  server.timeout = settings.get(CONNECTION_IDLE_SECONDS) * 1000;
  server.keepAliveTimeout = 65_000;
  const port = await listen(server, settings.get(HOST), settings.get(PORT));
  let stopJobs = (): Promise<void> => Promise.resolve();
  closing.push(
    () => app.reads.flush(),
    () => stopJobs(),
    () => {
      stopping = true;
      return closeServer(server);
    },
  );
  origin = settings.get(PUBLIC_URL) ?? `http://${hostName(settings.get(HOST))}:${port}`;
  provider = createProvider(pool, origin, keys);
  provider.on('server_error', (_ctx, error) => log.error('OpenID provider failed', {}, error));
  await options.seed?.(app);
  if (options.jobs !== false) {
    const running = await startJobs(app);
    wake = running.wake;
    stopJobs = running.stop;
  }
  open = true;
  return { app, authenticator, url: origin, port };
}

function starting(): Problem {
  const says = 'The server is starting; come again in a moment.';
  const { issues } = problem('transient', 'starting', says);
  return new Problem(issues, { headers: { 'retry-after': '1' } });
}

function outsideIssuer(settings: Settings): OutsideIssuer | undefined {
  const issuer = settings.get(OIDC_ISSUER);
  if (!issuer) return undefined;
  return {
    issuer,
    audience: settings.get(OIDC_AUDIENCE),
    rolesClaim: settings.get(OIDC_ROLES_CLAIM),
  };
}

/** The name under which this machine reaches the address that is listened on. */
function hostName(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}

async function startJobs(app: App): Promise<{ wake: () => void; stop: () => Promise<void> }> {
  const dispatcher = startDispatcher(app);
  const atOnce = app.settings.get(JOBS_AT_ONCE);
  const worker = atOnce > 0 ? await startWorker(app, atOnce) : undefined;
  await catchUp(app);
  const cron = startCron(app);
  return {
    wake: dispatcher.wake,
    async stop() {
      await cron.stop();
      await dispatcher.stop();
      await worker?.stop();
    },
  };
}

async function listen(server: Server, host: string, wanted: number | undefined): Promise<number> {
  const last = wanted === undefined ? PORT_DEFAULT + PORTS_TRIED : wanted;
  for (let port = wanted ?? PORT_DEFAULT; port <= last; port += 1) {
    if (await bind(server, host, port)) return (server.address() as AddressInfo).port;
  }
  throw new PortTaken(
    wanted === undefined
      ? `All ports from ${PORT_DEFAULT} to ${last} are taken; set PORT.`
      : `Port ${wanted} is taken by another program; set PORT to a free one.`,
  );
}

function bind(server: Server, host: string, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      if (error.code === 'EADDRINUSE') resolve(false);
      else if (error.code === 'EACCES') reject(new PortTaken(notAllowed(port)));
      else if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
        reject(new PortTaken(`HOST "${host}" is no address of this machine.`));
      } else reject(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(true);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(port, host);
  });
}

function notAllowed(port: number): string {
  return `This user may not listen on port ${port}; set PORT to one from 1024 upwards.`;
}

/**
 * Waits for requests in hand; idle connections are closed as soon as they are idle, and what is
 * still open after the time of grace is cut.
 */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 50);
    const cut = setTimeout(() => server.closeAllConnections(), GRACE_SECONDS * 1000);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
