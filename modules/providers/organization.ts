/**
 * What an Organization says about a payment service provider. Pure.
 *
 * A provider declares our profile or has the type `payment-service-provider`. The extension
 * `payment-channel` names the adapter that speaks to it; without one it can be named in accounts
 * but no money goes through it.
 *
 * Spec: https://hl7.org/fhir/R4/organization.html
 */

import type { Organization } from '@medplum/fhirtypes';
import { codeIn, declares, extensionOf, hasCode } from '../../src/sdk/index.ts';

export interface ProviderFacts {
  readonly id: string;
  readonly name: string;
  readonly channel: string | null;
  readonly active: boolean;
}

export function isProvider(organization: Organization | undefined): boolean {
  return (
    organization !== undefined &&
    (declares(organization, 'provider') || hasCode(organization.type, 'payment-service-provider'))
  );
}

export function readProvider(organization: Organization): ProviderFacts {
  return {
    id: organization.id ?? '',
    name: organization.name ?? organization.id ?? '',
    channel: codeIn(extensionOf(organization, 'payment-channel')) ?? null,
    active: organization.active !== false,
  };
}
