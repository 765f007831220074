/**
 * Names of a member, and what may be asked of several members: counts, sums, the least and the
 * greatest. A count over members of whom some cannot be judged lies between two bounds; any other
 * aggregate is unknown then.
 */

import type { Compiling, Scope } from './compiling.ts';
import { MEMBERS_MAX } from './household.ts';
import { certain, compare, exactly, not, quote, type Range } from './sql.ts';
import type { Node } from './syntax.ts';
import {
  BIGINT_MAX,
  literal,
  type MembersValue,
  type NumberValue,
  numberValue,
  type Scalar,
  toNumber,
  toScalar,
  truth,
  unknownName,
  type Value,
  type ValuesValue,
} from './values.ts';

const SEXES: ReadonlySet<string> = new Set(['female', 'male', 'other']);

/** A name of a member. */
export function memberName(compilation: Compiling, name: string, at: number): Scalar {
  switch (name) {
    case 'age':
      return ageOf(12, compilation.asOf);
    case 'ageInMonths':
      return ageOf(1, compilation.asOf);
    case 'sex':
      return { is: 'code', sql: `nullif(m.sex, 'unknown')`, among: SEXES };
    case 'role':
      return { is: 'code', sql: 'm.role' };
    case 'disability':
      return { is: 'boolean', sql: 'm.disability' };
    case 'birthDate':
      return {
        is: 'date',
        low: `to_char(m.birth_date, 'YYYY-MM-DD')`,
        high: `to_char(m.birth_date_last, 'YYYY-MM-DD')`,
      };
    default:
      throw unknownName(
        name,
        at,
        "a member has age, ageInMonths, ageOn(), birthDate, sex, role, disability, characteristic('…'), answer('…', '…')",
      );
  }
}

/** Completed years (12) or months (1) on a day. */
export function ageOf(months: number, on: string): NumberValue {
  const years = (column: string) => `extract(year from age(date '${on}', m.${column}))`;
  const completed = (column: string) =>
    months === 12
      ? `${years(column)}::bigint`
      : `(${years(column)} * 12 + extract(month from age(date '${on}', m.${column})))::bigint`;
  return {
    ...numberValue(
      { low: completed('birth_date_last'), high: completed('birth_date') },
      { whole: true, most: 100_000 },
    ),
    age: { months, on },
  };
}

/** A fact of a member by its code, from the copy that stands in the household. */
export function memberFact(code: string): Scalar {
  return factOf('m.facts', code);
}

/** What a form has answered, of a member or of the household. */
export function answerOf(compilation: Compiling, form: string, item: string, scope: Scope): Scalar {
  const { plan } = compilation;
  const alias = plan.form(form);
  if (scope === 'member') return factOf(`n.${alias}`, item);
  compilation.needs(1);
  const { number, code, boolean, any } = factOf(`w.${alias}`, item);
  return {
    is: 'fact',
    number: plan.ofBase(number),
    code: plan.ofBase(code),
    boolean: plan.ofBase(boolean),
    any: plan.ofBase(any),
  };
}

/** A fact by its code, from a column of JSON. */
function factOf(column: string, code: string): Extract<Scalar, { is: 'fact' }> {
  const fact = `(${column} -> ${quote(code)})`;
  return {
    is: 'fact',
    number: `(case when jsonb_typeof${fact} = 'number' then ${fact}::numeric end)`,
    code: `(case when jsonb_typeof${fact} = 'string' then ${column} ->> ${quote(code)} end)`,
    boolean: `(case ${fact} when 'true'::jsonb then true when 'false'::jsonb then false end)`,
    any: `coalesce(${column} ? ${quote(code)}, false)`,
  };
}

/** Bounds of how many members the conditions hold for. */
export function countOf(compilation: Compiling, where: readonly string[], at: number): Range {
  const predicate = where.filter((each) => each !== 'true').join(' and ');
  const { plan } = compilation;
  if (!predicate) return exactly(`coalesce(${plan.ofMembers('count(*)', at)}, 0)`);
  const counted = (test: string) => `count(*) filter (where ${test})`;
  const certainly = plan.overTest(counted, predicate, at);
  const doubtful = plan.overTest((test) => counted(`(${test}) is null`), predicate, at);
  const low = `coalesce(${certainly}, 0)`;
  return { low, high: `(${low} + coalesce(${doubtful}, 0))` };
}

interface Asked {
  readonly name: string;
  readonly inputs?: readonly Node[];
  readonly at: number;
}

