/**
 * Constants of a view as literals of FHIRPath, by the type of their `value[x]`.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
 */

import { problem } from '../../sdk/index.ts';
import { isObject } from '../definitions/run.ts';
import { isNumber, numberText } from '../formats/json.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const DATE = /^\d{4}(-\d{2}(-\d{2})?)?$/;
const DATE_TIME =
  /^\d{4}(-\d{2}(-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:\d{2})?)?)?)?$/;
const TIME = /^\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?$/;

const TEXTS = ['Base64Binary', 'Canonical', 'Code', 'Id', 'Oid', 'String', 'Uri', 'Url', 'Uuid'];
const WHOLES = ['Integer', 'PositiveInt', 'UnsignedInt', 'Integer64'];

/** @throws Problem invalid for a constant without name or value */
export function constantsOf(list: unknown): ReadonlyMap<string, string> {
  const constants = new Map<string, string>();
  if (list === undefined) return constants;
  for (const [at, each] of (Array.isArray(list) ? list : [list]).entries()) {
    const place = `ViewDefinition.constant[${at}]`;
    const name = isObject(each) ? each.name : undefined;
    const key = isObject(each) ? Object.keys(each).find((it) => it.startsWith('value')) : undefined;
    const literal = key && literalOf(key.slice(5), (each as Record<string, unknown>)[key]);
    if (typeof name !== 'string' || !NAME.test(name) || literal === undefined) {
      throw problem(
        'invalid',
        'view-invalid',
        'A constant has a name of letters, digits and _ and a primitive value[x] of its type.',
        place,
      );
    }
    constants.set(name, literal);
  }
  return constants;
}

function literalOf(type: string, value: unknown): string | undefined {
  if (TEXTS.includes(type)) return typeof value === 'string' ? quoted(value) : undefined;
  if (type === 'Boolean') return typeof value === 'boolean' ? String(value) : undefined;
  if (type === 'Decimal' || WHOLES.includes(type)) {
    const text = isNumber(value) ? numberText(value) : typeof value === 'string' ? value : '';
    return /^-?\d+(\.\d+)?$/.test(text) ? text.replace(/^-(.*)$/, '(-$1)') : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (type === 'Date') return DATE.test(value) ? `@${value}` : undefined;
  if (type === 'Time') return TIME.test(value) ? `@T${value}` : undefined;
  if (type !== 'DateTime' && type !== 'Instant') return undefined;
  if (!DATE_TIME.test(value)) return undefined;
  return value.includes('T') ? `@${value}` : `@${value}T`;
}

function quoted(text: string): string {
  const escaped = text.replace(/[\\']/g, '\\$&').replace(/[\n\r\t\f]/g, (each) => ESCAPES[each]!);
  return `'${escaped}'`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
};
