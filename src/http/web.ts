/**
 * The Express application: limits, request ids, security headers, CORS, and what is mounted where.
 */

import { randomUUID } from 'node:crypto';
import compression from 'compression';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type Provider from 'oidc-provider';
import type { Authenticator } from '../access/authenticate.ts';
import { CLIENT_ALGORITHMS } from '../access/provider.ts';
import type { App } from '../app.ts';
import { Caller, serving } from '../database/caller.ts';
import { runUnitOfWork, SYSTEM } from '../database/unit-of-work.ts';
import { openApiText } from '../fhir/openapi.ts';
import type { FhirHouse } from '../fhir/types.ts';
import { type Log, problem, type Route } from '../sdk/index.ts';
import { BODY_MAX_BYTES, CORS_ORIGINS, OIDC_ISSUER, REQUESTS_AT_ONCE_MAX } from '../settings.ts';
import { readBody } from './body.ts';
import { bulkEndpoint } from './bulk-endpoint.ts';
import { errorHandler } from './errors.ts';
import { fhirEndpoint } from './fhir-endpoint.ts';
import { atOnce } from './flood.ts';
import { live, ready } from './health.ts';
import { home } from './home.ts';
import { manageRoutes } from './manage.ts';
import { signInRoutes } from './sign-in.ts';

export const FHIR_PATH = '/fhir/R4';
/** Largest body of a route that checks its sender itself. */
const OPEN_BODY_MAX_BYTES = 1024 * 1024;

/** What the web application is made of. */
export interface WebParts {
  readonly app: App;
  readonly authenticator: Authenticator;
  readonly provider: () => Provider;
  readonly issuer: () => string;
  readonly isStopping: () => boolean;
}

/** Builds the Express application. */
export function createWeb(parts: WebParts): Express {
  const { app, authenticator, provider } = parts;
  const web = express();
  web.disable('x-powered-by');
  web.set('etag', false);
  web.set('query parser', false);
  web.set('trust proxy', 'loopback');
  web.use(requestId);
  web.use(headers);
  web.use(cors(app.settings.get(CORS_ORIGINS)));
  web.get('/health/live', live);
  web.get('/health/ready', ready(app, parts.isStopping));
  web.get('/', home(parts.issuer));
  const smart = ['', '/fhir', FHIR_PATH].map((path) => `${path}/.well-known/smart-configuration`);
  web.get(smart, (_request, response) => {
    response.json(smartConfiguration(parts.issuer()));
  });
  const resource = ['', FHIR_PATH].map((path) => `/.well-known/oauth-protected-resource${path}`);
  web.get(resource, (_request, response) => {
    response.json(protectedResource(parts.issuer(), app.settings.get(OIDC_ISSUER)));
  });
  const described = openApiText(
    app.fhir as FhirHouse,
    () => `${parts.issuer()}/.well-known/openid-configuration`,
  );
  web.get(`${FHIR_PATH}/openapi.json`, compression(), (_request, response) => {
    response.type('json').send(described());
  });
  web.use(
    FHIR_PATH,
    atOnce(app.settings.get(REQUESTS_AT_ONCE_MAX)),
    bulkEndpoint({ app, authenticator }),
    forCaller(app.log),
    compressed(),
    fhirEndpoint(app, authenticator),
  );
  web.use('/fhir', () => {
    throw problem('not-found', 'path-unknown', `The FHIR base is ${FHIR_PATH}.`);
  });
  web.use(manageRoutes(app, authenticator));
  web.use(signInRoutes(app, provider));
  for (const module of app.registers.modules) {
    for (const route of module.routes ?? []) mount(web, parts, route);
  }
  web.use((request: Request, response: Response, next: NextFunction) => {
    if (!/^\/(oidc|\.well-known)\//.test(request.path)) return next();
    return void provider().callback()(request, response);
  });
  web.use((request: Request) => {
    throw problem(
      'not-found',
      'path-unknown',
      `There is nothing at ${request.path.slice(0, 200)}.`,
    );
  });
  web.use(errorHandler(app.log));
  return web;
}

function requestId(request: Request, response: Response, next: NextFunction): void {
  const given = request.headers['x-request-id'];
  const id = typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
  response.locals.requestId = id;
  response.set('x-request-id', id);
  forgetBrokenProxy(request);
  request.once('aborted', () => {
    response.locals.aborted = true;
  });
  // A body that nobody read to its end would stand before the next request of this connection.
  response.once('finish', () => {
    if (request.complete) return;
    request.unpipe();
    request.resume();
  });
  next();
}

const SECURITY_HEADERS = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['x-frame-options', 'DENY'],
  // Answers are data; the few pages say for themselves what they may load.
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"],
  ['cache-control', 'no-store'],
] as const;

