/**
 * What may not stand in the code: words with the word to use instead, time and chance outside the
 * clock, SQL outside stores, leftovers, and personal data in log lines.
 */

import { type Breach, breachesOf, type Source } from './source.ts';

/** Banned word (as it would stand in an identifier or sentence) → the word to use. */
const BANNED: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bbeneficiar(?:y|ies)(?!\b['"]?\s*:)/gi, 'member, recipient or household'],
  [/\bprogrammes?\b/gi, 'scheme'],
  [/benefit[ _-]?plan/gi, 'scheme'],
  [/\bfsps?\b/gi, 'provider'],
  [/payment[ _-]?gateway/gi, 'provider'],
  [/\bpaymaster\b/gi, 'provider'],
];

/** FHIR's own names that contain a banned word. */
const FHIR_NAMES = /\bbeneficiary\b/;

const PRODUCT = /^(src|modules|seed)\//;

/** Banned words in the product's code, comments included. */
export function wordBreaches(source: Source): Breach[] {
  if (!PRODUCT.test(source.path)) return [];
  return BANNED.flatMap(([pattern, instead]) =>
    breachesOf(source, source.text, pattern, (match) => `"${match[0]}": say ${instead}`),
  ).filter((breach) => !isFhirName(source, breach));
}

function isFhirName(source: Source, breach: Breach): boolean {
  const line = source.lines[Number(breach.place.split(':')[1]) - 1] ?? '';
  // Coverage.beneficiary is FHIR's element; the word is allowed where the element is meant.
  return FHIR_NAMES.test(line) && /beneficiary"?: say/.test(breach.says);
}

/** Files that may ask the machine for time or chance. */
const CLOCKS = /^(src\/sdk\/(clock|reference)\.ts|test\/(support|bench)\/)/;

/** Time and chance outside the clock. */
export function clockBreaches(source: Source): Breach[] {
  if (!PRODUCT.test(source.path) || CLOCKS.test(source.path)) return [];
  return breachesOf(
    source,
    source.bare,
    /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bTemporal\.Now\b/g,
    (match) => `${match[0]}: take the time from ctx.now or a Clock, chance from a seed`,
  );
}

/** Where SQL may stand. */
const SQL_HOMES = [
  /(^|\/)(store|sql)(\.ts|\/)/,
  /^src\/(database|jobs|audit|access)\//,
  /^src\/fhir\/(store|search)\//,
  /^src\/fhir\/interactions\/conditions/,
  /^src\/fhir\/projection/,
  /^test\//,
  /^modules\/new-module/,
  /measures\.ts$/,
];

const SQL_START = [
  String.raw`with\s+[\w"]+(?:\s*\([^)]*\))?\s+as\b`,
  String.raw`select\s+[^;\`'"]*\bfrom\s`,
  String.raw`insert\s+into\s`,
  String.raw`update\s+[a-z_."]+\s+set\s`,
  String.raw`delete\s+from\s`,
];
const SQL = new RegExp(`[\`'"]\\s*(?:${SQL_START.join('|')})`, 'gi');

/** SQL outside stores. */
export function sqlBreaches(source: Source): Breach[] {
  if (SQL_HOMES.some((home) => home.test(source.path))) return [];
  return breachesOf(source, source.code, SQL, () => 'SQL belongs into a store or a migration');
}

/** Leftovers that must not land. */
export function leftoverBreaches(source: Source): Breach[] {
  const rules: ReadonlyArray<readonly [RegExp, string, string]> = [
    [/\bconsole\.\w+\(/g, source.bare, 'use the log'],
    [/(?::|\bas|<)\s*any\b/g, source.bare, 'name the type'],
    [/@ts-(?:ignore|nocheck|expect-error)/g, source.text, 'mend the type'],
    [/\b(?:describe|it|context)\.only\(/g, source.bare, 'run all tests'],
    [/\b(?:TODO|FIXME|XXX|HACK)\b/g, source.text, 'do it, or open an issue'],
  ];
  if (source.path.startsWith('test/tidy')) return [];
  return rules.flatMap(([pattern, text, says]) =>
    breachesOf(source, text, pattern, (match) => `${match[0]}: ${says}`),
  );
}

const PERSONAL_FIELDS =
  'family|given|birth_?date|phone|telecom|msisdn|account_?number|holder(?:_?name)?|address|' +
  'national_?id|password|secret|token';
const PERSONAL = new RegExp(`\\b(?:${PERSONAL_FIELDS})\\b\\s*[:,}]`, 'i');

/** Personal data among the fields of a log line. */
export function logBreaches(source: Source): Breach[] {
  return [...source.code.matchAll(/\blog(?:ger)?\.(?:info|warn|error|debug)\(([^;]{0,400}?)\);/g)]
    .filter((match) => PERSONAL.test(match[1] ?? ''))
    .map((match) => ({
      place: `${source.path}:${source.code.slice(0, match.index).split('\n').length}`,
      says: 'a log line names a personal or secret field; log ids, codes and counts',
    }));
}
