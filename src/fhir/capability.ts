/**
 * The CapabilityStatement, generated from the registers: what it says is what is there, to the last
 * search parameter and include; a test asks for each.
 *
 * Spec: https://hl7.org/fhir/R4/capabilitystatement.html
 */

import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceOperation,
  CapabilityStatementRestResourceSearchParam,
} from '@medplum/fhirtypes';
import type { Operation } from '../sdk/index.ts';
import type { SearchParameterInfo } from './definitions/definitions.ts';
import { JSON_PATCH } from './patch/apply.ts';
import type { FhirHouse } from './types.ts';

type Interactions = NonNullable<CapabilityStatementRestResource['interaction']>;

/** What every type can do. */
const INTERACTIONS: Interactions = (
  [
    'read',
    'vread',
    'update',
    'patch',
    'delete',
    'history-instance',
    'history-type',
    'create',
    'search-type',
  ] as const
).map((code) => ({ code }));

const BASE = 'http://hl7.org/fhir/SearchParameter';

/** Parameters that no element of a resource holds. */
const BESIDE: CapabilityStatementRestResourceSearchParam[] = [
  {
    name: '_list',
    type: 'string',
    definition: `${BASE}/Resource-list`,
    documentation: 'Members of a List.',
  },
];

/** What the statement needs of the FHIR room. */
type House = Pick<FhirHouse, 'definitions' | 'operations' | 'projected' | 'base'>;

/** What the statement needs beside the registers. */
export interface Release {
  readonly version: string;
  /** When the server started: the statement is that of this instance. */
  readonly date: Date;
  readonly tokenUrl: string;
  readonly authorizeUrl: string;
  /** Canonical URLs of the topics that can be subscribed to. */
  readonly topics: readonly string[];
}

/** Builds the statement. */
export function capabilityStatement(house: House, release: Release): CapabilityStatement {
  const { resourceTypes } = house.definitions;
  const referrers = referrersOf(house);
  return {
    resourceType: 'CapabilityStatement',
    name: 'Amana',
    title: 'Amana, a FHIR-native social-protection server',
    status: 'active',
    date: release.date.toISOString(),
    kind: 'instance',
    instantiates: [`${BACKPORT}/CapabilityStatement/backport-subscription-server-r4`],
    software: { name: 'Amana', version: release.version },
    implementation: {
      description: 'Amana, a FHIR-native social-protection server',
      url: house.base(),
    },
    fhirVersion: '4.0.1',
    format: ['application/fhir+json', 'application/fhir+xml'],
    patchFormat: [JSON_PATCH, 'application/fhir+json', 'application/fhir+xml'],
    rest: [
      {
        mode: 'server',
        documentation:
          'Unknown search parameters are refused unless Prefer: handling=lenient. Prefer: ' +
          'respond-async is taken for every request. A patch may be conditional.',
        security: security(release),
        resource: resourceTypes.map((type) => ({
          ...resource(house, type, referrers.get(type) ?? []),
          ...(type === 'Subscription' && topicBased(release.topics)),
        })),
        interaction: [
          { code: 'transaction' },
          { code: 'batch' },
          { code: 'search-system' },
          { code: 'history-system' },
        ],
        searchParam: commonParameters(house),
        operation: operations(house, undefined),
        compartment: ['http://hl7.org/fhir/CompartmentDefinition/patient'],
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

const BACKPORT = 'http://hl7.org/fhir/uv/subscriptions-backport';

/** What the type Subscription says of topics. */
function topicBased(topics: readonly string[]): Partial<CapabilityStatementRestResource> {
  const definitions = `${BACKPORT}/StructureDefinition`;
  return {
    extension: topics.map((valueCanonical) => ({
      url: `${definitions}/capabilitystatement-subscriptiontopic-canonical`,
      valueCanonical,
    })),
    supportedProfile: [`${definitions}/backport-subscription`],
  };
}

function resource(
  house: House,
  type: string,
  referrers: readonly string[],
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
    ...(referrers.length > 0 && { searchRevInclude: [...referrers] }),
    searchParam: [...parameters.map(parameterOf), ...BESIDE].filter((each) =>
      isServed(house, type, each.name!),
    ),
    ...(operation.length > 0 && { operation }),
  };
}

function parameterOf(info: SearchParameterInfo): CapabilityStatementRestResourceSearchParam {
  const { code, type, url, description } = info;
  return { name: code, type, definition: url, ...(description && { documentation: description }) };
}

/** What every room serves for what it shows: what stands in meta, or nowhere. */
const ALWAYS = new Set(['_id', '_lastUpdated', '_profile', '_tag', '_security', '_source']);

/** A room that shows a type serves what it names; a search is over all that have the type. */
function isServed({ projected }: House, type: string, code: string): boolean {
  const bindings = projected.get(type) ?? [];
  return ALWAYS.has(code) || bindings.every((each) => Object.hasOwn(each.search, code));
}

/** The parameters that a search over several types may use: those of Resource. */
function commonParameters({ definitions }: House): CapabilityStatementRestResourceSearchParam[] {
  const [first] = definitions.resourceTypes;
  const common = definitions.searchParameters(first!).filter(({ code }) => code.startsWith('_'));
  return [...common.map(parameterOf), ...BESIDE];
}

/** By type, the reference parameters that may lead to it: `Observation:subject`. */
function referrersOf({ definitions }: House): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const type of definitions.resourceTypes) {
    for (const { code, type: kind, targets } of definitions.searchParameters(type)) {
      if (kind !== 'reference') continue;
      for (const target of targets.length > 0 ? targets : definitions.resourceTypes) {
        const list = found.get(target) ?? [];
        list.push(`${type}:${code}`);
        found.set(target, list);
      }
    }
  }
  return found;
}

/**
 * The operations of a type; without one, those of the system, and those of what R4 knows no type
 * for (ViewDefinition), which have no other place in the statement.
 */
function operations(
  house: House,
  type: string | undefined,
): CapabilityStatementRestResourceOperation[] {
  const found = new Set<Operation>();
  for (const [key, operation] of house.operations) {
    const [first = '', ...more] = key.split('/');
    const isForeign = first !== 'Resource' && !house.definitions.isResourceType(first);
    const isSystem = more.length === 0 || isForeign;
    if (type === undefined ? isSystem : first === type || first === 'Resource') {
      if (type === undefined || more.length > 0) found.add(operation);
    }
  }
  return [...found].map(({ definition }) => ({
    name: definition.code!,
    definition: definition.url ?? `OperationDefinition/${definition.id ?? definition.code}`,
    documentation: definition.description,
  }));
}
