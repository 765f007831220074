/**
 * Rows of providers, kept in step with Organizations.
 */

import { type Context, statement } from '../../src/sdk/index.ts';
import type { ProviderFacts } from './organization.ts';

export interface ProviderWrite {
  readonly rid: bigint;
  readonly version: number;
  readonly facts: ProviderFacts;
}

/** A provider as other rooms see it. */
export interface Provider {
  readonly provider_id: bigint;
  readonly fhir_id: string;
  readonly name: string;
  /** Name of its adapter. */
  readonly channel: string | null;
  readonly active: boolean;
  /** Active, and with an adapter. */
  readonly disburses: boolean;
}

const WRITE = statement(
  'providers.write',
  `insert into provider (provider_id, fhir_id, name, channel, active, version, updated_at)
   select w.*, $7
   from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::int[])
     as w(provider_id, fhir_id, name, channel, active, version)
   on conflict (provider_id) do update set
     name = excluded.name, channel = excluded.channel, active = excluded.active,
     version = excluded.version, updated_at = excluded.updated_at`,
);

/** Inserts or updates providers. */
export async function writeProviders(
  ctx: Context,
  writes: readonly ProviderWrite[],
): Promise<void> {
  if (writes.length === 0) return;
  await ctx.db.run(WRITE, [
    writes.map((write) => write.rid),
    writes.map((write) => write.facts.id),
    writes.map((write) => write.facts.name),
    writes.map((write) => write.facts.channel),
    writes.map((write) => write.facts.active),
    writes.map((write) => write.version),
    ctx.now,
  ]);
}

const REMOVE = statement(
  'providers.remove',
  'delete from provider where provider_id = any($1::bigint[])',
);

/** Forgets Organizations that are providers no longer. */
export async function removeProviders(ctx: Context, rids: readonly bigint[]): Promise<void> {
  if (rids.length > 0) await ctx.db.run(REMOVE, [rids]);
}

const FIND = statement(
  'providers.find',
  `select provider_id, fhir_id, name, channel, active, disburses
   from providers_provider where fhir_id = $1`,
);

/** A provider by the FHIR id of its Organization. */
export async function findProvider(ctx: Context, id: string): Promise<Provider | undefined> {
  return ctx.db.maybe<Provider>(FIND, [id]);
}
