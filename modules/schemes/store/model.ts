/**
 * The household model in SQL: what compiled rules read, joined to a list of households `h` (and
 * their enrolments `e`), in layers.
 *
 * Members are grouped once for all rules of a scheme, characteristics pivoted once; a rule that
 * names neither costs no join. A named value is computed once, in a layer of its own; `offset 0`
 * keeps each layer a step: without it the planner would write out, and compute, every expression
 * of a layer wherever the next names it.
 */

import { addMonths } from '../../../src/sdk/index.ts';
import type { ComplianceCount, Plan } from '../language/plan.ts';
import { quote, reachedBy } from '../language/sql.ts';

const ADULT_MONTHS = 18 * 12;

/** What the first layer selects beside what the plan needs, and from where. */
export interface Ground {
  readonly plan: Plan;
  /** The day on which ages are taken, and on which who lives is counted. */
  readonly asOf: string;
  /** rid of the scheme, for the decisions of communities. */
  readonly schemeId: bigint;
  /** Selected beside: `h.household_id` and what the caller needs, under names of their own. */
  readonly columns: readonly string[];
  /** From households `h` and enrolments `e`, with joins. */
  readonly from: string;
  readonly where: string;
  /** Condition on `household_id` that limits the work, or undefined for all households. */
  readonly among: string | undefined;
  /** SQL of the count of cycles paid before, over `e`; null: not known here. */
  readonly paidCycles?: string;
}

/**
 * The text of `select <columns> from <layers>`: `select` may name everything that is usable in
 * layer `at`, and `l.*`.
 */
export function layered(ground: Ground, at: number, select: readonly string[]): string {
  const { plan, asOf } = ground;
  let below = firstLayer(ground, factsOf(ground, select));
  for (let number = 1; number <= at; number += 1) {
    const layer = plan.layers[number - 1];
    const last = number === at;
    const columns = (layer?.columns ?? []).map(({ sql, alias }) => `${sql} as ${alias}`);
    const lateral = layer?.lateral ?? [];
    const carried = last ? [] : lateral.map(({ alias }) => `v${number}.${alias}`);
    const selected = last ? select : ['l.*', ...carried, ...columns];
    below = `select ${selected.join(',\n    ')}
  from (${below}
    offset 0) l${lateralJoin(ground, number, lateral, asOf)}`;
  }
  return below;
}

/** Characteristics as columns of the first layer, and the joins that bring them. */
interface Facts {
  readonly columns: readonly string[];
  readonly joins: string;
}

/** SQL of one kind of value of a characteristic `f`: its own, and of those of a household with a code. */
const FACT_KINDS = {
  number: { own: (f: string) => `${f}.number_value`, of: 'max(f.number_value)' },
  code: { own: (f: string) => `${f}.code_value`, of: 'max(f.code_value)' },
  boolean: { own: (f: string) => `${f}.boolean_value`, of: 'bool_or(f.boolean_value)' },
  any: { own: (f: string) => `(${f}.household_id is not null)`, of: 'bool_or(true)' },
} as const;

/** Up to so many codes are joined each by itself, for half of what grouping costs; more in one pass. */
const JOINED_FACTS_MAX = 2;

/**
 * Of each code only the kinds of values that are asked for: each is a comparison for every
 * characteristic of every household.
 */
function factsOf({ plan, among }: Ground, select: readonly string[]): Facts {
  const layers = plan.layers.flatMap(({ columns, lateral }) => [...columns, ...lateral]);
  const asked = [...layers, ...plan.base].map(({ sql }) => sql).concat(select);
  const names = new Set(asked.join(' ').match(/\bf\d+_[a-z]+\b/g));
  const facts = [...plan.facts].flatMap(([code, column]) =>
    Object.entries(FACT_KINDS)
      .map(([kind, sql]) => ({ code, column, sql, alias: `${column}_${kind}` }))
      .filter(({ alias }) => names.has(alias)),
  );
  const codes = new Map(facts.map(({ code, column }) => [code, column]));
  const limit = (f: string) => (among ? ` and ${f}.household_id ${among}` : '');
  if (codes.size <= JOINED_FACTS_MAX) {
    const joins = [...codes].map(
      ([code, c]) => `
    left join households_characteristic c${c} on c${c}.household_id = h.household_id
      and c${c}.code = ${quote(code)}${limit(`c${c}`)}`,
    );
    return {
      columns: facts.map(({ sql, column, alias }) => `${sql.own(`c${column}`)} as ${alias}`),
      joins: joins.join(''),
    };
  }
  const pivoted = facts.map(
    ({ sql, code, alias }) => `${sql.of} filter (where f.code = ${quote(code)}) as ${alias}`,
  );
  return {
    columns: facts.map(({ alias }) => `c.${alias}`),
    joins: `
    left join (
      select f.household_id, ${pivoted.join(', ')}
      from households_characteristic f
      where f.code in (${[...codes.keys()].map(quote).join(', ')})${limit('f')}
      group by f.household_id) c on c.household_id = h.household_id`,
  };
}

