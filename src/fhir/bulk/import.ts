/**
 * Runs an import: lines of JSON through the same permissions, validation, guards and projectors as
 * any write, some hundred in one transaction.
 *
 * A line is taken under its id; without one, under an id made of its text, so that the same file
 * sent again changes nothing. What stands already with the same content is left as it is. A
 * refused line stops nobody: a batch that is refused is halved until the line is found. Lines that
 * refer to what comes later in the file are tried once more at the end.
 */

import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as immediately } from 'node:timers/promises';
import type { Resource } from '@medplum/fhirtypes';
import type { App, UnitOfWork } from '../../app.ts';
import { runUnitOfWork } from '../../database/unit-of-work.ts';
import { type Actor, hashedKey, operationOutcome, Problem, problem } from '../../sdk/index.ts';
import { BODY_MAX_BYTES } from '../../settings.ts';
import { authorize } from '../authorize.ts';
import { parseJson } from '../formats/json.ts';
import { checkedId, refusePart } from '../interactions/write.ts';
import { writeContent } from '../store/content.ts';
import { foresee } from '../store/foreseen.ts';
import { BUCKETS_MAX, identifiersOf } from '../store/locks.ts';
import { loadRows } from '../store/read.ts';
import { unknownReferences } from '../store/references.ts';
import { writeResources } from '../store/write.ts';
import type { FhirHouse, PlannedWrite } from '../types.ts';
import { unpackActor } from './actor.ts';
import { Abandoned } from './export.ts';
import { type FileEntry, folderOf, LineFiles } from './files.ts';
import { type Line, linesOf } from './lines.ts';
import { addFaults, advanceImport, type Fault, loadFaults, removeFaults } from './store/import.ts';
import type { BulkJob } from './store/jobs.ts';

/** Name of the input in the folder of its job. */
export const INPUT = 'input.ndjson';
/** Lines of one transaction. */
const BATCH = 1000;
/** Bytes after which a transaction ends all the same. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** Lines read before the database is listened to again. */
const LINES_AT_ONCE = 8;
/** Refused lines read at once, and lines of one file of refusals. */
const FAULTS_AT_ONCE = 1000;
const FILE_LINES = 200_000;

/** A line with what is to be done with it: a write, a refusal, or nothing (a blank line). */
interface Entry {
  readonly line: Line;
  readonly plan?: PlannedWrite | undefined;
  readonly fault?: Problem | undefined;
}

/** Lines of one transaction: each resource once. */
class Batch {
  readonly entries: Entry[] = [];
  readonly #keys = new Set<string>();
  #bytes = 0;
  #locks = 0;

  takes({ plan }: Entry): boolean {
    if (this.entries.length >= BATCH || this.#bytes >= BATCH_BYTES) return false;
    if (!plan || this.entries.length === 0) return true;
    // With more locks than that, all other writers would wait for the whole batch.
    const fits = this.#locks + locksNeeded(plan) <= BUCKETS_MAX;
    return fits && !this.#keys.has(`${plan.type}/${plan.id}`);
  }

  add(entry: Entry): void {
    const { line, plan } = entry;
    this.entries.push(entry);
    this.#bytes += line.size;
    if (!plan) return;
    this.#keys.add(`${plan.type}/${plan.id}`);
    this.#locks += locksNeeded(plan);
  }
}

/** Its id, and each of its identifiers. */
function locksNeeded({ resource }: PlannedWrite): number {
  return 1 + identifiersOf(resource!).length;
}

/** What an import has made. */
export interface ImportResult {
  readonly folder: string;
  readonly error: readonly FileEntry[];
}

/**
 * Runs the import of a job that has been started, from where it had got to.
 *
 * @throws Abandoned
 */
export async function runImport(app: App, job: BulkJob): Promise<ImportResult> {
  return new Import(app, job).run();
}

class Import {
  readonly #app: App;
  readonly #job: BulkJob;
  readonly #actor: Actor;
  readonly #house: FhirHouse;
  readonly #path: string;
  readonly #allowed = new Map<string, Problem | undefined>();
  /** Where the job stands, as the database knows. */
  #at: { position: number; line: number };
  /** Trying refused lines once more: they are forgotten when they succeed. */
  #again = false;
  /** Refused lines that have been taken after all. */
  #mended = 0;

