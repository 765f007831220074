/**
 * Hostile bodies: resources, Bundles, Parameters, patches and XML that are nearly right, badly
 * wrong, very deep, very large, compressed, or in another encoding than they say.
 */

import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Choices } from './choices.ts';
import { fhirPath, jsonValue, KEYS, shortText, text, writeHostile } from './hostile.ts';
import { resource, spoilt, TYPES } from './resources.ts';
import { hasSeed, rightBundle, rightParameters, rightResource } from './seeds.ts';

/** A body and its Content-Type. */
export interface Body {
  readonly type: string;
  readonly bytes: string | Uint8Array;
}

/** For which request the body is made. */
export interface Purpose {
  readonly method: string;
  readonly type: string;
  readonly id: string | undefined;
  readonly operation: boolean;
}

const JSON_TYPE = 'application/fhir+json';
const XML_TYPE = 'application/fhir+xml';

/** A hostile body for a request. */
export function body(c: Choices, purpose: Purpose): Body {
  if (c.once(30)) return wrongKind(c);
  if (c.once(8)) return { type: XML_TYPE, bytes: xml(c, purpose) };
  if (purpose.method === 'PATCH') return patch(c, purpose);
  return { type: JSON_TYPE, bytes: bytesOf(c, writeHostile(content(c, purpose))) };
}

function content(c: Choices, { type, id, operation }: Purpose): unknown {
  const right = c.once(3) ? false : type === '' || operation || hasSeed(type);
  if (operation) {
    if (right) return perhapsSpoilt(c, rightParameters(c));
    return c.once(12) ? jsonValue(c) : parameters(c);
  }
  if (type === '' || type === 'Bundle') return right ? perhapsSpoilt(c, rightBundle(c)) : bundle(c);
  if (right) {
    const made = rightResource(c, type);
    return perhapsSpoilt(c, id && !c.once(10) ? { ...made, id } : made);
  }
  if (c.once(20)) return jsonValue(c);
  const known = TYPES.includes(type) ? type : c.of(TYPES);
  const made = {
    ...(c.once(2) ? seed(c, known) : resource(c, known)),
    ...(id && !c.once(10) && { id }),
  };
  return c.once(2) ? spoilt(c, made) : made;
}

function perhapsSpoilt(c: Choices, right: unknown): unknown {
  return c.once(3) ? right : spoilt(c, right, 1 + c.below(c.once(4) ? 4 : 1));
}

/** Resources that the house does something with when they are stored. */
function seed(c: Choices, type: string): Record<string, unknown> {
  const status = c.of(['active', 'draft', 'retired']);
  const url = `http://example.org/${c.below(50)}`;
  switch (type) {
    case 'Group':
      return {
        resourceType: type,
        type: 'person',
        actual: true,
        code: { coding: [{ system: 'urn:amana:group-type', code: 'household' }] },
        member: c.list(0, 3, () => ({
          entity: { reference: c.of(['Patient/p-1', 'Patient/nobody', text(c)]) },
        })),
        characteristic: [{ code: { text: 'x' }, valueQuantity: { value: 1 }, exclude: false }],
      };
    case 'SearchParameter':
      return {
        ...{ resourceType: type, url, name: 'x', status, description: 'x', code: shortText(c) },
        ...{
          base: ['Patient'],
          type: c.of(['string', 'token', 'date', 'number']),
          expression: fhirPath(c),
        },
      };
    case 'StructureDefinition':
      return profile(c, url, status);
    case 'ValueSet':
      return {
        ...{ resourceType: type, url, status },
        compose: {
          include: c.list(0, 4, () => ({
            system: c.of(['http://hl7.org/fhir/administrative-gender', url, text(c)]),
            filter: [
              { property: 'concept', op: c.of(['regex', 'is-a', '=']), value: shortText(c) },
            ],
            valueSet: [url],
          })),
        },
      };
    case 'Subscription':
      return {
        ...{
          resourceType: type,
          status: 'requested',
          reason: 'x',
          criteria: `Patient?${shortText(c)}`,
        },
        channel: {
          type: 'rest-hook',
          endpoint: c.of(['http://127.0.0.1:1/x', 'file:///etc/passwd', text(c)]),
        },
      };
    case 'Library':
      return {
        resourceType: type,
        status,
        url,
        type: { text: 'view' },
        content: [{ data: text(c) }],
      };
    default:
      return {
        resourceType: type,
        identifier: [{ system: text(c), value: text(c) }],
        name: [{ family: text(c), given: [text(c)] }],
        birthDate: shortText(c),
        extension: [{ url: text(c), valueDecimal: jsonValue(c) }],
        contained: [resource(c, undefined, 2)],
        text: {
          status: 'generated',
          div: `<div xmlns="http://www.w3.org/1999/xhtml">${text(c)}</div>`,
        },
      };
  }
}

