/**
 * Composite search parameters: parts that must hold together within one element, so what is
 * indexed is the pair (or the triple) of each element and not two lists.
 *
 * A row has three places. The first takes a part that is compared for equality (token, reference,
 * uri), or nothing; the others take anything. Parts that several values fill make one row for each
 * combination, at most `ROWS_MAX` an element, so that no resource can be made of combinations.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#composite
 */

import type { SearchParameter } from '@medplum/fhirtypes';
import type { Types } from './compile.ts';
import type { CompositePart, PairPart, SearchParameterType } from './definitions.ts';
import { hash32, hash64, kept, systemKey, unitHash } from './hash.ts';
import { indexerOf, list, quantityRange, rangeRange, text, unitOf } from './index-values.ts';
import { STRING_MAX } from './normalize.ts';
import { type Path, pathsOf, relativePaths } from './paths.ts';
import { RowCollector } from './rows.ts';
import { isObject, type Json } from './run.ts';
import { baseUnit, baseUnitHash, inBaseUnits } from './units.ts';

/** Combinations of one element that are indexed at most. */
const ROWS_MAX = 256;

/** Reads the values of one part from an element of a resource. */
type ReadPart = (element: unknown, resource: Json) => PairPart[];

/** Reads the rows of a composite from an element. */
export type ReadPairs = (element: unknown, resource: Json, rows: RowCollector) => boolean;

/** A part as declared. */
export interface DeclaredPart {
  readonly type: SearchParameterType;
  readonly definition: string;
  readonly expression: string;
}

const DISCRETE: ReadonlySet<string> = new Set(['token', 'reference', 'uri']);

/** HL7's slips in R4: expressions that stand with the wrong part, and a type that is none. */
export function declaredParts(
  parameter: SearchParameter,
  typeOf: (definition: string) => SearchParameterType | undefined,
): DeclaredPart[] {
  const parts = (parameter.component ?? []).map((part) => ({
    definition: part.definition ?? '',
    expression: (part.expression ?? '').replaceAll('ofType(DateTime)', 'ofType(dateTime)'),
    type: typeOf(part.definition ?? '') ?? 'string',
  }));
  if (parameter.url !== 'http://hl7.org/fhir/SearchParameter/DocumentReference-relationship') {
    return parts;
  }
  return parts.map((part) => ({
    ...part,
    expression: part.type === 'reference' ? 'target' : 'code',
  }));
}

/**
 * The place (1 to 3) of each part in a row.
 *
 * @throws RangeError when the parts do not fit
 */
export function placesOf(parts: readonly DeclaredPart[]): (1 | 2 | 3)[] {
  const first = parts.findIndex((part) => DISCRETE.has(part.type));
  const rest = parts.filter((_, at) => at !== first);
  if (parts.length < 2 || rest.length > 2) {
    throw new RangeError('a composite has two parts, or three of which one is a token');
  }
  return parts.map((part, at) => (at === first ? 1 : rest.indexOf(part) === 0 ? 2 : 3));
}

/** Compiles a composite on one of the places that its expression reads. */
export function pairReader(
  types: Types,
  resourceType: string,
  base: Path,
  parts: readonly CompositePart[],
  key: number,
): ReadPairs {
  const readers = new Map<number, ReadPart>(
    parts.map((part) => [part.place, partReader(types, resourceType, base, part)]),
  );
  const none: ReadPart = () => [{}];
  const [first, second, third] = [1, 2, 3].map((place) => readers.get(place) ?? none) as [
    ReadPart,
    ReadPart,
    ReadPart,
  ];
  return (element, resource, rows) => {
    const b = second(element, resource);
    if (b.length === 0) return false;
    const c = third(element, resource);
    if (c.length === 0) return false;
    let made = 0;
    for (const one of first(element, resource)) {
      for (const two of b) {
        for (const three of c) {
          if (made >= ROWS_MAX) return true;
          rows.pair(key, [one, two, three]);
          made += 1;
        }
      }
    }
    return made > 0;
  };
}

function partReader(
  types: Types,
  resourceType: string,
  base: Path,
  { type, expression }: CompositePart,
): ReadPart {
  const fromRoot = expression.startsWith('%resource.');
  const nothing = (): ((resource: Json) => readonly unknown[]) => () => [];
  const paths = fromRoot
    ? pathsOf(types, resourceType, expression.replace('%resource', resourceType), nothing)
    : relativePaths(types, base, expression);
  const places = paths.map((path) => ({ path, values: partValues(type, path.type) }));
  return (element, resource) =>
    places.flatMap(({ path, values }) =>
      valuesAt(fromRoot ? resource : element, path).flatMap(values),
    );
}