  constructor(app: App, job: BulkJob) {
    this.#app = app;
    this.#job = job;
    this.#actor = unpackActor(job.actor);
    this.#house = app.fhir as FhirHouse;
    this.#path = join(folderOf(app, job.id), INPUT);
    this.#at = { position: Number(job.position), line: Number(job.line) };
  }

  async run(): Promise<ImportResult> {
    await this.#firstPass();
    this.#again = true;
    await this.#secondPass();
    return { folder: String(this.#job.tries), error: await this.#faultFiles() };
  }

  async #firstPass(): Promise<void> {
    const { position, line } = this.#at;
    const max = this.#app.settings.get(BODY_MAX_BYTES);
    await this.#writeAll(linesOf(this.#path, position, line, max));
  }

  /** Writes lines in batches: the next is read and worked out while PostgreSQL writes the one before. */
  async #writeAll(lines: AsyncIterable<Line>): Promise<void> {
    let writing: Promise<void> = Promise.resolve();
    let batch = new Batch();
    let read = 0;
    const write = async (): Promise<void> => {
      const { entries } = batch;
      batch = new Batch();
      await writing;
      writing = this.#write(entries);
      writing.catch(() => {}); // awaited with the next batch
    };
    for await (const each of lines) {
      const entry = this.#read(each);
      if (!batch.takes(entry)) await write();
      batch.add(entry);
      read += 1;
      // PostgreSQL would wait for us in vain, and so would callers of this process.
      if (read % LINES_AT_ONCE === 0) await immediately();
    }
    await write();
    await writing;
  }

