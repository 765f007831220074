/**
 * Conditions on composite parameters: parts joined by `$` that hold together within one element.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#composite
 */

import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { IN_BASE_UNITS } from '../definitions/composites.ts';
import type { CompositePart, SearchParameterInfo } from '../definitions/definitions.ts';
import { hash32, hash64, systemKey, unitHash } from '../definitions/hash.ts';
import { baseUnitHash } from '../definitions/units.ts';
import { intervalTest, numberTest, quantityAsked } from './measures.ts';
import type { Values } from './parts.ts';
import { targetOf } from './references.ts';
import { split, unescaped } from './text-values.ts';
import { textTest } from './texts.ts';
import { parseDate, parseNumber, parseToken } from './values.ts';

/** Tests a row of `pair`: whether all parts of a value hold in the element. */
export function compositeTest(
  unit: UnitOfWork,
  info: SearchParameterInfo,
  text: string,
  name: string,
  values: Values,
): string {
  const texts = split(text, '$');
  const { components } = info;
  if (texts.length !== components.length || texts.includes('')) {
    const form = components.map((part) => part.type).join('$');
    throw problem(
      'invalid',
      'search-composite',
      `"${text}": ${info.code} takes ${components.length} parts, ${form}.`,
      name,
    );
  }
  const tests = components.map((part, at) => partTest(unit, part, texts[at]!, name, values));
  const param = values.add(info.key, 'int');
  return `param = ${param} and ${tests.join(' and ')}`;
}

function partTest(
  unit: UnitOfWork,
  part: CompositePart,
  text: string,
  name: string,
  values: Values,
): string {
  const at = part.place;
  switch (part.type) {
    case 'token':
      return tokenTest(part, text, name, values);
    case 'reference': {
      const { target, types } = targetOf(unit, part.targets, undefined, unescaped(text));
      const hash = `h${at} = ${values.add(hash64(target), 'bigint')}`;
      return types ? `${hash} and s${at} = any(${values.add(types, 'int[]')})` : hash;
    }
    case 'uri':
      return `h${at} = ${values.add(hash64(unescaped(text)), 'bigint')}`;
    case 'number':
      return numberTest(`val${at}`, parseNumber(text, name), values);
    case 'quantity': {
      const { value, base } = quantityAsked(text, name);
      const test = numberTest(`val${at}`, value, values);
      if (base) return `${test} and h${at} = ${values.add(baseUnitHash(base), 'bigint')}`;
      if (value.unit === undefined) {
        return `${test} and s${at} <> ${values.add(IN_BASE_UNITS, 'int')}`;
      }
      const same = value.system
        ? `h${at} = ${values.add(unitHash(value.system, value.unit), 'bigint')}`
        : `s${at} = ${values.add(hash32(value.unit), 'int')}`;
      return `${test} and ${same}`;
    }
    case 'date':
      return intervalTest(`lower${at}`, `upper${at}`, parseDate(text, name), values);
    case 'string':
      return textTest({ val: `txt${at}`, raw: `raw${at}` }, unescaped(text), '', values);
    default:
      throw problem('not-supported', 'search-composite', `${part.type} is no part.`, name);
  }
}

function tokenTest(part: CompositePart, text: string, name: string, values: Values): string {
  const { system, code } = parseToken(text, name);
  const tests: string[] = [];
  if (code !== '') tests.push(`h${part.place} = ${values.add(hash64(code), 'bigint')}`);
  const implied = system !== undefined && part.implicitSystems.includes(system);
  if (system !== undefined && !implied) {
    tests.push(`s${part.place} = ${values.add(systemKey(system), 'int')}`);
  }
  return tests.join(' and ');
}
