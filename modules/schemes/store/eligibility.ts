/**
 * Eligibility of households that are not enrolled: the rules of a scheme over all of them, counted
 * by one statement, or listed page by page in the order of their internal ids.
 */

import { type Context, periodNear, statement } from '../../../src/sdk/index.ts';
import { compileRules } from '../rules/compiled.ts';
import type { SchemeRules } from '../rules/types.ts';
import { inHalves, prepareBulk } from './bulk.ts';
import { layered, onlyAdult, verdictColumns } from './model.ts';

/** Which households are looked at, and by which rules. */
export interface EligibilityQuestion {
  readonly schemeId: bigint;
  readonly rules: SchemeRules;
  /** The day on which ages are taken. */
  readonly asOf: string;
  /** Only households that live in this area or below it. */
  readonly areaId: bigint | undefined;
}

/** How many households have a decision for a reason. */
export interface EligibilityCount {
  /** `eligible`, `ineligible`, `undetermined`, `blocked`. */
  readonly decision: string;
  readonly reason_code: string | null;
  /** The criterion that failed or is unknown, from 1. */
  readonly criterion_number: number | null;
  readonly count: bigint;
}

/** A household that is to be enrolled. */
export interface EligibleHousehold {
  readonly household_id: bigint;
  readonly household_fhir_id: string;
  readonly recipient_fhir_id: string;
}

/** Counts of active households without a live enrolment, by decision and reason. */
export async function countEligibility(
  ctx: Context,
  question: EligibilityQuestion,
): Promise<EligibilityCount[]> {
  await prepareBulk(ctx);
  const whole = () => ctx.db.query<EligibilityCount>(countText(question));
  if (question.areaId !== undefined) return whole();
  return added(await inHalves(ctx, (among) => countText(question, among), whole));
}

/** Counts of the same decision and reason, added up; in order. */
function added(counts: readonly EligibilityCount[]): EligibilityCount[] {
  const keyOf = (each: EligibilityCount) =>
    [
      each.decision,
      each.reason_code ?? '~',
      String(each.criterion_number ?? '~').padStart(9, '0'),
    ].join();
  const groups = [...Map.groupBy(counts, keyOf)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([, same]) => ({
    ...(same[0] as EligibilityCount),
    count: same.reduce((sum, { count }) => sum + count, 0n),
  }));
}

/**
 * The text of the count; pure. Who has the same verdict is counted before the verdict is put into words.
 *
 * @param among  condition on household_id: of these only
 */
export function countText(question: EligibilityQuestion, among?: string): string {
  return `select decision, reason_code, criterion_number, sum(n)::bigint as count
    from (select n, ${decisionColumns('nobody')}
      from (select criterion_failed, criterion_unknown, recipient_id is null as nobody, held,
          count(*) as n
        from (${verdictText(question, among)}
          offset 0) v
        group by 1, 2, 3, 4) c) d
    group by 1, 2, 3 order by 1, 2, 3`;
}

const PAGE_END = statement(
  'schemes.page-end',
  `select max(household_id) as last
   from (select household_id from households_household where household_id > $1
         order by household_id limit $2) page`,
);

/** Last internal id of a page of households; undefined after the last page. */
export async function pageEnd(
  ctx: Context,
  after: bigint,
  size: number,
): Promise<bigint | undefined> {
  const { last } = await ctx.db.one<{ last: bigint | null }>(PAGE_END, [after, size]);
  return last ?? undefined;
}

/** Eligible households with internal ids above `after` up to `upTo`. */
export async function listEligible(
  ctx: Context,
  question: EligibilityQuestion,
  after: bigint,
  upTo: bigint,
): Promise<EligibleHousehold[]> {
  return ctx.db.query<EligibleHousehold>(
    `select d.household_id, d.fhir_id as household_fhir_id, p.fhir_id as recipient_fhir_id
     from (select household_id, fhir_id, recipient_id, ${decisionColumns('recipient_id is null')}
       from (${verdictText(question, `between ${after + 1n} and ${upTo}`)}) v) d
     join households_person p on p.member_id = d.recipient_id
     where d.decision = 'eligible'
     order by d.household_id`,
  );
}

const COUNT_LIVE = statement(
  'schemes.count-live',
  `select count(*) as count from schemes_enrolment
   where scheme_id = $1 and state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended')`,
);

/** Households with a live enrolment in a scheme. */
export async function countLive(ctx: Context, schemeId: bigint): Promise<bigint> {
  return (await ctx.db.one<{ count: bigint }>(COUNT_LIVE, [schemeId])).count;
}

/** What the numbers of criteria come to; `nobody` is SQL of whether there is nobody to collect. */
const decisionColumns = (nobody: string): string => `
      coalesce(criterion_failed, criterion_unknown) as criterion_number,
      case when criterion_failed is not null then 'ineligible'
           when criterion_unknown is not null then 'undetermined'
           when ${nobody} or held then 'blocked' else 'eligible' end as decision,
      case when criterion_failed is not null then 'not-eligible'
           when criterion_unknown is not null then 'undetermined'
           when ${nobody} then 'no-collector' when held then 'hold' end as reason_code`;

/**
 * SQL: whether a household `h`, or a member of it, is under a hard hold: suspected of standing here twice,
 * say. It would be paid nothing, and would take a place from another; it is enrolled when the hold is lifted.
 */
export const HELD = `h.household_id in (
  select household_id from households_hold where policy = 'hard')`;

/** Households without a live enrolment, each with what the criteria say of it. */
function verdictText(
  { schemeId, rules, asOf, areaId }: EligibilityQuestion,
  among: string | undefined,
): string {
  const compiled = compileRules(rules, periodNear(rules, asOf), asOf);
  const inArea =
    areaId === undefined
      ? ''
      : `and h.area_id in (select area_id from pay_points_area where ${areaId} = any(path))`;
  const ground = {
    plan: compiled.plan,
    asOf,
    schemeId,
    among,
    columns: [
      'h.household_id',
      'h.fhir_id',
      `coalesce(h.collector_id, ${onlyAdult(asOf)}) as recipient_id`,
      `${HELD} as held`,
    ],
    from: `from households_household h
    left join schemes_enrolment e on e.household_id = h.household_id
      and e.scheme_id = ${schemeId}
      and e.state in ('applied', 'eligible', 'waiting', 'enrolled', 'suspended')`,
    where: `h.active and e.household_id is null
      ${among ? `and h.household_id ${among}` : ''} ${inArea}`,
  };
  return layered(ground, compiled.at, [
    'l.household_id',
    'l.fhir_id',
    'l.recipient_id',
    'l.held',
    ...verdictColumns(compiled.criteria),
  ]);
}