function profile(c: Choices, url: string, status: string): Record<string, unknown> {
  const element = (path: string): Record<string, unknown> => ({
    id: path,
    path,
    min: c.below(3),
    max: c.of(['0', '1', '*', '-1', 'x']),
    constraint: [
      { key: `k-${c.below(9)}`, severity: 'error', human: 'x', expression: fhirPath(c) },
    ],
    ...(c.once(3) && { patternString: text(c), fixedString: text(c) }),
    ...(c.once(3) && {
      slicing: {
        discriminator: [{ type: c.of(['value', 'zzz']), path: fhirPath(c) }],
        rules: 'open',
      },
    }),
    ...(c.once(3) && { binding: { strength: 'required', valueSet: c.of([url, text(c)]) } }),
    ...(c.once(3) && { type: [{ code: c.of(['Extension', 'string', 'zzz']), profile: [url] }] }),
    ...(c.once(4) && { contentReference: c.of([`#${path}`, '#zzz', url]) }),
  });
  return {
    ...{
      resourceType: 'StructureDefinition',
      url,
      name: 'X',
      status,
      kind: 'resource',
      abstract: false,
    },
    ...{ type: 'Patient', derivation: 'constraint' },
    baseDefinition: c.of([url, 'http://hl7.org/fhir/StructureDefinition/Patient', text(c)]),
    differential: {
      element: ['Patient', 'Patient.name', 'Patient.name.family', `Patient.${shortText(c)}`].map(
        element,
      ),
    },
  };
}

/** Parameters of operations: names that some operation knows, with good and hostile values. */
function parameters(c: Choices): unknown {
  const names = [
    ...[
      'resource',
      'mode',
      'profile',
      'url',
      'valueSet',
      'code',
      'system',
      'coding',
      'codeableConcept',
    ],
    ...[
      'filter',
      'count',
      'offset',
      'start',
      'end',
      'viewResource',
      'viewReference',
      '_format',
      'header',
    ],
    ...[
      'scheme',
      'period',
      'amount',
      'reason',
      'account',
      'household',
      'payroll',
      'date',
      'statement',
    ],
    ...[
      'patient',
      'group',
      '_since',
      '_type',
      'codeA',
      'codeB',
      'meta',
      'measure',
      'periodStart',
      'periodEnd',
    ],
    ...KEYS.slice(0, 12),
  ];
  const one = (): Record<string, unknown> => {
    const name = c.once(20) ? jsonValue(c) : c.of(names);
    if (c.once(4)) return { name, resource: c.once(2) ? view(c) : resource(c) };
    if (c.once(8))
      return { name, part: c.list(0, 3, () => ({ name: shortText(c), valueString: text(c) })) };
    const type = c.of([
      'String',
      'Code',
      'Uri',
      'Date',
      'Integer',
      'Decimal',
      'Boolean',
      'Reference',
      'Money',
      'Canonical',
    ]);
    return { name, [`value${type}`]: c.once(2) ? shortText(c) : jsonValue(c) };
  };
  if (c.once(5)) return view(c);
  return {
    resourceType: 'Parameters',
    parameter: c.once(100) ? Array.from({ length: 5000 }, one) : c.list(0, 5, one),
  };
}

function view(c: Choices): Record<string, unknown> {
  const select = (depth: number): Record<string, unknown> => ({
    column: c.list(0, 3, () => ({
      name: c.of(['a', 'b', text(c)]),
      path: fhirPath(c),
      type: c.of(['string', 'zzz']),
    })),
    ...(c.once(3) && { forEach: fhirPath(c) }),
    ...(c.once(3) && { forEachOrNull: fhirPath(c) }),
    ...(depth < 4 && c.once(2) && { select: c.list(0, 3, () => select(depth + 1)) }),
    ...(depth < 4 && c.once(3) && { unionAll: c.list(0, 3, () => select(depth + 1)) }),
  });
  return {
    resourceType: 'ViewDefinition',
    status: 'active',
    resource: c.once(5) ? shortText(c) : c.of(['Patient', 'Group', 'Observation']),
    ...(c.once(3) && { constant: [{ name: 'c', valueString: text(c) }] }),
    ...(c.once(3) && { where: [{ path: fhirPath(c) }] }),
    select: c.list(1, 2, () => select(0)),
  };
}

