/**
 * Disclosure: elements kept from an actor (`Patient.identifier`, `Group.extension:payment-account`)
 * leave by no door: every answer passes here, and nothing can be searched or sorted by a masked
 * element, for the answer would tell what it holds.
 *
 * A masked resource carries the security label MASKED (v3 ObservationValue) and cannot be sent
 * back: what it lacks would be lost.
 */

import type { Resource } from '@medplum/fhirtypes';
import { type Actor, type Problem, problem } from '../sdk/index.ts';
import type { SearchParameterInfo } from './definitions/definitions.ts';
import { parseJson, writeJson } from './formats/json.ts';
import type { FhirResponse } from './types.ts';

const LABEL_SYSTEM = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
const LABEL = { system: LABEL_SYSTEM, code: 'MASKED', display: 'masked' };

type Json = Record<string, unknown>;

/** A masked element of a type: its path below the resource, and for extensions which. */
interface Mask {
  readonly path: readonly string[];
  readonly extension?: string;
}

/** The masks of an actor that hold for this request. */
function masksOf(actor: Actor): readonly string[] {
  return actor.breakGlass === undefined ? (actor.masks ?? []) : [];
}

function masksByType(actor: Actor): ReadonlyMap<string, Mask[]> {
  const found = new Map<string, Mask[]>();
  for (const text of masksOf(actor)) {
    const [whole = '', extension] = text.split(':');
    const [type = '', ...path] = whole.split('.');
    found.set(type, [...(found.get(type) ?? []), { path, ...(extension && { extension }) }]);
  }
  return found;
}

/** An answer as the actor may see it. */
export function disclosed(actor: Actor, answer: FhirResponse): FhirResponse {
  if (masksOf(actor).length === 0 || (answer.text === undefined && !answer.raw)) return answer;
  if (answer.raw) {
    // A file or a stream cannot be looked through element by element.
    throw problem(
      'forbidden',
      'masked-file',
      'Elements are kept from your roles, so files and flat tables are not given; ask for FHIR JSON.',
    );
  }
  return { ...answer, text: disclosedText(actor, answer.text!) };
}

/** JSON text of a resource, or of a Bundle of them, as the actor may see it. */
export function disclosedText(actor: Actor, text: string): string {
  const masks = masksByType(actor);
  if (masks.size === 0) return text;
  const value = parseJson(text);
  maskWithin(value, masks);
  return writeJson(value as Resource);
}

/** Masks every resource in a value: bare, in entries, parameters, or contained. */
function maskWithin(value: unknown, masks: ReadonlyMap<string, Mask[]>): void {
  if (Array.isArray(value)) {
    for (const each of value) maskWithin(each, masks);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const object = value as Json;
  for (const each of Object.values(object)) maskWithin(each, masks);
  const own = typeof object.resourceType === 'string' && masks.get(object.resourceType);
  if (own && own.filter((mask) => strike(object, mask.path, mask.extension)).length > 0) {
    label(object);
  }
}

/** Takes an element away; true when there was one. */
function strike(object: Json, path: readonly string[], extension: string | undefined): boolean {
  const [name = '', ...rest] = path;
  const value = object[name];
  if (rest.length > 0) {
    const below = Array.isArray(value) ? value : value === undefined ? [] : [value];
    const struck = below.filter(
      (each) => typeof each === 'object' && each !== null && strike(each as Json, rest, extension),
    );
    return struck.length > 0;
  }
  if (extension !== undefined) {
    const all = Array.isArray(value) ? (value as { url?: string }[]) : [];
    const kept = all.filter((each) => !each.url?.endsWith(`/${extension}`));
    if (kept.length === all.length) return false;
    if (kept.length > 0) object[name] = kept;
    else delete object[name];
    return true;
  }
  const had = value !== undefined || object[`_${name}`] !== undefined;
  delete object[name];
  delete object[`_${name}`];
  return had;
}

function label(resource: Json): void {
  const meta = (resource.meta ?? {}) as Json;
  const security = (meta.security ?? []) as unknown[];
  resource.meta = { ...meta, security: [...security, LABEL] };
}

/** @throws Problem when a resource carries the label of one that was shown in part */
export function refuseMasked(resource: Resource, place?: string): void {
  // Not yet validated: it may be of any form.
  const labels: unknown = resource.meta?.security;
  const masked =
    Array.isArray(labels) &&
    labels.some((each) => each?.system === LABEL_SYSTEM && each.code === LABEL.code);
  if (!masked) return;
  throw problem(
    'business-rule',
    'resource-masked',
    'This is a masked copy: what it lacks would be lost. Have it changed by somebody who sees all ' +
      'of it.',
    place ? `${place}.meta.security` : 'meta.security',
  );
}

/** @throws Problem forbidden when a patch could ask about, or lose, what is kept from the actor */
export function refuseMaskedPatch(actor: Actor, type: string): void {
  if (!masksByType(actor).has(type)) return;
  throw problem(
    'forbidden',
    'patch-masked',
    `Elements of ${type} are kept from your roles, so you cannot patch it; have it changed by ` +
      'somebody who sees all of it.',
  );
}

/** @throws Problem forbidden when a search parameter reads what is kept from the actor */
export function refuseMaskedSearch(actor: Actor, type: string, info: SearchParameterInfo): void {
  if (masksOf(actor).length === 0) return;
  if (!readsMasked(masksByType(actor).get(type) ?? [], type, info)) return;
  throw maskedSearch(type, info.code);
}

function readsMasked(masks: readonly Mask[], type: string, info: SearchParameterInfo): boolean {
  const places = info.expression.split(/[^\w.]+/).filter(Boolean);
  return masks.some((mask) => {
    const path = `${type}.${mask.path.join('.')}`;
    return places.some(
      (place) => place === path || place.startsWith(`${path}.`) || path.startsWith(`${place}.`),
    );
  });
}

function maskedSearch(type: string, code: string): Problem {
  return problem(
    'forbidden',
    'search-masked',
    `${type}.${code} reads elements that are kept from your roles; search by another parameter.`,
    code,
  );
}
