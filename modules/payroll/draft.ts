/**
 * Drafting. `$preview` is the same path, rolled back; by the clock: `clock.ts`.
 */

import {
  type Calendar,
  type Context,
  dayOf,
  type PaymentPeriod,
  parsePeriod,
  periodAt,
  problem,
} from '../../src/sdk/index.ts';
import {
  type EntitlementSelect,
  entitlementSelect,
  readRulesVersion,
  type Scheme,
} from '../schemes/index.ts';
import { payrollDrafted } from './events.ts';
import type { PayrollKind } from './lifecycle.ts';
import { insertDifferences, insertFollowUp, insertTopUp } from './store/besides.ts';
import { overlapping } from './store/clock.ts';
import {
  type DraftTotals,
  decidedVersion,
  exclusionReasons,
  type Header,
  insertLines,
  insertPayroll,
  isLarge,
  setRulesVersion,
  writeTotals,
} from './store/draft.ts';
import { withoutLoops } from './store/loops.ts';
import { listNotEnrolled } from './store/not-enrolled.ts';
import { streamLines } from './store/stream.ts';
import { submitToFlow } from './vote.ts';

/** What is to be drafted. */
export interface DraftRequest {
  /** Code of the payment period; without it that of today. */
  readonly period?: string;
  readonly kind?: PayrollKind;
  /** rid of an area: only its households, and those of the areas below it. */
  readonly areaId?: bigint;
  /** Names one of the scheme's funds: `fund:[scheme]:[source]`; without it `fund:[scheme]`. */
  readonly source?: string;
  /** Of a top-up: its name, and what each line is. */
  readonly label?: string;
  readonly amountMinor?: bigint;
}

/** A drafted payroll. */
export interface Draft {
  readonly payrollId: string;
  readonly period: PaymentPeriod;
  readonly totals: DraftTotals;
  readonly reasons: readonly { reason: string; n: bigint }[];
}

/**
 * Drafts a payroll of a scheme.
 *
 * @throws Problem payroll-exists, scheme-closed, period-malformed, period-none, period-overlaps,
 *   top-up-incomplete, source-malformed
 */
export async function draftPayroll(
  ctx: Context,
  scheme: Scheme,
  request: DraftRequest = {},
): Promise<Draft> {
  const { kind = 'regular' } = request;
  checkRequest(kind, request);
  await ctx.freshStatistics(['payroll_line', 'households_hold']);
  const today = dayOf(ctx.now, scheme.time_zone);
  const calendar = await calendarOf(ctx, scheme);
  const period = request.period ? parsePeriod(calendar, request.period) : periodAt(calendar, today);
  if (kind === 'regular') await refuseOverlap(ctx, scheme, period);
  const rulesVersion = await rulesFor(ctx, scheme, kind, period);
  const payrollId = ctx.newId();
  const header = {
    payrollId,
    rulesVersion: rulesVersion ?? scheme.rules_version,
    period,
    kind,
    areaId: request.areaId ?? null,
    label: request.label ?? '',
    fund: fundOf(scheme, request.source),
  };
  if (!(await insertPayroll(ctx, scheme, header))) throw payrollExists(scheme, kind, period);
  const totals = await withoutLoops(ctx, () => fill(ctx, scheme, header, request, rulesVersion));
  await writeTotals(ctx, payrollId, totals);
  const submitted = {
    payroll_id: payrollId,
    scheme_id: scheme.scheme_id,
    currency: scheme.currency,
  };
  await submitToFlow(ctx, submitted, 1, totals.minor);
  const reasons = await exclusionReasons(ctx, payrollId);
  ctx.audit({
    action: 'C',
    interaction: '$draft-payroll',
    type: 'List',
    id: payrollId,
    version: 1,
    detail: {
      kind,
      period: period.code,
      lines: Number(totals.lines),
      excluded: Number(totals.excluded),
    },
  });
  ctx.emit(payrollDrafted, { payrollId, schemeId: scheme.scheme_id.toString() });
  return { payrollId, period, totals, reasons };
}

/** The calendar of the newest rules of a scheme. */
export async function calendarOf(ctx: Context, scheme: Scheme): Promise<Calendar> {
  if (scheme.frequency !== 'calendar') return { frequency: scheme.frequency };
  return readRulesVersion(ctx, scheme.scheme_id, scheme.rules_version);
}

