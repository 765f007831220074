/**
 * Hostile requests: every method and route that the CapabilityStatement names, with values that a
 * malicious or broken client might send. Bodies stand in `bodies.ts`.
 */

import type { CapabilityStatement } from '@medplum/fhirtypes';
import { type Body, body } from './bodies.ts';
import type { Choices } from './choices.ts';
import { shortText, writeHostile } from './hostile.ts';
import { type Call, parametersFor, queryFor } from './operations.ts';

/** A request as it goes out. */
export interface HostileRequest {
  readonly method: string;
  /** Path and query as written on the wire. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** What of the CapabilityStatement the requests are made of. */
export interface Surface {
  readonly types: readonly { name: string; parameters: readonly string[] }[];
  /** `Type/$code`, `$code` */
  readonly operations: readonly string[];
  /** Operations on what there is, by their definitions. */
  readonly calls: readonly Call[];
}

export const BASE = '/fhir/R4';

/** Reads the surface out of the CapabilityStatement. */
export function surfaceOf(statement: CapabilityStatement, calls: readonly Call[]): Surface {
  const [rest] = statement.rest ?? [];
  const types = (rest?.resource ?? []).map((each) => ({
    name: each.type!,
    parameters: (each.searchParam ?? []).map((one) => one.name!),
  }));
  const operations = (rest?.resource ?? []).flatMap((each) =>
    (each.operation ?? []).map((one) => `${each.type}/$${one.name}`),
  );
  return {
    types,
    calls,
    operations: [...operations, ...(rest?.operation ?? []).map((one) => `$${one.name}`)],
  };
}

const MODIFIERS: readonly string[] = [
  ...['missing', 'exact', 'contains', 'not', 'text', 'in', 'not-in', 'below', 'above', 'of-type'],
  ...[
    'identifier',
    'iterate',
    'recurse',
    'Patient',
    'Group',
    'zzz',
    '',
    'exact:exact',
    '__proto__',
  ],
];
const RESULT: readonly string[] = [
  ...['_sort', '_count', '_include', '_revinclude', '_elements', '_summary', '_total', '_format'],
  ...[
    '_pretty',
    '_has',
    '_filter',
    '_list',
    '_type',
    '_contained',
    '_containedType',
    '_score',
    '_page',
  ],
  ...[
    '_cursor',
    '_since',
    '_at',
    '_lastUpdated',
    '_id',
    '_tag',
    '_profile',
    '_security',
    '_source',
  ],
  ...[
    '_text',
    '_content',
    '_query',
    '_include:iterate',
    '_revinclude:iterate',
    '_getpages',
    '_offset',
  ],
];
const GOOD: readonly string[] = [
  ...[
    'a',
    'Wanjiru',
    '2026',
    'ge2020-01-01',
    'Patient/p-1',
    'http://x|y',
    'true',
    'male',
    '5.4',
    '10',
  ],
  ...[
    'name',
    '-birthdate',
    'Patient:link',
    '*',
    'count',
    'none',
    'accurate',
    'estimate',
    'data',
    'text',
  ],
  ...['Observation:subject', 'xml', 'json', 'Group/h-1', '-1.28|36.8|10|km', 'active,inactive'],
];

function encode(c: Choices, value: string): string {
  switch (c.below(8)) {
    case 0:
      return Buffer.from(value, 'latin1').reduce(
        (all, byte) => `${all}%${byte.toString(16).padStart(2, '0')}`,
        '',
      );
    case 1:
      return value.replace(/[^\w.~:|,$'*-]/g, '');
    case 2:
      return encodeURIComponent(value.toWellFormed())
        .replaceAll('%20', '+')
        .replaceAll('%', c.of(['%', '%25']));
    default:
      return encodeURIComponent(value.toWellFormed());
  }
}

function value(c: Choices): string {
  return c.once(2) ? c.of(GOOD) : shortText(c);
}

function parameterName(
  c: Choices,
  surface: Surface,
  type: { parameters: readonly string[] },
): string {
  const own = (): string => (type.parameters.length > 0 ? c.of(type.parameters) : '_id');
  switch (c.below(12)) {
    case 0:
      return c.of(RESULT);
    case 1:
      return c.list(2, c.once(5) ? 60 : 3, () => own()).join('.');
    case 2:
      return c.list(2, 4, () => `${own()}:${c.of(surface.types).name}`).join('.');
    case 3:
      return `${'_has:Observation:subject:'.repeat(1 + c.below(c.once(5) ? 60 : 4))}code`;
    case 4:
      return `_has:${c.of(surface.types).name}:${own()}:${own()}`;
    case 5:
      return shortText(c);
    case 6:
    case 7:
      return `${own()}:${c.of(MODIFIERS)}`;
    default:
      return own();
  }
}

/** A query string, without `?`. */
export function query(c: Choices, surface: Surface, type = c.of(surface.types)): string {
  const one = (): string => `${encode(c, parameterName(c, surface, type))}=${encode(c, value(c))}`;
  if (c.once(60)) {
    const name = parameterName(c, surface, type);
    return Array.from({ length: 300 }, () => `${encode(c, name)}=${encode(c, c.of(GOOD))}`).join(
      '&',
    );
  }
  if (c.once(60)) {
    return `${encode(c, parameterName(c, surface, type))}=${Array.from({ length: 1500 }, (_, at) => `v${at}`).join(',')}`;
  }
  const pairs = c.list(1, c.once(3) ? 4 : 1, one);
  if (c.once(4)) pairs.push(`${c.of(RESULT)}=${encode(c, value(c))}`);
  return pairs.join(c.once(30) ? ';' : '&');
}

const HEADERS: readonly string[] = [
  ...[
    'if-match',
    'if-none-match',
    'if-none-exist',
    'if-modified-since',
    'prefer',
    'accept',
    'range',
  ],
  ...['accept-encoding', 'accept-charset', 'accept-language', 'x-request-id', 'origin', 'cookie'],
  ...[
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-http-method-override',
    'expect',
  ],
  ...[
    'x-break-glass',
    'x-amana-reason',
    'content-encoding',
    'authorization',
    'referer',
    'forwarded',
  ],
];
const HEADER_VALUES: readonly string[] = [
  ...[
    'W/"1"',
    '"1"',
    'W/"999999999999999999999"',
    'W/"-1"',
    '*',
    'W/"',
    '1',
    'W/"1", W/"2"',
    'W/"1e3"',
  ],
  ...[
    'return=minimal',
    'return=OperationOutcome',
    'handling=lenient',
    'respond-async',
    'return=zzz',
  ],
  ...[
    'application/fhir+xml',
    'application/fhir+json;q=0',
    '*/*;q=9',
    'text/html',
    'application/fhir+json; fhirVersion=3.0',
  ],
  ...[
    'bytes=0-',
    'bytes=-1',
    'bytes=9999999999999-',
    'gzip',
    'br',
    'identity;q=0',
    'identifier=a|b',
    'name=%',
  ],
  ...[
    'Mon, 99 Foo 2026 00:00:00 GMT',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    '100-continue',
    'Bearer x',
    'Basic Og==',
  ],
  ...[
    'a,'.repeat(1500),
    ';'.repeat(3000),
    `${'a;b='.repeat(500)}`,
    '"'.repeat(999),
    '=?utf-8?q?=00?=',
  ],
];

function headers(c: Choices): Record<string, string> {
  const made: Record<string, string> = {};
  for (let left = c.once(2) ? 0 : c.below(4); left > 0; left -= 1) {
    const name = c.of(HEADERS);
    // A token of its own would end most requests at the door; an Expect other than 100 as well.
    if ((name === 'authorization' || name === 'expect') && !c.once(10)) continue;
    made[name] = c.once(4)
      ? shortText(c)
          .replace(/[^\t\x20-\x7e\x80-\xff]/g, '')
          .slice(0, 8000)
      : c.of(HEADER_VALUES);
  }
  return made;
}

const randomId = '00000000-0000-4000-8000-000000000000';
const IDS: readonly string[] = ['p-1', 'h-1', 'x-1', 'one', 'one', 'one', 'two', randomId];

function id(c: Choices): string {
  return c.once(6) ? encode(c, shortText(c).slice(0, 300)) : c.of(IDS);
}

/** Types whose resources the house does something with come as often as all others together. */
const LIVELY: readonly string[] = [
  ...[
    'Patient',
    'Group',
    'Location',
    'Organization',
    'InsurancePlan',
    'Observation',
    'Questionnaire',
  ],
  ...['QuestionnaireResponse', 'ValueSet', 'CodeSystem', 'SearchParameter', 'StructureDefinition'],
  ...['Basic', 'Subscription', 'Binary', 'List', 'Encounter', 'DocumentReference', 'AuditEvent'],
  ...['EnrollmentRequest', 'Task', 'PaymentReconciliation', 'PaymentNotice', 'Library', 'Measure'],
];

function typeName(c: Choices, surface: Surface): string {
  if (c.once(20)) return encode(c, shortText(c).slice(0, 300));
  return c.once(3) ? c.of(surface.types).name : c.of(LIVELY);
}

function path(c: Choices, surface: Surface): string {
  const type = typeName(c, surface);
  switch (c.below(20)) {
    case 0:
      return type;
    case 1:
    case 2:
    case 3:
      return `${type}/${id(c)}`;
    case 4:
      return `${type}/_search`;
    case 5:
      return `${type}/${id(c)}/_history${c.once(2) ? `/${c.once(2) ? c.below(5) : id(c)}` : ''}`;
    case 6:
      return c.of(['', '', '', '_search', '_history', 'metadata', `${type}/_history`]);
    case 7:
      return `${c.of(['Patient/p-1', 'Group/h-1', `${type}/${id(c)}`])}/${c.of([...surface.types.map((each) => each.name), '*'])}`;
    case 8:
    case 9:
    case 10: {
      const [first = '', second] = c.of(surface.operations).split('/');
      if (second === undefined) return c.once(4) ? `${type}/${first}` : first;
      return c.once(2) ? `${first}/${second}` : `${first}/${id(c)}/${second}`;
    }
    case 11:
      return c.list(1, 6, () => id(c)).join('/');
    default:
      return type;
  }
}

/** A path that the method may go to, most times. */
function pathFor(c: Choices, surface: Surface, method: string): string {
  const fits = FITTING[method];
  for (let tries = 0; fits && tries < 8 && !c.once(20); tries += 1) {
    const made = path(c, surface);
    if (fits.test(made)) return made;
  }
  return path(c, surface);
}

const FITTING: Readonly<Record<string, RegExp>> = {
  POST: /^$|_search$|[$]|^[A-Z]\w+$/,
  PUT: /^[A-Z]\w+\/[\w.-]+$/,
  PATCH: /^[A-Z]\w+\/[\w.-]+$/,
  DELETE: /^[A-Z]\w+(\/[\w.-]+)?$/,
};

const OUTSIDE: readonly string[] = [
  ...[
    '/',
    '/health/live',
    '/health/ready',
    '/oidc/token',
    '/oidc/authorize',
    '/oidc/jwks',
    '/oidc/me',
  ],
  ...[
    '/.well-known/openid-configuration',
    '/access/actors',
    '/access/actors/x/roles',
    '/fhir',
    '/fhir/R5',
  ],
  ...[
    '/access/actors/x/limits',
    '/access/actors/x/active',
    '/access/actors/x/secret',
    '/access/sign-in/x',
  ],
  ...[
    '/callbacks/x/y',
    '/fhir/R4/.well-known/smart-configuration',
    '/favicon.ico',
    '/x/../y',
    '//fhir/R4',
  ],
  ...[
    '/oidc/session/end',
    '/oidc/token/revocation',
    '/oidc/token/introspection',
    '/%',
    '/%00',
    '/a%2fb',
  ],
];

const METHODS: readonly string[] = [
  ...[
    'GET',
    'GET',
    'GET',
    'GET',
    'POST',
    'POST',
    'POST',
    'PUT',
    'PUT',
    'PATCH',
    'PATCH',
    'DELETE',
    'HEAD',
  ],
  ...['PUT', 'POST', 'PUT', 'POST', 'DELETE', 'HEAD', 'OPTIONS', 'PROPFIND', 'QUERY'],
];

/** One hostile request. */
export function hostileRequest(c: Choices, surface: Surface): HostileRequest {
  const method = c.once(3) ? 'GET' : c.of(METHODS);
  if (c.once(25)) return outside(c, surface, method);
  if (surface.calls.length > 0 && c.once(5)) return operationCall(c, c.of(surface.calls));
  const where = pathFor(c, surface, method);
  const type = surface.types.find((each) => where.startsWith(each.name));
  const asked = c.once(method === 'GET' ? 5 : 2) ? '' : query(c, surface, type);
  const target = `${BASE}/${where}${asked && `?${asked}`}`.slice(0, 14_000);
  const sends = method === 'POST' || method === 'PUT' || method === 'PATCH' || c.once(40);
  const content: Body | undefined = sends ? bodyFor(c, surface, method, where) : undefined;
  return {
    method,
    target,
    headers: { ...(content && { 'content-type': content.type }), ...headers(c) },
    ...(content && { body: content.bytes }),
  };
}

function operationCall(c: Choices, call: Call): HostileRequest {
  const method = call.reads && c.once(2) ? 'GET' : 'POST';
  const asked = method === 'GET' || c.once(6) ? queryFor(c, call) : '';
  return {
    method,
    target: `${BASE}/${call.path}${asked && `?${asked}`}`.slice(0, 14_000),
    headers: { 'content-type': 'application/fhir+json', ...(c.once(4) && headers(c)) },
    ...(method === 'POST' && { body: writeHostile(parametersFor(c, call)) }),
  };
}

function bodyFor(c: Choices, surface: Surface, method: string, where: string): Body {
  if (where.endsWith('_search') && !c.once(5)) {
    return { type: 'application/x-www-form-urlencoded', bytes: query(c, surface) };
  }
  const [first, second] = where.split('/');
  const at = second && /^[\w.-]{1,64}$/.test(second) ? second : undefined;
  return body(c, { method, type: first ?? '', id: at, operation: where.includes('$') });
}

function outside(c: Choices, surface: Surface, method: string): HostileRequest {
  const content = c.once(2)
    ? body(c, { method, type: 'Patient', id: undefined, operation: false })
    : undefined;
  const form = `grant_type=${c.of(['client_credentials', 'authorization_code', 'x'])}&${query(c, surface)}`;
  return {
    method,
    target: `${c.of(OUTSIDE)}${c.once(2) ? `?${query(c, surface)}` : ''}`.slice(0, 14_000),
    headers: {
      'content-type': content ? content.type : 'application/x-www-form-urlencoded',
      ...headers(c),
    },
    ...(method !== 'GET' && method !== 'HEAD' && { body: content ? content.bytes : form }),
  };
}
