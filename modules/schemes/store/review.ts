/**
 * Enrolled households whom the rules no longer select, page by page in the order of their internal
 * ids: every criterion with its outcome, and the values that it compared.
 */

import { type Context, type PaymentPeriod, statement } from '../../../src/sdk/index.ts';
import { type CompiledFact, compileRules } from '../rules/compiled.ts';
import type { SchemeRules } from '../rules/types.ts';
import { layered } from './model.ts';

/** Whom to look at, and by which rules. */
export interface ReviewQuestion {
  readonly schemeId: bigint;
  readonly rules: SchemeRules;
  readonly period: PaymentPeriod;
  /** The day on which ages are taken. */
  readonly asOf: string;
  /** Households in or below this area (rid). */
  readonly areaId: bigint | undefined;
  /** rids of the areas that the actor is limited to. */
  readonly areas: 'all' | readonly bigint[];
  /** SQL of how many cycles have been paid before, over the enrolment `e`. */
  readonly paidCycles: string | undefined;
}

/** An enrolment that does not meet, or may not meet, the criteria. */
export interface ReviewRow {
  readonly household_id: bigint;
  readonly household_fhir_id: string;
  readonly coverage_fhir_id: string;
  readonly state: string;
  readonly starts_on: string;
  readonly active: boolean;
  /** Of each criterion: met, not met, not known. */
  readonly criteria: readonly (boolean | null)[];
  /** Of each fact of `reviewText`, as text. */
  readonly facts: readonly (string | null)[];
}

const CHUNK_END = statement(
  'schemes.review-chunk',
  `select max(household_id) as last
   from (select household_id from schemes_enrolment
         where scheme_id = $1 and household_id > $2 and state in ('enrolled', 'suspended')
         order by household_id limit $3) chunk`,
);

/** Last internal id of so many enrolled households; undefined after the last. */
export async function chunkEnd(
  ctx: Context,
  schemeId: bigint,
  after: bigint,
  size: number,
): Promise<bigint | undefined> {
  const row = await ctx.db.one<{ last: bigint | null }>(CHUNK_END, [schemeId, after, size]);
  return row.last ?? undefined;
}

/** Who does not qualify, of internal ids above `after` up to `upTo`, at most so many. */
export function reviewChunk(
  ctx: Context,
  question: ReviewQuestion,
  { after, upTo, limit }: { readonly after: bigint; readonly upTo: bigint; readonly limit: number },
): Promise<ReviewRow[]> {
  const { text } = reviewText(question, after, upTo);
  return ctx.db.query<ReviewRow>(`${text} order by household_id limit ${limit}`);
}

/** The text of the SELECT, and what its facts are; pure. */
export function reviewText(
  { schemeId, rules, period, asOf, areaId, areas, paidCycles }: ReviewQuestion,
  after: bigint,
  upTo: bigint,
): { readonly text: string; readonly facts: readonly CompiledFact[] } {
  const compiled = compileRules(rules, period, asOf, { facts: true });
  const among = `between ${after + 1n} and ${upTo}`;
  const below = `select area_id from pay_points_area where ${areaId} = any(path)`;
  const inArea = areaId === undefined ? '' : ` and h.area_id in (${below})`;
  const inReach = areas === 'all' ? '' : ` and h.area_id = any('{${areas.join(',')}}'::bigint[])`;
  const ground = {
    plan: compiled.plan,
    asOf,
    schemeId,
    among,
    ...(paidCycles !== undefined && { paidCycles }),
    columns: [
      'h.household_id',
      'h.fhir_id as household_fhir_id',
      'e.fhir_id as coverage_fhir_id',
      'e.state',
      'e.starts_on',
      'h.active',
    ],
    from: `from schemes_enrolment e
    join households_household h on h.household_id = e.household_id`,
    where: `e.scheme_id = ${schemeId} and e.state in ('enrolled', 'suspended')
      and e.household_id ${among}${inArea}${inReach}`,
  };
  const list = (type: string, each: readonly string[]) => `array[${each.join(', ')}]::${type}[]`;
  const text = `select * from (${layered(ground, compiled.at, [
    ...[
      'household_id',
      'household_fhir_id',
      'coverage_fhir_id',
      'state',
      'starts_on',
      'active',
    ].map((name) => `l.${name}`),
    `${list('boolean', compiled.criteria)} as criteria`,
    `${list(
      'text',
      compiled.facts.map(({ sql }) => sql),
    )} as facts`,
  ])}
  offset 0) judged
  where not active or array_position(criteria, false) is not null
    or array_position(criteria, null) is not null`;
  return { text, facts: compiled.facts };
}
