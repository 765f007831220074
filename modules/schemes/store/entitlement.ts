/**
 * Entitlements of a scheme in a payment period as one SELECT: a row for each enrolment that is
 * enrolled or suspended, with the decision, the reason, the amount and what explains it, and the
 * way the money goes. Payroll makes its lines of it.
 *
 * The text holds no parameters: everything in it is a number, a day, or a quoted code of checked
 * rules. Plan and time for a million households: README of this room.
 */

import {
  type Context,
  dayOf,
  type PaymentPeriod,
  problem,
  statement,
} from '../../../src/sdk/index.ts';
import { paymentHistory } from '../history.ts';
import { ageDay, type CompiledRules, compileRules } from '../rules/compiled.ts';
import type { SchemeRules } from '../rules/types.ts';
import { prepareBulk } from './bulk.ts';
import { layered, onlyAdult, verdictColumns } from './model.ts';
import { readRulesVersion, readScheme, rulesVersionFor } from './schemes.ts';

/** A SELECT of entitlements; columns are listed at `entitlementSelect`. */
export interface EntitlementSelect {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rulesVersion: number;
  readonly rules: SchemeRules;
  /** The day on which members, areas and characteristics are looked at; null: the present. */
  readonly factsOn: string | null;
}

/**
 * The SELECT of entitlements of a scheme in a period, by the rules that were in force for that
 * period, or by a named version. Any past period may be asked for: arrears are computed at the
 * rates, and over the enrolments, of their own period.
 *
 * Columns: household_id, enrolment_id, scheme_id, recipient_id bigint; household_version int (the
 * version of the Group that was read); decision text (`eligible`, `ineligible`, `undetermined`,
 * `blocked`); reason_code text (null when eligible); criterion_number int (the criterion that failed
 * or is unknown, from 1); amount_minor bigint (null while undetermined); step_minor bigint[] (for
 * each of `stepsOf(rules)`, in order: what a component adds, the total after an adjustment; minor
 * units), step_counts int[] (members paid for, null where a step is of the household), step_members
 * bigint[] (bit masks of places in Group.member); area_id, pay_point_id (only where the money is
 * collected there), provider_id bigint; account_kind text (`mobile`, `bank`, `cash`),
 * account_number text. `explainSteps` puts the steps into words.
 *
 * @param households  a SELECT of household_id without parameters; only these are judged
 * @throws Problem `scheme-unknown`, `scheme-closed`
 */
export async function entitlementSelect(
  ctx: Context,
  schemeId: bigint,
  period: PaymentPeriod,
  rulesVersion?: number,
  households?: string,
): Promise<EntitlementSelect> {
  if (households === undefined) await prepareBulk(ctx);
  const scheme = await readScheme(ctx, schemeId);
  const outside =
    (scheme.starts_on !== null && scheme.starts_on > period.endsOn) ||
    (scheme.ends_on !== null && scheme.ends_on < period.startsOn);
  if (!scheme.active || outside) {
    throw problem(
      'business-rule',
      'scheme-closed',
      `${scheme.name} does not pay in ${period.code}; look at its status and period.`,
      'period',
    );
  }
  const version = rulesVersion ?? (await rulesVersionFor(ctx, scheme, period));
  const rules = await readRulesVersion(ctx, schemeId, version);
  const few = households === undefined && (await isMinority(ctx, schemeId));
  const [paidCycles] = ctx.parts(paymentHistory);
  const factsOn = await pastDay(ctx, period, dayOf(ctx.now, scheme.time_zone));
  return {
    text: entitlementText(schemeId, rules, period, { few, paidCycles, households, factsOn }),
    values: [],
    rulesVersion: version,
    rules,
    factsOn,
  };
}

const CHANGED_AFTER = statement(
  'schemes.changed-after',
  'select households_changed_after($1::date) as changed',
);

/**
 * Of a period that is over its last day, where anything has changed after it: households are then looked
 * at as they stood on that day. Null: the plain tables say the same.
 */
async function pastDay(
  ctx: Context,
  { endsOn }: PaymentPeriod,
  today: string,
): Promise<string | null> {
  if (endsOn >= today) return null;
  const { changed } = await ctx.db.one<{ changed: boolean }>(CHANGED_AFTER, [endsOn]);
  return changed ? endsOn : null;
}

