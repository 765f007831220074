/**
 * What rules would cost and whom they would reach, over the live registry, beside the rules in
 * force: one SELECT that writes nothing.
 *
 * It is made of what a payroll is made of (`entitlement.ts`, `model.ts`), so that a draft cannot
 * come to another sum. Two sets of rules for the same day of ages share one plan: members are
 * grouped once for both. Whoever is not enrolled is judged as `$enrol` does on the day of ages, and
 * then as an enrolment of that day; where rules look at the enrolment itself, in two rows, one
 * before and one after.
 *
 * Layers: judged (criteria and amounts of both) → reasons → places by rank → outcomes → cells.
 */

import type { Context } from '../../../src/sdk/index.ts';
import { Plan } from '../language/plan.ts';
import { quote } from '../language/sql.ts';
import { usablePlaces } from '../rank.ts';
import { ageDay, type CompiledRules, compileRules } from '../rules/compiled.ts';
import { inHalves, prepareBulk } from './bulk.ts';
import { CARRIED, columnsOf, payeeJoins, reasonCase, routeCase } from './entitlement.ts';
import { type Ground, layered, verdictColumns } from './model.ts';
import { cellsText } from './simulation-cells.ts';
import type { Side, SimulationQuestion, SimulationRow } from './simulation-types.ts';

/** Runs what reads only: until it is done PostgreSQL refuses to write in this unit of work. */
async function readOnly<Result>(ctx: Context, work: () => Promise<Result>): Promise<Result> {
  await ctx.db.run('savepoint simulation');
  await ctx.db.run('set local transaction_read_only = on');
  const result = await work();
  await ctx.db.run('rollback to savepoint simulation');
  return result;
}

/** Runs a simulation, where PostgreSQL refuses to write; the rows of each split come to the same sums. */
export async function simulate(
  ctx: Context,
  question: SimulationQuestion,
): Promise<SimulationRow[]> {
  await prepareBulk(ctx);
  const whole = () => readOnly(ctx, () => ctx.db.query<SimulationRow>(simulationText(question)));
  if (!isSum(question)) return whole();
  return added(await inHalves(ctx, (among) => simulationText(question, among), whole));
}

/** Each household by itself: nothing depends on how many come before it. */
function isSum({ sides, scope, areaId, budgetMinor, top }: SimulationQuestion): boolean {
  const ranked = sides.some(({ rules }) => rules.ranking !== null);
  const all = scope === 'registry' && areaId === undefined;
  return all && !ranked && budgetMinor === undefined && top === 0;
}

/** Rows that have everything in common that is told, as one. */
function added(rows: readonly SimulationRow[]): SimulationRow[] {
  const keyOf = ({ split, value, now_why, tried_why, change, over }: SimulationRow) =>
    JSON.stringify([split, value, now_why, tried_why, change, over]);
  return [...Map.groupBy(rows, keyOf).values()].map((same) => {
    const sum = (of: 'n' | 'people' | 'now_minor' | 'tried_minor') =>
      same.reduce((total, row) => total + row[of], 0n);
    return {
      ...(same[0] as SimulationRow),
      n: sum('n'),
      people: sum('people'),
      now_minor: sum('now_minor'),
      tried_minor: sum('tried_minor'),
    };
  });
}

/**
 * The text of the SELECT; pure.
 *
 * @param part  condition on household_id: over these only
 */
export function simulationText(question: SimulationQuestion, part?: string): string {
  const grounds = groundsOf(question);
  const reads = grounds.some(({ compiled }) => compiled.some(({ rules }) => readsEnrolment(rules)));
  const judged = reasonsText(question, judgedText(question, grounds, reads, part));
  const places = placesText(question, reads ? 'judged where not hypothetical' : 'judged');
  const parts = [`judged as (${judged})`, `placed as (${places})`];
  if (reads) parts[0] = `judged as materialized (${judged})`;
  return cellsText(question, parts, reads ? afterwardsText(question) : 'placed');
}

// ── judged ───────────────────────────────────────────────────────────────────────────────────

interface CompiledSide {
  readonly side: Side;
  readonly rules: CompiledRules;
}

/** Rules for one day of ages. */
interface Together {
  readonly asOf: string;
  readonly plan: Plan;
  readonly compiled: readonly CompiledSide[];
}

function groundsOf({ sides }: SimulationQuestion): Together[] {
  const days = Map.groupBy(sides, ({ rules, period }) => ageDay(rules, period));
  return [...days].map(([asOf, together]) => {
    const plan = new Plan();
    const compiled = together.map((side) => ({
      side,
      rules: compileRules(side.rules, side.period, asOf, { plan, amountsOnly: true }),
    }));
    return { asOf, plan, compiled };
  });
}