  /** Tries again what referred to later lines, as long as that mends some: one may name another. */
  async #secondPass(): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      for (let mended = -1; mended !== this.#mended; ) {
        mended = this.#mended;
        await this.#writeAll(this.#refusedLines(file));
      }
    } finally {
      await file.close();
    }
  }

  async *#refusedLines(file: FileHandle): AsyncGenerator<Line> {
    for (let after = 0; ; ) {
      const job = this.#job.id;
      const faults = await this.#unit((unit) => loadFaults(unit.db, job, after, true, BATCH));
      if (faults.length === 0) return;
      for (const { start, size, line: number } of faults) {
        const { buffer } = await file.read(Buffer.alloc(size), 0, size, start);
        yield { number, start, size, end: start + size, bytes: buffer };
      }
      after = faults.at(-1)!.line;
    }
  }

  #unit<Result>(work: (unit: UnitOfWork) => Promise<Result>): Promise<Result> {
    const options = { requestId: `bulk-${this.#job.id}` };
    return runUnitOfWork(this.#app, this.#actor, options, work);
  }

  #read(line: Line): Entry {
    try {
      return { line, plan: this.#planOf(line) };
    } catch (error) {
      if (error instanceof Problem) return { line, fault: error };
      throw error;
    }
  }

  #planOf({ bytes, size }: Line): PlannedWrite | undefined {
    if (!bytes) {
      throw problem('too-long', 'body-too-long', `The line has ${size} bytes, which is too long.`);
    }
    if (!isUtf8(bytes)) {
      throw problem('structure', 'encoding-broken', 'The line is not UTF-8.');
    }
    const text = bytes
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .trim();
    if (text === '') return undefined;
    const resource = parseJson(text) as Resource;
    const type = resource?.resourceType;
    if (typeof type !== 'string' || !this.#house.definitions.isResourceType(type)) {
      throw problem(
        'structure',
        'resource-type-missing',
        'A line is one R4 resource.',
        'resourceType',
      );
    }
    const refused = this.#mayWrite(type);
    if (refused) throw refused;
    this.#refuseProjected(resource);
    refusePart(resource);
    const issues = this.#house.definitions
      .validate(resource)
      .filter((issue) => issue.severity === 'error' || issue.severity === 'fatal');
    if (issues.length > 0) throw new Problem(issues, { status: 422 });
    const id = resource.id === undefined ? hashedKey(text) : checkedId(resource.id);
    const taken = resource.id === id ? resource : ({ ...resource, id } as Resource);
    foresee(this.#house.definitions, taken);
    return { action: 'update', type, id, resource: taken };
  }

  #mayWrite(type: string): Problem | undefined {
    if (this.#allowed.has(type)) return this.#allowed.get(type);
    let refused: Problem | undefined;
    try {
      for (const act of ['create', 'update'] as const) {
        authorize({ actor: this.#actor } as UnitOfWork, act, type);
      }
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      refused = error;
    }
    this.#allowed.set(type, refused);
    return refused;
  }

  /** What a room shows comes about by its operations, or is posted to it. */
  #refuseProjected({ resourceType, meta }: Resource): void {
    for (const { profile } of this.#house.projected.get(resourceType) ?? []) {
      if (!meta?.profile?.includes(profile)) continue;
      const says = `${profile} is kept by its room: POST it, or call the room's operations.`;
      throw problem('not-supported', 'profile-read-only', says, `${resourceType}.meta.profile`);
    }
  }

  /** Writes a batch in one transaction; when it is refused, its halves, down to the line at fault. */
  async #write(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    try {
      await this.#unit((unit) => this.#writeWith(unit, entries));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const planned = entries.filter((each) => each.plan);
      if (planned.length > 1) {
        const middle = entries.indexOf(planned[planned.length >> 1]!);
        await this.#write(entries.slice(0, middle));
        return this.#write(entries.slice(middle));
      }
      if (planned.length === 0) throw error;
      await this.#write(
        entries.map((each) => (each.plan ? { line: each.line, fault: error } : each)),
      );
    }
  }

  async #writeWith(unit: UnitOfWork, all: readonly Entry[]): Promise<void> {
    const differ = await differing(
      unit,
      all.flatMap((each) => each.plan ?? []),
    );
    const unknown = await unknownReferences(unit, differ);
    const changed = differ.filter((each) => !unknown.has(each));
    const entries = all.map((each) => refusedBy(unknown, each));
    const plans = entries.flatMap((each) => each.plan ?? []);
    if (changed.length > 0) await writeResources(unit, changed);
    const faults = entries.flatMap((each) =>
      each.fault ? [this.#faultOf(each.line, each.fault)] : [],
    );
    await addFaults(unit.db, this.#job.id, faults);
    const taken = entries.filter((each) => each.plan).map((each) => each.line.number);
    const mended = this.#again ? await removeFaults(unit.db, this.#job.id, taken) : 0;
    const { line } = entries.at(-1)!;
    const to = this.#again ? this.#at : { position: line.end, line: line.number };
    const tally = {
      done: changed.length,
      unchanged: plans.length - changed.length,
      faulty: this.#again ? -mended : faults.length,
    };
    if (!(await advanceImport(unit.db, this.#job, to, tally))) {
      throw new Abandoned('the import was cancelled');
    }
    unit.afterCommit(() => {
      this.#at = to;
      this.#mended += mended;
    });
  }

  #faultOf({ number, start, size }: Line, { issues }: Problem): Fault {
    const outcome = { ...operationOutcome(issues), id: `line-${number}` };
    const again = issues.some((issue) => issue.kind === 'unprocessable-reference');
    return { line: number, start, size, again, outcome: JSON.stringify(outcome) };
  }

  async #faultFiles(): Promise<readonly FileEntry[]> {
    const folder = join(folderOf(this.#app, this.#job.id), String(this.#job.tries));
    const files = new LineFiles(folder, 'OperationOutcome', FILE_LINES);
    for (let after = 0; ; ) {
      const some = await this.#unit((unit) =>
        loadFaults(unit.db, this.#job.id, after, false, FAULTS_AT_ONCE),
      );
      if (some.length === 0) return files.close();
      await files.add(some.map((each) => each.outcome).join('\n'), some.length);
      after = some.at(-1)!.line;
    }
  }
}

/** The entry, or its refusal. */
function refusedBy(
  faults: ReadonlyMap<PlannedWrite, Problem>,
  { line, plan, fault }: Entry,
): Entry {
  const found = plan && faults.get(plan);
  return found ? { line, fault: found } : { line, plan, fault };
}

/** The plans that would change something. */
async function differing(
  unit: UnitOfWork,
  plans: readonly PlannedWrite[],
): Promise<PlannedWrite[]> {
  const changed: PlannedWrite[] = [];
  for (const [type, some] of Map.groupBy(plans, (each) => each.type)) {
    const rows = await loadRows(
      unit,
      type,
      some.map((each) => each.id),
    );
    for (const plan of some) {
      const row = rows.get(plan.id);
      const same =
        row &&
        !row.deleted &&
        writeContent(plan.resource!, plan.id, row.ver, row.lu) === row.content;
      if (!same) changed.push(plan);
    }
  }
  return changed;
}