/** Gives the facts of a day the names of those of the present, for the SELECT that follows. */
function factsText(day: string | null): string {
  if (day === null) return '';
  const parts = ['household', 'member', 'characteristic'].map(
    (name) => `households_${name} as not materialized (
      select * from households_${name}_on(date '${day}'))`,
  );
  return `with ${parts.join(',\n')}`;
}

/** Who is paid, and where, is of the present whatever the day of the facts. */
const present = (day: string | null, sql: string): string =>
  day === null
    ? sql
    : sql
        .replaceAll('households_member ', 'households_member_now ')
        .replaceAll('h.area_id', 'h.area_now_id as area_id');

const MINORITY = statement(
  'schemes.is-minority',
  `select (select count(*) from schemes_enrolment
           where scheme_id = $1 and state in ('enrolled', 'suspended')) * 2
          < (select reltuples from pg_class where oid = 'household'::regclass) as few`,
);

/** Where few of the households are enrolled, members of the others are not even counted. */
async function isMinority(ctx: Context, schemeId: bigint): Promise<boolean> {
  return (await ctx.db.one<{ few: boolean }>(MINORITY, [schemeId])).few;
}

/** How the SELECT is written. */
export interface EntitlementShape {
  /** Look at members of enrolled households only. */
  readonly few: boolean;
  /** SELECT of the household_id that are looked at; all, where there is none. */
  readonly households?: string | undefined;
  /** SQL of how many cycles have been paid before, over the enrolment `e`. */
  readonly paidCycles?: string | undefined;
  /** The day on which households are looked at; null: as they stand. */
  readonly factsOn?: string | null;
}

/** The text of the SELECT; pure. */
export function entitlementText(
  schemeId: bigint,
  rules: SchemeRules,
  period: PaymentPeriod,
  shape: EntitlementShape,
): string {
  const compiled = compileRules(rules, period, ageDay(rules, period));
  const { factsOn = null } = shape;
  return `${factsText(factsOn)}
select household_id, enrolment_id, scheme_id, recipient_id, household_version,
  case when reason_code is null then 'eligible'
       when reason_code = 'undetermined' then 'undetermined'
       when reason_code in ('household-inactive', 'enrolment-suspended', 'not-eligible',
                            'zero-amount') then 'ineligible'
       else 'blocked' end as decision,
  reason_code, coalesce(criterion_failed, criterion_unknown) as criterion_number,
  amount_minor, step_minor, step_counts, step_members, area_id,
  case when route = 'pay-point' then link_pay_point_id end as pay_point_id,
  case route when 'account' then own_provider_id when 'pay-point' then link_provider_id end
    as provider_id,
  case route when 'account' then own_account_kind when 'pay-point' then 'cash' end as account_kind,
  case when route = 'account' then own_account_number end as account_number
from (
  select amounts.*, ${reasonCase(rules)} as reason_code
  from (${judgedText(schemeId, rules, compiled, period, shape)}
    offset 0
  ) amounts
  left join ${present(factsOn, 'households_member ')}d
    on d.deceased and d.household_id = amounts.household_id and d.member_id = recipient_id
  offset 0
) reasons`;
}

/**
 * Why no money goes, first things first; null: money goes.
 *
 * @param of  what the names of the columns of these rules begin with
 */
export function reasonCase(rules: SchemeRules, of = ''): string {
  const missing = rules.delivery === 'pay-point' ? 'no-pay-point' : 'no-account';
  const candidates = {
    any: 'own_provider_id is null and link_pay_point_id is null',
    account: 'own_provider_id is null',
    'pay-point': 'link_pay_point_id is null',
  };
  return `case
    when active is not true then 'household-inactive'
    when state <> 'enrolled' then 'enrolment-suspended'
    when ${of}criterion_failed is not null then 'not-eligible'
    when ${of}criterion_unknown is not null or ${of}amount_minor is null then 'undetermined'
    when ${of}amount_minor < greatest(1, ${rules.minimumMinor ?? '1'}) then 'zero-amount'
    when recipient_id is null then 'no-collector'
    when d.member_id is not null then 'collector-deceased'
    when ${of}route is not null then null
    when ${candidates[rules.delivery]} then '${missing}'
    else 'provider-inactive' end`;
}

