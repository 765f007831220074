/**
 * Positions near a place: `latitude|longitude|distance|unit`. A band of latitudes is found by the
 * index, then the distance is computed on the sphere; results come nearest first.
 *
 * Spec: https://hl7.org/fhir/R4/location.html#positional
 */

import { problem } from '../../sdk/index.ts';
import type { SearchParameterInfo } from '../definitions/definitions.ts';
import { paramKey } from '../definitions/hash.ts';
import { type Condition, fromSet, type Values } from './parts.ts';
import { split, unescaped } from './text-values.ts';

/** A place, and how far from it. */
export interface Near {
  readonly latitude: number;
  readonly longitude: number;
  readonly kilometres: number;
}

/** How far "near" is when no distance is given. */
const KILOMETRES_USUAL = 50;
const KILOMETRES_A_DEGREE = 111.2;
const EARTH_KILOMETRES = 6371;

const UNITS: Readonly<Record<string, number>> = {
  km: 1,
  m: 0.001,
  '[mi_us]': 1.609347,
  '[mi_i]': 1.609344,
  mi: 1.609344,
};

/** Reads `latitude|longitude[|distance[|unit]]`. */
export function parseNear(text: string, name: string): Near {
  const parts = split(text, '|').map(unescaped);
  const [latitude, longitude, distance = KILOMETRES_USUAL] = parts
    .slice(0, 3)
    .map((each) => (/^[+-]?\d{1,9}(\.\d{1,20})?$/.test(each) ? Number(each) : Number.NaN));
  const factor = UNITS[parts[3] || 'km'];
  const isPlace = Math.abs(latitude!) <= 90 && Math.abs(longitude!) <= 180;
  if (!isPlace || !(distance >= 0) || factor === undefined || parts.length > 4) {
    throw problem(
      'invalid',
      'search-near',
      `"${text}": write latitude|longitude|distance|unit, e.g. -1.286|36.817|10|km ` +
        `(units ${Object.keys(UNITS).join(', ')}).`,
      name,
    );
  }
  return { latitude: latitude!, longitude: longitude!, kilometres: distance * factor };
}

/** Resources with a position near one of the places. */
export function nearCondition(
  type: string,
  info: SearchParameterInfo,
  texts: readonly string[],
  name: string,
  values: Values,
): Condition {
  const [north, east] = positionKeys(type, info, values);
  const sets = texts.map((each) => {
    const { latitude, longitude, kilometres } = parseNear(each, name);
    const band = kilometres / KILOMETRES_A_DEGREE;
    const from = values.add(latitude - band, 'numeric');
    const to = values.add(latitude + band, 'numeric');
    const away = distance('a.val', 'o.val', latitude, longitude, values);
    return `select a.rid from num a join num o on o.rid = a.rid and o.param = ${east}
      where a.param = ${north} and a.unit = 0 and a.val between ${from} and ${to}
        and ${away} <= ${values.add(kilometres, 'float8')}`;
  });
  return fromSet(sets.join(' union all '), 35);
}

/** The distance of a row `r` from a place, in kilometres. */
export function distanceOrder(
  type: string,
  info: SearchParameterInfo,
  place: { readonly latitude: number; readonly longitude: number },
  values: Values,
): string {
  const [north, east] = positionKeys(type, info, values);
  return `(select min(${distance('a.val', 'o.val', place.latitude, place.longitude, values)})
    from num a join num o on o.rid = a.rid and o.param = ${east}
    where a.rid = r.rid and a.param = ${north})::numeric`;
}

function positionKeys(type: string, info: SearchParameterInfo, values: Values): [string, string] {
  return [
    values.add(paramKey(type, `${info.code}:latitude`), 'int'),
    values.add(paramKey(type, `${info.code}:longitude`), 'int'),
  ];
}

/** The haversine formula. */
function distance(
  north: string,
  east: string,
  latitude: number,
  longitude: number,
  values: Values,
): string {
  const [y, x] = [values.add(latitude, 'float8'), values.add(longitude, 'float8')];
  return `(${2 * EARTH_KILOMETRES} * asin(least(1, sqrt(
    sind((${north}::float8 - ${y}) / 2) ^ 2
    + cosd(${y}) * cosd(${north}::float8) * sind((${east}::float8 - ${x}) / 2) ^ 2))))`;
}
