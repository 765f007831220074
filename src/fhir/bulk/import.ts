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
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import type { App, UnitOfWork } from '../../app.ts';
import { runUnitOfWork } from '../../database/unit-of-work.ts';
import { type Actor, hashedKey, operationOutcome, Problem, problem } from '../../sdk/index.ts';
import { BODY_MAX_BYTES } from '../../settings.ts';
import { authorize } from '../authorize.ts';
import { parseJson } from '../formats/json.ts';
import { checkedId, refusePart } from '../interactions/write.ts';
import { writeContent } from '../store/content.ts';
import { loadRows } from '../store/read.ts';
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
/** Resources written in one transaction. */
const BATCH = 400;
/** Refused lines read at once, and lines of one file of refusals. */
const FAULTS_AT_ONCE = 1000;
const FILE_LINES = 200_000;

/** A line with what is to be done with it: a write, a refusal, or nothing (a blank line). */
interface Entry {
  readonly line: Line;
  readonly plan?: PlannedWrite | undefined;
  readonly fault?: Problem | undefined;
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

  /** The next lines are read and checked while PostgreSQL writes those before. */
  async #firstPass(): Promise<void> {
    const { position, line } = this.#at;
    let writing: Promise<void> = Promise.resolve();
    let entries: Entry[] = [];
    let keys = new Set<string>();
    const write = async (): Promise<void> => {
      const batch = entries;
      entries = [];
      keys = new Set();
      await writing;
      writing = this.#write(batch);
      writing.catch(() => {}); // awaited with the next batch
    };
    const max = this.#app.settings.get(BODY_MAX_BYTES);
    for await (const each of linesOf(this.#path, position, line, max)) {
      const entry = this.#read(each);
      const key = entry.plan && `${entry.plan.type}/${entry.plan.id}`;
      if (entries.length >= BATCH || (key && keys.has(key))) await write();
      entries.push(entry);
      if (key) keys.add(key);
    }
    await write();
    await writing;
  }

  async #secondPass(): Promise<void> {
    const file = await open(this.#path, 'r');
    try {
      let after = 0;
      for (;;) {
        const job = this.#job.id;
        const faults = await this.#unit((unit) => loadFaults(unit.db, job, after, true, BATCH));
        if (faults.length === 0) return;
        for (const { start, size, line: number } of faults) {
          const { buffer } = await file.read(Buffer.alloc(size), 0, size, start);
          // One at a time: a line may name the one before it.
          await this.#write([
            this.#read({ number, start, size, end: start + size, bytes: buffer }),
          ]);
        }
        after = faults.at(-1)!.line;
      }
    } finally {
      await file.close();
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
    return { action: 'update', type, id, resource: { ...resource, id } as Resource };
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

  async #writeWith(unit: UnitOfWork, entries: readonly Entry[]): Promise<void> {
    const plans = entries.flatMap((each) => each.plan ?? []);
    const changed = await differing(unit, plans);
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
    this.#at = to;
  }

  #faultOf({ number, start, size }: Line, { issues }: Problem): Fault {
    const outcome = { ...operationOutcome(issues), id: `line-${number}` };
    const again = !this.#again && issues.some((issue) => issue.kind === 'unprocessable-reference');
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
