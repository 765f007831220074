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
  let below = firstLayer(ground, factColumns(plan, select));
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

/** SQL of one kind of value of the characteristics `f` with a code. */
const FACT_KINDS = {
  number: (only: string) => `max(f.number_value) ${only}`,
  code: (only: string) => `max(f.code_value) ${only}`,
  boolean: (only: string) => `bool_or(f.boolean_value) ${only}`,
  any: (only: string) => `bool_or(true) ${only}`,
};

/**
 * Columns of the characteristics, of each code only the kinds of values that are asked for: each is
 * a comparison for every characteristic of every household.
 */
function factColumns(plan: Plan, select: readonly string[]): { sql: string; alias: string }[] {
  const layers = plan.layers.flatMap(({ columns, lateral }) => [...columns, ...lateral]);
  const asked = [...layers, ...plan.base].map(({ sql }) => sql).concat(select);
  const names = new Set(asked.join(' ').match(/\bf\d+_[a-z]+\b/g));
  return [...plan.facts].flatMap(([code, column]) =>
    Object.entries(FACT_KINDS)
      .map(([kind, sql]) => ({
        sql: sql(`filter (where f.code = ${quote(code)})`),
        alias: `${column}_${kind}`,
      }))
      .filter(({ alias }) => names.has(alias)),
  );
}

function firstLayer(ground: Ground, facts: readonly { sql: string; alias: string }[]): string {
  const { plan, among, columns } = ground;
  const own = [
    ...plan.members.map(({ alias }) => `a.${alias}`),
    ...facts.map(({ alias }) => `c.${alias}`),
    ...plan.base.map(
      ({ sql, alias }) =>
        `${sql.replaceAll('paid_cycles', ground.paidCycles ?? 'null')} as ${alias}`,
    ),
    ...[...plan.areaLevels].map((level) => `ar${level}.code as area${level}_code`),
    ...(plan.usesValidation ? ['cv.decision as community_decision'] : []),
  ];
  return `select ${[...columns, ...own].join(', ')}
    ${ground.from}${memberJoin(ground)}${factJoin(plan, facts, among)}${areaJoins(plan)}${otherJoins(ground)}
    where ${ground.where}`;
}

/** Who lives on the day: not dead by then, and born. */
function living(asOf: string): string {
  return (
    `(not m.deceased or m.deceased_on > date '${asOf}') ` +
    `and (m.birth_date is null or m.birth_date <= date '${asOf}')`
  );
}

function memberJoin({ plan, asOf, among }: Ground): string {
  if (plan.members.length === 0) return '';
  const columns = plan.members.map(({ sql, alias }) => `${sql} as ${alias}`);
  const compliance = columns.some((column) => READS_COMPLIANCE.test(column))
    ? complianceJoin(plan.compliance, 'm.household_id', 'm.member_id')
    : '';
  const answers = memberAnswers(plan, asOf, columns);
  return `
    left join (
      select m.household_id, ${columns.join(', ')}
      from households_member m${compliance}${answers}
      where ${living(asOf)}${among ? ` and m.household_id ${among}` : ''}
      group by m.household_id) a on a.household_id = h.household_id`;
}

const READS_COMPLIANCE = /\bp\.c\d/;

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
  const compliance = selected.some((column) => READS_COMPLIANCE.test(column))
    ? complianceJoin(plan.compliance, 'm.household_id', 'm.member_id')
    : '';
  return `
    left join lateral (
      select ${selected.join(', ')}
      from households_member m${compliance}${memberAnswers(plan, asOf, selected)}
      where m.household_id = l.household_id and ${living(asOf)}) v${number} on true`;
}

function factJoin(
  plan: Plan,
  facts: readonly { sql: string; alias: string }[],
  among: string | undefined,
): string {
  if (facts.length === 0) return '';
  const columns = facts.map(({ sql, alias }) => `${sql} as ${alias}`);
  const codes = [...plan.facts.keys()].map(quote).join(', ');
  return `
    left join (
      select f.household_id, ${columns.join(', ')}
      from households_characteristic f
      where f.code in (${codes})${among ? ` and f.household_id ${among}` : ''}
      group by f.household_id) c on c.household_id = h.household_id`;
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
