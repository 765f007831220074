/**
 * What a Location says about an area or a pay point. Pure; references are still FHIR ids.
 *
 * An area declares our profile, or has the type `area` or mCSD's `jurisdiction`, or the physical
 * type jurisdiction. A pay point declares our profile or has the type `pay-point`; its provider is
 * the managing Organization and its area the Location it is part of (IHE mCSD).
 *
 * Spec: https://hl7.org/fhir/R4/location.html, https://profiles.ihe.net/ITI/mCSD/
 */

import type { Location } from '@medplum/fhirtypes';
import {
  declares,
  extensionOf,
  hasCode,
  identifierSystem,
  localId,
  problem,
} from '../../src/sdk/index.ts';

export interface Position {
  readonly latitude: number | null;
  readonly longitude: number | null;
}

export interface AreaFacts extends Position {
  readonly id: string;
  readonly name: string;
  readonly code: string | null;
  readonly dhis2Uid: string | null;
  readonly parentId: string | undefined;
  readonly active: boolean;
}

export interface PayPointFacts extends Position {
  readonly id: string;
  readonly name: string;
  readonly providerId: string | undefined;
  readonly areaId: string | undefined;
  /** Households it can serve; null is no limit. */
  readonly householdsMax: number | null;
  readonly active: boolean;
}

export function isPayPoint(location: Location | undefined): boolean {
  return (
    location !== undefined &&
    (declares(location, 'pay-point') || hasCode(location.type, 'pay-point'))
  );
}

export function isArea(location: Location | undefined): boolean {
  if (location === undefined || isPayPoint(location)) return false;
  return (
    declares(location, 'area') ||
    hasCode(location.type, 'area') ||
    hasCode(location.type, 'jurisdiction') ||
    hasCode(location.physicalType, 'jdn')
  );
}

/** @throws Problem `dhis2-uid-malformed` */
export function readArea(location: Location): AreaFacts {
  const identifiers = location.identifier ?? [];
  const valueFor = (system: string) => identifiers.find((each) => each.system === system)?.value;
  const dhis2Uid = valueFor(identifierSystem('dhis2-uid')) ?? null;
  if (dhis2Uid !== null && !/^[A-Za-z][A-Za-z0-9]{10}$/.test(dhis2Uid)) {
    throw problem(
      'value',
      'dhis2-uid-malformed',
      `"${dhis2Uid}" is not a DHIS2 uid: a letter and ten letters or digits.`,
      'Location.identifier',
    );
  }
  const other = identifiers.find((each) => each.system !== identifierSystem('dhis2-uid'))?.value;
  return {
    id: location.id ?? '',
    name: location.name ?? location.id ?? '',
    code: valueFor(identifierSystem('area-code')) ?? other ?? null,
    dhis2Uid,
    parentId: localId(location.partOf?.reference, 'Location'),
    active: isActive(location),
    ...position(location),
  };
}

export function readPayPoint(location: Location): PayPointFacts {
  const room = extensionOf(location, 'households-max');
  return {
    id: location.id ?? '',
    name: location.name ?? location.id ?? '',
    providerId: localId(location.managingOrganization?.reference, 'Organization'),
    areaId: localId(location.partOf?.reference, 'Location'),
    householdsMax: room?.valuePositiveInt ?? room?.valueInteger ?? room?.valueUnsignedInt ?? null,
    active: isActive(location),
    ...position(location),
  };
}

function isActive(location: Location): boolean {
  return location.status === undefined || location.status === 'active';
}

function position({ position }: Location): Position {
  if (position?.latitude === undefined || position.longitude === undefined) {
    return { latitude: null, longitude: null };
  }
  return { latitude: Number(position.latitude), longitude: Number(position.longitude) };
}
