/**
 * From a bearer token to an Actor: tokens of the embedded provider and, when set, of one outside
 * issuer, verified locally. Roles are read again every 30 seconds at most, so that a change of
 * roles takes effect while tokens live on. Tokens live by the machine's clock, not by the house's,
 * which tests and the simulation move.
 */

import { hash } from 'node:crypto';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import { type Actor, Problem, problem, systemClock } from '../sdk/index.ts';
import { grantsOf, loadActor } from './actors.ts';
import { AUDIENCE, type ProviderKeys } from './provider.ts';
import { scopesOf } from './scopes.ts';

const ROLES_SECONDS = 30;

/** An outside OpenID provider. */
export interface OutsideIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly rolesClaim: string;
}

/** Finds the actor of a request. */
export interface Authenticator {
  /**
   * @throws Problem login (401) when the token is absent, not ours, or expired
   */
  actorOf(authorization: string | undefined): Promise<Actor>;
  /** Forgets cached actors, after roles were changed in this process. */
  forget(): void;
}

interface Cached {
  readonly actor: Actor;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Makes the authenticator. */
export function createAuthenticator(
  pool: Pool,
  keys: ProviderKeys,
  issuer: () => string,
  outside?: OutsideIssuer,
): Authenticator {
  const cache = new LRUCache<string, Cached>({ max: 10_000, ttl: ROLES_SECONDS * 1000 });
  const own = createLocalJWKSet({ keys: keys.jwks.keys.map(publicPart) });
  let outsideKeys: JWTVerifyGetKey | undefined;
  const invalid = (diagnostics: string): Problem =>
    refused(diagnostics, issuer(), ', error="invalid_token"');

  async function verify(token: string): Promise<Cached> {
    const claimed = issuerOf(token);
    const now = systemClock.now();
    if (outside && claimed === outside.issuer) {
      outsideKeys ??= await remoteKeys(outside.issuer);
      const { payload } = await jwtVerify(token, outsideKeys, {
        issuer: outside.issuer,
        audience: outside.audience,
      });
      const actor = withScopes(await outsideActor(pool, outside, payload), payload);
      return { actor, expires: expiryOf(payload, now) };
    }
    const { payload } = await jwtVerify(token, own, {
      issuer: issuer(),
      audience: AUDIENCE,
      typ: 'at+jwt',
    });
    const actor = await loadActor(pool, payload.sub ?? '');
    if (!actor) throw invalid('The actor of this token is unknown or inactive.');
    return { actor: withScopes(actor, payload), expires: expiryOf(payload, now) };
  }

  return {
    async actorOf(authorization) {
      const token = /^Bearer ([\w\-.~+/]+=*)$/i.exec(authorization ?? '')?.[1];
      if (!token) throw refused('Send a bearer token in the Authorization header.', issuer());
      const key = hash('sha256', token, 'base64');
      let found = cache.get(key);
      if (!found) {
        found = await verify(token).catch((error: unknown) => {
          throw error instanceof errors.JOSEError ? invalid(explain(error)) : error;
        });
        cache.set(key, found);
      }
      if (found.expires <= systemClock.now().getTime()) {
        cache.delete(key);
        throw invalid('The token has expired; get a new one.');
      }
      return found.actor;
    },
    forget: () => cache.clear(),
  };
}

function publicPart(jwk: ProviderKeys['jwks']['keys'][number]) {
  const { d: _private, ...rest } = jwk;
  return rest;
}

function issuerOf(token: string): string | undefined {
  try {
    const part = token.split('.')[1] ?? '';
    return JSON.parse(Buffer.from(part, 'base64url').toString()).iss;
  } catch {
    return undefined;
  }
}

function expiryOf(payload: JWTPayload, now: Date): number {
  return (payload.exp ?? Math.floor(now.getTime() / 1000)) * 1000;
}

async function remoteKeys(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer}/.well-known/openid-configuration`;
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    .then((found) => found.json() as Promise<{ issuer?: string; jwks_uri?: string }>)
    .catch(() => undefined);
  if (!answer?.jwks_uri || answer.issuer !== issuer) {
    throw problem(
      'transient',
      'issuer-unreachable',
      'The outside OpenID provider does not answer; try again in a minute.',
    );
  }
  return createRemoteJWKSet(new URL(answer.jwks_uri));
}

async function outsideActor(
  pool: Pool,
  { issuer, rolesClaim }: OutsideIssuer,
  payload: JWTPayload,
): Promise<Actor> {
  const claim = payload[rolesClaim];
  const roles = (Array.isArray(claim) ? claim : String(claim ?? '').split(' ')).map(String);
  return {
    id: `${issuer}|${payload.sub}`,
    name: typeof payload.name === 'string' ? payload.name : (payload.sub ?? ''),
    kind: payload.client_id && payload.client_id === payload.sub ? 'client' : 'user',
    ...(await grantsOf(pool, roles, {
      ...listClaim(payload, 'areas'),
      ...listClaim(payload, 'schemes'),
    })),
  };
}

/** A claim that limits: Location or InsurancePlan ids. */
function listClaim(payload: JWTPayload, name: 'areas' | 'schemes'): Record<string, string[]> {
  const claim = payload[name];
  if (claim === undefined) return {};
  return { [name]: (Array.isArray(claim) ? claim : [claim]).map(String) };
}

function withScopes(actor: Actor, { scope }: JWTPayload): Actor {
  const scopes = scopesOf(typeof scope === 'string' ? scope : undefined);
  return scopes ? { ...actor, scopes } : actor;
}

function explain(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'The token has expired; get a new one.';
  return 'The token is not one of ours or was altered; get a new one at the token endpoint.';
}

/** RFC 6750 §3 (no error code where no token came), RFC 9728 §5.1 (where to get one). */
function refused(diagnostics: string, origin: string, error = ''): Problem {
  const { issues } = problem('login', 'not-signed-in', diagnostics);
  const metadata = `${origin}/.well-known/oauth-protected-resource/fhir/R4`;
  return new Problem(issues, {
    headers: {
      'www-authenticate': `Bearer realm="amana", resource_metadata="${metadata}"${error}`,
    },
  });
}