/** `where`, `count`, `exists`, `empty`, `all`, `select`, `sum`, `min`, `max`, `avg`, `single`. */
export function membersMethod(
  compilation: Compiling,
  asked: Asked,
  target: MembersValue | ValuesValue,
): Value {
  const { name, inputs = [], at } = asked;
  const [input] = inputs;
  if (target.is === 'values') {
    if (!input && AGGREGATES.has(name)) return aggregate(compilation, name, target, at);
    throw unknownName(
      `${name}()`,
      at,
      'values of members have sum(), min(), max(), avg(), count() and single()',
    );
  }
  const { where } = target;
  const { result, at: read } = compilation.within(
    () => input && compilation.value(input, 'member'),
  );
  const layer = Math.max(read, target.layer);
  if (name === 'select' && input) {
    return { is: 'values', where, of: toScalar(result as Value, input.at), layer };
  }
  const inner = result && truth(result, input?.at ?? at);
  const count = (conditions: readonly string[]) => {
    compilation.needs(Math.max(1, layer));
    return countOf(compilation, conditions, layer);
  };
  const exists = (conditions: readonly string[]) => compare('>', count(conditions), exactly('0'));
  switch (name) {
    case 'where':
      if (inner) return { is: 'members', where: [...where, inner], layer };
      break;
    case 'count':
      if (!inner) {
        return numberValue(count(where), { whole: true, most: MEMBERS_MAX, sure: true });
      }
      break;
    case 'exists':
      return { is: 'boolean', sql: exists(inner ? [...where, inner] : where) };
    case 'empty':
      if (!inner) return { is: 'boolean', sql: not(exists(where)) };
      break;
    case 'all':
      if (inner) return { is: 'boolean', sql: not(exists([...where, not(inner)])) };
      break;
  }
  throw unknownName(
    `${name}()`,
    at,
    'members have where(…), count(), exists(…), empty(), all(…) and select(…)',
  );
}

/** What may be asked of values of several members. */
export const AGGREGATES: ReadonlySet<string> = new Set([
  'sum',
  'min',
  'max',
  'avg',
  'single',
  'count',
]);

function aggregate(
  compilation: Compiling,
  name: string,
  { where, of, layer }: ValuesValue,
  at: number,
): Value {
  compilation.needs(Math.max(1, layer));
  const predicate = where.filter((each) => each !== 'true').join(' and ') || 'true';
  const filter = predicate === 'true' ? '' : ` filter (where ${predicate})`;
  const column = (sql: string) => compilation.plan.ofMembers(sql, layer);
  const found = column('true');
  const known = (value: string) => {
    const doubt = `(${predicate}) is null or ((${predicate}) and (${value}) is null)`;
    return `count(*) filter (where ${doubt}) = 0`;
  };
  if (name === 'count') {
    const range = countOf(compilation, where, layer);
    return numberValue(range, { whole: true, most: MEMBERS_MAX, sure: true });
  }
  if (name === 'single') return single(of, predicate, column, at);
  const value = toNumber(of, at);
  const sql = certain(value.range);
  const test = known(sql);
  if (name === 'sum') {
    const most = value.most * MEMBERS_MAX;
    const whole = value.whole && most < BIGINT_MAX;
    const total = `coalesce(sum(${sql})${filter}, 0)${whole ? '::bigint' : ''}`;
    const alias = column(`case when ${test} then ${total} end`);
    const none = literal('0').range.low;
    return numberValue(`(case when ${found} then ${alias} else ${none} end)`, { whole, most });
  }
  const alias = column(`case when ${test} then ${name}(${sql})${filter} end`);
  return numberValue(alias, { whole: value.whole && name !== 'avg', most: value.most });
}

/** The value of the only member for whom the conditions hold. */
function single(of: Scalar, predicate: string, column: (sql: string) => string, at: number): Value {
  const only =
    `count(*) filter (where (${predicate}) is not false) = 1 and ` +
    `count(*) filter (where ${predicate}) = 1`;
  const pick = (choose: string, sql: string) =>
    column(`case when ${only} then ${choose}(${sql}) filter (where ${predicate}) end`);
  switch (of.is) {
    case 'number': {
      const low = pick('min', of.range.low);
      const high = of.range.low === of.range.high ? low : pick('min', of.range.high);
      return numberValue({ low, high }, { whole: of.whole, most: of.most });
    }
    case 'boolean':
      return { is: 'boolean', sql: pick('bool_and', of.sql) };
    case 'code':
      return { ...of, sql: pick('min', of.sql) };
    case 'date':
      return { is: 'date', low: pick('min', of.low), high: pick('min', of.high) };
    case 'fact':
      return {
        is: 'fact',
        number: pick('min', of.number),
        code: pick('min', of.code),
        boolean: pick('bool_and', of.boolean),
        any: `coalesce(${pick('bool_and', of.any)}, false)`,
      };
    default:
      throw unknownName('a fixed value', at, 'pick a fact of the member');
  }
}
