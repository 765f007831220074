/**
 * `$viewdefinition-export`: flat tables of several views over one snapshot, a file each, asked for
 * and fetched as an export is.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/OperationDefinition-ViewDefinitionExport.html
 */

import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Parameters } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { isObject } from '../definitions/run.ts';
import { formatOf, type Given, idOf, peopleOf, rowsOf, viewOf } from '../operations/view-run.ts';
import { fhirOf } from '../types.ts';
import { rowsElsewhere } from '../views/evaluator.ts';
import { compileView, type Row } from '../views/view.ts';
import { type ViewFormat, writeRows } from '../views/write.ts';
import { instantOf } from './export-request.ts';
import type { FileEntry } from './files.ts';
import { selectResources } from './store/select.ts';

/** An export of tables, as it is kept with its job. */
export interface ViewsTask {
  readonly level: 'views';
  readonly views: readonly { readonly name: string; readonly view: unknown }[];
  readonly format: ViewFormat;
  readonly header: boolean;
  readonly since?: string;
  readonly patients?: readonly string[];
}

/** Views of one export, and resources read at once. */
const VIEWS_MAX = 50;
const PORTION = 1000;
const NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

/**
 * Understands a kick-off; every view is compiled, so that a wrong one is told at once.
 *
 * @throws Problem invalid, required, forbidden
 */
export async function readViews(unit: UnitOfWork, body: Parameters): Promise<ViewsTask> {
  const list: unknown = body.parameter;
  if (!Array.isArray(list) || !list.every(isObject)) {
    throw problem('structure', 'operation-body', 'Send Parameters.', 'Parameters.parameter');
  }
  const all = (name: string): Given[] =>
    (list as unknown as Given[]).filter((each) => each.name === name);
  const parts = all('view');
  if (parts.length === 0 || parts.length > VIEWS_MAX) {
    throw problem('required', 'view-missing', `Send 1 to ${VIEWS_MAX} parameters "view".`, 'view');
  }
  const views: { name: string; view: unknown }[] = [];
  for (const part of parts) views.push(await readView(unit, part));
  if (new Set(views.map((each) => each.name)).size < views.length) {
    throw problem('invalid', 'view-invalid', 'Each view has a name of its own.', 'view');
  }
  const since = all('_since')[0]?.valueInstant;
  const people = await peopleOf(unit, all('patient')[0], all('group'));
  return {
    level: 'views',
    views,
    format: formatOf(all('_format')[0]?.valueCode),
    header: all('header')[0]?.valueBoolean !== false,
    ...(since !== undefined && { since: instantOf(since) }),
    ...(people && { patients: people }),
  };
}

async function readView(
  unit: UnitOfWork,
  { part }: Given,
): Promise<{ name: string; view: unknown }> {
  const parts = Array.isArray(part) ? part.filter(isObject) : [];
  const one = (name: string) => parts.find((each) => each.name === name) as Given | undefined;
  const view = await viewOf(unit, idOf(one('viewReference'), 'Library'), one('viewResource'));
  const { resource, name, interpreted } = compileView(view, (type) =>
    fhirOf(unit).definitions.isResourceType(type),
  );
  if (interpreted) await rowsElsewhere(view, []).next();
  authorize(unit, 'read', resource);
  const called = one('name')?.valueString ?? name;
  if (NAME.test(called)) return { name: called, view };
  throw problem(
    'invalid',
    'view-invalid',
    'A view is named by letters, digits and _.',
    'view.name',
  );
}

/** Writes the tables; `report` is called with the rows written so far and the table at hand. */
export async function exportViews(
  unit: UnitOfWork,
  task: ViewsTask,
  folder: string,
  report: (count: number, at: string) => Promise<void>,
): Promise<FileEntry[]> {
  const files: FileEntry[] = [];
  let total = 0;
  await mkdir(folder, { recursive: true });
  for (const { name, view: source } of task.views) {
    const view = compileView(source, (type) => fhirOf(unit).definitions.isResourceType(type));
    const since = task.since === undefined ? undefined : new Date(task.since);
    const selection = { type: view.resource, since, patients: task.patients, portion: PORTION };
    let count = 0;
    const counted = async function* (): AsyncGenerator<Row[]> {
      for await (const rows of rowsOf(view, source, textsOf(selectResources(unit, selection)))) {
        count += rows.length;
        await report(total + count, name);
        yield rows;
      }
    };
    const file = `${name}.${task.format}`;
    const rows = writeRows(task.format, view.columns, counted(), task.header);
    await pipeline(rows, createWriteStream(join(folder, file), { flags: 'wx', flush: true }));
    total += count;
    files.push({ type: name, name: file, count });
  }
  return files;
}

async function* textsOf(portions: AsyncIterable<{ lines: string }>): AsyncGenerator<string[]> {
  for await (const { lines } of portions) yield lines.split('\n');
}
