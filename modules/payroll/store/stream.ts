/**
 * Fills a large payroll by two processes at once: a reader judges the enrolments at one instant and
 * sends what it finds by COPY, while this unit's transaction takes in what has been judged. All of it
 * is that one transaction: whoever fails, nothing has happened. Few rows are in memory at a time.
 *
 * Rows are those of the one statement in `draft.ts`, which fills smaller payrolls.
 */

import type { Context, Database } from '../../../src/sdk/index.ts';
import { type EntitlementSelect, prepareReader } from '../../schemes/index.ts';
import { COPY_BEGIN, COPY_END, type Judged, judgedRows } from '../judged-rows.ts';
import { type DraftTotals, type Header, judgedText } from './draft.ts';

// In the order in which `judged-rows.ts` takes them apart: what only an exclusion has, what both have,
// what only a line has. The id comes last, and is made on the way.
const BOTH = 'household_id, enrolment_id, recipient_id, area_id, payroll_id';
const LINES = `copy payroll_line (${BOTH}, updated_at, amount_minor, scheme_id, period_code, step_minor,
  step_counts, step_members, household_version, pay_point_id, provider_id, account_kind,
  account_number, line_id) from stdin (format binary)`;
const EXCLUSIONS = `copy payroll_exclusion (reason, criterion_number, ${BOTH}, at, exclusion_id)
  from stdin (format binary)`;

/** Exclusions that are held back while lines are taken in, in bytes. */
const HELD_BACK_MAX = 8 * 1024 * 1024;

/**
 * Fills a payroll from a reader.
 *
 * @throws Error when what was taken in is not what was sent
 */
export async function streamLines(
  ctx: Context,
  reader: Database,
  header: Header,
  due: EntitlementSelect,
): Promise<DraftTotals> {
  await prepareReader(reader);
  await reader.run('set local enable_nestloop = off');
  const sent = reader.copyOut(`copy (${sentText(ctx, header, due)}) to stdout (format binary)`);
  const judged = judgedRows(sent, header.payrollId);
  const totals = { lines: 0n, minor: 0n, excluded: 0n };
  let taken = 0;
  let isWhole = false;
  try {
    while (!isWhole) {
      const excluded: Buffer[] = [];
      const rows = linesOf(judged, totals, excluded, () => {
        isWhole = true;
      });
      taken += await ctx.db.copyIn(LINES, rows);
      if (excluded.length === 0) continue;
      taken += await ctx.db.copyIn(EXCLUSIONS, [COPY_BEGIN, ...excluded, COPY_END]);
    }
  } finally {
    await judged.return(undefined);
  }
  if (BigInt(taken) === totals.lines + totals.excluded) return totals;
  throw new Error(
    `${taken} rows of a payroll were taken in, not ${totals.lines + totals.excluded}`,
  );
}

/** Lines as COPY takes them, until enough exclusions are held back, or until the end. */
async function* linesOf(
  judged: AsyncGenerator<Judged>,
  totals: { lines: bigint; minor: bigint; excluded: bigint },
  excluded: Buffer[],
  ended: () => void,
): AsyncGenerator<Buffer> {
  yield COPY_BEGIN;
  let held = 0;
  while (held < HELD_BACK_MAX) {
    const { done, value } = await judged.next();
    if (done) {
      ended();
      break;
    }
    totals.lines += BigInt(value.lines.count);
    totals.minor += value.minor;
    totals.excluded += BigInt(value.excluded.count);
    if (value.excluded.count > 0) excluded.push(value.excluded.bytes);
    held += value.excluded.bytes.length;
    if (value.lines.count > 0) yield value.lines.bytes;
  }
  yield COPY_END;
}

/** COPY takes no parameters: ids, codes of periods and instants are checked texts of ours. */
function sentText(ctx: Context, header: Header, due: EntitlementSelect): string {
  const { payrollId, period } = header;
  return `select why, criterion_number::int, household_id::bigint, enrolment_id::bigint,
      recipient_id::bigint, area_id::bigint, '${payrollId}'::uuid, '${ctx.now.toISOString()}'::timestamptz,
      amount_minor::bigint, scheme_id::bigint, ${literal(period.code)}, step_minor::bigint[],
      step_counts::int[], step_members::bigint[], household_version::int, pay_point_id::bigint,
      provider_id::bigint, account_kind::text, account_number::text
    from (${judgedText(header, due, literal(period.code))}) judged`;
}

function literal(code: string): string {
  return `'${code.replaceAll("'", "''")}'::text`;
}