/** The preferred account first; cash at the pay point where the scheme lets it. */
export function routeCase(rules: SchemeRules): string {
  const account = rules.delivery === 'pay-point' ? '' : `when own_disburses then 'account'`;
  const cash = rules.delivery === 'account' ? '' : `when link_disburses then 'pay-point'`;
  return `case ${account} ${cash} end`;
}

/** One row for each enrolment: what the rules find, who is paid, and how the money could go. */
function judgedText(
  schemeId: bigint,
  rules: SchemeRules,
  compiled: CompiledRules,
  period: PaymentPeriod,
  { few, households, paidCycles, factsOn = null }: EntitlementShape,
): string {
  const asOf = ageDay(rules, period);
  const chosen = households === undefined ? undefined : `in (${households})`;
  const among = few
    ? `in (select household_id from schemes_enrolment
           where scheme_id = ${schemeId} and state in ('enrolled', 'suspended'))`
    : chosen;
  const ground = {
    plan: compiled.plan,
    asOf,
    schemeId,
    among,
    ...(paidCycles !== undefined && { paidCycles }),
    columns: columnsOf(asOf).map((sql) => present(factsOn, sql)),
    from: `from schemes_enrolment e
    left join households_household h on h.household_id = e.household_id${payeeJoins()}`,
    where: `e.scheme_id = ${schemeId} and e.state in ('enrolled', 'suspended')
      and e.starts_on <= date '${period.endsOn}'
      and (e.ends_on is null or e.ends_on >= date '${period.startsOn}')
      ${chosen === undefined ? '' : `and e.household_id ${chosen}`}`,
  };
  return layered(ground, compiled.at, [
    ...CARRIED.map((name) => `l.${name}`),
    ...verdictColumns(compiled.criteria),
    `${compiled.amountMinor} as amount_minor`,
    ...stepColumns(compiled),
    `${routeCase(rules)} as route`,
  ]);
}

/**
 * The ways that the money could go, of an enrolment `e` of a household `h`.
 *
 * @param among  condition on household_id: accounts and links of these only are read
 */
export function payeeJoins(among?: string): string {
  const only = (of: string) => (among === undefined ? '' : ` and ${of}.household_id ${among}`);
  return `
    left join households_account t on t.household_id = e.household_id and t.preferred${only('t')}
    left join providers_provider tp on tp.provider_id = t.provider_id
    left join pay_points_link k on k.household_id = e.household_id${only('k')}
    left join providers_provider lp on lp.provider_id = k.provider_id`;
}

function stepColumns({ steps }: CompiledRules): string[] {
  const array = (type: string, each: readonly string[]) => `array[${each.join(', ')}]::${type}[]`;
  return [
    `${array(
      'bigint',
      steps.map(({ minor }) => minor),
    )} as step_minor`,
    `${array(
      'int',
      steps.map(({ count }) => count ?? 'null'),
    )} as step_counts`,
    `${array(
      'bigint',
      steps.map(({ mask }) => mask ?? 'null'),
    )} as step_members`,
  ];
}

/** A named recipient is paid as long as a member; otherwise the collector, or the only adult. */
const recipient = (asOf: string): string => `(case
      when e.recipient_id is null then coalesce(h.collector_id, ${onlyAdult(asOf)})
      when exists (select from households_member r where r.household_id = e.household_id
                   and r.member_id = e.recipient_id) then e.recipient_id end)`;

/** What is carried of each enrolment `e` of a household `h`, with ages on a day. */
export const columnsOf = (asOf: string): string[] => [
  'e.household_id',
  'e.enrolment_id',
  'e.scheme_id',
  'e.state',
  'h.active',
  'h.area_id',
  'h.version as household_version',
  `${recipient(asOf)} as recipient_id`,
  't.provider_id as own_provider_id',
  't.kind as own_account_kind',
  't.account_number as own_account_number',
  'coalesce(tp.disburses, false) as own_disburses',
  'k.pay_point_id as link_pay_point_id',
  'k.provider_id as link_provider_id',
  'coalesce(k.active and lp.disburses, false) as link_disburses',
];

/** Their names. */
export const CARRIED = columnsOf('2000-01-01').map(
  (column) => column.split(/ as |\./).at(-1) as string,
);
