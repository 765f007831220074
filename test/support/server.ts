/**
 * The whole house for tests over HTTP: a fresh database, a clock that the test moves, a free port,
 * and an administrator's token. Jobs run when the test lets the house settle.
 */

import { Client } from 'fhir-kit-client';
import { MODULES } from '../../modules/index.ts';
import { createActor } from '../../src/access/actors.ts';
import type { App } from '../../src/app.ts';
import type { FhirHouse } from '../../src/fhir/types.ts';
import { planHouse } from '../../src/house.ts';
import { advanceJobs, settle } from '../../src/jobs/settle.ts';
import type { JobFailure } from '../../src/jobs/worker.ts';
import { createLog, silentLog } from '../../src/log.ts';
import { ManualClock, type Module } from '../../src/sdk/index.ts';
import { type RunningHouse, startHouse } from '../../src/server.ts';
import { freshDatabase, START, type TestDatabase } from './database.ts';

/** A house that a test has started. */
export interface TestHouse {
  readonly house: RunningHouse;
  readonly app: App<FhirHouse>;
  readonly database: TestDatabase;
  readonly clock: ManualClock;
  /** FHIR base URL. */
  readonly base: string;
  /** Token of an administrator client. */
  readonly token: string;
  /** fhir-kit-client signed in with `token`. */
  readonly client: Client;
  /** Drains events and jobs. */
  settle(failures?: JobFailure[]): Promise<void>;
  /** Moves the clock forward and makes jobs due that were waiting for it. */
  advance(seconds: number): Promise<void>;
  /** A token for a new client with roles. */
  tokenFor(...roles: string[]): Promise<string>;
  /** A FHIR request as the administrator (or with another token). */
  fetch(path: string, options?: FetchOptions): Promise<Answer>;
  stop(): Promise<void>;
}

export interface FetchOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly token?: string;
}

/** What a test looks into without knowing its shape; `never` members make wrong uses fail. */
export type Json = ReturnType<typeof JSON.parse>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Json;
}

/** Starts a house. */
export async function startTestHouse(
  options: {
    modules?: readonly Module[];
    environment?: Record<string, string>;
    start?: string;
    /** A database to join; a fresh one without it. */
    database?: TestDatabase;
  } = {},
): Promise<TestHouse> {
  const database = options.database ?? (await freshDatabase());
  const clock = new ManualClock(options.start ?? START);
  const plan = planHouse(options.modules ?? MODULES, {
    DATABASE_URL: database.url,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...options.environment,
  });
  const house = await startHouse({
    plan,
    clock,
    log: process.env.TEST_LOG ? createLog('error') : silentLog,
    jobs: false,
  });
  const { app } = house;
  let count = 0;
  const tokenFor = async (...roles: string[]): Promise<string> => {
    count += 1;
    const login = options.database ? `client-${process.pid}-${count}` : `client-${count}`;
    const secret = `secret-of-client-${count}`;
    await createActor(app.pool, clock, { kind: 'client', name: login, login, secret, roles });
    return getToken(house.url, login, secret);
  };
  const token = await tokenFor('administrator');
  const base = `${house.url}/fhir/R4`;
  return {
    house,
    app,
    database,
    clock,
    base,
    token,
    client: new Client({ baseUrl: base, bearerToken: token }),
    settle: (failures) => settle(app, failures),
    async advance(seconds) {
      clock.advance(seconds);
      await advanceJobs(app, seconds);
    },
    tokenFor,
    fetch: (path, how = {}) => call(path.startsWith('http') ? path : `${base}/${path}`, token, how),
    async stop() {
      await house.stop();
      await database.drop();
    },
  };
}

/** Gets a token by client_credentials. */
export async function getToken(
  url: string,
  login: string,
  secret: string,
  scope?: string,
): Promise<string> {
  const answer = await fetch(`${url}/oidc/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(scope && { scope }) }),
  });
  const body = (await answer.json()) as { access_token?: string };
  if (!body.access_token) throw new Error(`no token: ${answer.status} ${JSON.stringify(body)}`);
  return body.access_token;
}

async function call(url: string, token: string, how: FetchOptions): Promise<Answer> {
  const { body } = how;
  const answer = await fetch(url, {
    method: how.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      authorization: `Bearer ${how.token ?? token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }),
      ...how.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  let json: unknown;
  try {
    json = text ? JSON.parse(text) : undefined;
  } catch {
    json = undefined;
  }
  return { status: answer.status, headers: answer.headers, text, json };
}
