/**
 * References inside a transaction: temporary names (`urn:uuid:…`, fullUrls) become the names that
 * the resources get, everywhere; conditional references become what they select.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#trules, #transaction
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { Problem, problem } from '../../sdk/index.ts';
import { FhirDecimal } from '../formats/json.ts';
import { identifiersOf } from '../store/locks.ts';
import { referencesOf } from '../store/references.ts';
import type { Entry } from './bundle.ts';
import { type Condition, parseCondition, resolveConditions } from './conditions.ts';

/** From each fullUrl (and its relative form) to `Type/id`. */
export function fullUrlMap(
  steps: readonly { entry: Entry; target: string | undefined }[],
): Map<string, string> {
  const names = new Map<string, string>();
  for (const { entry, target } of steps) {
    if (!entry.fullUrl || !target) continue;
    names.set(entry.fullUrl, target);
    const relative = /^https?:\/\/.*\/([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})$/.exec(entry.fullUrl);
    if (relative && !names.has(relative[1]!)) names.set(relative[1]!, target);
  }
  return names;
}

/**
 * Elements whose whole text may be a name: Reference.reference, and every element of R4 that may be
 * a uri, url, canonical, oid or uuid, `value[x]` and its like included.
 */
const URI_NAMES = new Set(
  (
    'reference address answerValueSet authority authorizationUrl base baseDefinition ' +
    'capabilities code compartment contentReference defaultValueCanonical defaultValueOid ' +
    'defaultValueUri defaultValueUrl defaultValueUuid definition definitionCanonical ' +
    'definitionUri derivedFrom derivedFromUri detail endpoint eventUri exampleCanonical graph ' +
    'implementationGuide import imports inputProfile instantiates instantiatesCanonical ' +
    'instantiatesUri issuer jurisdiction library link location measure message moduleCanonical ' +
    'moduleUri nameUrl onlineInformation outputProfile parent partOf policy profile project ' +
    'property protocol questionnaire relativePath rendering replaces resource source ' +
    'sourceCanonical sourceUri supplements supportedProfile system target targetCanonical ' +
    'targetProfile targetUri topic transform type uri url valueCanonical valueOid valueSet ' +
    'valueUri valueUrl valueUuid workflow assertedUri assertedUrl'
  ).split(' '),
);

/** The resource with every temporary name replaced; the same object when there is none. */
export function rewrite<R extends Resource>(resource: R, names: ReadonlyMap<string, string>): R {
  if (names.size === 0) return resource;
  return walk(resource, names, '') as R;
}

function walk(value: unknown, names: ReadonlyMap<string, string>, name: string): unknown {
  if (typeof value === 'string') {
    if (name === 'div') return rewriteNarrative(value, names);
    if (!URI_NAMES.has(name)) return value;
    const [path, fragment] = value.split('#', 2) as [string, string?];
    const found = names.get(value) ?? (fragment === undefined ? undefined : names.get(path));
    if (found === undefined) return value;
    return fragment === undefined ? found : `${found}#${fragment}`;
  }
  if (value === null || typeof value !== 'object' || value instanceof FhirDecimal) return value;
  // Copied from the first change on: most resources of a Bundle name nobody.
  if (Array.isArray(value)) {
    let list: unknown[] | undefined;
    for (const [at, each] of value.entries()) {
      const walked = walk(each, names, name);
      if (walked !== each) list ??= [...value];
      if (list) list[at] = walked;
    }
    return list ?? value;
  }
  let out: Record<string, unknown> | undefined;
  for (const key of Object.keys(value)) {
    const each = (value as Record<string, unknown>)[key];
    const walked = walk(each, names, key);
    if (walked === each) continue;
    out ??= { ...value };
    out[key] = walked;
  }
  return out ?? value;
}

function rewriteNarrative(text: string, names: ReadonlyMap<string, string>): string {
  return text.replace(/(\b(?:href|src)=")([^"]+)(")/g, (whole, before, link, after) =>
    names.has(link) ? `${before}${names.get(link)}${after}` : whole,
  );
}

interface Placed {
  readonly resource: Resource | undefined;
  readonly place: string;
  /** Id that the resource gets. */
  readonly id: string | undefined;
}

/**
 * Replaces references such as `Patient?identifier=…` by what they select, in the store or among the
 * resources of the same transaction.
 *
 * @throws Problem 412 naming entry and element when none or several match
 */
export async function conditionalReferences(
  unit: UnitOfWork,
  resources: readonly Placed[],
): Promise<(Resource | undefined)[]> {
  const wanted = new Map<string, Condition>();
  for (const { resource, place } of resources) {
    if (!resource) continue;
    for (const { reference, path } of referencesOf(resource, resource.resourceType)) {
      const where = `${place}.resource.${path.slice(path.indexOf('.') + 1)}`;
      refuseTemporary(resource, reference, where);
      const match = /^([A-Z][A-Za-z]+)\?(.+)$/.exec(reference);
      if (!match || wanted.has(reference)) continue;
      const condition = parseCondition(unit, match[1]!, match[2]!, where, true);
      wanted.set(reference, { ...condition, followsReplaced: true });
    }
  }
  if (wanted.size === 0) return resources.map((each) => each.resource);
  const matches = await resolveConditions(unit, [...wanted.values()]);
  const names = new Map<string, string>();
  for (const [reference, condition] of wanted) {
    names.set(reference, selected(condition, matches.get(condition)?.id, resources));
  }
  return resources.map(({ resource }) => resource && rewrite(resource, names));
}

/** A temporary name that no entry has would be kept as a reference to nothing. */
function refuseTemporary(resource: Resource, reference: string, place: string): void {
  // The entries of a Bundle that is itself stored name each other.
  if (!/^urn:(uuid|oid):/.test(reference) || resource.resourceType === 'Bundle') return;
  throw problem(
    'unprocessable-reference',
    'reference-unresolved',
    `No entry has the fullUrl ${reference.slice(0, 80)}; send what it stands for in this Bundle.`,
    place,
  );
}

function selected(
  condition: Condition,
  stored: string | undefined,
  resources: readonly Placed[],
): string {
  const { type, identifier } = condition;
  const here = resources.filter(
    ({ resource }) =>
      identifier &&
      resource?.resourceType === type &&
      identifiersOf(resource).some(
        (each) =>
          each.value === identifier.value &&
          (identifier.system === undefined || (each.system ?? '') === identifier.system),
      ),
  );
  const ids = new Set([...(stored ? [stored] : []), ...here.map((each) => each.id)]);
  const [id] = ids;
  if (ids.size === 1 && id) return `${type}/${id}`;
  const found = problem(
    'precondition-failed',
    'reference-not-selective',
    `The reference ${type}?${condition.query} matches ${ids.size === 0 ? 'nothing' : 'several'}; ` +
      'it must match exactly one.',
    condition.place,
  );
  throw new Problem(found.issues, { status: 412 });
}
