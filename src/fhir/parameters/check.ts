/**
 * Refuses SearchParameters that could not be served: an expression that does not compile, a code
 * that a type has already, a change of what is indexed.
 */

import type { Resource, SearchParameter } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Guard, inPlace, problem, type ResourceWrite } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { fhirOf } from '../types.ts';
import { type Kept, loadParameters } from './store.ts';

/** What decides the rows of a parameter. */
const INDEXED = ['url', 'code', 'base', 'type', 'expression', 'component'] as const;

/** Looks at SearchParameters before they are written. */
export const parameterGuard: Guard = {
  type: 'SearchParameter',
  does: 'refuses search parameters that could not be served',
  async check(ctx, writes) {
    const all = await loadParameters(ctx.db);
    const taken: SearchParameter[] = [];
    for (const write of writes as readonly ResourceWrite<SearchParameter>[]) {
      const { resource } = write;
      if (!resource || !isServed(fhirOf(ctx as UnitOfWork).definitions, resource)) continue;
      inPlace(write.place, () => {
        checkChange(all, resource);
        checkCompiles(ctx as UnitOfWork, all, taken, resource);
      });
      taken.push(resource);
    }
  },
};

/** Active, and not one of HL7's, which are served anyway. */
export function isServed(definitions: Definitions, parameter: SearchParameter): boolean {
  return parameter.status === 'active' && !definitions.isStandardParameter(parameter.url ?? '');
}

function checkChange(all: readonly Kept[], resource: SearchParameter): void {
  const known = all.find((each) => each.url === resource.url || each.resourceId === resource.id);
  if (!known) return;
  if (known.state === 'removing') {
    throw refused(`${known.url} is being removed; send it again when that is done.`, 'url');
  }
  if (known.resourceId !== resource.id) {
    throw refused(`${known.url} is the URL of another search parameter.`, 'url');
  }
  const changed = INDEXED.find(
    (name) => JSON.stringify(known.definition[name]) !== JSON.stringify(resource[name]),
  );
  if (changed) {
    throw refused(
      `${changed} of a search parameter in use cannot change; retire it (status retired) and ` +
        'create another.',
      changed,
    );
  }
}

function checkCompiles(
  unit: UnitOfWork,
  all: readonly Kept[],
  taken: readonly SearchParameter[],
  resource: SearchParameter,
): void {
  const { definitions } = fhirOf(unit);
  if (!resource.expression) throw refused('It needs an expression.', 'expression');
  const endless = costOf(resource.expression);
  if (endless) throw refused(endless, 'expression');
  if (resource.type === 'special') throw refused('type special is not served.', 'type');
  const standing = all.filter((each) => each.state !== 'removing' && each.url !== resource.url);
  const others = [...standing.map((each) => each.definition), ...taken];
  const without = definitions.withSearchParameters(others);
  for (const type of resource.base ?? []) {
    const types = definitions.isResourceType(type) ? [type] : definitions.resourceTypes;
    const clash = types.find((each) => without.searchParameter(each, resource.code!));
    if (clash) throw refused(`${clash} has a search parameter "${resource.code}".`, 'code');
  }
  const found = compiled(definitions, others, resource);
  if (found) throw refused(`It does not compile: ${found}.`, 'expression');
}

/** Characters of an expression; HL7's longest has half as many. */
const EXPRESSION_MAX = 4000;

/** Functions whose work grows no faster than the resource that they read. */
const FUNCTIONS = new Set(
  (
    'all allTrue anyTrue as contains count distinct empty endsWith exists extension first getValue ' +
    'hasExtension hasValue is isDistinct last length lower not ofType resolve select single skip ' +
    'startsWith substring tail take toDate toDateTime toDecimal toInteger toString trim type upper where'
  ).split(' '),
);

/**
 * Why an expression is not taken, though it compiles: it is evaluated in every write of its type,
 * and one that looks at the whole resource for each of its items, or matches patterns, would hold
 * up all of them.
 */
function costOf(expression: string): string | undefined {
  if (expression.length > EXPRESSION_MAX) return `It has more than ${EXPRESSION_MAX} characters.`;
  const bare = expression.replace(/'(?:[^'\\]|\\.)*'/g, "''");
  if (bare.includes('%')) return 'It refers to %-variables; a search parameter reads its own type.';
  const called = [...bare.matchAll(/([A-Za-z_]\w*)`?\s*\(/g)].map((each) => each[1]!);
  const other = called.find((each) => !FUNCTIONS.has(each) && !OPERATORS.has(each));
  return other && `It calls ${other.slice(0, 40)}(), which is not evaluated in search parameters.`;
}

/** Words that may stand before a bracket without being called. */
const OPERATORS = new Set(['and', 'or', 'xor', 'implies', 'in', 'div', 'mod', 'is', 'as']);

/** Why a parameter does not compile; undefined when it does. */
function compiled(
  definitions: Definitions,
  others: readonly SearchParameter[],
  resource: SearchParameter,
): string | undefined {
  try {
    const all = definitions.withSearchParameters([...others, resource]);
    for (const type of resource.base ?? []) {
      const resourceType = definitions.isResourceType(type) ? type : 'Basic';
      const info = all.searchParameter(resourceType, resource.code!);
      if (!info) return `${type} is no type that has search parameters`;
      if (!info.readable) return `"${resource.expression}" reads nothing of ${type}`;
      all.extract({ resourceType } as Resource);
    }
    return undefined;
  } catch (error) {
    return (error as Error).message.slice(0, 300);
  }
}

function refused(text: string, element: string) {
  return problem('business-rule', 'search-parameter-refused', text, `SearchParameter.${element}`);
}
