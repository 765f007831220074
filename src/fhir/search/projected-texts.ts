/**
 * Conditions on texts and keys of what rooms show, as SQL over alias `v`: codes of closed lists,
 * texts that are few, names `Type/id`, and any other text folded row by row.
 */

import { trailBytes } from '../../audit/key.ts';
import type { ProjectedAmong, ProjectedKey, ProjectedParameter } from '../../sdk/index.ts';
import type { Values } from './parts.ts';

const KEY_FORMS: Readonly<Record<ProjectedKey['type'], RegExp>> = {
  uuid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  bigint: /^(?:0|[1-9]\d{0,17})$/,
  trail: /^/,
};

/** Finds rows by the texts of a key; a text that the key cannot have is nobody's. */
export function keyTest(
  text: string,
  key: ProjectedKey | undefined,
  ids: readonly string[],
  values: Values,
): string {
  if (!key) return `v.${text} = any(${values.add(ids, 'text[]')})`;
  const possible = ids.filter((id) => KEY_FORMS[key.type].test(id));
  const test =
    key.type === 'trail'
      ? `v.${key.column} = any(${values.add(possible.map(trailBytes), 'bytea[]')})`
      : `v.${key.column} = any(${values.add(possible, `${key.type}[]`)})`;
  return key.where ? `(${key.where} and ${test})` : test;
}

/** The marks that folding takes away, the same in SQL and here. */
const MARKS = '\u0300-\u036f\u0640';

function folded(text: string): string {
  return text
    .normalize('NFKD')
    .replace(new RegExp(`[${MARKS}]`, 'g'), '')
    .toLowerCase();
}

type TextParameter = Extract<ProjectedParameter, { type: 'string' }>;

/** Of a closed list, the codes that fit are named, so that an index may find them. */
export function stringTest(
  parameter: TextParameter,
  text: string,
  modifier: string | undefined,
  values: Values,
): string {
  const { column, codes, among } = parameter;
  if (codes) {
    const found = Object.keys(codes).filter((code) => {
      if (modifier === 'exact') return code === text;
      const at = folded(code).indexOf(folded(text));
      return modifier === 'contains' ? at >= 0 : at === 0;
    });
    return found.length > 0 ? `(${found.map((code) => codes[code]).join(' or ')})` : 'false';
  }
  if (parameter.names) return nameTest(parameter, parameter.names, text, modifier, values);
  if (among) return `v.${among.column} = any(array(${keysAmong(among, [text], modifier, values)}))`;
  return foldedTest(`v.${column}`, text, modifier, values);
}

/** SQL of the keys of those few texts that fit one of some. */
export function keysAmong(
  { view }: ProjectedAmong,
  texts: readonly string[],
  modifier: string | undefined,
  values: Values,
): string {
  const tests = texts.map((text) => foldedTest('a.text', text, modifier, values));
  return `select a.key from ${view} a where ${tests.join(' or ')}`;
}

function foldedTest(
  column: string,
  text: string,
  modifier: string | undefined,
  values: Values,
): string {
  if (modifier === 'exact') return `${column} = ${values.add(text, 'text')}`;
  const before = modifier === 'contains' ? '%' : '';
  const like = `like ${values.add(`${before}${folded(text).replace(/[\\%_]/g, '\\$&')}%`, 'text')}`;
  // What is all ASCII is spared the foldings that cost most.
  return `case when octet_length(${column}) = length(${column}) then lower(${column}) ${like}
    else lower(regexp_replace(normalize(${column}, NFKD), '[${MARKS}]', '', 'g')) ${like} end`;
}

/** What only its whole name finds is compared by its key; ids are ASCII, so that none is folded. */
function nameTest(
  parameter: TextParameter,
  { type, key }: NonNullable<TextParameter['names']>,
  text: string,
  modifier: string | undefined,
  values: Values,
): string {
  const name = nameOf(parameter, text, modifier);
  if (name) {
    const own = keyTest(parameter.column, key, [name.id], values);
    return `(v.${type} = ${values.add(name.type, 'text')} and ${own})`;
  }
  const asked = text.toLowerCase();
  if (modifier === 'exact') return 'false';
  const like = (column: string, pattern: string): string =>
    `lower(v.${column}) like ${values.add(pattern.replace(/[\\%_]/g, '\\$&'), 'text')} || '%'`;
  const any = `v.${key.column} is not null`;
  if (modifier === 'contains') {
    return `(${any} and position(${values.add(asked, 'text')} in lower(v.${parameter.column})) > 0)`;
  }
  const [kind = '', id] = asked.split(/\/(.*)/s);
  if (id === undefined) return `(${any} and ${like(type, kind)})`;
  const whole = `lower(v.${type}) = ${values.add(kind, 'text')}`;
  const texts = `(v.${key.column} >= '\\x01'::bytea and ${like(parameter.column, asked)})`;
  const hex = id.replaceAll('-', '');
  const from = uuidOf(hex.padEnd(32, '0'));
  if (!/^[0-9a-f]{0,32}$/.test(hex) || !from.startsWith(id)) return `(${whole} and ${texts})`;
  const ends = [from, uuidOf(hex.padEnd(32, 'f'))].map((each) =>
    values.add(trailBytes(each), 'bytea'),
  );
  return `(${whole} and (v.${key.column} between ${ends.join(' and ')} or ${texts}))`;
}

function uuidOf(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/**
 * What a text names that can only be meant whole: `Type/id` of a UUID, of which no longer id begins
 * with it unless somebody has made one to confuse.
 */
export function nameOf(
  { names }: TextParameter,
  text: string,
  modifier: string | undefined,
): { readonly type: string; readonly id: string } | undefined {
  if (!names || (modifier !== undefined && modifier !== 'exact')) return undefined;
  const [, type, id] = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9.-]{1,64})$/.exec(text) ?? [];
  if (!type || !id) return undefined;
  return modifier === 'exact' || KEY_FORMS.uuid.test(id) ? { type, id } : undefined;
}