/** The paths that a part reads below a place; none when its expression is not a path. */
export function partPaths(types: Types, bases: readonly Path[], part: DeclaredPart): Path[] {
  const relative = part.expression.replace(/^%resource\./, '');
  return bases.flatMap((base) => relativePaths(types, base, relative));
}

function valuesAt(from: unknown, { steps }: Path): unknown[] {
  let values: unknown[] = [from];
  for (const { key, index, filter } of steps) {
    values = values.flatMap((value) => {
      const found = isObject(value) ? value[key] : undefined;
      if (found === undefined || found === null) return [];
      if (!Array.isArray(found)) return [found];
      return index === undefined ? found : found.slice(index, index + 1);
    });
    if (filter) values = values.filter((value) => filter.test(value));
  }
  return values;
}

function partValues(type: SearchParameterType, valueType: string): (value: unknown) => PairPart[] {
  switch (type) {
    case 'token':
      return (value) => tokenParts(valueType, value);
    case 'quantity':
    case 'number':
      return (value) => quantityParts(valueType, value);
    case 'reference':
      return viaRows(type, valueType, (rows) =>
        rows.ref.map((row) => ({ h: hash64(row.target), s: row.type })),
      );
    case 'date':
      return viaRows(type, valueType, (rows) =>
        rows.dat.map(({ lower, upper }) => ({
          lower: lower ?? '-infinity',
          upper: upper ?? 'infinity',
        })),
      );
    case 'string':
      return viaRows(type, valueType, (rows) =>
        rows.str.map(({ val, raw }) => ({
          txt: val,
          ...(raw !== null && raw.length > STRING_MAX && { raw }),
        })),
      );
    case 'uri':
      return (value) => (text(value) ? [{ h: hash64(value), s: 0 }] : []);
    default:
      return () => [];
  }
}

/** The rows that the value makes on its own, as parts. */
function viaRows(
  type: SearchParameterType,
  valueType: string,
  asParts: (rows: ReturnType<RowCollector['finish']>) => PairPart[],
): (value: unknown) => PairPart[] {
  const index = indexerOf(type, valueType, { type: '', code: '', key: 0 });
  return (value) => {
    const rows = new RowCollector();
    index?.(value, rows);
    return asParts(rows.finish());
  };
}

const codeOf = kept(1000, hash64);
const systemOf = kept(200, systemKey);

function tokenParts(valueType: string, value: unknown): PairPart[] {
  const token = (code: unknown, system: unknown): PairPart[] =>
    text(code) ? [{ h: codeOf(code), s: text(system) ? systemOf(system) : 0 }] : [];
  if (typeof value === 'boolean') return token(String(value), undefined);
  if (!isObject(value)) return token(value, undefined);
  switch (valueType) {
    case 'CodeableConcept':
      return list(value.coding).flatMap((each) =>
        isObject(each) ? token(each.code, each.system) : [],
      );
    case 'Coding':
      return token(value.code, value.system);
    case 'Identifier':
    case 'ContactPoint':
      return token(value.value, value.system);
    default:
      return [];
  }
}

/** In the place of a unit's code, of a part that is in base units. */
export const IN_BASE_UNITS = hash32('=');

/**
 * `h` is the unit with its system, `s` the code alone; a printed unit makes a row of its own, and so
 * do base units, with `IN_BASE_UNITS` as their code.
 */
function quantityParts(valueType: string, value: unknown): PairPart[] {
  if (!isObject(value) || valueType === 'decimal' || valueType === 'integer') {
    const range = quantityRange({ value });
    return range ? [{ low: range.low, high: range.high, val: range.value }] : [];
  }
  const found =
    valueType === 'Range' ? rangeRange(value) : { range: quantityRange(value), of: value };
  if (!found?.range) return [];
  const { low, high, value: val } = found.range;
  const { system, code, printed } = unitOf(found.of);
  const base = baseUnit(system, code);
  const parts: PairPart[] = [
    {
      low,
      high,
      val,
      ...(system && code && !base && { h: unitHash(system, code) }),
      ...(code && { s: hash32(code) }),
    },
  ];
  if (printed) parts.push({ low, high, val, s: hash32(printed) });
  if (base) {
    const { value: measured, ...bounds } = inBaseUnits(found.range, base);
    parts.push({ ...bounds, val: measured, h: baseUnitHash(base), s: IN_BASE_UNITS });
  }
  return parts;
}
