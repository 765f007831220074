/**
 * Makes the one `Definitions` value of a running house from HL7's R4 and what modules bring.
 *
 * Types, value sets and parameters are compiled when first met; making it costs milliseconds.
 */

import type { Resource, SearchParameter, StructureDefinition } from '@medplum/fhirtypes';
import { checkBundle } from './bundle-checks.ts';
import { compartmentOf } from './compartments.ts';
import { Types } from './compile.ts';
import { checkDerived, checkDifferential } from './definition-checks.ts';
import type { Definitions, ElementInfo } from './definitions.ts';
import { loadSearchParameters } from './load.ts';
import { ProfileChecks } from './profile-check.ts';
import { type Brought, Registry } from './profiles.ts';
import { QuestionnaireChecks } from './questionnaires.ts';
import { isResourceType, RESOURCE_TYPES, typeNumber, typeOfNumber } from './resource-types.ts';
import type { Json, Run } from './run.ts';
import { choiceKey, type ElementNode } from './schema.ts';
import { SearchParameters } from './search-parameters.ts';
import { Terminology } from './terminology.ts';
import { Validator } from './validate.ts';

/**
 * Definitions of R4 and what is brought: profiles, extensions, value sets, code systems and
 * search parameters of the modules (resources of other types are ignored).
 *
 * @throws Error when two definitions claim one canonical
 */
export function createDefinitions(brought: Brought | readonly Resource[] = {}): Definitions {
  const registry = new Registry(isList(brought) ? sorted(brought) : brought);
  const terminology = new Terminology(registry);
  const types = new Types({
    baseStructure: (type) => registry.baseStructure(type),
    isResourceType,
    terminology,
  });
  const parameters = loadSearchParameters();
  const published = new Map(
    [...parameters, ...(isList(brought) ? brought : [])].map((each): [string, Resource] => [
      `${each.resourceType}/${each.id}`,
      each,
    ]),
  );
  const publishedByType = Map.groupBy(published.values(), (each) => each.resourceType as string);
  const validator = validatorOf(types, registry, terminology, parameters);
  const made: Definitions = {
    resourceTypes: RESOURCE_TYPES,
    isResourceType,
    typeNumber,
    typeOfNumber,
    validate: (resource, options) => validator.validate(resource, options),
    withMore: (resources) => {
      const all = new Registry(sorted(resources), registry);
      const more = validatorOf(types, all, new Terminology(all), parameters);
      return {
        validate: (resource, options) => more.validate(resource, options),
        snapshot: (url) => all.structure(url.split('|')[0]!),
      };
    },
    broughtParameters: registry.searchParameters,
    isStandardParameter: (url) => parameters.some((each) => each.url === url),
    ...searching(new SearchParameters(types, parameters, registry.searchParameters)),
    withSearchParameters: (others, pending) => ({
      ...made,
      ...searching(new SearchParameters(types, parameters, others, pending)),
    }),
    snapshot: (url): StructureDefinition | undefined => registry.structure(url.split('|')[0]!),
    published: (type, id) => published.get(`${type}/${id}`),
    publishedOf: (type) => publishedByType.get(type) ?? [],
    profiles: (type) => registry.profilesOf(type),
    valueSet: (url) => terminology.valueSet(url),
    codeSystem: (url) => terminology.codeSystem(url),
    publishedCodeSystem: (url) => registry.codeSystem(url),
    publishedValueSet: (url) => registry.valueSet(url),
    compartment: compartmentOf,
    ...elements(types),
  };
  return made;
}

/** What is answered from the search parameters. */
function searching(
  search: SearchParameters,
): Pick<Definitions, 'searchParameters' | 'searchParameter' | 'extract'> {
  return {
    searchParameters: (type) => search.of(type).parameters,
    searchParameter: (type, code) => search.of(type).byCode.get(code),
    extract: (resource, max) =>
      search.of(resource.resourceType).extractor.extract(resource as unknown as Json, max),
  };
}

function validatorOf(
  types: Types,
  registry: Registry,
  terminology: Terminology,
  parameters: readonly SearchParameter[],
): Validator {
  const find = (url: string) => registry.structure(url);
  const forms = new QuestionnaireChecks((url) => registry.questionnaire(url), terminology);
  const origin = (url: string) => parameters.find((each) => each.url === url);
  return new Validator(
    types,
    new ProfileChecks(types, find, terminology),
    new Map<string, (resource: Json, run: Run) => void>([
      ['QuestionnaireResponse', (response, run) => forms.check(response, run)],
      ['Bundle', checkBundle],
      ['StructureDefinition', (value, run) => checkDifferential(value, run, find)],
      ['SearchParameter', (value, run) => checkDerived(value, run, origin)],
    ]),
  );
}

function isList(brought: Brought | readonly Resource[]): brought is readonly Resource[] {
  return Array.isArray(brought);
}

function sorted(resources: readonly Resource[]): Brought {
  const of = <T extends Resource['resourceType']>(type: T) =>
    resources.filter(
      (each): each is Extract<Resource, { resourceType: T }> => each.resourceType === type,
    );
  return {
    structureDefinitions: of('StructureDefinition'),
    valueSets: of('ValueSet'),
    codeSystems: of('CodeSystem'),
    searchParameters: of('SearchParameter'),
    questionnaires: of('Questionnaire'),
  };
}

type ElementPart = Pick<
  Definitions,
  'elementInfo' | 'summaryElements' | 'isSummary' | 'mandatoryElements'
>;

function elements(types: Types): ElementPart {
  const summaries = new Map<string, ReadonlySet<string>>();
  const mandatory = new Map<string, ReadonlySet<string>>();
  const summaryElements = (type: string) =>
    kept(summaries, type, () => namesOf(types, type, (node) => node.summary));
  return {
    elementInfo: (path) => {
      const node = types.element(path);
      return node && infoOf(node);
    },
    summaryElements,
    isSummary: (type, element) => summaryElements(type).has(element),
    mandatoryElements: (type) =>
      kept(mandatory, type, () => namesOf(types, type, (node) => node.min > 0)),
  };
}

function kept<Value>(cache: Map<string, Value>, key: string, make: () => Value): Value {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const made = make();
  cache.set(key, made);
  return made;
}

/** JSON names of the top-level elements that pass a test, siblings of primitives included. */
function namesOf(types: Types, type: string, test: (node: ElementNode) => boolean): Set<string> {
  const names = new Set(['resourceType', 'id', 'meta', 'implicitRules', '_implicitRules']);
  for (const node of types.schema(type)?.children ?? []) {
    if (!test(node)) continue;
    const keys = node.choice
      ? node.types.map((each) => choiceKey(node.name, each.code))
      : [node.name];
    for (const key of keys) names.add(key).add(`_${key}`);
  }
  return names;
}

function infoOf(node: ElementNode): ElementInfo {
  return {
    path: node.path,
    min: node.min,
    max: node.max,
    types: node.types.map((type) => type.code),
    summary: node.summary,
    modifier: node.modifier,
  };
}
