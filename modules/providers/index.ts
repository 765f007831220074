/**
 * Providers: who may hand out money, and linking households to accounts there.
 *
 * Other rooms join the published view `providers_provider`
 * (`migrations/0075_providers_provider.sql`).
 */

import type { Organization } from '@medplum/fhirtypes';
import type { Context, Module, ResourceWrite } from '../../src/sdk/index.ts';
import { structureDefinition } from '../../src/sdk/index.ts';
import { LINK_ACCOUNT, operations } from './operations.ts';
import { isProvider, readProvider } from './organization.ts';
import { removeProviders, writeProviders } from './store.ts';

export { LINK_ACCOUNT } from './operations.ts';
export { findProvider, type Provider } from './store.ts';

/** Projects Organizations that are providers; forgets those that are so no longer. */
async function projectOrganizations(
  ctx: Context,
  writes: readonly ResourceWrite<Organization>[],
): Promise<void> {
  const others = writes.filter((each) => each.action !== 'create' && !isProvider(each.resource));
  await removeProviders(
    ctx,
    others.map((write) => write.rid),
  );
  await writeProviders(
    ctx,
    writes.flatMap(({ rid, version, resource }) =>
      resource && isProvider(resource) ? [{ rid, version, facts: readProvider(resource) }] : [],
    ),
  );
}

export const providers: Module = {
  name: 'providers',
  title: 'Payment service providers',
  dependsOn: ['households'],
  permissions: [LINK_ACCOUNT],
  resources: [
    {
      kept: 'stored',
      type: 'Organization',
      profile: structureDefinition('provider'),
      project: (ctx, writes) =>
        projectOrganizations(ctx, writes as readonly ResourceWrite<Organization>[]),
    },
  ],
  operations,
};