/** After a change of calendar no day is paid under two codes. */
async function refuseOverlap(ctx: Context, scheme: Scheme, period: PaymentPeriod): Promise<void> {
  const other = await overlapping(ctx, scheme.scheme_id, period);
  if (other === undefined) return;
  throw problem(
    'conflict',
    'period-overlaps',
    `${scheme.name} has a payroll of ${other} already, which shares days with ${period.code}; begin ` +
      'the new calendar after it.',
    'period',
  );
}

const LABEL = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,49}$/;

function checkRequest(kind: PayrollKind, { label, amountMinor }: DraftRequest): void {
  const isTopUp = kind === 'top-up';
  const isWhole = label !== undefined && LABEL.test(label) && (amountMinor ?? 0n) > 0n;
  const isNone = label === undefined && amountMinor === undefined;
  if (isTopUp ? isWhole : isNone) return;
  throw problem(
    'business-rule',
    'top-up-incomplete',
    'A top-up has a label (letters, digits, blanks, 50 at most) and an amount above zero; no other ' +
      'kind has them.',
    'label',
  );
}

function fundOf(scheme: Scheme, source: string | undefined): string {
  const main = `fund:${scheme.fhir_id.toLowerCase()}`;
  if (source === undefined) return main;
  if (/^[a-z0-9][a-z0-9._-]{0,29}$/.test(source)) return `${main}:${source}`;
  throw problem(
    'value',
    'source-malformed',
    'Name a source of funds by up to 30 of a-z, 0-9 and ._-',
    'source',
  );
}

function payrollExists(scheme: Scheme, kind: PayrollKind, period: PaymentPeriod) {
  return problem(
    'conflict',
    'payroll-exists',
    `${scheme.name} has a ${kind} payroll for ${period.code} already; ` +
      `${kind === 'regular' ? 'reject or cancel that first' : 'decide on that first'}.`,
    'period',
  );
}

/**
 * The version of the rules: back-pay goes by that of the period's first payroll, everything else by
 * what the scheme names for the period.
 */
async function rulesFor(
  ctx: Context,
  scheme: Scheme,
  kind: PayrollKind,
  period: PaymentPeriod,
): Promise<number | undefined> {
  if (kind === 'regular') return undefined;
  const version = await decidedVersion(ctx, scheme.scheme_id, period.code);
  if (version === undefined) {
    throw problem(
      'business-rule',
      'payroll-missing',
      `${scheme.name} has no approved payroll for ${period.code}; a ${kind} follows one.`,
      'period',
    );
  }
  return kind === 'back-pay' ? version : undefined;
}

async function fill(
  ctx: Context,
  scheme: Scheme,
  header: Header,
  request: DraftRequest,
  rulesVersion: number | undefined,
): Promise<DraftTotals> {
  const { scheme_id: id } = scheme;
  switch (header.kind) {
    case 'follow-up':
      return insertFollowUp(ctx, id, header);
    case 'top-up':
      return insertTopUp(ctx, id, header, request.amountMinor!);
    case 'regularisation': {
      const due = await entitlementSelect(ctx, id, header.period);
      await setRulesVersion(ctx, header.payrollId, due);
      return insertDifferences(ctx, header, due);
    }
    default: {
      const due = await entitlementSelect(ctx, id, header.period, rulesVersion);
      await setRulesVersion(ctx, header.payrollId, due);
      const totals = await fillDue(ctx, scheme, header, due);
      if (header.kind !== 'regular') return totals;
      return { ...totals, excluded: totals.excluded + (await listNotEnrolled(ctx, id, header)) };
    }
  }
}

/** What is due, by one statement or, of many, by two processes; readers see all but this draft's own header. */
async function fillDue(
  ctx: Context,
  { scheme_id: id }: Scheme,
  header: Header,
  due: EntitlementSelect,
): Promise<DraftTotals> {
  if (!(await isLarge(ctx, id))) return insertLines(ctx, header, due);
  return ctx.readers(1, ([reader]) =>
    reader ? streamLines(ctx, reader, header, due) : insertLines(ctx, header, due),
  );
}
