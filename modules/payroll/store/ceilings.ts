/**
 * Ceilings of schemes, and what stands against them.
 */

import { type Context, type PaymentPeriod, statement } from '../../../src/sdk/index.ts';
import type { PayrollRow } from './decide.ts';

/** A ceiling as set. */
export interface CeilingWrite {
  readonly schemeId: bigint;
  readonly per: string;
  readonly areaId: bigint | null;
  readonly fund: string | null;
  readonly limitMinor: bigint;
  readonly currency: string;
  readonly startsOn: string;
  readonly endsOn: string | null;
}

const SET = statement(
  'payroll.set-ceiling',
  `with turn as (select scheme_id from scheme where scheme_id = $2 for no key update),
   former as (
     update payroll_ceiling set ended_by = $10, ended_at = $11
     where scheme_id = (select scheme_id from turn) and per = $3
       and (area_id, fund) is not distinct from ($4, $5) and ended_at is null)
   insert into payroll_ceiling (ceiling_id, scheme_id, per, area_id, fund, limit_minor, currency,
     starts_on, ends_on, set_by, set_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
);

/** Sets a ceiling in place of the former one for the same. */
export async function setCeiling(ctx: Context, ceiling: CeilingWrite): Promise<string> {
  const id = ctx.newId();
  await ctx.db.run(SET, [
    id,
    ceiling.schemeId,
    ceiling.per,
    ceiling.areaId,
    ceiling.fund,
    ceiling.limitMinor,
    ceiling.currency,
    ceiling.startsOn,
    ceiling.endsOn,
    ctx.actor.id,
    ctx.now,
  ]);
  return id;
}

const END = statement(
  'payroll.end-ceiling',
  `update payroll_ceiling set ended_by = $3, ended_at = $4
   where ceiling_id = $1 and scheme_id = $2 and ended_at is null`,
);

/** Ends a ceiling; false when there is none. */
export async function endCeiling(ctx: Context, id: string, schemeId: bigint): Promise<boolean> {
  return (await ctx.db.run(END, [id, schemeId, ctx.actor.id, ctx.now])) > 0;
}

const ANY = statement(
  'payroll.any-ceiling',
  'select 1 as n from payroll_ceiling where scheme_id = $1 and ended_at is null limit 1',
);
const TURN = statement(
  'payroll.ceiling-turn',
  'select scheme_id from scheme where scheme_id = $1 for no key update',
);

/** Waits for other approvals of the scheme, where it has ceilings; false where it has none. */
export async function lockCeilings(ctx: Context, schemeId: bigint): Promise<boolean> {
  if ((await ctx.db.maybe(ANY, [schemeId])) === undefined) return false;
  await ctx.db.query(TURN, [schemeId]);
  return true;
}

/** A ceiling that would be exceeded. */
export interface Exceeded {
  readonly per: string;
  readonly area_name: string | null;
  readonly fund: string | null;
  readonly limit_minor: bigint;
  readonly would_minor: bigint;
}

// Follow-ups are no second due; lines that were taken off count no more.
const EXCEEDED = statement(
  'payroll.exceeded-ceilings',
  `select c.per, a.name as area_name, c.fund, c.limit_minor, w.would_minor
   from payroll_ceiling c
   left join pay_points_area a on a.area_id = c.area_id
   cross join lateral (
     select coalesce(sum(case
       when c.area_id is null then case when p.payroll_id = $1 then $6::bigint
         else (select coalesce(sum(l.amount_minor), 0) from payroll_line l
               where l.payroll_id = p.payroll_id and l.state <> 'cancelled') end
       else (select coalesce(sum(l.amount_minor), 0) from payroll_line l
             join pay_points_area x on x.area_id = l.area_id
             where l.payroll_id = p.payroll_id and l.state <> 'cancelled'
               and x.path @> array[c.area_id]) end), 0)::bigint as would_minor
     from payroll p
     where p.scheme_id = $2 and p.kind <> 'follow-up'
       and (c.fund is null or p.fund = c.fund)
       and (p.payroll_id = $1 or (p.state in ('approved', 'closed') and case c.per
             when 'payroll' then false
             when 'period' then p.period_code = $3
             else extract(year from p.ends_on) = extract(year from $4::date) end))) w
   where c.scheme_id = $2 and c.ended_at is null and c.currency = $7
     and c.starts_on <= $4::date and (c.ends_on is null or c.ends_on >= $5::date)
     and (c.fund is null or c.fund = $8)
     and w.would_minor > c.limit_minor
   order by c.set_at limit 1`,
);

/** Ceilings that a payroll of this sum would exceed; the first one set. */
export function exceeded(
  ctx: Context,
  payroll: PayrollRow,
  linesMinor: bigint,
): Promise<Exceeded[]> {
  return ctx.db.query<Exceeded>(EXCEEDED, [
    payroll.payroll_id,
    payroll.scheme_id,
    payroll.period_code,
    payroll.ends_on,
    payroll.starts_on,
    linesMinor,
    payroll.currency,
    payroll.fund,
  ]);
}

/** A ceiling in force. */
export interface CeilingRow {
  readonly ceiling_id: string;
  readonly per: string;
  readonly area: string | null;
  readonly fund: string | null;
  readonly limit_minor: bigint;
  readonly currency: string;
  readonly starts_on: string;
  readonly ends_on: string | null;
}

const LIST = statement(
  'payroll.ceilings',
  `select c.ceiling_id::text, c.per, a.fhir_id as area, c.fund, c.limit_minor, c.currency,
     c.starts_on, c.ends_on
   from payroll_ceiling c left join pay_points_area a on a.area_id = c.area_id
   where c.scheme_id = $1 and c.ended_at is null order by c.set_at, c.ceiling_id`,
);

/** Ceilings of a scheme that are in force. */
export function ceilingsOf(ctx: Context, schemeId: bigint): Promise<CeilingRow[]> {
  return ctx.db.query<CeilingRow>(LIST, [schemeId]);
}

// As if nothing were paid in the period itself: what stands against the year are its other periods.
const LEFT = statement(
  'payroll.ceilings-left',
  `select c.per, c.limit_minor,
     greatest(c.limit_minor - case when c.per = 'year' then (
       select coalesce(sum(l.amount_minor), 0) from payroll p
       join payroll_line l on l.payroll_id = p.payroll_id and l.state <> 'cancelled'
       left join pay_points_area x on x.area_id = l.area_id
       where p.scheme_id = $1 and p.kind <> 'follow-up' and p.state in ('approved', 'closed')
         and p.period_code <> $2 and extract(year from p.ends_on) = extract(year from $4::date)
         and (c.area_id is null or x.path @> array[c.area_id])) else 0 end, 0)::bigint as left_minor
   from payroll_ceiling c
   where c.scheme_id = $1 and c.ended_at is null and c.currency = $6 and c.fund is null
     and c.area_id is not distinct from $5::bigint
     and c.starts_on <= $4::date and (c.ends_on is null or c.ends_on >= $3::date)
   order by c.set_at, c.ceiling_id`,
);

/** Ceilings of a scheme (in an area) for a period, from whatever fund, and what is left of them. */
export function ceilingsLeft(
  ctx: Context,
  schemeId: bigint,
  period: PaymentPeriod,
  areaId: bigint | null,
  currency: string,
): Promise<{ per: string; limit_minor: bigint; left_minor: bigint }[]> {
  const { code, startsOn, endsOn } = period;
  return ctx.db.query(LEFT, [schemeId, code, startsOn, endsOn, areaId, currency]);
}
