/**
 * Conditions on texts: folded, by prefix, anywhere within or exactly.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#string
 */

import { problem } from '../../sdk/index.ts';
import { capitalized, normalize, STRING_MAX } from '../definitions/normalize.ts';
import { columnOf, rawColumn, rowsKey, wholeOf } from '../store/text-rows.ts';
import { type Condition, fromIndex, type Values } from './parts.ts';
import { unescaped } from './text-values.ts';

/** Texts under some keys that begin with one of those asked for; with `:contains`, hold it anywhere. */
export function stringCondition(
  keys: readonly number[],
  texts: readonly string[],
  modifier: string | undefined,
  values: Values,
): Condition {
  const tests = texts.flatMap((each) => {
    const text = unescaped(each);
    const before = modifier === 'contains' || modifier === 'text' ? '%' : '';
    return keys.map((key) => {
      const columns = { val: textColumn(key), raw: rawColumn('raw', key) };
      const test =
        modifier === 'exact'
          ? exactTest(columns, text, values)
          : textTest(columns, text, before, values);
      return `${textsOf(key, 'str', values)} and ${test}`;
    });
  });
  const rank = modifier === 'exact' ? 20 : modifier === undefined ? 30 : 70;
  const found = fromIndex('str', tests, rank);
  if (modifier !== 'contains' && modifier !== 'text') return found;
  return { ...found, set: withinSet(keys, texts.map(unescaped), values) };
}

/** Different texts of a key that are stepped through before its rows are read one by one. */
const STEPS = 10_000;

/**
 * Texts that hold another anywhere. Names repeat, so the index by text is stepped through from each
 * text to the next (a million people have some thousand different names), and only where a key has
 * more different texts are its remaining rows read. A trigram index would be faster still, but a row
 * costs ten times as much to write with one (measured: 72 µs and eight records of WAL more), which
 * creations of people would pay and few would use.
 */
function withinSet(keys: readonly number[], texts: readonly string[], values: Values): string {
  return texts
    .flatMap((text) => {
      const like = values.add(`%${likeText(foldedOf(text))}%`, 'text');
      return keys.map((key) => {
        const column = textColumn(key);
        const whole = wholeText(rawColumn('s.raw', key), text, '%', values);
        return `select t.rid from (${distinctTexts(key, like, values)}) d
          cross join lateral (select s.rid from str s
            where ${textsOf(key, 's', values)} and s.${column} = d.val${whole} offset 0) t`;
      });
    })
    .join(' union all ');
}

/** The different texts of a key that are like a pattern. Bounds are rows, as `index-walk.ts` has it. */
function distinctTexts(key: number, like: string, values: Values): string {
  const param = values.add(rowsKey(key), 'int');
  const column = textColumn(key);
  const next = (after: string): string => `select s.${column} from str s
    where ${after} and (s.param, s.${column}) < (${param}, ${TEXT_END})
    order by s.param, s.${column} limit 1`;
  return `with recursive d(val) as (
      (${next(`(s.param, s.${column}) >= (${param}, '')`)})
      union all select (${next(`(s.param, s.${column}) > (${param}, d.val)`)}) from d
      where d.val is not null),
    stepped as materialized (select val from d limit ${STEPS})
    select val from stepped where val like ${like}
    union all select distinct s.${column} from str s where s.param = ${param}
      and s.${column} like ${like} and (select count(*) from stepped) = ${STEPS}
      and s.${column} > (select max(val) from stepped)`;
}

/** SQL of a text that is longer than any that is kept; what has no text stands behind it. */
export const TEXT_END = `repeat(chr(1114111), ${STRING_MAX})`;

/** The column of `str` in which the texts of a key stand. */
export function textColumn(key: number): string {
  return `v${columnOf(key)}`;
}

/** A test that a row of `str`, under an alias, may have texts of a key. */
export function textsOf(key: number, alias: string, values: Values): string {
  return `${alias}.param = ${values.add(rowsKey(key), 'int')}`;
}

/** A test that a row of `str`, under an alias, has a text of one of the keys. */
export function hasText(keys: readonly number[], alias: string, values: Values): string {
  const tests = keys.map(
    (key) => `${textsOf(key, alias, values)} and ${alias}.${textColumn(key)} is not null`,
  );
  return `(${tests.join(' or ')})`;
}

/** The first of the texts that a row of `str`, under an alias, has of some keys, or the last. */
export function edgeOf(
  keys: readonly number[],
  alias: string,
  edge: 'min' | 'max',
  values: Values,
): string {
  const columns = keys.map((key) => `${alias}.${textColumn(key)}`);
  if (columns.length === 1) return columns[0]!;
  const texts = keys.map(
    (key, at) => `case when ${textsOf(key, alias, values)} then ${columns[at]} end`,
  );
  return `${edge === 'min' ? 'least' : 'greatest'}(${texts.join(', ')})`;
}

/** A test that a column has one of the keys. */
export function textsUnder(keys: readonly number[], column: string, values: Values): string {
  const [key, ...more] = keys;
  if (more.length === 0) return `${column} = ${values.add(key, 'int')}`;
  return `${column} = any(${values.add(keys, 'int[]')})`;
}

function exactTest(columns: TextColumns, text: string, values: Values): string {
  const val = foldedOf(text);
  const raw = text === capitalized(val) ? '' : wholeOf(text);
  return `${columns.val} = ${values.add(val, 'text')} and ${columns.raw} = ${values.add(raw, 'text')}`;
}

/** SQL of a text as folded and as written. */
interface TextColumns {
  readonly val: string;
  readonly raw: string;
}

/** Tests columns of folded and whole text; `before` is `%` for a match anywhere. */
export function textTest(
  columns: TextColumns,
  text: string,
  before: '' | '%',
  values: Values,
): string {
  const val = foldedOf(text);
  const whole = wholeText(columns.raw, text, before, values);
  if (before) return `${columns.val} like ${values.add(`%${likeText(val)}%`, 'text')}${whole}`;
  const from = values.add(val, 'text');
  const to = values.add(`${val}\u{10ffff}`, 'text');
  return `${columns.val} >= ${from} and ${columns.val} < ${to}${whole}`;
}

/** The folded text; one without a letter or digit would match everything, so it is refused. */
function foldedOf(text: string): string {
  const folded = normalize(text);
  if (folded !== '') return folded;
  throw problem('invalid', 'search-text', 'Search for a text with at least one letter or digit.');
}

/** Index rows hold the first part of a text; a longer one is compared with the text itself. */
function wholeText(raw: string, text: string, before: string, values: Values): string {
  if (text.length <= STRING_MAX) return '';
  return ` and ${raw} ilike ${values.add(`${before}${likeText(text)}%`, 'text')}`;
}

function likeText(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}
