/**
 * FHIR operations: finds the operation, checks its input against its OperationDefinition, runs it.
 * https://hl7.org/fhir/R4/operations.html
 */

import type {
  OperationDefinitionParameter,
  Parameters,
  ParametersParameter,
  Resource,
} from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Operation, Problem, problem, type RawAnswer } from '../../sdk/index.ts';
import { writeJson } from '../formats/json.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { type FhirHouse, type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { isLenient, textResponse } from './respond.ts';

/** The operation at a path: `$code`, `Type/$code`, `Type/[id]/$code`, or one of every type. */
export function lookUp(house: FhirHouse, key: string): Operation | undefined {
  return house.operations.get(key) ?? house.operations.get(key.replace(/^[A-Z]\w*\//, 'Resource/'));
}

/** Finds the operation of a request; `code` begins with `$`. */
export function findOperation(
  house: FhirHouse,
  code: string,
  type?: string,
  id?: string,
): Operation {
  const key = type ? (id ? `${type}/[id]/${code}` : `${type}/${code}`) : code;
  const found = lookUp(house, key);
  if (found) return found;
  const known = [...house.operations.keys()].filter((each) => each.endsWith(`/${code}`));
  const where = known.length > 0 ? ` It exists as ${known.join(', ')}.` : '';
  throw problem('not-found', 'operation-unknown', `There is no operation ${key} here.${where}`);
}

/** True when an operation may be called by GET. */
export function isReadOnly(operation: Operation): boolean {
  return operation.definition.affectsState === false && !operation.rolledBack;
}

/**
 * Runs an operation.
 *
 * @throws Problem from the input check, the permission and the operation
 */
export async function runOperation(
  unit: UnitOfWork,
  request: FhirRequest,
  operation: Operation,
  type?: string,
  id?: string,
): Promise<FhirResponse> {
  if (operation.permission !== BY_TYPE) unit.demand(operation.permission);
  const { parameters, body } = inputOf(unit, request, operation);
  const answer = await operation.run(unit, {
    ...(type && { type }),
    ...(id && { id }),
    parameters,
    ...(body && { body }),
    ...(request.headers.accept && { accept: request.headers.accept }),
  });
  if (!unit.readOnly) {
    const { code } = operation.definition;
    unit.audit({ action: 'E', interaction: `$${code}`, ...(type && { type }), ...(id && { id }) });
  }
  if (isRaw(answer)) return { status: answer.status ?? 200, headers: {}, raw: answer };
  return textResponse(200, writeJson(withSelf(unit, request.path, answer)));
}

/** A searchset says what it answers, as searches do; other answers are as they are. */
function withSelf(unit: UnitOfWork, path: string, answer: Resource): Resource {
  if (answer.resourceType !== 'Bundle' || answer.type !== 'searchset' || answer.link) return answer;
  const { entry, ...rest } = answer;
  const link = [{ relation: 'self', url: `${fhirOf(unit).base()}/${path}` }];
  return { ...rest, link, ...(entry && { entry }) };
}

function isRaw(answer: Resource | RawAnswer): answer is RawAnswer {
  return !('resourceType' in answer);
}

function inputOf(
  unit: UnitOfWork,
  request: FhirRequest,
  operation: Operation,
): { parameters: Parameters; body?: Resource } {
  const wanted = (operation.definition.parameter ?? []).filter((each) => each.use === 'in');
  const body = request.body as Resource | undefined;
  const given: ParametersParameter[] = [];
  if (request.method === 'POST' && body?.resourceType === 'Parameters') {
    given.push(...sentParameters(body));
  }
  // What stands in the URL is text: each operation reads it, and says what is wrong with it.
  const sent = given.length;
  const lenient = isLenient(request);
  for (const [name, value] of request.query) {
    const isWanted = wanted.some((each) => each.name === name);
    // A misspelt _since must not pass for none.
    if (!isWanted && (name === '_format' || name === '_pretty' || lenient)) continue;
    given.push(fromText(wanted, name, value));
  }
  const bare = body && body.resourceType !== 'Parameters' ? body : undefined;
  if (bare) {
    const single = wanted.find((each) => isResourceParameter(unit, each));
    if (!single) {
      throw problem(
        'structure',
        'operation-body',
        `$${operation.definition.code} takes Parameters, not a ${bare.resourceType}.`,
        'resourceType',
      );
    }
    given.push({ name: single.name!, resource: bare });
  }
  const parameter = inputsOf(unit, operation, wanted, given);
  checkValues(unit, parameter.slice(0, sent));
  const own = `${fhirOf(unit).base()}/`;
  const relative = parameter.map((each) => withOwnReferences(each, own));
  return {
    parameters: { resourceType: 'Parameters', parameter: relative },
    ...(bare && { body: bare }),
  };
}

/** The parameter with references to resources of this server made relative, as clients may write them in full. */
function withOwnReferences(each: ParametersParameter, own: string): ParametersParameter {
  const reference = each.valueReference?.reference;
  const isOwn = typeof reference === 'string' && reference.startsWith(own);
  if (!isOwn && !each.part) return each;
  return {
    ...each,
    ...(isOwn && {
      valueReference: { ...each.valueReference, reference: reference.slice(own.length) },
    }),
    ...(each.part && { part: each.part.map((part) => withOwnReferences(part, own)) }),
  };
}

function isResourceParameter(unit: UnitOfWork, each: OperationDefinitionParameter): boolean {
  const type = each.type ?? '';
  return type === 'Resource' || type === 'Any' || fhirOf(unit).definitions.isResourceType(type);
}

const PRIMITIVE: Readonly<Record<string, (text: string) => unknown>> = {
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  integer: (text) => (/^-?\d{1,10}$/.test(text) ? Number(text) : undefined),
  positiveInt: (text) => (/^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined),
  unsignedInt: (text) => (/^\d{1,10}$/.test(text) ? Number(text) : undefined),
  decimal: (text) => (/^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined),
};

function fromText(
  wanted: readonly OperationDefinitionParameter[],
  name: string,
  text: string,
): ParametersParameter {
  const type = wanted.find((each) => each.name === name)?.type ?? 'string';
  if (type === 'Reference') return { name, valueReference: { reference: text } };
  if (/^[A-Z]/.test(type)) {
    const says = `${name} is a ${type}, which no URL can carry; send Parameters by POST.`;
    throw problem('invalid', 'operation-parameter', says, name);
  }
  const value = PRIMITIVE[type] ? PRIMITIVE[type](text) : text;
  if (value === undefined) {
    throw problem('invalid', 'operation-parameter', `${name} is a ${type}, not "${text}".`, name);
  }
  return { name, [valueKey(type)]: value } as ParametersParameter;
}

/** @throws Problem operation-parameter where they are not those of the definition */
function inputsOf(
  unit: UnitOfWork,
  operation: Operation,
  wanted: readonly OperationDefinitionParameter[],
  given: readonly ParametersParameter[],
): ParametersParameter[] {
  const { code } = operation.definition;
  const known = new Map(wanted.map((each) => [each.name, each]));
  const inputs = given.map((each, index) => {
    const place = `Parameters.parameter[${index}]`;
    if (typeof each !== 'object' || each === null || Array.isArray(each)) {
      throw problem('structure', 'operation-parameter', 'A parameter is an object { }.', place);
    }
    const definition = known.get(each.name);
    if (!definition) {
      const names = [...known.keys()].join(', ') || 'none';
      throw problem(
        'invalid',
        'operation-parameter',
        `$${code} takes ${names}, not "${each.name}".`,
        place,
      );
    }
    return typed(unit, definition, each, place);
  });
  for (const definition of wanted) {
    const count = given.filter((each) => each.name === definition.name).length;
    const max = definition.max === '*' ? Number.POSITIVE_INFINITY : Number(definition.max);
    if (count < (definition.min ?? 0)) {
      throw problem(
        'required',
        'operation-parameter',
        `$${code} needs "${definition.name}".`,
        definition.name,
      );
    }
    if (count > max) {
      throw problem(
        'invalid',
        'operation-parameter',
        `$${code} takes "${definition.name}" once.`,
        definition.name,
      );
    }
  }
  return inputs;
}

/**
 * Values must be what their type says: a `preview` of "true", sent as a text, must not pass for none.
 * Resources of any type are left to the operation, which may be there to judge them.
 *
 * @throws Problem with the place of each value that is not
 */
function checkValues(unit: UnitOfWork, given: readonly ParametersParameter[]): void {
  const bare = (each: ParametersParameter): ParametersParameter =>
    typeof each !== 'object' || each === null
      ? each
      : {
          ...each,
          ...(each.resource && { resource: { resourceType: 'Basic', code: { text: '-' } } }),
          ...(Array.isArray(each.part) && { part: each.part.map(bare) }),
        };
  const parameters = { resourceType: 'Parameters', parameter: given.map(bare) } as Parameters;
  if (given.length === 0) return;
  const issues = fhirOf(unit)
    .definitions.validate(parameters)
    .filter(({ severity }) => severity === 'error' || severity === 'fatal');
  if (issues.length > 0) throw new Problem(issues);
}

/** @throws Problem structure when they are not a list of objects, or a resource is none */
function sentParameters(body: Parameters): ParametersParameter[] {
  const list: unknown = body.parameter ?? [];
  const places = Array.isArray(list) ? list : [list];
  for (const [index, each] of places.entries()) {
    const isObject = (value: unknown): boolean =>
      typeof value === 'object' && value !== null && !Array.isArray(value);
    const isGood = isObject(each) && (each.resource === undefined || isObject(each.resource));
    if (isGood && Array.isArray(list)) continue;
    throw problem(
      'structure',
      'operation-body',
      'A parameter is an object with name and value[x] or resource.',
      `Parameters.parameter[${index}]`,
    );
  }
  return places;
}

/** Primitives that clients take for one another: what a uri is may come as valueString. */
const ALIKE: readonly (readonly string[])[] = [
  ['string', 'uri', 'url', 'canonical', 'code', 'id', 'markdown', 'date', 'dateTime', 'instant'],
  ['integer', 'positiveInt', 'unsignedInt', 'decimal'],
];

/**
 * The parameter as its definition types it.
 *
 * @throws Problem operation-parameter when it holds something else
 */
function typed(
  unit: UnitOfWork,
  definition: OperationDefinitionParameter,
  given: ParametersParameter,
  place: string,
): ParametersParameter {
  const { type, name } = definition;
  if (!type || type === 'Any') return given;
  if (given.resource) {
    if (type === 'Resource') return given;
    if (type === given.resource.resourceType && isResourceParameter(unit, definition)) {
      checkShape(unit, given.resource, place);
      return given;
    }
  } else {
    const wanted = valueKey(type);
    if (wanted in given) return given;
    const alike = ALIKE.find((types) => types.includes(type)) ?? [];
    const sent = alike.map(valueKey).find((key) => key in given);
    if (sent) {
      const { [sent]: value, ...rest } = given as unknown as Record<string, unknown>;
      return { ...rest, [wanted]: value } as unknown as ParametersParameter;
    }
  }
  throw problem('invalid', 'operation-parameter', `"${name}" must be a ${type}.`, place);
}

/**
 * A resource that an operation asks for by its type is read element by element: a text where an
 * object belongs must not get so far. What it lacks or breaks of rules is the operation's to judge.
 *
 * @throws Problem with the place of each element that is not of its type
 */
function checkShape(unit: UnitOfWork, resource: Resource, place: string): void {
  const issues = fhirOf(unit)
    .definitions.validate(resource)
    .filter(({ kind }) => kind === 'structure' || kind === 'value');
  if (issues.length > 0) throw new Problem(issues).within(place);
}

function valueKey(type: string): string {
  return `value${type[0]!.toUpperCase()}${type.slice(1)}`;
}
