/**
 * An OpenAPI 3.1 description of the FHIR interface, made from the CapabilityStatement, so that the
 * two cannot disagree. Shapes of resources are FHIR's own and are referred to, not repeated.
 *
 * Spec: https://spec.openapis.org/oas/v3.1.0
 */

import type {
  CapabilityStatement,
  CapabilityStatementRestResource,
  CapabilityStatementRestResourceSearchParam,
  OperationDefinition,
} from '@medplum/fhirtypes';
import type { Operation } from '../sdk/index.ts';
import type { FhirHouse } from './types.ts';

type Json = Record<string, unknown>;
type SearchParam = CapabilityStatementRestResourceSearchParam;

const JSON_TYPE = 'application/fhir+json';
const XML_TYPE = 'application/fhir+xml';

/** What the description is made of. */
export interface Described {
  readonly capability: CapabilityStatement;
  /** By `$code`, `Type/$code`, `Type/[id]/$code`. */
  readonly operations: ReadonlyMap<string, Operation>;
  readonly openIdConnectUrl: string;
}

/** Builds the description. */
export function openApi({ capability, operations, openIdConnectUrl }: Described): Json {
  const [rest] = capability.rest!;
  const paths: Record<string, Json> = {
    '/metadata': { get: call('Capability statement', 'CapabilityStatement', { open: true }) },
    '/': {
      get: call('Search several types', 'Bundle', { query: ['_type', ...RESULTS] }),
      post: call('Run a transaction or a batch', 'Bundle', { body: 'Bundle' }),
    },
    '/_search': { post: call('Search several types', 'Bundle', { form: true }) },
    '/_history': { get: call('History of everything', 'Bundle', { query: HISTORY }) },
    '/_async/{id}': {
      parameters: [ref('parameters', 'id')],
      get: { ...call('Answer of a request that was to be answered later', 'Bundle'), ...LATER },
      delete: call('Cancel a request that is to be answered later', 'OperationOutcome'),
    },
  };
  for (const each of rest!.resource ?? []) Object.assign(paths, pathsOf(each));
  for (const [key, operation] of operations) addOperation(paths, key, operation);
  return {
    openapi: '3.1.0',
    info: {
      title: capability.title,
      version: capability.software!.version,
      description:
        'HL7 FHIR R4. What stands here is generated from the CapabilityStatement at /metadata.',
    },
    externalDocs: { description: 'FHIR R4', url: 'https://hl7.org/fhir/R4/http.html' },
    servers: [{ url: capability.implementation!.url }],
    security: [{ signIn: [] }],
    tags: (rest!.resource ?? []).map(({ type }) => ({ name: type })),
    paths,
    components: components(rest!.resource ?? [], openIdConnectUrl),
  };
}

const RESULTS = ['_count', '_sort', '_include', '_revinclude', '_total', '_summary', '_elements'];
const HISTORY = ['_since', '_at', '_count'];

const LATER = {
  responses: {
    200: answer('Bundle', 'The answer'),
    202: { description: 'Under way: see X-Progress and Retry-After' },
    default: ref('responses', 'Problem'),
  },
};

interface Call {
  readonly query?: readonly string[];
  readonly headers?: readonly string[];
  /** Type of the resource in the body. */
  readonly body?: string;
  readonly form?: boolean;
  readonly status?: number;
  /** True when no token is asked for. */
  readonly open?: boolean;
  readonly tag?: string;
}

/** One operation of OpenAPI. */
function call(summary: string, answers: string, how: Call = {}): Json {
  const parameters = [...(how.query ?? []), ...(how.headers ?? [])];
  return {
    summary,
    ...(how.tag && { tags: [how.tag] }),
    ...(parameters.length > 0 && { parameters: parameters.map((name) => ref('parameters', name)) }),
    ...(how.body && { requestBody: { required: true, content: bodyOf(how.body) } }),
    ...(how.form && { requestBody: FORM }),
    ...(how.open && { security: [] }),
    responses: {
      [how.status ?? 200]:
        how.status === 204 ? { description: 'Done' } : answer(answers, 'The answer'),
      default: ref('responses', 'Problem'),
    },
  };
}

