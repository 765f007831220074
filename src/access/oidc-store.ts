/**
 * Where the embedded OpenID provider keeps its state: one table of PostgreSQL, so that a restart
 * loses no session and several processes share one state.
 *
 * Source: the adapter contract of oidc-provider (docs, "Adapter").
 */

import type { Adapter, AdapterPayload } from 'oidc-provider';
import type { Pool } from 'pg';
import { findLogin } from './actors.ts';

/** Makes the adapter class that oidc-provider instantiates per model. */
export function oidcStore(
  pool: Pool,
  consoleClient: AdapterPayload,
): new (
  model: string,
) => Adapter {
  return class OidcStore implements Adapter {
    readonly #model: string;

    constructor(model: string) {
      this.#model = model;
    }

    async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
      await pool.query(
        `insert into access_oidc (model, id, payload, grant_id, user_code, uid, expires_at)
         values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))
         on conflict (model, id) do update set payload = excluded.payload,
           grant_id = excluded.grant_id, user_code = excluded.user_code, uid = excluded.uid,
           expires_at = excluded.expires_at`,
        [
          ...[this.#model, id, JSON.stringify(payload), payload.grantId ?? null],
          ...[payload.userCode ?? null, payload.uid ?? null, expiresIn ?? null],
        ],
      );
    }

    async find(id: string): Promise<AdapterPayload | undefined> {
      if (this.#model === 'Client') return findClient(pool, id, consoleClient);
      return this.#one('id', id);
    }

    findByUserCode(code: string): Promise<AdapterPayload | undefined> {
      return this.#one('user_code', code);
    }

    findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return this.#one('uid', uid);
    }

    async consume(id: string): Promise<void> {
      await pool.query(
        `update access_oidc
         set payload = payload || jsonb_build_object('consumed', extract(epoch from now())::bigint)
         where model = $1 and id = $2`,
        [this.#model, id],
      );
    }

    async destroy(id: string): Promise<void> {
      await pool.query('delete from access_oidc where model = $1 and id = $2', [this.#model, id]);
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      await pool.query('delete from access_oidc where grant_id = $1', [grantId]);
    }

    async #one(
      column: 'id' | 'user_code' | 'uid',
      value: string,
    ): Promise<AdapterPayload | undefined> {
      const { rows } = await pool.query<{ payload: AdapterPayload }>(
        `select payload from access_oidc
         where model = $1 and ${column} = $2 and (expires_at is null or expires_at > now())`,
        [this.#model, value],
      );
      return rows[0]?.payload;
    }
  };
}

async function findClient(
  pool: Pool,
  id: string,
  consoleClient: AdapterPayload,
): Promise<AdapterPayload | undefined> {
  if (id === consoleClient.client_id) return consoleClient;
  const found = await findLogin(pool, id);
  if (found?.kind !== 'client') return undefined;
  const common = {
    client_id: id,
    client_name: found.name,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
  };
  if (found.jwks) {
    return {
      ...common,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: undefined,
      jwks: found.jwks as AdapterPayload['jwks'],
    };
  }
  // The hash stands where the provider expects the secret; comparing is overridden.
  return {
    ...common,
    client_secret: found.secret_hash ?? undefined,
    token_endpoint_auth_method: 'client_secret_basic',
  };
}