function firstLayer(ground: Ground, facts: Facts): string {
  const { plan, columns } = ground;
  const own = [
    ...plan.members.map(({ alias }) => `a.${alias}`),
    ...facts.columns,
    ...plan.base.map(
      ({ sql, alias }) =>
        `${sql.replaceAll('paid_cycles', ground.paidCycles ?? 'null')} as ${alias}`,
    ),
    ...[...plan.areaLevels].map((level) => `ar${level}.code as area${level}_code`),
    ...(plan.usesValidation ? ['cv.decision as community_decision'] : []),
  ];
  return `select ${[...columns, ...own].join(', ')}
    ${ground.from}${memberJoin(ground)}${facts.joins}${areaJoins(plan)}${otherJoins(ground)}
    where ${ground.where}`;
}

/** Who lives on the day: not dead by then, and born. */
function living(asOf: string): string {
  return (
    `(not m.deceased or m.deceased_on > date '${asOf}') ` +
    `and (m.birth_date is null or m.birth_date <= date '${asOf}')`
  );
}

function memberJoin(ground: Ground): string {
  const { plan, asOf, among } = ground;
  if (plan.members.length === 0) return '';
  const tested = testedMembers(ground);
  if (tested) return tested;
  const columns = plan.members.map(({ sql, alias }) => `${sql} as ${alias}`);
  return `
    left join (
      select m.household_id, ${columns.join(', ')}
      from ${membersText(plan, asOf, columns)}
      where ${living(asOf)}${among ? ` and m.household_id ${among}` : ''}
      group by m.household_id) a on a.household_id = h.household_id`;
}

/** Members `m`, with their conditions `p` and answers `n` where the columns name them. */
function membersText(plan: Plan, asOf: string, columns: readonly string[]): string {
  const compliance = columns.some((column) => READS_COMPLIANCE.test(column))
    ? complianceJoin(plan.compliance, 'm.household_id', 'm.member_id')
    : '';
  return `households_member m${compliance}${memberAnswers(plan, asOf, columns)}`;
}

/** From so many saved on, making tests of members once costs less than the layer in which they are made. */
const TESTS_SAVED_MIN = 2;

/** What of a member the aggregates may name beside the tests. */
const MEMBER_COLUMNS =
  'member_id position role collector sex birth_date birth_date_last disability deceased deceased_on facts';

/** The aggregates over tests that are made once a member; undefined where that is not worth it. */
function testedMembers({ plan, asOf, among }: Ground): string | undefined {
  const { members, tests } = plan;
  const over = members.map(({ sql, tested }) => tested ?? sql);
  const saved = members.filter(({ tested }) => tested !== undefined).length - tests.length;
  if (saved < TESTS_SAVED_MIN || over.some((sql) => READS_JOINED.test(sql))) return undefined;
  const named = new Set([...over.join(' ').matchAll(/\bm\.([a-z_]+)\b/g)].map((found) => found[1]));
  const inner = [
    'm.household_id',
    ...MEMBER_COLUMNS.split(' ').flatMap((name) => (named.has(name) ? [`m.${name}`] : [])),
    ...tests.map(({ sql, alias }) => `${sql} as ${alias}`),
  ];
  const columns = members.map(({ alias }, index) => `${over[index]} as ${alias}`);
  return `
    left join (
      select m.household_id, ${columns.join(', ')}
      from (select ${inner.join(', ')}
        from ${membersText(plan, asOf, inner)}
        where ${living(asOf)}${among ? ` and m.household_id ${among}` : ''}
        offset 0) m
      group by m.household_id) a on a.household_id = h.household_id`;
}

const READS_COMPLIANCE = /\bp\.c\d/;
const READS_JOINED = /\b[pn]\.[cq]\d/;

/** The newest answers of each member to each form; one row a member, wherever it lives now. */
function memberAnswers(plan: Plan, asOf: string, columns: readonly string[]): string {
  if (!columns.some((column) => /\bn\.q\d/.test(column))) return '';
  return `
      left join (${answersText(plan, asOf, 'member_id', 'r.member_id <> 0')}) n
        on n.member_id = m.member_id`;
}

