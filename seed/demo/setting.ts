/**
 * The stage of the demo: provider, areas and the scheme.
 */

import type { Location, Resource } from '@medplum/fhirtypes';
import { codeSystem, identifierSystem, structureDefinition } from '../../src/sdk/index.ts';
import { PLACES } from './people.ts';

export const SCHEME = 'demo-child-grant';

function area(id: string): Location {
  return {
    resourceType: 'Location',
    id,
    meta: { profile: [structureDefinition('area')] },
    status: 'active',
    name: id.replace('demo-', ''),
    identifier: [{ system: identifierSystem('area-code'), value: id.toUpperCase() }],
    type: [{ coding: [{ system: codeSystem('location-type'), code: 'area' }] }],
  };
}

const rules = [
  { url: 'frequency', valueCode: 'monthly' },
  {
    url: 'criterion',
    valueExpression: {
      language: 'text/fhirpath' as const,
      name: 'has-child',
      expression: 'members.exists(age < 18)',
    },
  },
  {
    url: 'criterion',
    valueExpression: {
      language: 'text/fhirpath' as const,
      name: 'poor',
      expression: "characteristic('poverty-score') < 60",
    },
  },
  {
    url: 'component',
    extension: [
      { url: 'name', valueString: 'Base amount' },
      { url: 'amount', valueMoney: { value: 2000, currency: 'KES' as const } },
    ],
  },
  {
    url: 'component',
    extension: [
      { url: 'name', valueString: 'per child' },
      {
        url: 'for',
        valueExpression: { language: 'text/fhirpath' as const, expression: 'age < 18' },
      },
      { url: 'amount', valueMoney: { value: 500, currency: 'KES' as const } },
      { url: 'maximum', valuePositiveInt: 4 },
    ],
  },
  {
    url: 'adjustment',
    valueExpression: {
      name: 'Cap',
      language: 'text/fhirpath' as const,
      expression: 'least(%total, 3500)',
    },
  },
  { url: 'time-zone', valueString: 'Africa/Nairobi' },
];

/** Everything that stands before the registry's households come. */
export function stage(): Resource[] {
  return [
    {
      resourceType: 'Organization',
      id: PLACES.provider,
      meta: { profile: [structureDefinition('provider')] },
      active: true,
      name: 'Demo Mobile Money',
      type: [
        { coding: [{ system: codeSystem('organization-type'), code: 'payment-service-provider' }] },
      ],
      extension: [{ url: structureDefinition('payment-channel'), valueCode: 'simulator' }],
    },
    ...PLACES.areas.map(area),
    {
      resourceType: 'InsurancePlan',
      id: SCHEME,
      meta: { profile: [structureDefinition('scheme')] },
      identifier: [{ system: identifierSystem('scheme'), value: SCHEME }],
      status: 'active',
      name: 'Demo Child Grant',
      extension: [{ url: structureDefinition('scheme-rules'), extension: rules }],
    },
  ];
}
