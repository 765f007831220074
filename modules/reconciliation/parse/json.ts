/**
 * Statements as JSON, mapped by JSONPath. Numbers are taken by their text, so that no digit is lost.
 * Paths come from outside: script and filter expressions are off, so a path can only point.
 *
 * Spec: RFC 9535 (without filters); jsonpath-plus with `eval: false`.
 */

import { JSONPath } from 'jsonpath-plus';
import { problem } from '../../../src/sdk/index.ts';
import type { ParsedStatement, ReadingOptions, StatementFormat } from '../statement.ts';
import { FIELDS, type Fields, lineProblem, readLine, textOf } from './fields.ts';

type JsonValue = string | boolean | null | JsonValue[] | { [name: string]: JsonValue };

function keepText(_key: string, value: unknown, context?: { source?: string }): unknown {
  return typeof value === 'number' ? (context?.source ?? String(value)) : value;
}

function parsed(content: Buffer): JsonValue {
  try {
    return JSON.parse(textOf(content), keepText) as JsonValue;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw problem('structure', 'not-json', 'The file is not JSON; send it as it came.', 'content');
  }
}

function at(json: JsonValue, path: string): JsonValue[] {
  if (path.length > 200 || /[()]/.test(path)) throw malformed(path);
  try {
    return JSONPath({ path, json, eval: false, wrap: true }) as JsonValue[];
  } catch (error) {
    throw malformed(path, error);
  }
}

function malformed(path: string, cause?: unknown) {
  const said = cause instanceof Error ? ` (${cause.message.slice(0, 100)})` : '';
  return problem(
    'invalid',
    'path-malformed',
    `"${path.slice(0, 100)}" is not a JSONPath that points${said}; scripts and filters are off.`,
    'mapping',
  );
}

function fieldsOf(item: JsonValue, number: number, mapping: ReadonlyMap<string, string>): Fields {
  if (typeof item !== 'object' || item === null) {
    throw lineProblem(number, {
      code: 'value-not-single',
      diagnostics: 'an item must be an object.',
    });
  }
  const fields: Fields = {};
  for (const field of FIELDS) {
    const path = mapping.get(field);
    if (path === undefined) continue;
    const [value, ...others] = at(item, path);
    if (value === undefined || value === null || value === '') continue;
    if (typeof value === 'object' || others.length > 0) {
      throw lineProblem(
        number,
        { code: 'value-not-single', diagnostics: `${path} gives no single value.` },
        field,
      );
    }
    fields[field] = String(value).trim();
  }
  return fields;
}

function read(content: Buffer, options: ReadingOptions): ParsedStatement {
  const { mapping } = options;
  if (!mapping.has('amount')) {
    throw problem(
      'required',
      'mapping-missing',
      'JSON needs a mapping: "lines" (path of the items), "amount", and "key", "reference" or ' +
        '"account", each a JSONPath.',
      'mapping',
    );
  }
  const json = parsed(content);
  const items = at(json, mapping.get('lines') ?? '$[*]');
  return {
    lines: items.map((item, index) =>
      readLine(index + 1, fieldsOf(item, index + 1, mapping), options),
    ),
  };
}

/** JSON. */
export const jsonFormat: StatementFormat = { format: 'json', read };