/** True where rules look at the enrolment: then being enrolled changes what they say. */
function readsEnrolment({ plan }: CompiledRules): boolean {
  return plan.base.some(({ sql }) => /\be\.|paid_cycles/.test(sql));
}

/** Columns of every household that is looked at, and what each set of rules says of it. */
function judgedText(
  question: SimulationQuestion,
  grounds: readonly Together[],
  reads: boolean,
  part: string | undefined,
): string {
  const [first, ...others] = grounds as [Together, ...Together[]];
  const texts = others.map((each, index) => {
    const columns = each.compiled.flatMap(sideColumns);
    const names = ['household_id', 'hypothetical'];
    const own = groundText(question, each, { reads, part }, [
      ...names.map((name) => `l.${name}`),
      ...columns,
    ]);
    return `join (${own}\n    offset 0) g${index} using (household_id, hypothetical)`;
  });
  const carried = [...CARRIED, 'standing', 'began_on', 'ended_on', 'people', 'hypothetical'];
  const columns = first.compiled.flatMap(sideColumns);
  const own = groundText(question, first, { reads, part }, [
    ...carried.map((name) => `l.${name}`),
    ...columns,
  ]);
  return `select * from (${own}\n    offset 0) g ${texts.join(' ')}`;
}

function sideColumns({ side: { of, rules }, rules: compiled }: CompiledSide): string[] {
  return [
    ...verdictColumns(compiled.criteria).map((text) => text.replace(/ as (\w+)$/, ` as ${of}$1`)),
    `${compiled.amountMinor} as ${of}amount_minor`,
    `${routeCase(rules)} as ${of}route`,
    ...compiled.ranks.map((sql, index) => `${sql} as ${of}r${index}`),
    ...(rules.ranking ? [`${compiled.group ?? "''::text"} as ${of}code`] : []),
  ];
}

function groundText(
  question: SimulationQuestion,
  { asOf, plan, compiled }: Together,
  { reads, part }: { readonly reads: boolean; readonly part: string | undefined },
  select: readonly string[],
): string {
  const ground: Ground = {
    plan,
    asOf,
    schemeId: question.schemeId,
    among: part ?? amongOf(question),
    columns: [
      ...columnsOf(asOf),
      'x.state as standing',
      'x.starts_on as began_on',
      'x.ends_on as ended_on',
      'h.members_count as people',
      reads ? 'y.hypothetical' : 'false as hypothetical',
    ],
    ...(question.paidCycles !== undefined && {
      paidCycles: `(case when e.state is not null then ${question.paidCycles} end)`,
    }),
    from: `${fromText(question, asOf, reads, part)}${payeeJoins(part)}`,
    where: `(h.active or x.state in ('enrolled', 'suspended'))${inAreaText(question)}
      ${part === undefined ? '' : `and h.household_id ${part}`}`,
  };
  return layered(ground, Math.max(...compiled.map(({ rules }) => rules.at)), select);
}

/**
 * Households `h`, their live enrolment `x`, and the enrolment `e` that rules are asked about: the
 * live one, or one that would begin on the day.
 */
function fromText(
  { schemeId, scope }: SimulationQuestion,
  asOf: string,
  reads: boolean,
  part: string | undefined,
): string {
  const live = `x.state in ('enrolled', 'suspended')`;
  const would = reads ? 'y.hypothetical' : 'true';
  return `from households_household h
    ${scope === 'enrolled' ? '' : 'left '}join schemes_enrolment x
      on x.household_id = h.household_id and x.scheme_id = ${schemeId}
      and ${scope === 'enrolled' ? live : `x.state in (${LIVE})`}${part === undefined ? '' : ` and x.household_id ${part}`}
    ${reads ? `cross join lateral (select false as hypothetical union all select true where ${live} is not true) y` : ''}
    cross join lateral (select h.household_id, coalesce(x.enrolment_id, 0) as enrolment_id,
      ${schemeId}::bigint as scheme_id, x.recipient_id, x.ends_on,
      case when ${live} then x.state when ${would} then 'enrolled' else x.state end as state,
      case when ${live} is not true and ${would} then date '${asOf}' else x.starts_on end
        as starts_on) e`;
}

const LIVE = `'applied', 'eligible', 'waiting', 'enrolled', 'suspended'`;

function areaText(areaId: bigint): string {
  return `select area_id from pay_points_area where ${areaId} = any(path)`;
}

function inAreaText({ areaId }: SimulationQuestion): string {
  return areaId === undefined ? '' : ` and h.area_id in (${areaText(areaId)})`;
}