const FORM = {
  content: {
    'application/x-www-form-urlencoded': {
      schema: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
};

function bodyOf(type: string): Json {
  const schema = ref('schemas', type);
  return { [JSON_TYPE]: { schema }, [XML_TYPE]: { schema: { type: 'string' } } };
}

function answer(type: string, description: string): Json {
  return { description, content: bodyOf(type) };
}

function ref(kind: string, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

/** The paths of a type. */
function pathsOf({ type: tag, searchParam = [] }: CapabilityStatementRestResource): Json {
  const type = tag!;
  const query = [...searchParam.map((each) => parameterName(each)), ...RESULTS];
  const id = [ref('parameters', 'id')];
  const make = (summary: string, answers: string, how: Call = {}): Json =>
    call(summary, answers, { tag: type, ...how });
  const patch = {
    ...make(`Patch a ${type}`, type, { headers: ['If-Match', 'Prefer'] }),
    requestBody: ref('requestBodies', 'Patch'),
  };
  return {
    [`/${type}`]: {
      get: make(`Search ${type}`, 'Bundle', { query }),
      post: make(`Create a ${type}`, type, {
        body: type,
        headers: ['If-None-Exist', 'Prefer'],
        status: 201,
      }),
      put: make(`Update the ${type} that a search selects`, type, { body: type, query }),
      patch: { ...patch, summary: `Patch the ${type} that a search selects` },
      delete: make(`Delete the ${type} that a search selects`, type, { query, status: 204 }),
    },
    [`/${type}/_search`]: { post: make(`Search ${type}`, 'Bundle', { form: true }) },
    [`/${type}/_history`]: { get: make(`History of ${type}`, 'Bundle', { query: HISTORY }) },
    [`/${type}/{id}`]: {
      parameters: id,
      get: make(`Read a ${type}`, type, { headers: ['If-None-Match', 'If-Modified-Since'] }),
      put: make(`Create or update a ${type}`, type, {
        body: type,
        headers: ['If-Match', 'If-None-Match', 'Prefer'],
      }),
      patch,
      delete: make(`Delete a ${type}`, type, { headers: ['If-Match'], status: 204 }),
    },
    [`/${type}/{id}/_history`]: {
      parameters: id,
      get: make(`History of a ${type}`, 'Bundle', { query: HISTORY }),
    },
    [`/${type}/{id}/_history/{version}`]: {
      parameters: [...id, ref('parameters', 'version')],
      get: make(`Read a version of a ${type}`, type),
    },
  };
}

/** Adds an operation of FHIR (`$name`) where it may be called. */
function addOperation(paths: Record<string, Json>, key: string, { definition }: Operation): void {
  const [first = '', ...rest] = key.split('/');
  if (first === 'Resource') return addGeneric(paths, rest, definition);
  const path = `/${key.replace('[id]', '{id}')}`;
  const inputs = (definition.parameter ?? []).filter((each) => each.use === 'in');
  const query = inputs.filter(({ type }) => type && /^[a-z]/.test(type));
  const tag = first.startsWith('$') ? undefined : first;
  const base = {
    summary: definition.description ?? definition.name,
    ...(tag && { tags: [tag] }),
    responses: { 200: ANY, default: ref('responses', 'Problem') },
  };
  paths[path] = {
    ...(path.includes('{id}') && { parameters: [ref('parameters', 'id')] }),
    post: { ...base, requestBody: { content: bodyOf('Parameters') } },
    ...(definition.affectsState === false && {
      get: {
        ...base,
        parameters: query.map(({ name, documentation, min }) => ({
          name,
          in: 'query',
          ...(documentation && { description: documentation }),
          required: (min ?? 0) > 0,
          schema: { type: 'string' },
        })),
      },
    }),
  };
}

const ANY = { description: 'The answer', content: { '*/*': {} } };

/** An operation of every type stands once, with the type in the path. */
function addGeneric(
  paths: Record<string, Json>,
  rest: readonly string[],
  definition: OperationDefinition,
): void {
  const path = `/{type}/${rest.join('/').replace('[id]', '{id}')}`;
  paths[path] = {
    parameters: [
      ref('parameters', 'type'),
      ...(path.includes('{id}') ? [ref('parameters', 'id')] : []),
    ],
    post: {
      summary: definition.description ?? definition.name,
      requestBody: { content: bodyOf('Parameters') },
      responses: { 200: ANY, default: ref('responses', 'Problem') },
    },
  };
}

/** Name of a search parameter among the components; the same code may differ from type to type. */
function parameterName({ name, definition }: SearchParam): string {
  return `${definition!.replace(/^.*\//, '').replace(/[^\w.-]/g, '')}_${name}`;
}

const HEADER_NAMES = [
  'If-Match',
  'If-None-Match',
  'If-None-Exist',
  'If-Modified-Since',
  'Prefer',
] as const;

function components(
  resources: readonly CapabilityStatementRestResource[],
  openIdConnectUrl: string,
): Json {
  const parameters: Record<string, Json> = {
    id: { name: 'id', in: 'path', required: true, schema: ID },
    version: { name: 'version', in: 'path', required: true, schema: { type: 'string' } },
    type: { name: 'type', in: 'path', required: true, schema: { type: 'string' } },
  };
  for (const name of HEADER_NAMES) {
    parameters[name] = { name, in: 'header', schema: { type: 'string' } };
  }
  for (const name of [...RESULTS, ...HISTORY, '_type']) parameters[name] = queryOf(name);
  const schemas: Record<string, Json> = {};
  for (const { type, searchParam = [] } of resources) {
    schemas[type!] = schemaOf(type!);
    for (const each of searchParam) {
      parameters[parameterName(each)] ??= queryOf(each.name!, each.documentation);
    }
  }
  const parts = { Parameters: schemaOf('Parameters'), Bundle: schemaOf('Bundle') };
  return {
    parameters,
    schemas: { ...schemas, ...parts },
    requestBodies: { Patch: PATCH },
    responses: { Problem: answer('OperationOutcome', 'What is wrong, where, and the remedy') },
    securitySchemes: { signIn: { type: 'openIdConnect', openIdConnectUrl } },
  };
}

const ID = { type: 'string', pattern: '^[A-Za-z0-9.-]{1,64}$' };

const PATCH = {
  required: true,
  content: {
    'application/json-patch+json': { schema: { type: 'array', items: { type: 'object' } } },
    [JSON_TYPE]: { schema: ref('schemas', 'Parameters') },
  },
};

function queryOf(name: string, description?: string): Json {
  return {
    name,
    in: 'query',
    ...(description && { description }),
    schema: { type: 'array', items: { type: 'string' } },
    explode: true,
  };
}

function schemaOf(type: string): Json {
  return {
    type: 'object',
    required: ['resourceType'],
    properties: { resourceType: { const: type } },
    externalDocs: { url: `https://hl7.org/fhir/R4/${type.toLowerCase()}.html` },
  };
}

/** The description as text, made again when the statement has changed. */
export function openApiText(
  house: Pick<FhirHouse, 'capability' | 'operations'>,
  openIdConnectUrl: () => string,
): () => string {
  let of: string | undefined;
  let text = '';
  return () => {
    const statement = house.capability();
    if (statement !== of) {
      const capability = JSON.parse(statement) as CapabilityStatement;
      const { operations } = house;
      text = JSON.stringify(
        openApi({ capability, operations, openIdConnectUrl: openIdConnectUrl() }),
      );
      of = statement;
    }
    return text;
  };
}
