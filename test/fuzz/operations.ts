/**
 * Calls of operations that come through: on instances that there are, with the parameters that their
 * OperationDefinitions name, most of them of the right type, one or the other hostile, missing, sent
 * twice or twisted; by GET with the same in the URL.
 */

import type { OperationDefinition, OperationDefinitionParameter } from '@medplum/fhirtypes';
import type { Choices } from './choices.ts';
import { jsonValue, shortText, text } from './hostile.ts';
import { resource, spoilt } from './resources.ts';
import { hasSeed, rightResource } from './seeds.ts';

/** An operation as it is called. */
export interface Call {
  /** `[type]/$code`, `[type]/[id]/$code` or `$code`. */
  readonly path: string;
  readonly parameters: readonly OperationDefinitionParameter[];
  readonly reads: boolean;
}

/** What there is to call operations on: ids by type. */
export type Instances = Readonly<Record<string, readonly string[]>>;

/** Every way to call the operations of some definitions. */
export function callsOf(
  definitions: readonly OperationDefinition[],
  instances: Instances,
): readonly Call[] {
  return definitions.flatMap((each) => {
    const parameters = (each.parameter ?? []).filter(({ use }) => use === 'in');
    const call = (path: string): Call => ({
      path,
      parameters,
      reads: each.affectsState === false,
    });
    const on = (each.resource ?? []).flatMap((type) => [
      ...(each.type ? [call(`${type}/$${each.code}`)] : []),
      ...(each.instance
        ? (instances[type] ?? []).map((id) => call(`${type}/${id}/$${each.code}`))
        : []),
    ]);
    return each.system ? [...on, call(`$${each.code}`)] : on;
  });
}

const DAYS: readonly string[] = ['2026-01-31', '2026', '2026-02', '9999-12-31', '0001-01-01'];
const NUMBERS: readonly number[] = [0, 1, 2, -1, 1000, 2147483647, 99999999999, 1.5];
const AMOUNTS: readonly object[] = [
  { value: 1000, currency: 'KES' },
  { value: 0.001, currency: 'KES' },
  { value: -5, currency: 'KES' },
  { value: 1e15, currency: 'KES' },
  { value: 1, currency: 'QQQ' },
];
const TEXTS: readonly string[] = ['json', 'csv', 'xlsx', 'pdf', '2026-01', 'x', 'fund:s-1', 'p-1'];
const REFERENCES: readonly string[] = [
  ...['Patient/p-1', 'Patient/x-1', 'Group/h-1', 'Group/x-h-1', 'Location/north', 'Location/south'],
  ...['Organization/mpesa', 'InsurancePlan/s-1', 'Coverage/c-1', 'Patient/nobody'],
];

/** A value that a type may have, where a hostile one is not drawn. */
function drawnValue(c: Choices, type: string): unknown {
  if (c.once(6)) return c.once(2) ? jsonValue(c) : text(c);
  if (/^date|instant/i.test(type)) return c.of(DAYS);
  if (/int|decimal/i.test(type)) return c.of(NUMBERS);
  switch (type) {
    case 'boolean':
      return c.once(2);
    case 'Reference':
      return { reference: c.once(8) ? shortText(c) : c.of(REFERENCES) };
    case 'Money':
      return c.of(AMOUNTS);
    case 'Period':
      return { start: c.of(DAYS), end: c.of(DAYS) };
    case 'Coding':
      return { system: 'http://hl7.org/fhir/administrative-gender', code: 'male' };
    case 'CodeableConcept':
      return { coding: [{ code: shortText(c) }] };
    default:
      return c.once(3) ? shortText(c) : c.of(TEXTS);
  }
}

const key = (type: string): string => `value${type[0]?.toUpperCase()}${type.slice(1)}`;

function resourceOf(c: Choices, type: string): unknown {
  const known = type === 'Resource' || type === 'Any' ? 'Patient' : type;
  const made = hasSeed(known) ? rightResource(c, known) : resource(c, known);
  return c.once(2) ? made : spoilt(c, made, 1 + c.below(3));
}

function parameterOf(c: Choices, of: OperationDefinitionParameter): Record<string, unknown> {
  const { name, type, part } = of;
  if (part || c.once(40)) {
    const inner = (part ?? []).filter(() => !c.once(5));
    return { name, part: inner.map((each) => parameterOf(c, each)) };
  }
  const said = type ?? 'string';
  const takesResource = said === 'Any' || said === 'Resource' || hasSeed(said);
  if (c.once(30) || (takesResource && !c.once(8))) return { name, resource: resourceOf(c, said) };
  const as = c.once(15) ? c.of(['string', 'boolean', 'integer', 'Reference', 'date']) : said;
  return { name, [key(as)]: drawnValue(c, as) };
}

/** Parameters for a call: most of those that are needed, some of the others. */
export function parametersFor(c: Choices, call: Call): unknown {
  const chosen = call.parameters.filter((each) => !c.once(each.min ? 12 : 2));
  const sent = chosen.flatMap((each) => {
    const times = c.once(20) ? 2 + c.below(3) : 1;
    return Array.from({ length: times }, () => parameterOf(c, each));
  });
  if (c.once(30)) sent.push({ name: shortText(c), valueString: text(c) });
  const made = { resourceType: 'Parameters', parameter: sent };
  return c.once(8) ? spoilt(c, made) : made;
}

/** The same as pairs of a URL, without `?`. */
export function queryFor(c: Choices, call: Call): string {
  const pairs = call.parameters
    .filter((each) => !c.once(each.min ? 12 : 2))
    .map(({ name = '', type = 'string' }) => {
      const value = drawnValue(c, type);
      const { reference } = (value ?? {}) as { reference?: unknown };
      const written = typeof value === 'string' ? value : JSON.stringify(reference ?? value ?? '');
      return `${name}=${encodeURIComponent(written.toWellFormed()).slice(0, 3000)}`;
    });
  if (c.once(10)) pairs.push(`${c.of(['_format', '_count', 'zzz', '_since'])}=${c.of(TEXTS)}`);
  return pairs.join('&');
}
