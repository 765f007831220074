/**
 * What rows a value makes, by the parameter's type and the value's FHIR type.
 *
 * Values may be of odd shape (a caller may extract what it did not validate); what does not fit
 * makes no row. How the rows answer searches is told in `README.md`.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#ptypes
 */

import { hashedKey, idKey, parseReference } from '../../sdk/reference.ts';
import { isNumber, numberText } from '../formats/json.ts';
import { intervalOf } from './dates.ts';
import { type DecimalRange, decimalRange } from './decimals.ts';
import type { SearchParameterType } from './definitions.ts';
import {
  bareCodeHash,
  codeHash,
  kept,
  kindKey,
  ofTypeValue,
  paramKey,
  systemCodeHash,
  systemHash,
  systemKey,
  textKey,
  unitHash,
  valueHash,
} from './hash.ts';
import { isResourceType, typeNumber } from './resource-types.ts';
import type { RowCollector } from './rows.ts';
import { isObject, type Json } from './run.ts';
import { PARTS } from './shared-rows.ts';
import { baseUnit, baseUnitHash, inBaseUnits } from './units.ts';

/** Writes the rows of one value. */
export type Indexer = (value: unknown, rows: RowCollector) => void;

/** The keys under which a parameter's rows stand. */
export interface Keys {
  readonly type: string;
  readonly code: string;
  readonly key: number;
}

/** The indexer of a parameter type for values of a FHIR type; undefined when none is made. */
export function indexerOf(
  parameter: SearchParameterType,
  valueType: string,
  keys: Keys,
): Indexer | undefined {
  switch (parameter) {
    case 'token':
      return tokenIndexer(valueType, keys);
    case 'string':
      return stringIndexer(valueType, keys.key);
    case 'reference':
      return referenceIndexer(keys);
    case 'date':
      return dateIndexer(valueType, keys.key);
    case 'number':
    case 'quantity':
      return numberIndexer(valueType, keys.key);
    case 'uri':
      return uriIndexer(keys);
    case 'special':
      return valueType === 'BackboneElement' ? positionIndexer(keys) : undefined;
    case 'composite':
      return undefined;
  }
}

