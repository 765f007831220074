/**
 * `CodeSystem/$lookup`, what a code means; `CodeSystem/$subsumes`, whether one code includes
 * another.
 *
 * Spec: https://hl7.org/fhir/R4/codesystem-operation-lookup.html,
 * https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
 */

import type {
  CodeSystem,
  CodeSystemConceptProperty,
  OperationDefinition,
  ParametersParameter,
} from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { inputParameter, type Operation, outputParameter, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { Carried, definitionOf } from './carried.ts';
import { conceptsOf, type Placed } from './concepts.ts';
import { answer, askedIn, Given, text } from './parameters.ts';

const LOOKUP: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup',
  name: 'Lookup',
  status: 'active',
  kind: 'operation',
  code: 'lookup',
  description: 'What a code means.',
  affectsState: false,
  resource: ['CodeSystem'],
  system: false,
  type: true,
  instance: false,
  parameter: [
    inputParameter('code', 'code', 'The code.'),
    inputParameter('system', 'uri', 'Its system.'),
    inputParameter('version', 'string', 'Version of the system.'),
    inputParameter('coding', 'Coding', 'The code as a Coding.'),
    inputParameter(
      'date',
      'dateTime',
      'Taken and not looked at: there is one version of each definition.',
    ),
    inputParameter('displayLanguage', 'code', 'Display in this language where there is such.'),
    inputParameter('property', 'code', 'Only these of properties, parents and children.', '*'),
    outputParameter('name', 'string', 1),
    outputParameter('version', 'string', 0),
    outputParameter('display', 'string', 1),
  ],
};

const SUBSUMES: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes',
  name: 'Subsumes',
  status: 'active',
  kind: 'operation',
  code: 'subsumes',
  description: 'Whether one code includes another.',
  affectsState: false,
  resource: ['CodeSystem'],
  system: false,
  type: true,
  instance: true,
  parameter: [
    inputParameter('codeA', 'code', 'One code.'),
    inputParameter('codeB', 'code', 'The other code.'),
    inputParameter('system', 'uri', 'Their system.'),
    inputParameter('version', 'string', 'Version of the system.'),
    inputParameter('codingA', 'Coding', 'One code as a Coding.'),
    inputParameter('codingB', 'Coding', 'The other code as a Coding.'),
    outputParameter('outcome', 'code', 1),
  ],
};

/** The operations. */
export const lookupOperations: readonly Operation[] = [
  {
    definition: LOOKUP,
    permission: BY_TYPE,
    async run(ctx, { parameters }) {
      const unit = ctx as UnitOfWork;
      authorize(unit, 'read', 'CodeSystem');
      const given = new Given(unit, parameters);
      const [asked] = askedIn(given, given.text('system'));
      if (!asked?.system) throw needsSystem();
      const system = await new Carried(unit).codeSystem(asked.system, asked.version);
      return meaning(system, placed(system, asked.code), given);
    },
  },
  {
    definition: SUBSUMES,
    permission: BY_TYPE,
    async run(ctx, { id, parameters }) {
      const unit = ctx as UnitOfWork;
      authorize(unit, 'read', 'CodeSystem');
      const given = new Given(unit, parameters);
      const [a, b] = [given.coding('codingA'), given.coding('codingB')];
      const [one, other] = [given.text('codeA') ?? a?.code, given.text('codeB') ?? b?.code];
      if (one === undefined || other === undefined) {
        throw problem('required', 'terminology-code', 'Give both codes: codeA and codeB.', 'codeA');
      }
      const url = given.text('system') ?? a?.system;
      if (b?.system && b.system !== url) {
        throw problem('invalid', 'terminology-code', 'Both codes are of one system.', 'codingB');
      }
      const system = await systemOf(unit, id, url, given.text('version'));
      const outcome = relation(system, placed(system, one), placed(system, other));
      return answer({ name: 'outcome', valueCode: outcome });
    },
  },
];

function needsSystem() {
  return problem('required', 'terminology-code', 'Give the system of the code.', 'system');
}

async function systemOf(
  unit: UnitOfWork,
  id: string | undefined,
  url: string | undefined,
  version: string | undefined,
): Promise<CodeSystem> {
  if (id !== undefined) {
    return definitionOf((await current(unit, 'CodeSystem', id)).content) as CodeSystem;
  }
  if (url === undefined) throw needsSystem();
  return new Carried(unit).codeSystem(url, version);
}

/** @throws Problem not-found when the system has no such code */
function placed(system: CodeSystem, code: string): Placed {
  const found = conceptsOf(system).find(code);
  if (found) return found;
  throw problem(
    'not-found',
    'terminology-unknown',
    `The code system ${system.url} has no code "${code.slice(0, 100)}"${
      system.content === 'complete' ? '' : ' among those that we carry'
    }.`,
    'code',
  );
}

function meaning(system: CodeSystem, { concept, parents, children }: Placed, given: Given) {
  const wanted = given.texts('property');
  const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);
  const language = given.text('displayLanguage');
  const spoken = language && concept.designation?.find((each) => each.language === language)?.value;
  const related = (name: string, codes: readonly string[]): ParametersParameter[] =>
    isWanted(name) ? codes.map((code) => property(name, { valueCode: code })) : [];
  return answer(
    { name: 'name', valueString: system.title ?? system.name ?? system.url! },
    text('version', system.version),
    { name: 'display', valueString: spoken || (concept.display ?? concept.code!) },
    isWanted('definition') ? text('definition', concept.definition) : undefined,
    ...(concept.designation ?? []).map((each) => ({
      name: 'designation',
      part: [
        ...(each.language ? [{ name: 'language', valueCode: each.language }] : []),
        ...(each.use ? [{ name: 'use', valueCoding: each.use }] : []),
        { name: 'value', valueString: each.value! },
      ],
    })),
    ...(concept.property ?? []).flatMap((each) =>
      isWanted(each.code!) && !['parent', 'child'].includes(each.code!)
        ? [property(each.code!, valueIn(each))]
        : [],
    ),
    ...related('parent', parents),
    ...related('child', children),
  );
}

function property(code: string, value: object): ParametersParameter {
  return {
    name: 'property',
    part: [
      { name: 'code', valueCode: code },
      { name: 'value', ...value },
    ],
  };
}

function valueIn(each: CodeSystemConceptProperty): object {
  return Object.fromEntries(Object.entries(each).filter(([key]) => key.startsWith('value')));
}

function relation(system: CodeSystem, one: Placed, other: Placed): string {
  const [a, b] = [one.concept.code!, other.concept.code!];
  if (a === b) return 'equivalent';
  const concepts = conceptsOf(system);
  if (concepts.isBelow(b, a)) return 'subsumes';
  return concepts.isBelow(a, b) ? 'subsumed-by' : 'not-subsumed';
}
