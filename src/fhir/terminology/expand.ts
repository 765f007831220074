/**
 * `ValueSet/$expand`: the codes of a value set, filtered and paged.
 *
 * A value set that draws on a code system which we do not carry whole is refused: a part of it
 * would be taken for the whole.
 *
 * Spec: https://hl7.org/fhir/R4/valueset-operation-expand.html
 */

import type {
  OperationDefinition,
  ValueSet,
  ValueSetExpansionContains,
  ValueSetExpansionParameter,
} from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { inputParameter, type Operation, outputParameter, problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { BY_TYPE } from '../operations/by-type.ts';
import { Carried, definitionOf } from './carried.ts';
import { conceptsOf, isInactive } from './concepts.ts';
import { Given } from './parameters.ts';

/** Codes that one answer holds at most. */
const CODES_MAX = 10_000;

const DEFINITION: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
  name: 'Expand',
  status: 'active',
  kind: 'operation',
  code: 'expand',
  description: 'The codes of a value set.',
  affectsState: false,
  resource: ['ValueSet'],
  system: false,
  type: true,
  instance: true,
  parameter: [
    inputParameter('valueSet', 'ValueSet', 'The value set itself.'),
    inputParameter('url', 'uri', 'Its canonical.'),
    inputParameter('valueSetVersion', 'string', 'Its version.'),
    inputParameter('filter', 'string', 'Only codes whose code or display has each of these words.'),
    inputParameter('offset', 'integer', 'Codes to leave out at the beginning.'),
    inputParameter('count', 'integer', 'Codes at most; 0 for the total alone.'),
    inputParameter('activeOnly', 'boolean', 'Leave out codes that are not to be used any more.'),
    inputParameter('includeDesignations', 'boolean', 'With the designations of each code.'),
    inputParameter('includeDefinition', 'boolean', 'With the definition of the value set.'),
    inputParameter('excludeNested', 'boolean', 'The answer is always flat.'),
    inputParameter('displayLanguage', 'code', 'Displays in this language where there are such.'),
    outputParameter('return', 'ValueSet', 1),
  ],
};

/** The operation. */
export const expandOperation: Operation = {
  definition: DEFINITION,
  permission: BY_TYPE,
  async run(ctx, { id, parameters }) {
    const unit = ctx as UnitOfWork;
    authorize(unit, 'read', 'ValueSet');
    const given = new Given(unit, parameters);
    const carried = new Carried(unit);
    const valueSet = await valueSetOf(unit, carried, id, given);
    const contains = await containsOf(carried, valueSet, given);
    return expanded(unit, valueSet, contains, given);
  },
};

/** The value set that is meant: of the URL's id, sent along, or by its canonical. */
export async function valueSetOf(
  unit: UnitOfWork,
  carried: Carried,
  id: string | undefined,
  given: Given,
): Promise<ValueSet> {
  if (id !== undefined) {
    return definitionOf((await current(unit, 'ValueSet', id)).content) as ValueSet;
  }
  const sent = given.resource('valueSet') as ValueSet | undefined;
  const url = given.text('url');
  if ((sent === undefined) === (url === undefined)) {
    throw problem('required', 'terminology-code', 'Give one of url and valueSet.', 'url');
  }
  return sent ?? carried.valueSet(url!, given.text('valueSetVersion'));
}

async function containsOf(
  carried: Carried,
  valueSet: ValueSet,
  given: Given,
): Promise<ValueSetExpansionContains[]> {
  const expansion = await carried.expand(valueSet);
  if (!expansion.complete) throw notWhole(valueSet);
  const found: ValueSetExpansionContains[] = [];
  for (const [system, codes] of expansion.codes) {
    const definition = await carried.codeSystemIfCarried(system);
    const concepts = definition && conceptsOf(definition);
    for (const [code, display] of codes) {
      const concept = concepts?.find(code)?.concept;
      const inactive = concept !== undefined && isInactive(concept);
      if (inactive && given.flag('activeOnly')) continue;
      const designation = concept?.designation;
      const language = given.text('displayLanguage');
      const spoken = language && designation?.find((each) => each.language === language)?.value;
      found.push({
        system,
        code,
        ...((spoken || display) && { display: spoken || display }),
        ...(inactive && { inactive }),
        ...(given.flag('includeDesignations') && designation && { designation }),
      });
    }
  }
  return filtered(found, given.text('filter'));
}

function notWhole(valueSet: ValueSet) {
  const systems = (valueSet.compose?.include ?? []).flatMap((each) => each.system ?? []);
  return problem(
    'not-supported',
    'terminology-not-whole',
    'The value set cannot be expanded: it draws on a code system that we do not carry whole' +
      `${systems.length > 0 ? ` (of ${[...new Set(systems)].slice(0, 5).join(', ')})` : ''}; ` +
      'a single code can be validated.',
    'ValueSet.compose',
  );
}

function filtered(
  contains: readonly ValueSetExpansionContains[],
  filter: string | undefined,
): ValueSetExpansionContains[] {
  const words = (filter ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return contains.filter(({ code, display }) => {
    const whole = `${code} ${display ?? ''}`.toLowerCase();
    return words.every((word) => whole.includes(word));
  });
}

function expanded(
  unit: UnitOfWork,
  valueSet: ValueSet,
  contains: readonly ValueSetExpansionContains[],
  given: Given,
): ValueSet {
  const offset = given.number('offset') ?? 0;
  const count = given.number('count') ?? CODES_MAX;
  if (offset < 0 || count < 0) {
    throw problem('invalid', 'operation-parameter', 'offset and count are 0 or more.', 'count');
  }
  if (given.number('count') === undefined && contains.length - offset > CODES_MAX) {
    throw problem(
      'too-costly',
      'terminology-too-large',
      `The value set has ${contains.length} codes; page through them with count and offset, or filter.`,
      'count',
    );
  }
  const { compose, expansion: _given, text: _text, ...head } = valueSet;
  const page = contains.slice(offset, offset + count);
  const used = ['filter', 'activeOnly', 'includeDesignations', 'displayLanguage'];
  return {
    ...head,
    ...(given.flag('includeDefinition') && compose && { compose }),
    expansion: {
      identifier: `urn:uuid:${unit.newId()}`,
      timestamp: unit.now.toISOString(),
      total: contains.length,
      offset,
      parameter: used.flatMap((name): ValueSetExpansionParameter[] => {
        const value = given.text(name);
        if (value !== undefined) return [{ name, valueString: value }];
        return given.flag(name) ? [{ name, valueBoolean: true }] : [];
      }),
      ...(page.length > 0 && { contains: page }),
    },
  };
}
