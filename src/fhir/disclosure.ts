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

/**
 * Masks every resource in a value: bare, in entries, parameters, or contained. True when something
 * was taken out of a part of a resource, which is to be labelled.
 */
function maskWithin(value: unknown, masks: ReadonlyMap<string, Mask[]>): boolean {
  if (Array.isArray(value)) return value.filter((each) => maskWithin(each, masks)).length > 0;
  if (typeof value !== 'object' || value === null) return false;
  const object = value as Json;
  const below = Object.values(object).filter((each) => maskWithin(each, masks)).length > 0;
  const { resourceType: type } = object;
  if (typeof type !== 'string') return strikeReference(object, masks) || below;
  const struck = (masks.get(type) ?? []).filter((one) => strike(object, one.path, one.extension));
  const narrative = isNarrative(object.text) && strike(object, ['text'], undefined);
  if (struck.length > 0 || narrative || below) label(object);
  return false;
}

/** A narrative says in words what elements hold, also those of other resources. */
function isNarrative(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'div' in value;
}

/** What a reference says of its target beside where it is: the name, an identifier. */
function strikeReference(object: Json, masks: ReadonlyMap<string, Mask[]>): boolean {
  const { reference, type } = object;
  const named = typeof type === 'string' ? type : undefined;
  const target =
    named ?? /(?:^|\/)([A-Z]\w+)\/[^/]+(?:\/_history\/[^/]+)?$/.exec(String(reference))?.[1];
  const own = masks.get(target ?? '') ?? [];
  const says = own.filter(
    ({ path }) => path[0] === 'name' && strike(object, ['display'], undefined),
  );
  const bears = own.filter(
    ({ path }) => path[0] === 'identifier' && strike(object, ['identifier'], undefined),
  );
  return says.length + bears.length > 0;
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

/**
 * @param modifier  of the parameter; `identifier` reads what a reference says of its target
 * @throws Problem forbidden when a search parameter reads what is kept from the actor
 */
export function refuseMaskedSearch(
  actor: Actor,
  type: string,
  info: SearchParameterInfo,
  modifier?: string,
): void {
  if (masksOf(actor).length === 0) return;
  const masks = masksByType(actor);
  const targets = modifier === 'identifier' ? info.targets : [];
  const isKept =
    readsMasked(masks.get(type) ?? [], type, info) ||
    targets.some((each) => masks.get(each)?.some(({ path }) => path[0] === 'identifier'));
  if (isKept) throw maskedSearch(type, info.code);
}

function readsMasked(masks: readonly Mask[], type: string, info: SearchParameterInfo): boolean {
  const places = info.expression.split(/[^\w.]+/).filter(Boolean);
  // An expression that walks everything reads what is masked as well.
  if (masks.length > 0 && /\b(?:children|descendants|repeat)\(/.test(info.expression)) return true;
  return masks.some((mask) => {
    if (mask.extension && namesOther(info.expression, mask.extension)) return false;
    const path = `${type}.${mask.path.join('.')}`;
    return places.some(
      (place) => place === path || place.startsWith(`${path}.`) || path.startsWith(`${place}.`),
    );
  });
}

/** True when an expression reads extensions, but none of this name. */
function namesOther(expression: string, extension: string): boolean {
  const names = [...expression.matchAll(/url\s*=\s*'([^']*)'|extension\('([^']*)'\)/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
  return names.length > 0 && !names.some((each) => each.endsWith(`/${extension}`));
}

function maskedSearch(type: string, code: string): Problem {
  return problem(
    'forbidden',
    'search-masked',
    `${type}.${code} reads elements that are kept from your roles; search by another parameter.`,
    code,
  );
}
