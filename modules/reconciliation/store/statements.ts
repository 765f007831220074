/**
 * Keeps statements and their lines, and reads them for FHIR.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';
import type { LineResult, ParsedStatement, StatementLine } from '../statement.ts';

const LOCK = statement(
  'reconciliation.lock-provider',
  `select pg_advisory_xact_lock(hashtextextended('reconciliation:' || $1::bigint, 0))`,
);

/** Statements of one provider are taken in one after the other. */
export async function lockProvider(ctx: Context, providerId: bigint): Promise<void> {
  await ctx.db.run(LOCK, [providerId]);
}

const KNOWN = statement(
  'reconciliation.known',
  `select statement_id from reconciliation_statement
   where provider_id = $1 and content_hash = sha256($2::bytea)`,
);

/** The statement that came with these very bytes. */
export async function knownStatement(
  ctx: Context,
  providerId: bigint,
  content: Buffer,
): Promise<string | undefined> {
  const row = await ctx.db.maybe<{ statement_id: string }>(KNOWN, [providerId, content]);
  return row?.statement_id;
}

const INSERT = statement(
  'reconciliation.insert',
  `insert into reconciliation_statement
     (statement_id, provider_id, format, identifier, content, content_hash, currency, starts_on,
      ends_on, paid_on, lines_count, lines_minor, uploaded_by, uploaded_at, updated_at)
   values ($1, $2, $3, $4, $5::bytea, sha256($5::bytea), $6, $7, $8, $9, $10, $11, $12, $13, $13)`,
);

const LINES = statement(
  'reconciliation.lines',
  `insert into reconciliation_line (statement_id, line_no, provider_key, provider_reference, result,
     reason, said, amount_minor, account, happened_on)
   select $1, l.* from unnest($2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
     $8::bigint[], $9::text[], $10::date[]) l`,
);

/** What is kept of a statement beside its lines. */
export interface StatementFacts {
  readonly statementId: string;
  readonly providerId: bigint;
  readonly format: string;
  readonly content: Buffer;
  readonly currency: string;
  readonly paidOn: string;
}

/** Inserts a statement with its lines, in two statements. */
export async function insertStatement(
  ctx: Context,
  facts: StatementFacts,
  { lines, identifier, period }: ParsedStatement,
): Promise<void> {
  const paid = lines.filter((each) => each.result === 'paid' || each.result === 'partly-paid');
  await ctx.db.run(INSERT, [
    facts.statementId,
    facts.providerId,
    facts.format,
    identifier ?? null,
    facts.content,
    facts.currency,
    period?.startsOn ?? null,
    period?.endsOn ?? null,
    facts.paidOn,
    lines.length,
    paid.reduce((sum, each) => sum + each.amountMinor, 0n),
    ctx.actor.id,
    ctx.now,
  ]);
  await ctx.db.run(LINES, [facts.statementId, ...lineColumns(lines)]);
}

function lineColumns(lines: readonly StatementLine[]): unknown[] {
  return [
    lines.map((each) => each.number),
    lines.map((each) => each.key ?? null),
    lines.map((each) => each.reference ?? null),
    lines.map((each) => each.result),
    lines.map((each) => each.reason ?? null),
    lines.map((each) => each.text ?? null),
    lines.map((each) => each.amountMinor),
    lines.map((each) => each.account ?? null),
    lines.map((each) => each.day ?? null),
  ];
}

/** A line as FHIR shows it. */
export interface ShownLine {
  readonly statement_id: string;
  readonly line_no: number;
  readonly provider_key: string | null;
  readonly provider_reference: string | null;
  readonly result: LineResult;
  readonly amount_minor: bigint;
  readonly happened_on: string | null;
  readonly instruction_id: string | null;
  readonly claim_id: string | null;
  readonly verdict: string;
  readonly exception_id: string | null;
  readonly kind: string | null;
  readonly open: boolean | null;
}

const SHOWN = statement(
  'reconciliation.shown-lines',
  `select l.statement_id::text, l.line_no, l.provider_key, l.provider_reference, l.result,
          l.amount_minor, l.happened_on, l.instruction_id::text, l.verdict,
          case when i.purpose = 'payroll' then i.source_id::text end as claim_id,
          e.exception_id::text, e.kind, e.closed_at is null and e.exception_id is not null as open
   from unnest($1::uuid[]) s(statement_id)
   cross join lateral (
     select * from reconciliation_line x where x.statement_id = s.statement_id
     order by x.line_no limit $2) l
   left join disbursement_instruction i
     on i.payee_id = l.payee_id and i.instruction_id = l.instruction_id
   left join reconciliation_exception e
     on e.statement_id = l.statement_id and e.line_no = l.line_no
   order by l.statement_id, l.line_no`,
);

/** The first lines of statements, `limit` of each. */
export function shownLines(
  ctx: Context,
  statementIds: readonly string[],
  limit: number,
): Promise<ShownLine[]> {
  return ctx.db.query<ShownLine>(SHOWN, [statementIds, limit]);
}

const PROVIDER = statement(
  'reconciliation.provider',
  'select provider_id, name from providers_provider where provider_id = $1',
);

/** A registered provider; undefined when the organization is none. */
export function findProvider(
  ctx: Context,
  providerId: bigint,
): Promise<{ provider_id: bigint; name: string } | undefined> {
  return ctx.db.maybe(PROVIDER, [providerId]);
}

const STATEMENT_PROVIDER = statement(
  'reconciliation.statement-provider',
  `select provider_id from reconciliation_statement
   where statement_id = case when $1 ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then $1::uuid end`,
);

/** The provider of a statement; undefined when there is no such statement. */
export async function providerOfStatement(ctx: Context, id: string): Promise<bigint | undefined> {
  const row = await ctx.db.maybe<{ provider_id: bigint }>(STATEMENT_PROVIDER, [id]);
  return row?.provider_id;
}

const KEYS = statement(
  'reconciliation.keys',
  `select instruction_id::text as id, transaction_number as key from disbursement_instruction
   where instruction_id = any($1::uuid[])`,
);

/** Transaction numbers of instructions by id. */
export async function keysOf(ctx: Context, ids: readonly string[]): Promise<Map<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db.query<{ id: string; key: string }>(KEYS, [ids]);
  return new Map(rows.map((row) => [row.id, row.key]));
}