function bundle(c: Choices): unknown {
  const type = c.of(['transaction', 'batch', 'transaction', 'batch', 'collection', 'zzz']);
  if (c.once(80)) {
    const many = { request: { method: 'GET', url: 'Patient/none' } };
    return { resourceType: 'Bundle', type, entry: Array.from({ length: 100_000 }, () => many) };
  }
  const urls = c.list(1, 3, () => `urn:uuid:00000000-0000-4000-8000-00000000000${c.below(9)}`);
  const entry = (): Record<string, unknown> => {
    const type = c.of(['Patient', 'Group', 'Observation', 'Bundle', 'Basic', c.of(TYPES)]);
    const method = c.of(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'HEAD', 'zzz']);
    const target = c.of([
      type,
      `${type}/one`,
      `${type}?name=${shortText(c)}`,
      `${type}/$validate`,
      '',
      shortText(c),
      `${type}/../x`,
    ]);
    const made =
      type === 'Bundle' && c.once(2)
        ? { resourceType: 'Bundle', type: 'transaction', entry: [] }
        : resource(c, type, 2);
    return {
      ...(c.once(2) && { fullUrl: c.once(6) ? text(c) : c.of(urls) }),
      resource: { ...made, link: [{ other: { reference: c.of(urls) }, type: 'seealso' }] },
      request: {
        method,
        url: target,
        ...(c.once(4) && { ifNoneExist: `identifier=${shortText(c)}` }),
        ...(c.once(6) && { ifMatch: c.of(['W/"1"', shortText(c)]) }),
        ...(c.once(9) && { ifNoneMatch: c.of(['W/"1"', '*', shortText(c)]) }),
        ...(c.once(9) && { ifModifiedSince: shortText(c) }),
      },
    };
  };
  const made = { resourceType: 'Bundle', type, entry: c.list(0, 8, entry) };
  return c.once(3) ? spoilt(c, made) : made;
}

function patch(c: Choices, purpose: Purpose): Body {
  const pointer = (): string =>
    c.of([
      '/name/0/family',
      '/name/-',
      '/birthDate',
      '/extension/99999999999',
      '/__proto__/x',
      '/constructor/prototype/y',
      '',
      '/',
      '/~2',
      '/name/00',
      '/id',
      '/meta/versionId',
      `/${'a/'.repeat(3000)}`,
      shortText(c),
    ]);
  if (c.once(2)) {
    const one = (): Record<string, unknown> => ({
      op: c.once(10) ? shortText(c) : c.of(['add', 'remove', 'replace', 'move', 'copy', 'test']),
      path: c.once(20) ? jsonValue(c) : pointer(),
      ...(c.once(2) && { from: pointer() }),
      ...(!c.once(4) && { value: jsonValue(c) }),
    });
    // Each copy of the whole into itself doubles it.
    const bomb = [
      { op: 'add', path: '/extension', value: [] },
      ...Array.from({ length: 40 }, () => ({
        op: 'copy',
        from: '/extension',
        path: '/extension/-',
      })),
    ];
    const operations = c.once(10) ? bomb : c.list(0, c.once(30) ? 3000 : 4, one);
    return {
      type: 'application/json-patch+json',
      bytes: bytesOf(c, writeHostile(c.once(15) ? jsonValue(c) : operations)),
    };
  }
  const operation = (): Record<string, unknown> => ({
    name: 'operation',
    part: [
      { name: 'type', valueCode: c.of(['add', 'insert', 'delete', 'replace', 'move', 'zzz']) },
      { name: 'path', valueString: fhirPath(c) },
      ...(c.once(2)
        ? [{ name: 'name', valueString: c.of(['birthDate', '__proto__', shortText(c)]) }]
        : []),
      ...(c.once(2) ? [{ name: 'value', valueString: text(c) }] : []),
      ...(c.once(3) ? [{ name: 'index', valueInteger: c.of([-1, 0, 99_999_999_999]) }] : []),
    ],
  });
  const made = { resourceType: 'Parameters', parameter: c.list(0, 3, operation) };
  const spoiltOrNot = c.once(3) ? spoilt(c, made) : made;
  return {
    type: purpose.type === 'Bundle' ? 'application/json' : JSON_TYPE,
    bytes: bytesOf(c, writeHostile(spoiltOrNot)),
  };
}