/** The newest answers to each form as of a day. */
function answersText({ forms }: Plan, asOf: string, key: string, where: string): string {
  const columns = [...forms].map(
    ([url, alias]) =>
      `(array_agg(r.answers order by r.answered_on desc, r.response_id desc)
          filter (where r.questionnaire = ${quote(url)}))[1] as ${alias}`,
  );
  return `select r.${key}, ${columns.join(', ')} from schemes_response r
        where ${where} and r.answered_on <= date '${asOf}'
          and r.questionnaire in (${[...forms.keys()].map(quote).join(', ')})
        group by r.${key}`;
}

function complianceJoin(
  counts: readonly ComplianceCount[],
  household: string,
  member: string,
  alias = 'p',
): string {
  return `
      left join (${complianceText(counts)}) ${alias}
        on ${alias}.household_id = ${household} and ${alias}.member_id = ${member}`;
}

/** Months per member (0: the household itself) by condition and outcome. */
function complianceText(counts: readonly ComplianceCount[]): string {
  const columns = counts.map(({ alias, condition, outcome, months }) => {
    const inMonths =
      months.length > 0 ? `r.month in (${months.map(dayLiteral).join(', ')})` : 'false';
    const of = outcome ? ` and r.outcome = ${quote(outcome)}` : '';
    const test = `r.condition = ${quote(condition)} and ${inMonths}${of}`;
    return `count(*) filter (where ${test}) as ${alias}`;
  });
  const months = [...new Set(counts.flatMap((count) => count.months))];
  const within = months.length > 0 ? `r.month in (${months.map(dayLiteral).join(', ')})` : 'false';
  return `select r.household_id, r.member_id, ${columns.join(', ')}
        from schemes_compliance r where ${within} group by r.household_id, r.member_id`;
}

function dayLiteral(day: string): string {
  return `date '${day}'`;
}

/** Aggregates over the members of each household that read values of the household. */
function lateralJoin(
  { plan }: Ground,
  number: number,
  columns: readonly { readonly sql: string; readonly alias: string }[],
  asOf: string,
): string {
  if (columns.length === 0) return '';
  const selected = columns.map(({ sql, alias }) => `${sql} as ${alias}`);
  return `
    left join lateral (
      select ${selected.join(', ')}
      from ${membersText(plan, asOf, selected)}
      where m.household_id = l.household_id and ${living(asOf)}) v${number} on true`;
}

/** The household's own area, and those above it by level. */
function areaJoins(plan: Plan): string {
  if (plan.areaLevels.size === 0) return '';
  const levels = [...plan.areaLevels];
  const own = `
    left join pay_points_area ar0 on ar0.area_id = h.area_id`;
  const above = levels
    .filter((level) => level > 0)
    .map(
      (level) => `
    left join pay_points_area ar${level} on ar${level}.area_id = ar0.path[${level}]`,
    );
  return own + above.join('');
}

function otherJoins({ plan, schemeId, asOf }: Ground): string {
  const answers = plan.base.some(({ sql }) => /\bw\.q\d/.test(sql))
    ? `
    left join (${answersText(plan, asOf, 'household_id', 'r.member_id = 0')}) w
      on w.household_id = h.household_id`
    : '';
  const household = plan.base.some(({ sql }) => /\bq\.c\d/.test(sql))
    ? complianceJoin(plan.compliance, 'h.household_id', '0', 'q')
    : '';
  const validation = plan.usesValidation
    ? `
    left join schemes_validation cv
      on cv.household_id = h.household_id and cv.scheme_id = ${schemeId}`
    : '';
  return household + validation + answers;
}

/** Numbers (from 1) of the first criterion that is false, and of the first that is unknown. */
export function verdictColumns(criteria: readonly string[]): readonly string[] {
  const first = (test: string) =>
    `case ${criteria.map((sql, index) => `when ${sql} ${test} then ${index + 1}`).join(' ')} end`;
  return [`${first('is false')} as criterion_failed`, `${first('is null')} as criterion_unknown`];
}

/**
 * The only adult of the household `h`, where it has one; somebody who may be an adult makes it two. A
 * sub-select, asked only of households without head or declared collector: a lateral join would run
 * for each, and be the one loop in a plan that must do without them (`withoutLoops`).
 */
export function onlyAdult(asOf: string): string {
  const adult = reachedBy(addMonths(asOf, -ADULT_MONTHS));
  return `(select case when count(*) filter (where ${adult} is not false) = 1
                  then min(m.member_id) filter (where ${adult}) end
      from households_member m where m.household_id = h.household_id and not m.deceased)`;
}