/** What no proxy writes is not believed: URLs are made of it, the OpenID provider's too. */
function forgetBrokenProxy({ headers: given }: Request): void {
  const proto = given['x-forwarded-proto'];
  if (proto !== undefined && !/^https?(\s*,\s*https?)*$/.test(String(proto))) {
    delete given['x-forwarded-proto'];
  }
  const host = given['x-forwarded-host'];
  if (host !== undefined && !/^[\w.:[\]-]{1,255}(\s*,\s*[\w.:[\]-]{1,255})*$/.test(String(host))) {
    delete given['x-forwarded-host'];
  }
}

/** What is done for a caller who goes away before the answer is stopped. */
function forCaller(log: Log) {
  const failed = (error: unknown): void => {
    log.warn('cancelling failed', { code: (error as { code?: string } | null)?.code ?? '' });
  };
  return (_request: Request, response: Response, next: NextFunction): void => {
    const caller = new Caller();
    response.once('close', () => {
      if (!response.writableFinished) caller.leave(failed);
    });
    serving(caller, next);
  };
}

function headers(_request: Request, response: Response, next: NextFunction): void {
  for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
  next();
}

/** Compression for who asks for it; small answers are not worth the time that it takes. */
function compressed() {
  const compress = compression({ threshold: 2048, level: 1 });
  return (request: Request, response: Response, next: NextFunction): void => {
    if (request.headers['accept-encoding']) compress(request, response, next);
    else next();
  };
}

function cors(origins: readonly string[]) {
  return (request: Request, response: Response, next: NextFunction): void => {
    const { origin } = request.headers;
    if (origin && (origins.includes('*') || origins.includes(origin))) {
      response.set({
        'access-control-allow-origin': origin,
        vary: 'Origin',
        'access-control-expose-headers':
          'ETag, Location, Content-Location, Last-Modified, Retry-After, X-Progress, X-Request-Id, ' +
          'X-Security-Context',
      });
    }
    if (request.method !== 'OPTIONS') return next();
    response
      .set({
        'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
        'access-control-allow-headers':
          'Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, If-Modified-Since, X-Request-Id, X-Security-Context',
        'access-control-max-age': '600',
        allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
      })
      .status(204)
      .end();
  };
}

function smartConfiguration(issuer: string) {
  return {
    issuer,
    jwks_uri: `${issuer}/oidc/jwks`,
    authorization_endpoint: `${issuer}/oidc/authorize`,
    token_endpoint: `${issuer}/oidc/token`,
    revocation_endpoint: `${issuer}/oidc/revoke`,
    grant_types_supported: ['authorization_code', 'client_credentials'],
    response_types_supported: ['code'],
    scopes_supported: ['openid', 'system/*.cruds', 'user/*.cruds'],
    token_endpoint_auth_signing_alg_values_supported: CLIENT_ALGORITHMS,
    token_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    code_challenge_methods_supported: ['S256'],
    capabilities: [
      'client-confidential-symmetric',
      'client-confidential-asymmetric',
      'permission-user',
      'permission-v1',
      'permission-v2',
    ],
  };
}

/** RFC 9728: where tokens for the FHIR base come from. */
function protectedResource(issuer: string, outside: string | undefined) {
  return {
    resource: `${issuer}${FHIR_PATH}`,
    authorization_servers: [issuer, ...(outside ? [outside] : [])],
    bearer_methods_supported: ['header'],
  };
}

function mount(web: Express, { app, authenticator }: WebParts, route: Route): void {
  const method = route.method.toLowerCase() as 'get' | 'post' | 'put';
  web[method](route.path, async (request: Request, response: Response) => {
    const actor =
      route.access === 'verified-here'
        ? SYSTEM
        : await authenticator.actorOf(request.headers.authorization);
    const bodyMax = app.settings.get(BODY_MAX_BYTES);
    // Whoever has not signed in may not fill the disk: a callback is a few kilobytes.
    const open = route.access === 'verified-here';
    const body = await readBody(request, open ? Math.min(bodyMax, OPEN_BODY_MAX_BYTES) : bodyMax);
    const requestId = response.locals.requestId as string;
    const answer = await runUnitOfWork(app, actor, { requestId }, async (ctx) => {
      if (route.access !== 'verified-here') ctx.demand(route.access);
      return route.run(ctx, {
        params: request.params as Record<string, string>,
        query: new URL(request.url, 'http://local').searchParams,
        headers: request.headers as Record<string, string | undefined>,
        body,
        remoteAddress: request.ip ?? '',
      });
    });
    response.status(answer.status).set({ ...answer.headers });
    response.end(answer.body);
  });
}
