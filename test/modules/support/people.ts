/**
 * Makers of FHIR resources for the tests of the rooms: as short as the standard allows, with what
 * a test is about written over them.
 */

import type {
  Extension,
  Group,
  GroupMember,
  InsurancePlan,
  Location,
  Organization,
  Patient,
} from '@medplum/fhirtypes';
import { codeSystem, structureDefinition } from '../../../src/sdk/index.ts';

/** One of our extensions. */
export function extension(name: string, value: Omit<Extension, 'url'>): Extension {
  return { url: structureDefinition(name), ...value };
}

export function patient(id: string, more: Partial<Patient> = {}): Patient {
  return {
    resourceType: 'Patient',
    id,
    meta: { profile: [structureDefinition('member')] },
    name: [{ family: 'Sample', given: [id] }],
    gender: 'female',
    birthDate: '1990-06-15',
    ...more,
  };
}

/** A household of Patients by id; `head:` before an id makes it the head, `collector:` so. */
export function household(
  id: string,
  members: readonly (string | GroupMember)[],
  more: Partial<Group> = {},
): Group {
  return {
    resourceType: 'Group',
    id,
    meta: { profile: [structureDefinition('household')] },
    type: 'person',
    actual: true,
    code: { coding: [{ system: codeSystem('group-type'), code: 'household' }] },
    member: members.map((each) => (typeof each === 'string' ? member(each) : each)),
    ...more,
  };
}

function member(text: string): GroupMember {
  const [word, id] = text.includes(':') ? text.split(':') : ['', text];
  const extensions = [
    ...(word === 'head' ? [extension('member-role', { valueCode: 'head' })] : []),
    ...(word === 'collector' ? [extension('collector', { valueCode: 'primary' })] : []),
  ];
  return {
    entity: { reference: `Patient/${id}` },
    ...(extensions.length > 0 && { extension: extensions }),
  };
}

export function inArea(id: string): Extension {
  return extension('household-area', { valueReference: { reference: `Location/${id}` } });
}

export function mobileAccount(provider: string, number: string): Extension {
  return extension('payment-account', {
    extension: [
      { url: 'kind', valueCode: 'mobile' },
      { url: 'provider', valueReference: { reference: `Organization/${provider}` } },
      { url: 'number', valueString: number },
    ],
  });
}

export function area(id: string, more: Partial<Location> = {}, parent?: string): Location {
  return {
    resourceType: 'Location',
    id,
    meta: { profile: [structureDefinition('area')] },
    status: 'active',
    name: id,
    identifier: [{ system: 'https://amana.example/id/area-code', value: id.toUpperCase() }],
    type: [{ coding: [{ system: codeSystem('location-type'), code: 'area' }] }],
    ...(parent && { partOf: { reference: `Location/${parent}` } }),
    ...more,
  };
}

export function payPoint(
  id: string,
  areaId: string,
  provider: string,
  householdsMax: number,
  more: Partial<Location> = {},
): Location {
  return {
    resourceType: 'Location',
    id,
    meta: { profile: [structureDefinition('pay-point')] },
    status: 'active',
    name: id,
    type: [{ coding: [{ system: codeSystem('location-type'), code: 'pay-point' }] }],
    managingOrganization: { reference: `Organization/${provider}` },
    partOf: { reference: `Location/${areaId}` },
    extension: [extension('households-max', { valuePositiveInt: householdsMax })],
    ...more,
  };
}

export function provider(id: string, more: Partial<Organization> = {}): Organization {
  return {
    resourceType: 'Organization',
    id,
    meta: { profile: [structureDefinition('provider')] },
    active: true,
    name: `Provider ${id}`,
    type: [
      { coding: [{ system: codeSystem('organization-type'), code: 'payment-service-provider' }] },
    ],
    extension: [extension('payment-channel', { valueCode: 'simulator' })],
    ...more,
  };
}

/** A scheme of these rules (parts of `scheme-rules`). */
export function scheme(
  id: string,
  rules: readonly Extension[],
  more: Partial<InsurancePlan> = {},
): InsurancePlan {
  return {
    resourceType: 'InsurancePlan',
    id,
    meta: { profile: [structureDefinition('scheme')] },
    status: 'active',
    name: `Scheme ${id}`,
    identifier: [{ system: 'https://amana.example/id/scheme', value: id }],
    extension: [extension('scheme-rules', { extension: [...rules] })],
    ...more,
  };
}

export function criterion(expression: string, name?: string): Extension {
  return {
    url: 'criterion',
    valueExpression: { language: 'text/fhirpath', expression, ...(name && { name }) },
  };
}

export function money(url: string, value: number, currency = 'KES'): Extension {
  return { url, valueMoney: { value, currency: currency as 'KES' } };
}

/** An Expression under the name of a part of the rules. */
export function expression(url: string, text: string, name?: string): Extension {
  return {
    url,
    valueExpression: { language: 'text/fhirpath', expression: text, ...(name && { name }) },
  };
}

/** What a component may say beside its amount. */
export interface ComponentParts {
  readonly for?: string;
  readonly when?: string;
  readonly maximum?: number | string;
  readonly order?: string;
  readonly times?: string;
  readonly currency?: string;
}

/** A component: a plain amount, or an expression of one. */
export function component(
  name: string,
  amount: number | string,
  { maximum, order, currency = 'KES', ...parts }: ComponentParts = {},
): Extension {
  const given = Object.entries(parts).flatMap(([url, text]) =>
    text === undefined ? [] : [expression(url, text)],
  );
  return {
    url: 'component',
    extension: [
      { url: 'name', valueString: name },
      typeof amount === 'number' ? money('amount', amount, currency) : expression('amount', amount),
      ...given,
      ...(typeof maximum === 'number' ? [{ url: 'maximum', valuePositiveInt: maximum }] : []),
      ...(typeof maximum === 'string' ? [expression('maximum', maximum)] : []),
      ...(order === undefined ? [] : [{ url: 'order', valueCode: order }]),
    ],
  };
}

/** An amount for the household. */
export function base(amount: number, currency = 'KES'): Extension {
  return component('base', amount, { currency });
}

/** An amount for each member for whom the filter holds, for so many at most. */
export function supplement(
  name: string,
  filter: string,
  amount: number,
  maximum?: number,
): Extension {
  return component(name, amount, { for: filter, ...(maximum !== undefined && { maximum }) });
}

/** The most that is paid. */
export function cap(amount: number): Extension {
  return expression('adjustment', `least(%total, ${amount})`, 'cap');
}

/** A table of the rules. */
export function table(name: string, rows: string): Extension {
  return {
    url: 'table',
    extension: [
      { url: 'name', valueString: name },
      { url: 'rows', valueString: rows },
    ],
  };
}
