/**
 * The embedded OpenID provider (oidc-provider), so that a fresh machine needs no other: clients get
 * tokens by client_credentials (secret or private_key_jwt), people by authorization code with PKCE.
 *
 * Access tokens are JWTs for one audience, verified locally. Signing keys are made once and kept in
 * the database.
 */

import { randomBytes } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import Provider, { type AdapterPayload, type Configuration } from 'oidc-provider';
import type { Pool } from 'pg';
import { keepSecret, readSecret } from '../database/secret.ts';
import { findLogin, loadActor } from './actors.ts';
import { oidcStore } from './oidc-store.ts';
import { isSmartScope } from './scopes.ts';
import { isSecret } from './secret.ts';

/** Audience of every token of ours. */
export const AUDIENCE = 'urn:amana:api';
/** The public client of the console. */
export const CONSOLE_CLIENT = 'amana-console';
/** With which clients may sign that they are who they say (private_key_jwt). */
export const CLIENT_ALGORITHMS = ['ES256', 'ES384', 'RS256', 'RS384', 'PS256', 'PS384'] as const;
const TOKEN_SECONDS = 3600;

/** The keys of the provider. */
export interface ProviderKeys {
  readonly jwks: { readonly keys: JWK[] };
  readonly cookies: readonly string[];
}

/** Loads the signing keys; the first process to start makes them. */
export async function loadKeys(pool: Pool): Promise<ProviderKeys> {
  const kept = await readSecret(pool, 'oidc');
  if (kept) return JSON.parse(kept.toString());
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = {
    ...(await exportJWK(privateKey)),
    use: 'sig',
    alg: 'ES256',
    kid: randomBytes(8).toString('hex'),
  };
  const keys: ProviderKeys = { jwks: { keys: [jwk] }, cookies: [randomBytes(32).toString('hex')] };
  return JSON.parse((await keepSecret(pool, 'oidc', Buffer.from(JSON.stringify(keys)))).toString());
}

/** Makes the provider for an issuer (the public URL of the server). */
export function createProvider(pool: Pool, issuer: string, keys: ProviderKeys): Provider {
  const consoleClient: AdapterPayload = {
    client_id: CONSOLE_CLIENT,
    client_name: 'Amana console',
    application_type: issuer.startsWith('https:') ? 'web' : 'native',
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    redirect_uris: [`${issuer}/`],
    post_logout_redirect_uris: [`${issuer}/`],
  };
  const provider = new Provider(issuer, configuration(pool, keys, consoleClient));
  provider.proxy = true;
  provider.Client.prototype.compareClientSecret = function compare(
    this: { clientSecret?: string },
    actual: string,
  ) {
    return this.clientSecret ? isSecret(actual, this.clientSecret) : Promise.resolve(false);
  } as never;
  return provider;
}

const FEATURES: Configuration['features'] = {
  devInteractions: { enabled: false },
  clientCredentials: { enabled: true },
  revocation: { enabled: true },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => AUDIENCE,
    useGrantedResource: () => true,
    // Scopes only narrow what the roles grant, so any well-formed one may be asked for.
    getResourceServerInfo: (ctx) => ({
      scope: String(ctx.oidc.params?.scope ?? '')
        .split(' ')
        .filter(isSmartScope)
        .join(' '),
      audience: AUDIENCE,
      accessTokenTTL: TOKEN_SECONDS,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'ES256' } },
    }),
  },
};

const LIVES_SECONDS: Configuration['ttl'] = {
  AccessToken: TOKEN_SECONDS,
  ClientCredentials: TOKEN_SECONDS,
  Session: 12 * 3600,
  Interaction: 600,
  Grant: 12 * 3600,
  RefreshToken: 12 * 3600,
  IdToken: 3600,
};

function configuration(
  pool: Pool,
  keys: ProviderKeys,
  consoleClient: AdapterPayload,
): Configuration {
  return {
    adapter: oidcStore(pool, consoleClient),
    jwks: keys.jwks as Configuration['jwks'],
    cookies: { keys: [...keys.cookies] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    scopes: ['openid', 'offline_access'],
    claims: { openid: ['sub'], profile: ['name'] },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
    routes: {
      authorization: '/oidc/authorize',
      token: '/oidc/token',
      jwks: '/oidc/jwks',
      userinfo: '/oidc/userinfo',
      end_session: '/oidc/session/end',
      revocation: '/oidc/revoke',
      introspection: '/oidc/introspect',
    },
    features: FEATURES,
    interactions: { url: (_ctx, interaction) => `/access/sign-in/${interaction.uid}` },
    ttl: LIVES_SECONDS,
    responseTypes: ['code'],
    pkce: { required: () => true },
    enabledJWA: {
      clientAuthSigningAlgValues: [...CLIENT_ALGORITHMS],
      idTokenSigningAlgValues: ['ES256'],
    },
    async findAccount(_ctx, sub) {
      const actor = await loadActor(pool, sub);
      return actor && { accountId: sub, claims: async () => ({ sub, name: actor.name }) };
    },
    loadExistingGrant: async (ctx) => {
      const { client, session } = ctx.oidc;
      const grant = new ctx.oidc.provider.Grant({
        clientId: client!.clientId,
        accountId: session!.accountId,
      });
      grant.addOIDCScope('openid offline_access');
      grant.addResourceScope(AUDIENCE, '');
      await grant.save();
      return grant;
    },
    renderError(ctx, out) {
      ctx.type = 'json';
      ctx.body = { error: out.error, error_description: out.error_description };
    },
  };
}

/**
 * Checks login and password of a person.
 *
 * @returns the actor's id, or undefined; both take the same time
 */
export async function checkPassword(
  pool: Pool,
  login: string,
  password: string,
): Promise<string | undefined> {
  const found = await findLogin(pool, login);
  const hash = found?.kind === 'user' ? found.secret_hash : undefined;
  const right = await isSecret(password, hash ?? DUMMY_HASH);
  return right && hash ? found!.actor_id : undefined;
}

/** Takes as long as a real one, so that time does not tell which logins exist. */
const DUMMY_HASH = `scrypt$32768$${'A'.repeat(22)}$${'A'.repeat(43)}`;
