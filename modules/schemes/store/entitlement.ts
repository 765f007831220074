/**
 * Entitlements of a scheme in a payment period as one SELECT: a row for each enrolment that is
 * enrolled or suspended, with the decision, the reason, the amount and what explains it, and the
 * way the money goes. Payroll puts it into one INSERT … SELECT.
 *
 * The text holds no parameters: everything in it is a number, a day, or a quoted code of checked
 * rules. Plan and time for a million households: README of this room.
 */

import { type Context, type PaymentPeriod, problem, statement } from '../../../src/sdk/index.ts';
import { Compilation } from '../criteria/compile.ts';
import type { Range } from '../criteria/sql.ts';
import type { SchemeRules } from '../rules.ts';
import { modelJoins, onlyAdultJoin, verdictColumns } from './model.ts';
import { readRulesVersion, readScheme } from './schemes.ts';

/** A SELECT of entitlements; columns are listed at `entitlementSelect`. */
export interface EntitlementSelect {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rulesVersion: number;
  readonly rules: SchemeRules;
}

/**
 * The SELECT of entitlements of a scheme in a period, by the newest rules or a named version.
 *
 * Columns: household_id, enrolment_id, scheme_id, recipient_id bigint; decision text (`eligible`,
 * `ineligible`, `undetermined`, `blocked`); reason_code text (null when eligible);
 * criterion_number int (the criterion that failed or is unknown, from 1); amount_minor, base_minor,
 * supplement_minor bigint (null while undetermined); capped boolean; supplement_counts int[] (in
 * the order of `rules.supplements`); area_id, pay_point_id (only where the money is collected
 * there), provider_id bigint; account_kind text (`mobile`, `bank`, `cash`), account_number text.
 *
 * @throws Problem `scheme-unknown`, `scheme-closed`
 */
export async function entitlementSelect(
  ctx: Context,
  schemeId: bigint,
  period: PaymentPeriod,
  rulesVersion?: number,
): Promise<EntitlementSelect> {
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
  const version = rulesVersion ?? scheme.rules_version;
  const rules = await readRulesVersion(ctx, schemeId, version);
  const few = await isMinority(ctx, schemeId);
  return {
    text: entitlementText(schemeId, rules, period, few),
    values: [],
    rulesVersion: version,
    rules,
  };
}

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

/**
 * The text of the SELECT; pure. `offset 0` keeps each layer a step of its own: without it the
 * planner would write out, and compute, every expression of a layer wherever the next names it.
 *
 * `few`: look at members of enrolled households only.
 */
export function entitlementText(
  schemeId: bigint,
  rules: SchemeRules,
  period: PaymentPeriod,
  few: boolean,
): string {
  return `
select household_id, enrolment_id, scheme_id, recipient_id,
  case when reason_code is null then 'eligible'
       when reason_code = 'undetermined' then 'undetermined'
       when reason_code in ('household-inactive', 'enrolment-suspended', 'not-eligible',
                            'zero-amount') then 'ineligible'
       else 'blocked' end as decision,
  reason_code, coalesce(criterion_failed, criterion_unknown) as criterion_number,
  amount_minor, base_minor, supplement_minor, capped, supplement_counts, area_id,
  case when route = 'pay-point' then link_pay_point_id end as pay_point_id,
  case route when 'account' then own_provider_id when 'pay-point' then link_provider_id end
    as provider_id,
  case route when 'account' then own_account_kind when 'pay-point' then 'cash' end as account_kind,
  case when route = 'account' then own_account_number end as account_number
from (
  select amounts.*, ${reasonCase(rules)} as reason_code
  from (${amountsText(schemeId, rules, period, few)}
    offset 0
  ) amounts
  left join households_member d
    on d.deceased and d.household_id = amounts.household_id and d.member_id = recipient_id
  offset 0
) reasons`;
}

/** Why no money goes, first things first; null: money goes. */
function reasonCase(rules: SchemeRules): string {
  const missing = rules.delivery === 'pay-point' ? 'no-pay-point' : 'no-account';
  const candidates = {
    any: 'own_provider_id is null and link_pay_point_id is null',
    account: 'own_provider_id is null',
    'pay-point': 'link_pay_point_id is null',
  };
  return `case
    when active is not true then 'household-inactive'
    when state <> 'enrolled' then 'enrolment-suspended'
    when criterion_failed is not null then 'not-eligible'
    when criterion_unknown is not null or amount_minor is null then 'undetermined'
    when amount_minor < greatest(1, ${rules.leastMinor ?? '1'}) then 'zero-amount'
    when recipient_id is null then 'no-collector'
    when d.member_id is not null then 'collector-deceased'
    when route is not null then null
    when ${candidates[rules.delivery]} then '${missing}'
    else 'provider-inactive' end`;
}

