/**
 * The CapabilityStatement, generated from the registers: what it says is what is there.
 * https://hl7.org/fhir/R4/capabilitystatement.html
 */

import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceOperation,
  CapabilityStatementRestResourceSearchParam,
} from '@medplum/fhirtypes';
import type { Operation } from '../sdk/index.ts';
import type { FhirHouse } from './types.ts';

type Interactions = NonNullable<CapabilityStatementRestResource['interaction']>;

const INTERACTIONS: Interactions = (
  [
    'read',
    'vread',
    'update',
    'delete',
    'history-instance',
    'history-type',
    'create',
    'search-type',
  ] as const
).map((code) => ({ code }));

const SPECIAL: CapabilityStatementRestResourceSearchParam[] = [
  { name: '_id', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
  {
    name: '_lastUpdated',
    type: 'date',
    definition: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated',
  },
];

/** What the statement needs beside the registers. */
export interface Release {
  readonly version: string;
  /** When the server started: the statement is that of this instance. */
  readonly date: Date;
  readonly tokenUrl: string;
  readonly authorizeUrl: string;
}

/** Builds the statement. */
export function capabilityStatement(
  house: Pick<FhirHouse, 'definitions' | 'operations' | 'base'>,
  release: Release,
): CapabilityStatement {
  return {
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: release.date.toISOString(),
    kind: 'instance',
    software: { name: 'Amana', version: release.version },
    implementation: {
      description: 'Amana, a FHIR-native social-protection server',
      url: house.base(),
    },
    fhirVersion: '4.0.1',
    format: ['json', 'xml'],
    rest: [
      {
        mode: 'server',
        security: security(release),
        resource: house.definitions.resourceTypes.map((type) => resource(house, type)),
        interaction: [
          { code: 'transaction' },
          { code: 'batch' },
          { code: 'search-system' },
          { code: 'history-system' },
        ],
        operation: operations(house, undefined),
      },
    ],
  };
}

function security(release: Release) {
  return {
    cors: true,
    service: [
      {
        coding: [
          {
            system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
            code: 'SMART-on-FHIR' as const,
          },
        ],
      },
    ],
    extension: [
      {
        url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
        extension: [
          { url: 'token', valueUri: release.tokenUrl },
          { url: 'authorize', valueUri: release.authorizeUrl },
        ],
      },
    ],
  };
}

function resource(
  house: Pick<FhirHouse, 'definitions' | 'operations'>,
  type: string,
): CapabilityStatementRestResource {
  const parameters = house.definitions.searchParameters(type);
  const references = parameters.filter((each) => each.type === 'reference');
  const operation = operations(house, type);
  const profiles = house.definitions.profiles(type);
  return {
    type: type as CapabilityStatementRestResource['type'],
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...(profiles.length > 0 && { supportedProfile: [...profiles] }),
    interaction: INTERACTIONS,
    versioning: 'versioned',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete: 'single',
    referencePolicy: ['literal', 'local', 'enforced'],
    searchInclude: ['*', ...references.map((each) => `${type}:${each.code}`)],
    searchParam: [
      ...SPECIAL,
      ...parameters
        .filter((each) => each.type !== 'composite' && each.type !== 'special')
        .map((each) => ({
          name: each.code,
          type: each.type,
          definition: each.url,
          documentation: each.description,
        })),
    ],
    ...(operation.length > 0 && { operation }),
  };
}

function operations(
  house: Pick<FhirHouse, 'operations'>,
  type: string | undefined,
): CapabilityStatementRestResourceOperation[] {
  const found = new Set<Operation>();
  for (const [key, operation] of house.operations) {
    const parts = key.split('/');
    const isHere = parts[0] === type || (type !== undefined && parts[0] === 'Resource');
    if (parts.length === 1 ? type === undefined : isHere) found.add(operation);
  }
  return [...found].map(({ definition }) => ({
    name: definition.code!,
    definition: definition.url ?? `OperationDefinition/${definition.id ?? definition.code}`,
    documentation: definition.description,
  }));
}