/** Members of the others are not even counted. */
function amongOf({ schemeId, scope, areaId }: SimulationQuestion): string | undefined {
  if (scope === 'enrolled') {
    return `in (select household_id from schemes_enrolment
      where scheme_id = ${schemeId} and state in ('enrolled', 'suspended'))`;
  }
  if (areaId === undefined) return undefined;
  return `in (select household_id from households_household where area_id in (${areaText(areaId)}))`;
}

// ── reasons and places ───────────────────────────────────────────────────────────────────────

function reasonsText({ sides }: SimulationQuestion, judged: string): string {
  const reasons = sides.map(({ of, rules }) => `${reasonCase(rules, of)} as ${of}reason`);
  return `select j.*, ${reasons.join(', ')}, hd.household_id is not null as held
    from (${judged}
      offset 0) j
    left join households_member d
      on d.deceased and d.household_id = j.household_id and d.member_id = j.recipient_id
    left join (select distinct household_id from households_hold where policy = 'hard') hd
      on hd.household_id = j.household_id
    offset 0`;
}

/** Who would be enrolled, and who would wait; as `$enrol` decides it. */
function placesText({ sides, scope }: SimulationQuestion, from: string): string {
  const candidates = sides.map(({ of, rules }) => {
    const free = rules.ranking ? `(standing is null or standing = 'waiting')` : 'standing is null';
    const ranked = rules.ranking ? ` and ${of}r0 is not null and ${of}code is not null` : '';
    const chosen = `${free} and active and ${of}criterion_failed is null
        and ${of}criterion_unknown is null and recipient_id is not null${ranked}`;
    return `${scope === 'registry' ? `coalesce(${chosen}, false)` : 'false'} as ${of}candidate`;
  });
  const judged = `select *, ${candidates.join(', ')} from ${from}`;
  const positions = sides.map((side) => `${positionText(side)} as ${side.of}position`);
  const usable = sides.map((side) => `${freeText(side)} as ${side.of}free`);
  const windows = `select c.*, ${[...positions, ...usable].join(', ')} from (${judged}) c`;
  const places = sides.map(
    ({ of }) => `case when ${of}candidate and (${of}free is null or ${of}position <= ${of}free)
        then 'chosen' when ${of}candidate then 'waiting' end as ${of}place`,
  );
  return `select w.*, ${places.join(', ')} from (${windows}
    offset 0) w
    offset 0`;
}

function positionText({ of, rules: { ranking } }: Side): string {
  if (!ranking) return 'null::bigint';
  const direction = ranking.direction === 'ascending' ? 'asc' : 'desc';
  const ties = ranking.tieBreakers.map((_, index) => `${of}r${index + 1} nulls last, `).join('');
  return `row_number() over (partition by ${of}code, ${of}candidate
      order by ${of}r0 ${direction}, ${ties}household_id)`;
}

/** Places left in the group of a household; null where there are always enough. */
function freeText({ of, rules }: Side): string {
  const { ranking } = rules;
  if (!ranking) return 'null::bigint';
  const usable = [...usablePlaces(rules, ranking)];
  const cases = usable.map(([code, places]) => `(${quote(code)}, ${places})`).join(', ');
  const places =
    usable.length === 0
      ? '0'
      : `coalesce((select q.places from (values ${cases}) q(code, places)
          where q.code = ${of}code), 0)`;
  return `${places} - count(*) filter (where active and standing in ('enrolled', 'suspended'))
      over (partition by ${of}code)`;
}

/** Who would be enrolled, judged once more as such. */
function afterwardsText({ sides }: SimulationQuestion): string {
  const judged = ['criterion_failed', 'criterion_unknown', 'amount_minor', 'reason'];
  const names = sides.flatMap(({ of }) => judged.map((name) => `${of}${name}`));
  const kept = [
    ...['household_id', 'recipient_id', 'area_id', 'people', 'standing', 'active', 'held'],
    ...['began_on', 'ended_on'],
    ...sides.flatMap(({ of }) => [`${of}place`, `${of}position`]),
  ];
  const columns = sides.flatMap(({ of }) =>
    judged.map((name) => {
      const enrolled = `${of}${name}`;
      return `case when c.${of}place = 'chosen' then y.${enrolled} else c.${enrolled} end
        as ${enrolled}`;
    }),
  );
  return `(select ${[...kept.map((name) => `c.${name}`), ...columns].join(', ')}
    from placed c left join (select household_id, ${names.join(', ')} from judged
      where hypothetical) y using (household_id)) afterwards`;
}
