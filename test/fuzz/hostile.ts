/**
 * Hostile values: texts, numbers and JSON that break naive programs. Each came from a known kind of
 * fault: injection, encodings, overflow, catastrophic backtracking, prototype pollution, depth, size.
 */

import type { Choices } from './choices.ts';

/** A JSON text to be written where a value stands, which JSON.stringify could not write. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

const SHORT: readonly string[] = [
  ...['', ' ', '\t', '\n', '\r\n', '\0', 'a\0b', '\u0001', '\u007f', '%00', '%', '%zz', '%ff%fe'],
  ...["'", '"', "';drop table resource;--", "' or 1=1--", '$1', '$$', "\\'; select pg_sleep(9)--"],
  ...['../', '../../../../etc/passwd', '..%2f..%2f', 'file:///etc/passwd', '//evil.example/x'],
  ...[
    '$'.concat('{7*7}'),
    '{{7*7}}',
    '`id`',
    '$(id)',
    '<script>alert(1)</script>',
    '&amp;',
    '&x;',
    ']]>',
  ],
  ...[
    '\ud800',
    '\udfff\ud800',
    '\u202e',
    '\ufeff',
    '\u2028',
    'e\u0301',
    '\u{1f469}\u200d\u{1f467}',
  ],
  ...['\uffff', 'İ', 'ß', 'ﬁ', '\u0000\u0000', 'ا', '٣', '１'],
  ...[
    ',',
    ',,,,',
    '|',
    '||',
    '|||',
    '\\',
    '\\,',
    '\\|',
    '\\$',
    '$',
    'a$b',
    '$a',
    'a|',
    '|a',
    ':',
    '.',
  ],
  ...['*', '?', '#', '&', '=', '+', ';', '/', '@', '_', '-', '~', '^'],
  ...[
    '-1',
    '-0',
    '0',
    '00',
    '1e400',
    '-1e400',
    '1e-400',
    '1e308',
    'NaN',
    'Infinity',
    '0x10',
    '1_0',
  ],
  ...[
    '9007199254740993',
    '99999999999999999999999999',
    '2147483648',
    '-2147483649',
    '1.',
    '.1',
    '1,5',
  ],
  ...[
    '5.4|http://unitsofmeasure.org|mg',
    '5.4||mg',
    'ap1e308',
    'sa',
    'eb5',
    'ne',
    'gt',
    'lt-',
    'ge1e9',
  ],
  ...['9999-12-31T23:59:60Z', '0000-00-00', '10000-01-01', 'ge-0001', '2026-02-30', '2026-1-1'],
  ...[
    '2026-01-01T',
    '2026-01-01T25:00:00Z',
    '2026-01-01T10:00:00+99:99',
    '2026-W01',
    'T',
    '2026-13',
  ],
  ...['0001-01-01', '9999-12-31', '2026-01-01T00:00:00.123456789123456789Z', 'eq2026', 'ap0001'],
  ...['true', 'false', 'null', 'undefined', '[object Object]', '{}', '[]', '{"a":1}'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'prototype',
    'hasOwnProperty',
    '__proto__.x',
    'valueOf',
  ],
  ...['Patient/', 'Patient/a/b/c', 'Patient/../Group/1', 'Group/_history', 'Patient?name=a', '#a'],
  ...[
    'http://',
    'http://[::1',
    'urn:uuid:',
    'urn:oid:1',
    'http://169.254.169.254/',
    'javascript:1',
  ],
  ...['(a+)+$', '(((a*)*)*)*b', '^(([a-z])+.)+[A-Z]([a-z])+$', '[', '(', '(?=', '\\p{L', '[z-a]'],
  ...['a{99999}', '(?<n>', '\\1', '0 or 1', 'x%'],
];

/** Texts that are large; made when asked for. */
const LONG: readonly (() => string)[] = [
  () => 'a'.repeat(100_000),
  () => 'é'.repeat(40_000),
  () => `${'a'.repeat(30_000)}!`,
  () => 'aaaaaaaa '.repeat(5000),
  () => '\u0301'.repeat(20_000),
  () => '1'.repeat(50_000),
  () => `0.${'0'.repeat(20_000)}1`,
  () => '('.repeat(20_000),
  () => ' '.repeat(50_000),
  () => '\n'.repeat(50_000),
  () => '<'.repeat(50_000),
  () => `${' '.repeat(30_000)}x`,
  () => '<div '.repeat(10_000),
  () => '%'.repeat(10_000),
  () => '9'.repeat(400),
];

/** A hostile text that fits into a URL. */
export function shortText(c: Choices): string {
  if (c.once(12))
    return c
      .of([',', '|', '$', '\\', '%', 'a,', '.', ':', '/', '-'] as const)
      .repeat(c.below(2000));
  if (c.once(30)) return c.of(LONG)().slice(0, c.below(6000));
  const text = c.of(SHORT);
  return c.once(6) ? text + c.of(SHORT) : text;
}

/** A hostile text of any size. */
export function text(c: Choices): string {
  return c.once(12) ? c.of(LONG)() : shortText(c);
}

