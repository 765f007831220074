/**
 * Runs an export: one snapshot, a file of lines for each type, and the list of what was deleted.
 * Content goes from PostgreSQL to the file as text; nothing is parsed unless `_elements` asks for
 * parts.
 *
 * Spec: https://hl7.org/fhir/uv/bulkdata/STU2/export.html
 */

import { join } from 'node:path';
import type { Group } from '@medplum/fhirtypes';
import type { App, UnitOfWork } from '../../app.ts';
import { pooledDatabase } from '../../database/connect.ts';
import { runUnitOfWork } from '../../database/unit-of-work.ts';
import { parseReference } from '../../sdk/index.ts';
import { NAMED_STATEMENTS } from '../../settings.ts';
import { mayRead } from '../authorize.ts';
import { current } from '../interactions/read.ts';
import { summarized } from '../search/summary.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { unpackActor } from './actor.ts';
import type { ExportTask } from './export-request.ts';
import { type FileEntry, folderOf, LineFiles } from './files.ts';
import { type BulkJob, reportProgress } from './store/jobs.ts';
import { copyStored, type Selection, selectProjected, selectResources } from './store/select.ts';
import { deletedSince, type Snapshot, storedTypes, withSnapshot } from './store/snapshot.ts';
import { exportViews, type ViewsTask } from './views.ts';

/** Resources read at once, and resources of one file. */
const PORTION = 2000;
const FILE_LINES = 200_000;
/** Deletions that one Bundle names. */
const DELETED_PORTION = 1000;
const REPORT_MS = 1000;
/** Grows with every request, this one too: exported only by its name. */
const TRAIL = 'AuditEvent';

/** What an export has made. */
export interface ExportResult {
  readonly transactionTime: string;
  /** Folder of the files, below that of the job. */
  readonly folder: string;
  readonly output: readonly FileEntry[];
  readonly deleted: readonly FileEntry[];
}

/** Somebody has cancelled the job, or another process has taken it over. */
export class Abandoned extends Error {}

/**
 * Runs the export of a job that has been started.
 *
 * @throws Abandoned; Problem when the caller may not, or the Group is gone
 */
export async function runExport(app: App, job: BulkJob): Promise<ExportResult> {
  const actor = unpackActor(job.actor);
  const options = { readOnly: true, requestId: `bulk-${job.id}` };
  return runUnitOfWork(app, actor, options, (unit) =>
    withSnapshot(unit, (snapshot) => new Export(app, job, snapshot).run()),
  );
}

class Export {
  readonly #app: App;
  readonly #job: BulkJob;
  readonly #task: ExportTask;
  readonly #unit: UnitOfWork;
  readonly #instant: Date;
  readonly #folder: string;
  #count = 0;
  #reported = 0;

  constructor(app: App, job: BulkJob, snapshot: Snapshot) {
    this.#app = app;
    this.#job = job;
    this.#task = job.task as ExportTask;
    this.#unit = snapshot.unit;
    this.#instant = snapshot.instant;
    this.#folder = join(folderOf(app, job.id), String(job.tries));
  }

  async run(): Promise<ExportResult> {
    const task = this.#job.task as ExportTask | ViewsTask;
    if (task.level !== 'views') return this.#resources();
    const report = (count: number, at: string): Promise<void> => {
      this.#count = count;
      return this.#report(at);
    };
    return this.#result(await exportViews(this.#unit, task, this.#folder, report), []);
  }

  #result(output: readonly FileEntry[], deleted: readonly FileEntry[]): ExportResult {
    const folder = String(this.#job.tries);
    return { transactionTime: this.#instant.toISOString(), folder, output, deleted };
  }

  async #resources(): Promise<ExportResult> {
    const patients = await this.#patients();
    const types = await this.#types(patients !== undefined);
    const output: FileEntry[] = [];
    const deleted: FileEntry[] = [];
    for (const type of types) {
      output.push(...(await this.#type(type, patients)));
      if (this.#task.since !== undefined) deleted.push(...(await this.#deleted(type)));
    }
    return this.#result(output, deleted);
  }

  /** The people whose compartments are exported; undefined for no limit. */
  async #patients(): Promise<readonly string[] | 'all' | undefined> {
    const { level, group, patients } = this.#task;
    if (level === 'system') return patients;
    if (level === 'Patient') return patients ?? 'all';
    const { content } = await current(this.#unit, 'Group', group!);
    const members = ((parseContent(content) as Group).member ?? []).flatMap(
      ({ entity, inactive }) => {
        const local = parseReference(entity?.reference);
        return local?.type === 'Patient' && !inactive ? [local.id] : [];
      },
    );
    return patients ? members.filter((each) => patients.includes(each)) : members;
  }

  async #types(ofPeople: boolean): Promise<string[]> {
    const { definitions, projected } = fhirOf(this.#unit);
    const there = new Set([...(await storedTypes(this.#unit)), ...projected.keys()]);
    there.delete(TRAIL);
    const all = this.#task.types ?? [...there];
    const compartment = definitions.compartment('Patient')!.parameters;
    return all
      .filter((type) => mayRead(this.#unit, type))
      .filter((type) => !ofPeople || type === 'Patient' || compartment.has(type))
      .sort();
  }

  async #type(
    type: string,
    patients: readonly string[] | 'all' | undefined,
  ): Promise<readonly FileEntry[]> {
    const { since, filters } = this.#task;
    const selection: Selection = {
      type,
      since: since === undefined ? undefined : new Date(since),
      patients,
      filters: filters[type]?.map((query) => new URLSearchParams(query)),
      portion: PORTION,
    };
    const shape = this.#shapeOf(type);
    const files = new LineFiles(this.#folder, type, FILE_LINES);
    if (!shape) {
      for await (const bytes of copyStored(this.#unit, selection)) {
        this.#count += await files.addBytes(bytes);
        await this.#report(type);
      }
    }
    const portions = shape ? selectResources : selectProjected;
    for await (const { lines, count } of portions(this.#unit, selection)) {
      await files.add(shape ? lines.split('\n').map(shape).join('\n') : lines, count);
      this.#count += count;
      await this.#report(type);
    }
    return files.close();
  }

  #shapeOf(type: string): ((content: string) => string) | undefined {
    const { elements } = this.#task;
    const wanted = [...(elements[type] ?? []), ...(elements['*'] ?? [])];
    if (wanted.length === 0) return undefined;
    const { definitions } = fhirOf(this.#unit);
    return (content) => summarized(definitions, content, { elements: wanted });
  }

  async #deleted(type: string): Promise<readonly FileEntry[]> {
    const files = new LineFiles(this.#folder, `deleted-${type}`, FILE_LINES);
    const since = new Date(this.#task.since!);
    for await (const ids of deletedSince(this.#unit, type, since, DELETED_PORTION)) {
      const entry = ids.map((id) => ({ request: { method: 'DELETE', url: `${type}/${id}` } }));
      await files.add(JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }), 1);
      await this.#report(type);
    }
    return (await files.close()).map((each) => ({ ...each, type: 'Bundle' }));
  }

  /** Says how far it is, about once a second; learns that it has been cancelled. */
  async #report(type: string): Promise<void> {
    const now = this.#app.clock.now().getTime();
    if (now - this.#reported < REPORT_MS && this.#reported !== 0) return;
    this.#reported = now;
    const db = pooledDatabase(this.#app.pool, this.#app.settings.get(NAMED_STATEMENTS) === 'on');
    const told = await reportProgress(db, this.#job, `${this.#count} done, at ${type}`);
    if (!told) throw new Abandoned('the export was cancelled');
  }
}