/** Whether a value is a text that is not empty. */
export function text(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** A value as a list; none when it is no list. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

// ── token ────────────────────────────────────────────────────────────────────────────────────

/** Where the tokens of a FHIR type stand. */
export function tokensOf(valueType: string): 'tk' | 'tok' {
  return ['code', 'Coding', 'CodeableConcept', 'boolean', 'computed'].includes(valueType)
    ? 'tk'
    : 'tok';
}

/** Codes that are remembered of a parameter or system. */
const CODES_MAX = 2000;

function codeIndexer(key: number): (code: string, rows: RowCollector) => void {
  const hashOf = kept(CODES_MAX, (code) => codeHash(key, code));
  return (code, rows) => rows.tk(hashOf(code));
}

/** What tells a system apart: in `tk` `system|` and `system|code`, in `tok` its key. */
interface SystemMarks {
  readonly hash: bigint;
  readonly key: number;
  readonly ofCode: (code: string) => bigint;
}

/** Systems that are remembered: a registry has a handful, each in every resource. */
const SYSTEMS_MAX = 200;

/** The marks of systems under a parameter's key. */
function systemsOf(key: number): (system: string) => SystemMarks {
  return kept(SYSTEMS_MAX, (system) => ({
    hash: systemHash(key, system),
    key: systemKey(system),
    ofCode: kept(CODES_MAX, (code) => systemCodeHash(key, system, code)),
  }));
}

function tokenIndexer(valueType: string, keys: Keys): Indexer {
  const { key } = keys;
  const code = codeIndexer(key);
  const texts = textKey(keys.type, `${keys.code}:text`);
  const coding = codingIndexer(key, texts, code);
  switch (valueType) {
    case 'code':
      return (value, rows) => text(value) && code(value, rows);
    case 'boolean':
      return (value, rows) => typeof value === 'boolean' && code(String(value), rows);
    case 'Coding':
      return (value, rows) => isObject(value) && coding(value, rows);
    case 'CodeableConcept':
      return (value, rows) => {
        if (!isObject(value)) return;
        for (const each of list(value.coding)) if (isObject(each)) coding(each, rows);
        if (text(value.text)) rows.str(texts, value.text);
      };
    case 'Identifier':
      return identifierIndexer(keys, texts);
    case 'ContactPoint':
      return contactPointIndexer(key);
    case 'computed':
      return computedToken(keys);
    default:
      return (value, rows) => {
        if (text(value) || isNumber(value)) rows.tok(valueHash(key, String(value)), 0);
      };
  }
}

function codingIndexer(
  key: number,
  texts: number,
  plain: (code: string, rows: RowCollector) => void,
): (coding: Json, rows: RowCollector) => void {
  const marksOf = systemsOf(key);
  const bare = kept(CODES_MAX, (code) => bareCodeHash(key, code));
  return ({ system, code, display }, rows) => {
    const marks = text(system) ? marksOf(system) : undefined;
    if (text(code)) {
      plain(code, rows);
      rows.tk(marks ? marks.ofCode(code) : bare(code));
    }
    if (marks) rows.tk(marks.hash);
    if (text(display)) rows.str(texts, display);
  };
}

function identifierIndexer(keys: Keys, texts: number): Indexer {
  const { key } = keys;
  const ofType = paramKey(keys.type, `${keys.code}:of-type`);
  const marksOf = systemsOf(key);
  return (value, rows) => {
    if (!isObject(value)) return;
    const { system, type } = value;
    const marks = text(system) ? marksOf(system) : undefined;
    if (marks) rows.tk(marks.hash);
    if (isObject(type) && text(type.text)) rows.str(texts, type.text);
    if (!text(value.value)) return;
    const hash = valueHash(key, value.value);
    if (!isObject(type)) {
      rows.tok(hash, marks?.key ?? 0);
      return;
    }
    const [first, ...more] = typesOf(type);
    const kind = first ? kindKey(first.system, first.code) : 0;
    const kept = rows.typedTok(hash, marks?.key ?? 0, kind);
    // A row has room for one type.
    for (const other of kept || !first ? more : [first, ...more]) {
      rows.tok(valueHash(ofType, ofTypeValue(other.system, other.code, value.value)), 0);
    }
  };
}

/** The types that an identifier says of itself; '' for no system. */
function typesOf(type: Json): { readonly system: string; readonly code: string }[] {
  return list(type.coding).flatMap((coding) => {
    if (!isObject(coding) || !text(coding.code)) return [];
    return [{ system: text(coding.system) ? coding.system : '', code: coding.code }];
  });
}

/** The system of a contact point is its kind, `phone`, `email` …. */
function contactPointIndexer(key: number): Indexer {
  const marksOf = systemsOf(key);
  return (value, rows) => {
    if (!isObject(value)) return;
    const marks = text(value.system) ? marksOf(value.system) : undefined;
    if (text(value.value)) rows.tok(valueHash(key, value.value), marks?.key ?? 0);
    if (marks) rows.tk(marks.hash);
  };
}

/** Values of an expression whose type nothing tells: by their shape. */
function computedToken(keys: Keys): Indexer {
  const boolean = tokenIndexer('boolean', keys);
  const concept = tokenIndexer('CodeableConcept', keys);
  const coding = tokenIndexer('Coding', keys);
  const identifier = tokenIndexer('Identifier', keys);
  const other = tokenIndexer('string', keys);
  return (value, rows) => {
    if (typeof value === 'boolean') boolean(value, rows);
    else if (!isObject(value)) other(value, rows);
    else if (value.coding !== undefined) concept(value, rows);
    else if (value.value !== undefined) identifier(value, rows);
    else coding(value, rows);
  };
}

// ── string ───────────────────────────────────────────────────────────────────────────────────

const ALL_PARTS = [...new Set(Object.values(PARTS).flat())];

function stringIndexer(valueType: string, key: number): Indexer {
  const parts = PARTS[valueType] ?? ALL_PARTS;
  return (value, rows) => {
    if (text(value)) rows.str(key, value);
    if (!isObject(value)) return;
    for (const part of parts) {
      const found = value[part];
      if (text(found)) rows.str(key, found);
      else for (const each of list(found)) if (text(each)) rows.str(key, each);
    }
  };
}

// ── reference, uri ───────────────────────────────────────────────────────────────────────────

/** Type of a reference row that holds a canonical without the version that was written with it. */
export const VERSIONED = -1;

function referenceIndexer(keys: Keys): Indexer {
  const { key } = keys;
  const identifierKey = paramKey(keys.type, `${keys.code}:identifier`);
  return (value, rows) => {
    if (text(value)) {
      reference(key, value, rows);
    } else if (isObject(value)) {
      if (text(value.reference)) reference(key, value.reference, rows);
      if (isObject(value.identifier)) logical(identifierKey, value.identifier, rows);
      if (text(value.resourceType) && text(value.id) && isResourceType(value.resourceType)) {
        rows.ref(key, typeNumber(value.resourceType), idKey(value.id)); // a resource in a Bundle
      }
    }
  };
}

function reference(key: number, literal: string, rows: RowCollector): void {
  if (literal.startsWith('#')) return;
  const local = parseReference(literal);
  if (local && isResourceType(local.type)) {
    rows.ref(key, typeNumber(local.type), idKey(local.id));
    return;
  }
  rows.ref(key, 0, hashedKey(literal));
  const version = literal.indexOf('|');
  if (version > 0) rows.ref(key, VERSIONED, hashedKey(literal.slice(0, version)));
}

function logical(key: number, { system, value }: Json, rows: RowCollector): void {
  if (text(value)) rows.tok(valueHash(key, value), systemKey(text(system) ? system : undefined));
}

function uriIndexer(keys: Keys): Indexer {
  const { key } = keys;
  const below = paramKey(keys.type, `${keys.code}:below`);
  return (value, rows) => {
    if (!text(value)) return;
    rows.tok(valueHash(key, value), 0);
    const version = value.indexOf('|');
    const bare = version > 0 ? value.slice(0, version) : value;
    if (bare !== value) rows.tok(valueHash(key, bare), 0);
    for (const prefix of uriPrefixes(bare)) rows.tok(valueHash(below, prefix), 0);
  };
}

/**
 * A URI and what it lies below, by path segment: `http://a/b/c` gives itself, `http://a/b` and
 * `http://a`. A `urn:` lies below nothing. Also what `:above` looks up, as whole values.
 */
export function uriPrefixes(uri: string): string[] {
  const start = uri.indexOf('://');
  if (start < 0) return [uri];
  const prefixes: string[] = [];
  const trimmed = uri.endsWith('/') ? uri.slice(0, -1) : uri;
  for (let end = trimmed.length; end > start + 2; end = trimmed.lastIndexOf('/', end - 1)) {
    prefixes.push(trimmed.slice(0, end));
  }
  return prefixes;
}

// ── date ─────────────────────────────────────────────────────────────────────────────────────

function dateIndexer(valueType: string, key: number): Indexer {
  if (valueType === 'Timing') return (value, rows) => isObject(value) && timing(key, value, rows);
  return (value, rows) => {
    if (text(value)) {
      const interval = intervalOf(value);
      if (interval) rows.dat(key, interval.lower, interval.upper);
    } else if (isObject(value)) {
      period(key, value, rows);
    }
  };
}

function period(key: number, { start, end }: Json, rows: RowCollector): void {
  const lower = text(start) ? intervalOf(start)?.lower : undefined;
  const upper = text(end) ? intervalOf(end)?.upper : undefined;
  if (lower || upper) rows.dat(key, lower ?? null, upper ?? null);
}

/** The outer bounds of a Timing: its events, or the period that it repeats in. */
function timing(key: number, { event, repeat }: Json, rows: RowCollector): void {
  const events = list(event).flatMap((each) => (text(each) ? (intervalOf(each) ?? []) : []));
  const lowers = events.map((each) => each.lower).sort();
  const uppers = events.map((each) => each.upper).sort();
  const [first, last] = [lowers[0], uppers.at(-1)];
  if (first && last) rows.dat(key, first, last);
  if (isObject(repeat) && isObject(repeat.boundsPeriod)) period(key, repeat.boundsPeriod, rows);
}

// ── number, quantity ─────────────────────────────────────────────────────────────────────────

/** The system of currencies. */
export const CURRENCY = 'urn:iso:std:iso:4217';

function numberIndexer(valueType: string, key: number): Indexer {
  if (valueType === 'Range') return (value, rows) => isObject(value) && range(key, value, rows);
  return (value, rows) => {
    if (isNumber(value)) {
      const found = decimalRange(numberText(value));
      if (found) rows.num(key, 0n, found);
    } else if (isObject(value)) {
      quantity(key, value, rows);
    }
  };
}

function quantity(key: number, value: Json, rows: RowCollector): void {
  const found = quantityRange(value);
  if (found) measure(key, found, value, rows);
}

/** The range of a Quantity or Money; undefined without a number. */
export function quantityRange(value: Json): DecimalRange | undefined {
  const exact = isNumber(value.value) ? decimalRange(numberText(value.value)) : undefined;
  return exact && bounded(exact, value.comparator);
}

/** `<5` may be anything below 5. */
function bounded(range: DecimalRange, comparator: unknown): DecimalRange {
  if (comparator === '<' || comparator === '<=') return { ...range, low: '-Infinity' };
  if (comparator === '>' || comparator === '>=') return { ...range, high: 'Infinity' };
  return range;
}

/** What a unit is called; the code of Money is its currency. */
export function unitOf({ system, code, unit, currency }: Json): {
  readonly system?: string;
  readonly code?: string;
  readonly printed?: string;
} {
  if (text(currency)) return { system: CURRENCY, code: currency };
  return {
    ...(text(system) && { system }),
    ...(text(code) && { code }),
    ...(text(unit) && unit !== code && { printed: unit }),
  };
}

/** Rows of any unit; of base units, or system and code; of code and printed unit alone. */
function measure(key: number, range: DecimalRange, of: Json, rows: RowCollector): void {
  const { system, code, printed } = unitOf(of);
  rows.num(key, 0n, range);
  const base = baseUnit(system, code);
  if (base) rows.num(key, baseUnitHash(base), inBaseUnits(range, base));
  else if (code && system) rows.num(key, unitHash(system, code), range);
  if (code) rows.num(key, unitHash('', code), range);
  if (printed) rows.num(key, unitHash('', printed), range);
}

function range(key: number, value: Json, rows: RowCollector): void {
  const found = rangeRange(value);
  if (!found) return;
  measure(key, found.range, found.of, rows);
}

/** The range of a Range, and the Quantity that tells its unit; undefined without a number. */
export function rangeRange({ low, high }: Json): { range: DecimalRange; of: Json } | undefined {
  const lower = isObject(low) ? quantityRange(low) : undefined;
  const upper = isObject(high) ? quantityRange(high) : undefined;
  const known = lower ?? upper;
  if (!known) return undefined;
  return {
    range: {
      low: lower?.low ?? '-Infinity',
      high: upper?.high ?? 'Infinity',
      value: known.value,
    },
    of: (lower ? low : high) as Json,
  };
}

// ── special ──────────────────────────────────────────────────────────────────────────────────

/** Location.near: latitude and longitude as numbers of their own. */
function positionIndexer(keys: Keys): Indexer {
  const latitude = paramKey(keys.type, `${keys.code}:latitude`);
  const longitude = paramKey(keys.type, `${keys.code}:longitude`);
  return (value, rows) => {
    if (!isObject(value) || !isNumber(value.latitude) || !isNumber(value.longitude)) return;
    const north = decimalRange(numberText(value.latitude));
    const east = decimalRange(numberText(value.longitude));
    if (north && east) {
      rows.num(latitude, 0n, north);
      rows.num(longitude, 0n, east);
    }
  };
}