function xml(c: Choices, { type, id }: Purpose): string {
  const name = TYPES.includes(type) ? type : 'Patient';
  const open = `<${name} xmlns="http://hl7.org/fhir">`;
  const whole = (inner: string): string =>
    `${open}${id ? `<id value="${id}"/>` : ''}${inner}</${name}>`;
  const escaped = (value: string): string => value.replace(/[<&"]/g, '');
  const made: readonly (() => string)[] = [
    () => whole(`<active value="true"/><name><family value="${escaped(text(c))}"/></name>`),
    () => whole(`<birthDate value="${escaped(shortText(c))}"/>`),
    () =>
      `<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>${whole('<language value="&a;"/>')}`,
    () =>
      `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 12 }, (_, at) => `<!ENTITY b${at} "${`&${at ? `b${at - 1}` : 'a'};`.repeat(10)}">`).join('')}]>${whole('<language value="&b11;"/>')}`,
    () => whole('<extension>'.repeat(20_000)),
    () => whole(`${'<extension url="x">'.repeat(5000)}${'</extension>'.repeat(5000)}`),
    () =>
      whole(
        `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">${'<p>'.repeat(8000)}</div></text>`,
      ),
    () =>
      whole(
        `<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">${text(c)}</div></text>`,
      ),
    () => whole(`<name ${Array.from({ length: 3000 }, (_, at) => `a${at}="x"`).join(' ')}/>`),
    () => whole('<contained><Patient><contained><Patient/></contained></Patient></contained>'),
    () => whole('<name value="&#0;"/><name value="&#xFFFF;"/><name value="&#x110000;"/>'),
    () => `<?xml version="1.0" encoding="utf-16"?>${whole('')}`,
    () => whole('<![CDATA[x]]><!-- c --><?php x?>'),
    () => open,
    () =>
      `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>${'<entry/>'.repeat(3000)}</Bundle>`,
    () => `<x:y xmlns:x="http://hl7.org/fhir"/>`,
    () => `<${name} xmlns="http://evil.example"/>`,
    () => `<__proto__ xmlns="http://hl7.org/fhir"><constructor/></__proto__>`,
    () => whole(`<multipleBirthInteger value="${escaped(text(c))}"/><deceasedBoolean value="x"/>`),
    () => text(c),
  ];
  return c.of(made)();
}

function bytesOf(c: Choices, written: string): string | Uint8Array {
  if (c.once(40)) return written.slice(0, c.below(written.length + 1));
  if (c.once(60)) return `\ufeff${written}`;
  if (c.once(60)) return Buffer.from(written, 'utf16le');
  if (c.once(60)) return Buffer.concat([Buffer.from(written), Buffer.from([0xff, 0xfe, 0xc0])]);
  return written;
}

/** A body that is not what its headers say; compression without its header included. */
function wrongKind(c: Choices): Body {
  const types = [
    ...[
      JSON_TYPE,
      XML_TYPE,
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
    ],
    ...[
      'application/json; charset=latin1',
      'application/octet-stream',
      '',
      'x',
      'application/fhir+ndjson',
    ],
    ...[
      'application/json-patch+json',
      'application/xml; charset=utf-7',
      ';;;',
      'application/json;q=1',
    ],
  ];
  const contents: readonly (() => string | Uint8Array)[] = [
    () => text(c),
    () => gzipSync(Buffer.alloc(1_000_000, 0x20)),
    () => brotliCompressSync(Buffer.from('{}')),
    () => Buffer.from([0xff, 0xfe, 0x00, 0xd8, 0x00]),
    () => Buffer.alloc(2_000_000, 0x5b),
    () => 'a=b&'.repeat(20_000),
    () => '',
  ];
  return { type: c.of(types), bytes: c.of(contents)() };
}