/** FHIRPath that is wrong, costly or reaches for what it must not. */
export function fhirPath(c: Choices): string {
  const made: readonly (() => string)[] = [
    () => `${'('.repeat(3000)}1${')'.repeat(3000)}`,
    () => `name${'.where(true)'.repeat(2000)}`,
    () => `${'not('.repeat(500)}`,
    () => Array.from({ length: 500 }, () => 'name').join(' | '),
    () => `name.repeat(iif(true, $this))`,
    () => 'repeat($this)',
    () => 'repeat(name)',
    () => `'${'a'.repeat(30)}!'.matches('(a+)+$')`,
    () => `'${'a'.repeat(30)}!'.replaceMatches('(a|aa)+$', '')`,
    () =>
      `('${'a'.repeat(1000)}').replace('', '${'b'.repeat(1000)}').replace('', '${'c'.repeat(1000)}')`,
    () => Array.from({ length: 30 }, () => 'descendants()').join('.'),
    () => `%resource.descendants().select(%resource.descendants()).select(%resource.descendants())`,
    () => `(1 | 2).aggregate($total + $this, 0)`,
    () => `iif(${'iif(true, '.repeat(200)}1${')'.repeat(200)})`,
    () => `%terminologies`,
    () => `%\`__proto__\``,
    () => `resolve().resolve()`,
    () => `trace('a')`,
    () => `memberOf('http://hl7.org/fhir/ValueSet/languages')`,
    () => `conformsTo('http://evil.example')`,
    () => `1 / 0`,
    () => `10.power(100000)`,
    () => `2.power(1023).power(9)`,
    () => `@2026-02-30T25:99`,
    () => `today() + 999999999 years`,
    () => `name.given.first().toChars().toChars()`,
    () => `name.given.join('${'x'.repeat(5000)}')`,
    () => `Patient.name[99999999999999999999]`,
    () => `name.take(-1).skip(9999999999)`,
    () => 'constructor.constructor',
    () => '__proto__',
    () => '$index',
    () => '{}',
    () => "name.given = 'x' and (name.given) in name",
  ];
  return c.once(4) ? shortText(c) : c.of(made)();
}

const RAW: readonly (() => string)[] = [
  () => '1e400',
  () => '-1e400',
  () => '1e-4000',
  () => '1e999999999',
  () => '-0',
  () => '0.1e1',
  () => '1.0',
  () => '100000000000000000000000000000000000000000',
  () => `0.${'1'.repeat(5000)}`,
  () => '9'.repeat(5000),
  () => '"\\ud800"',
  () => '"\\u0000"',
  () => '"a\\u0000b"',
  () => '{"a":1,"a":2}',
  () => '{"__proto__":{"resourceType":"Patient","id":"x"}}',
  () => '{"constructor":{"prototype":{"x":1}}}',
  () => '{"toString":1,"valueOf":2,"hasOwnProperty":3,"toJSON":4}',
  () => '{"length":4294967295}',
  () => `${'['.repeat(500)}${']'.repeat(500)}`,
  () => `${'['.repeat(10_000)}${']'.repeat(10_000)}`,
  () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`,
  () => `${'{"extension":['.repeat(5000)}${']}'.repeat(5000)}`,
  () => `[${'{},'.repeat(5000)}{}]`,
  () => `[${'null,'.repeat(5000)}null]`,
  () => `{${Array.from({ length: 2000 }, (_, at) => `"k${at}":${at}`).join(',')}}`,
];

/** A hostile JSON value. */
export function jsonValue(c: Choices): unknown {
  switch (c.below(12)) {
    case 0:
      return null;
    case 1:
      return c.once(2);
    case 2:
      return c.of([0, -1, 1.5, 2 ** 53, -(2 ** 31), 1e21, 1e-7, 1e300]);
    case 3:
      return [];
    case 4:
      return {};
    case 5:
      return [jsonValue(c)];
    case 6:
      return [null, jsonValue(c), [[]]];
    case 7:
      return { [c.of(KEYS)]: jsonValue(c) };
    case 8:
      return new RawJson(c.of(RAW)());
    default:
      return text(c);
  }
}

/** Names of members that mean something somewhere. */
export const KEYS: readonly string[] = [
  ...[
    'id',
    'resourceType',
    'extension',
    'url',
    'valueString',
    'reference',
    'value',
    'code',
    'system',
  ],
  ...['contained', 'text', 'div', 'meta', 'profile', 'versionId', 'entry', 'resource', 'parameter'],
  ...[
    '__proto__',
    'constructor',
    'toString',
    'toJSON',
    'length',
    '',
    '_',
    '_id',
    '_value',
    '\0',
    'a.b',
  ],
  ...[
    'fhir_comments',
    'identifier',
    'display',
    'type',
    'status',
    'period',
    'start',
    'end',
    '$this',
  ],
];

/** Writes JSON in which RawJson stands as it is; keys that JSON.stringify would drop are kept. */
export function writeHostile(value: unknown): string {
  const raw: string[] = [];
  const mark = '@@raw:';
  const written = JSON.stringify(value, (_key, each: unknown) => {
    if (!(each instanceof RawJson)) return each;
    raw.push(each.text);
    return `${mark}${raw.length - 1}@@`;
  });
  return (written ?? 'null').replace(
    /"@@raw:(\d+)@@"/g,
    (_all, index: string) => raw[Number(index)]!,
  );
}
