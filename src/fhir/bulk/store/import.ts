/**
 * How far an import is, and the lines that were refused: written in the transaction that wrote the
 * resources, so that an import which is taken up again neither repeats nor leaves out a line.
 */

import { columns, type Database, statement } from '../../../sdk/index.ts';
import type { BulkJob } from './jobs.ts';

/** How many lines went which way. */
export interface Tally {
  readonly done: number;
  readonly unchanged: number;
  readonly faulty: number;
}

/** A refused line. */
export interface Fault {
  readonly line: number;
  /** Where it begins in the input, and its bytes. */
  readonly start: number;
  readonly size: number;
  readonly again: boolean;
  /** OperationOutcome as JSON. */
  readonly outcome: string;
}

const ADVANCE = statement(
  'bulk.advance-import',
  `update bulk_job set position = $3, line = $4, done = done + $5, unchanged = unchanged + $6,
     faulty = faulty + $7, progress = $8
   where id = $1 and state = 'running' and tries = $2`,
);

/** Notes a part of an import; false when the job was cancelled or taken over. */
export async function advanceImport(
  db: Database,
  { id, tries }: BulkJob,
  to: { readonly position: number; readonly line: number },
  tally: Tally,
): Promise<boolean> {
  const { done, unchanged, faulty } = tally;
  const progress = `${to.line} lines`;
  const values = [id, tries, to.position, to.line, done, unchanged, faulty, progress];
  return (await db.run(ADVANCE, values)) === 1;
}

const ADD_FAULTS = statement(
  'bulk.add-faults',
  `insert into bulk_import_fault (job, line, start, size, again, outcome)
   select $1, * from unnest($2::bigint[], $3::bigint[], $4::int[], $5::boolean[], $6::text[])
   on conflict (job, line) do update set again = excluded.again, outcome = excluded.outcome`,
);

/** Keeps refused lines; one that was refused before says why anew. */
export async function addFaults(
  db: Database,
  job: string,
  faults: readonly Fault[],
): Promise<void> {
  if (faults.length === 0) return;
  const rows = columns(faults, ['line', 'start', 'size', 'again', 'outcome']);
  await db.run(ADD_FAULTS, [job, ...rows]);
}

const REMOVE_FAULTS = statement(
  'bulk.remove-faults',
  'delete from bulk_import_fault where job = $1 and line = any($2::bigint[])',
);

/** Forgets refusals of lines that have been taken after all; answers how many there were. */
export async function removeFaults(
  db: Database,
  job: string,
  lines: readonly number[],
): Promise<number> {
  return lines.length === 0 ? 0 : db.run(REMOVE_FAULTS, [job, lines]);
}

const FAULTS = statement(
  'bulk.faults',
  `select line, start, size, again, outcome from bulk_import_fault
   where job = $1 and line > $2 and (again or not $3) order by line limit $4`,
);

/** Refused lines after one, in order; `again`: only those that may be tried once more. */
export async function loadFaults(
  db: Database,
  job: string,
  after: number,
  again: boolean,
  limit: number,
): Promise<Fault[]> {
  const rows = await db.query<Omit<Fault, 'line' | 'start'> & { line: bigint; start: bigint }>(
    FAULTS,
    [job, after, again, limit],
  );
  return rows.map((row) => ({ ...row, line: Number(row.line), start: Number(row.start) }));
}