/** Cap, then rounding. */
function amountsText(
  schemeId: bigint,
  rules: SchemeRules,
  period: PaymentPeriod,
  few: boolean,
): string {
  const sum = 'base_minor + supplement_minor';
  const capped = rules.capMinor === null ? 'false' : `${sum} > ${rules.capMinor}`;
  // Not least(): it passes over nulls, and an unknown sum would be paid as the whole cap.
  const limited = `case when ${capped} then ${rules.capMinor ?? sum} else ${sum} end`;
  const supplements = rules.supplements.map(
    (supplement, index) => ` + n${index + 1} * ${supplement.amountMinor}`,
  );
  const counts = rules.supplements.map((_, index) => `n${index + 1}::int`).join(', ');
  return `
    select sums.*, ${capped} as capped, ${rounded(`(${limited})`, rules)} as amount_minor
    from (
      select facts.*, ${rules.baseMinor}::bigint as base_minor,
        (0::bigint${supplements.join('')})::bigint as supplement_minor,
        array[${counts}]::int[] as supplement_counts, ${routeCase(rules)} as route
      from (${factsText(schemeId, rules, period, few)}
        offset 0
      ) facts
      offset 0
    ) sums`;
}

/** SQL that makes an amount a multiple of the rounding unit. */
function rounded(amount: string, { roundingUnitMinor: unit, roundingMode }: SchemeRules): string {
  if (unit === '1') return amount;
  const add = { down: 0n, up: BigInt(unit) - 1n, 'half-up': BigInt(unit) / 2n }[roundingMode];
  return `((${amount} + ${add}) / ${unit} * ${unit})`;
}

/** The preferred account first; cash at the pay point where the scheme lets it. */
function routeCase(rules: SchemeRules): string {
  const account = rules.delivery === 'pay-point' ? '' : `when own_disburses then 'account'`;
  const cash = rules.delivery === 'account' ? '' : `when link_disburses then 'pay-point'`;
  return `case ${account} ${cash} end`;
}

/** One row for each enrolment: what the rules find, who is paid, and how the money could go. */
function factsText(
  schemeId: bigint,
  rules: SchemeRules,
  period: PaymentPeriod,
  few: boolean,
): string {
  const asOf = rules.ageOn === 'period-end' ? period.endsOn : period.startsOn;
  const compilation = new Compilation(asOf);
  const verdict = verdictColumns(
    rules.criteria.map((each) => compilation.criterion(each.expression)),
  );
  const counts = rules.supplements.map(
    (supplement, index) =>
      `${certain(compilation.memberCount(supplement.filter), supplement.countMax)} as n${index + 1}, `,
  );
  const among = few
    ? `in (select household_id from schemes_enrolment
           where scheme_id = ${schemeId} and state in ('enrolled', 'suspended'))`
    : undefined;
  return `
        select e.household_id, e.enrolment_id, e.scheme_id, e.state, h.active, h.area_id,
          ${counts.join('')}${verdict}, ${RECIPIENT} as recipient_id,
          t.provider_id as own_provider_id, t.kind as own_account_kind,
          t.account_number as own_account_number, coalesce(tp.disburses, false) as own_disburses,
          l.pay_point_id as link_pay_point_id, l.provider_id as link_provider_id,
          coalesce(l.active and lp.disburses, false) as link_disburses
        from schemes_enrolment e
        left join households_household h on h.household_id = e.household_id${modelJoins(
          compilation,
          among,
        )}${onlyAdultJoin(asOf, 'e.recipient_id is not null or h.collector_id is not null')}
        left join households_account t on t.household_id = e.household_id and t.preferred
        left join providers_provider tp on tp.provider_id = t.provider_id
        left join pay_points_link l on l.household_id = e.household_id
        left join providers_provider lp on lp.provider_id = l.provider_id
        where e.scheme_id = ${schemeId} and e.state in ('enrolled', 'suspended')
          and e.starts_on <= date '${period.endsOn}'
          and (e.ends_on is null or e.ends_on >= date '${period.startsOn}')`;
}

/** A named recipient is paid as long as a member; otherwise the collector, or the only adult. */
const RECIPIENT = `(case when e.recipient_id is null then coalesce(h.collector_id, s.member_id)
            when exists (select from households_member r where r.household_id = e.household_id
                         and r.member_id = e.recipient_id) then e.recipient_id end)`;

/** A count of which both bounds agree, within its maximum; else null. */
function certain({ low, high }: Range, countMax: number | null): string {
  const within = (sql: string) => (countMax === null ? sql : `least(${sql}, ${countMax})`);
  if (low === high) return within(low);
  return `case when ${within(low)} = ${within(high)} then ${within(low)} end`;
}
