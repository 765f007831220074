/**
 * `ValueSet/$validate-code` and `CodeSystem/$validate-code`: whether a code belongs, and what it is
 * called.
 *
 * A code of a value set that draws on a system which we do not carry whole is answered where it can
 * be told; where it cannot, the question is refused, because neither true nor false is known.
 *
 * Spec: https://hl7.org/fhir/R4/valueset-operation-validate-code.html,
 * https://hl7.org/fhir/R4/codesystem-operation-validate-code.html
 */

import type { CodeSystem, OperationDefinition, Parameters, ValueSet } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { inputParameter, type Operation, outputParameter, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import type { ExpandedValueSet } from '../definitions/definitions.ts';
import { current } from '../interactions/read.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { Carried, definitionOf } from './carried.ts';
import { conceptsOf } from './concepts.ts';
import { valueSetOf } from './expand.ts';
import { type Asked, answer, askedIn, Given, text } from './parameters.ts';

const CODE = [
  inputParameter('code', 'code', 'The code.'),
  inputParameter('version', 'string', 'Version of the code system.'),
  inputParameter('display', 'string', 'A display to check.'),
  inputParameter('coding', 'Coding', 'The code as a Coding.'),
  inputParameter('codeableConcept', 'CodeableConcept', 'Several codes, any of which may belong.'),
  inputParameter(
    'date',
    'dateTime',
    'Taken and not looked at: there is one version of each definition.',
  ),
  inputParameter('displayLanguage', 'code', 'Taken and not looked at.'),
  outputParameter('result', 'boolean', 1),
  outputParameter('message', 'string', 0),
  outputParameter('display', 'string', 0),
  outputParameter('code', 'code', 0),
  outputParameter('system', 'uri', 0),
];

function definition(type: 'ValueSet' | 'CodeSystem'): OperationDefinition {
  return {
    resourceType: 'OperationDefinition',
    url: `http://hl7.org/fhir/OperationDefinition/${type}-validate-code`,
    name: 'ValidateCode',
    status: 'active',
    kind: 'operation',
    code: 'validate-code',
    description: `Whether a code belongs to a ${type === 'ValueSet' ? 'value set' : 'code system'}.`,
    affectsState: false,
    resource: [type],
    system: false,
    type: true,
    instance: true,
    parameter: [
      inputParameter('url', 'uri', 'Its canonical.'),
      ...(type === 'ValueSet'
        ? [
            inputParameter('valueSet', 'ValueSet', 'The value set itself.'),
            inputParameter('valueSetVersion', 'string', 'Its version.'),
            inputParameter('system', 'uri', 'System of the code.'),
            inputParameter('systemVersion', 'string', 'Version of the code system.'),
            inputParameter('context', 'uri', 'Not taken; give url.'),
            inputParameter('abstract', 'boolean', 'Taken and not looked at.'),
          ]
        : [inputParameter('codeSystem', 'CodeSystem', 'The code system itself.')]),
      ...CODE,
    ],
  };
}

/** The operations, on ValueSet and on CodeSystem. */
export const validateCodeOperations: readonly Operation[] = [
  {
    definition: definition('ValueSet'),
    permission: BY_TYPE,
    async run(ctx, { id, parameters }) {
      const unit = ctx as UnitOfWork;
      authorize(unit, 'read', 'ValueSet');
      const given = new Given(unit, parameters);
      const carried = new Carried(unit);
      const asked = askedIn(given, given.text('system'));
      const valueSet = await valueSetOf(unit, carried, id, given);
      return verdict(carried, await carried.expand(valueSet), asked, nameOf(valueSet));
    },
  },
  {
    definition: definition('CodeSystem'),
    permission: BY_TYPE,
    async run(ctx, { id, parameters }) {
      const unit = ctx as UnitOfWork;
      authorize(unit, 'read', 'CodeSystem');
      const given = new Given(unit, parameters);
      const carried = new Carried(unit);
      const sent = await systemOf(unit, id, given);
      const url = sent?.url ?? given.text('url') ?? given.coding('coding')?.system;
      if (!url)
        throw problem('required', 'terminology-code', 'Give the url of the code system.', 'url');
      const asked = askedIn(given, url).filter((each) => each.system === url);
      if (sent?.concept) return inSystem(sent, asked);
      const system = await carried.codeSystemIfCarried(url);
      if (system?.concept) return inSystem(system, asked);
      return verdict(carried, await whole(carried, url), asked, url);
    },
  },
];

function nameOf({ url, name }: ValueSet | CodeSystem): string {
  return url ?? name ?? 'what was sent';
}

async function systemOf(
  unit: UnitOfWork,
  id: string | undefined,
  given: Given,
): Promise<CodeSystem | undefined> {
  if (id === undefined) return given.resource('codeSystem') as CodeSystem | undefined;
  return definitionOf((await current(unit, 'CodeSystem', id)).content) as CodeSystem;
}

/** All codes of a system that is a grammar rather than a list (UCUM, languages, media types). */
async function whole(carried: Carried, url: string): Promise<ExpandedValueSet> {
  const expansion = await carried.expand({
    resourceType: 'ValueSet',
    status: 'active',
    compose: { include: [{ system: url }] },
  });
  if (expansion.contains('\u0000', url) === 'unknown') await carried.codeSystem(url);
  return expansion;
}

function inSystem(system: CodeSystem, asked: readonly Asked[]): Parameters {
  const concepts = conceptsOf(system);
  for (const each of asked) {
    const found = concepts.find(each.code)?.concept;
    if (found) {
      const others = (found.designation ?? []).map((it) => it.value ?? '');
      return belongs(each, system.url, found.display, others);
    }
  }
  if (system.content !== 'complete') throw cannotTell(nameOf(system));
  return refusal(asked, nameOf(system));
}

async function verdict(
  carried: Carried,
  expansion: ExpandedValueSet,
  asked: readonly Asked[],
  name: string,
): Promise<Parameters> {
  let unknown = false;
  for (const each of asked) {
    const membership = expansion.contains(each.code, each.system);
    if (membership === 'in') {
      const system = each.system ?? systemWith(expansion, each.code);
      const definition = system ? await carried.codeSystemIfCarried(system) : undefined;
      const concept = definition && conceptsOf(definition).find(each.code)?.concept;
      const listed = system && expansion.codes.get(system)?.get(each.code);
      const others = [concept?.display, ...(concept?.designation ?? []).map((it) => it.value)];
      return belongs(each, system, listed || concept?.display, others.filter(isText));
    }
    unknown ||= membership === 'unknown';
  }
  if (unknown) throw cannotTell(name);
  return refusal(asked, name);
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}

function systemWith(expansion: ExpandedValueSet, code: string): string | undefined {
  return [...expansion.codes].find(([, codes]) => codes.has(code))?.[0];
}

function belongs(
  asked: Asked,
  system: string | undefined,
  display: string | undefined,
  others: readonly string[],
): Parameters {
  const same = (one: string): boolean => one.toLowerCase() === asked.display?.toLowerCase();
  const isRight = asked.display === undefined || [display ?? asked.display, ...others].some(same);
  return answer(
    { name: 'result', valueBoolean: isRight },
    isRight
      ? undefined
      : text('message', `"${asked.code}" is called "${display}", not "${asked.display}".`),
    text('display', display),
    { name: 'code', valueCode: asked.code },
    system === undefined ? undefined : { name: 'system', valueUri: system },
  );
}

function refusal(asked: readonly Asked[], name: string): Parameters {
  const codes = asked.map(({ code, system }) => (system ? `${system}#${code}` : code)).join(', ');
  return answer(
    { name: 'result', valueBoolean: false },
    text('message', `${codes || 'No code of this system'} does not belong to ${name}.`),
  );
}

function cannotTell(name: string) {
  return problem(
    'not-supported',
    'terminology-not-whole',
    `Whether the code belongs to ${name} cannot be told: it draws on a code system that we do not carry whole.`,
    'code',
  );
}
