/**
 * `lookup('table', key, …)` and `lookup('table.column', key, …)`: the value of the first row whose
 * keys match; missing where none does or a key is unknown.
 */

import { compareNumbers } from './arithmetic.ts';
import { compareAge } from './compare.ts';
import type { Compiling, Scope } from './compiling.ts';
import { dateLiteral } from './moment.ts';
import { not, quote } from './sql.ts';
import type { Call, Node } from './syntax.ts';
import { type Key, keyKind, type RuleTable, valueKind } from './table.ts';
import {
  codeOf,
  type DateValue,
  literal,
  type NumberValue,
  numberValue,
  type Scalar,
  toDate,
  toNumber,
  toScalar,
  wrong,
} from './values.ts';

/** How a key is tested: SQL that is true for a row's key, and SQL that is true when it is known. */
interface Tester {
  readonly test: (key: Key) => string;
  readonly known: string | undefined;
}

export function lookup(compilation: Compiling, node: Call, scope: Scope): Scalar {
  const { table, column } = tableOf(compilation, node);
  const keys = node.inputs.slice(1);
  if (keys.length !== table.keys.length) {
    throw wrong(
      `table ${table.name} is looked up by ${table.keys.length}: ${table.keys.join(', ')}`,
      node.at,
    );
  }
  const testers = keys.map((key, index) => tester(compilation, scope, table, index, key));
  const kind = valueKind(table, column);
  const branches = table.rows.map((row) => {
    const tests = row.keys.flatMap((key, index) =>
      key.is === 'any' ? [] : [(testers[index] as Tester).test(key)],
    );
    const value = row.values[column] as string;
    const sql = kind === 'number' ? literal(value).range.low : quote(value);
    return `when ${tests.join(' and ') || 'true'} then ${sql}`;
  });
  // A key that is unknown must not fall through to a later row.
  const unknown = testers.flatMap(({ known }) => (known ? [not(known)] : []));
  const guard = unknown.length > 0 ? `when ${unknown.join(' or ')} then null ` : '';
  const sql = `(case ${guard}${branches.join(' ')} end)`;
  if (kind === 'code') return { is: 'code', sql };
  const values = table.rows.map((row) => literal(row.values[column] as string));
  return numberValue(sql, {
    whole: values.every((value) => value.whole),
    most: Math.max(...values.map((value) => value.most)),
  });
}

function tableOf(
  compilation: Compiling,
  node: Call,
): { readonly table: RuleTable; readonly column: number } {
  const [first] = node.inputs;
  if (first?.kind !== 'string') throw wrong("lookup('table', key, …) names a table", node.at);
  const [name = '', value] = first.text.split('.');
  const table = compilation.tables.get(name);
  if (!table) {
    const known = [...compilation.tables.keys()].join(', ') || 'none';
    throw wrong(`there is no table '${name}'; there are: ${known}`, first.at);
  }
  const column = value === undefined ? 0 : table.values.indexOf(value);
  if (column < 0 || (value === undefined && table.values.length > 1)) {
    throw wrong(`say which value of ${name}: ${table.values.join(', ')}`, first.at);
  }
  return { table, column };
}

function tester(
  compilation: Compiling,
  scope: Scope,
  table: RuleTable,
  column: number,
  node: Node,
): Tester {
  const value = toScalar(compilation.one(node, scope), node.at);
  if (table.rows.every((row) => row.keys[column]?.is === 'any')) {
    return { test: () => 'true', known: undefined };
  }
  const kind = keyKind(table, column);
  if (kind === 'number') return numberTester(compilation.certain(numeric(value, node.at)), value);
  if (kind === 'day') return dateTester(toDate(value, node.at));
  const sql = codeOf(value, node.at);
  return {
    test: (key) => `${sql} = ${quote(key.is === 'exactly' ? key.value : '')}`,
    known: value.is === 'text' ? undefined : `(${sql} is not null)`,
  };
}

function numeric(value: Scalar, at: number): NumberValue {
  return toNumber(value, at);
}

function numberTester(exact: NumberValue, given: Scalar): Tester {
  // An age is compared as days, which needs no arithmetic for each row of the table.
  const value = given.is === 'number' && given.age ? given : exact;
  const compare = (operator: string, bound: string) =>
    compareAge(operator, value, literal(bound)) ?? compareNumbers(operator, exact, literal(bound));
  return {
    test: (key) => between(key, compare),
    known: exact.sure ? undefined : `(${exact.range.low} is not null)`,
  };
}

function dateTester({ low, high }: DateValue): Tester {
  const compare = (operator: string, bound: string) => {
    const day = dateLiteral(bound) as DateValue;
    return `${low} ${operator} ${day.low}`;
  };
  return {
    test: (key) => between(key, compare),
    known: `(${low} = ${high})`,
  };
}

function between(key: Key, compare: (operator: string, bound: string) => string): string {
  if (key.is === 'any') return 'true';
  if (key.is === 'exactly') return compare('=', key.value);
  const tests: string[] = [];
  if (key.low !== undefined) tests.push(compare(key.lowIncluded ? '>=' : '>', key.low));
  if (key.high !== undefined) tests.push(compare(key.highIncluded ? '<=' : '<', key.high));
  return `(${tests.join(' and ')})`;
}
