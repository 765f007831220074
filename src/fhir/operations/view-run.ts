/**
 * `$viewdefinition-run` (and, by its first name, `ViewDefinition/$run`): flat tables from resources,
 * stored ones or those sent along, as JSON, ndjson, CSV or Parquet.
 *
 * R4 has no ViewDefinition. A view is sent as `viewResource`, or kept as the content of a Library
 * (`contentType` application/json or application/fhir+json), which has all that a definition needs:
 * url, version, history, permissions; `ViewDefinition/[id]/$run` takes the Library's id.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/OperationDefinition-ViewDefinitionRun.html
 */

import { setImmediate } from 'node:timers/promises';
import type { Group, Library, OperationDefinition, Parameters } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { type Operation, parseReference, problem, type RawAnswer } from '../../sdk/index.ts';
import { authorize } from '../authorize.ts';
import { selectResources } from '../bulk/store/select.ts';
import { parseJson, writeJson } from '../formats/json.ts';
import { current } from '../interactions/read.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';
import { rowsElsewhere } from '../views/evaluator.ts';
import { compileView, type Row, type View } from '../views/view.ts';
import { VIEW_TYPES, type ViewFormat, writeRows } from '../views/write.ts';
import { BY_TYPE } from './by-type.ts';

/** Resources that are read at once. */
const PORTION = 1000;

const FORMATS: Readonly<Record<string, ViewFormat>> = {
  json: 'json',
  'application/json': 'json',
  'application/fhir+json': 'json',
  ndjson: 'ndjson',
  'application/ndjson': 'ndjson',
  'application/x-ndjson': 'ndjson',
  'application/fhir+ndjson': 'ndjson',
  csv: 'csv',
  'text/csv': 'csv',
  parquet: 'parquet',
  'application/vnd.apache.parquet': 'parquet',
};

function definition(code: string, where: 'system' | 'type' | 'library'): OperationDefinition {
  const parameter = (name: string, max: string, type: string, documentation: string) => ({
    name,
    use: 'in' as const,
    min: 0,
    max,
    type: type as 'string',
    documentation,
  });
  return {
    resourceType: 'OperationDefinition',
    url: 'http://sql-on-fhir.org/OperationDefinition/$viewdefinition-run',
    name: 'ViewDefinitionRun',
    status: 'active',
    kind: 'operation',
    code,
    description: 'Runs a view over resources and answers a table.',
    affectsState: false,
    ...(where !== 'system' && {
      resource: [where === 'type' ? 'ViewDefinition' : 'Library'] as 'Library'[],
    }),
    system: where === 'system',
    type: where === 'type',
    instance: where === 'library',
    parameter: [
      parameter('viewResource', '1', 'Resource', 'The ViewDefinition.'),
      parameter('viewReference', '1', 'Reference', 'A Library whose content is the view.'),
      parameter('resource', '*', 'Resource', 'Resources to read instead of the stored ones.'),
      parameter('_format', '1', 'code', 'json, ndjson (default), csv or parquet.'),
      parameter('header', '1', 'boolean', 'Whether CSV begins with the names; true if absent.'),
      parameter('_limit', '1', 'positiveInt', 'Rows at most.'),
      parameter('_since', '1', 'instant', 'Resources changed at or after.'),
      parameter('patient', '1', 'Reference', 'Only the compartment of this Patient.'),
      parameter('group', '*', 'Reference', 'Only the compartments of the members of these Groups.'),
      { name: 'return', use: 'out', min: 1, max: '1', type: 'Binary' },
    ],
  };
}

function viewOperation(code: string, where: 'system' | 'type' | 'library'): Operation {
  return {
    definition: definition(code, where),
    permission: BY_TYPE,
    answers: Object.keys(FORMATS),
    run: (ctx, { id, parameters, accept }) => run(ctx as UnitOfWork, id, parameters, accept),
  };
}

/** The operations, by both names. */
export const viewOperations: readonly Operation[] = [
  viewOperation('viewdefinition-run', 'system'),
  viewOperation('viewdefinition-run', 'type'),
  viewOperation('run', 'type'),
  viewOperation('viewdefinition-run', 'library'),
];

/** A parameter of the operation. */
export type Given = NonNullable<Parameters['parameter']>[number];

async function run(
  unit: UnitOfWork,
  id: string | undefined,
  parameters: Parameters,
  accept: string | undefined,
): Promise<RawAnswer> {
  const all = (name: string): Given[] =>
    (parameters.parameter ?? []).filter((each) => each.name === name);
  const one = (name: string): Given | undefined => all(name)[0];
  const { definitions } = fhirOf(unit);
  const source = await viewOf(
    unit,
    id ?? idOf(one('viewReference'), 'Library'),
    one('viewResource'),
  );
  const view = compileView(source, (type) => definitions.isResourceType(type));
  const format = formatOf(one('_format')?.valueCode ?? formIn(accept));
  const resources = all('resource');
  if (resources.length === 0) authorize(unit, 'read', view.resource);
  const texts =
    resources.length > 0
      ? given(resources)
      : stored(
          unit,
          view,
          one('_since')?.valueInstant,
          await peopleOf(unit, one('patient'), all('group')),
        );
  const rows = limited(rowsOf(view, source, texts), one('_limit')?.valuePositiveInt);
  return {
    raw: true,
    contentType: VIEW_TYPES[format],
    body: writeRows(format, view.columns, await begun(rows), one('header')?.valueBoolean !== false),
  };
}

/**
 * The form that a name or media type means; ndjson when none is given.
 *
 * @throws Problem when the form is not one that is given
 */
export function formatOf(text: string | undefined): ViewFormat {
  const name = String(text ?? 'ndjson')
    .split(';')[0]!
    .trim()
    .replace(' ', '+')
    .toLowerCase();
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format) return format;
  throw problem(
    'not-acceptable',
    'format-unknown',
    'A table is given as json, ndjson, csv or parquet.',
    '_format',
  );
}

/** The form that an Accept header likes best; undefined when it names none of ours. */
function formIn(accept: string | undefined): string | undefined {
  const ranges = (accept ?? '').split(',').map((range) => {
    const [type = '', ...rest] = range.split(';').map((each) => each.trim().toLowerCase());
    const q = Number(rest.find((each) => each.startsWith('q='))?.slice(2) ?? 1);
    return { type, q };
  });
  return ranges
    .sort((a, b) => b.q - a.q)
    .find(({ type, q }) => q > 0 && Object.hasOwn(FORMATS, type))?.type;
}

/**
 * A view that is sent, or kept in a Library.
 *
 * @throws Problem required, not-found
 */
export async function viewOf(
  unit: UnitOfWork,
  library: string | undefined,
  resource: Given | undefined,
): Promise<unknown> {
  if ((library === undefined) === (resource === undefined)) {
    throw problem(
      'required',
      'view-missing',
      'Send one view: a ViewDefinition as viewResource, or a Library that holds it as viewReference.',
      'viewResource',
    );
  }
  if (library === undefined) return resource?.resource;
  authorize(unit, 'read', 'Library');
  const found = parseContent((await current(unit, 'Library', library)).content) as Library;
  const content = found.content?.find(
    (each) =>
      each.data !== undefined && /^application\/(fhir\+)?json\b/.test(each.contentType ?? ''),
  );
  if (content?.data) return parseJson(Buffer.from(content.data, 'base64').toString('utf8'));
  throw problem(
    'not-found',
    'view-missing',
    `Library/${library} holds no view: its content must be JSON (application/json) as data.`,
    'viewReference',
  );
}

/**
 * The id of a reference to a resource of a type; undefined when none is given.
 *
 * @throws Problem invalid
 */
export function idOf(parameter: Given | undefined, ...types: string[]): string | undefined {
  if (!parameter) return undefined;
  const text = parameter.valueReference?.reference;
  const local = parseReference(text);
  if (local && (types.includes(local.type) || local.type === 'ViewDefinition')) return local.id;
  const says = `"${parameter.name}" refers to ${types.join(' or ')} of this server, as ${types[0]}/[id].`;
  throw problem('invalid', 'operation-parameter', says, parameter.name);
}

/** The Patients to whose compartments a view is limited; undefined for no limit. */
export async function peopleOf(
  unit: UnitOfWork,
  patient: Given | undefined,
  groups: readonly Given[],
): Promise<readonly string[] | undefined> {
  if (!patient && groups.length === 0) return undefined;
  const people = new Set<string>();
  const one = idOf(patient, 'Patient');
  if (one !== undefined) people.add(one);
  for (const each of groups) {
    authorize(unit, 'read', 'Group');
    const { content } = await current(unit, 'Group', idOf(each, 'Group')!);
    for (const { entity } of (parseContent(content) as Group).member ?? []) {
      const local = parseReference(entity?.reference);
      if (local?.type === 'Patient') people.add(local.id);
    }
  }
  return [...people];
}

async function* given(resources: readonly Given[]): AsyncGenerator<string[]> {
  yield resources.map((each) => writeJson(each.resource));
}

async function* stored(
  unit: UnitOfWork,
  view: View,
  since: string | undefined,
  patients: readonly string[] | undefined,
): AsyncGenerator<string[]> {
  const from = since === undefined ? undefined : new Date(since);
  if (from && Number.isNaN(from.getTime())) {
    throw problem('invalid', 'operation-parameter', '_since is an instant.', '_since');
  }
  const selection = { type: view.resource, since: from, patients, portion: PORTION };
  for await (const { lines } of selectResources(unit, selection)) yield lines.split('\n');
}

/** Rows that are gathered before they are passed on, and before others have their turn. */
const ROWS_AT_ONCE = 5000;

/**
 * Rows of a view over JSON texts; paths that could run away are evaluated in another process.
 *
 * @param source  the view as it was sent
 */
export async function* rowsOf(
  view: View,
  source: unknown,
  texts: AsyncIterable<string[]>,
): AsyncGenerator<Row[]> {
  for await (const some of texts) {
    if (view.interpreted) {
      yield* rowsElsewhere(source, some);
      continue;
    }
    let rows: Row[] = [];
    for (const text of some) {
      for (const row of view.rows(text)) rows.push(row);
      if (rows.length < ROWS_AT_ONCE) continue;
      yield rows;
      await setImmediate();
      rows = [];
    }
    yield rows;
  }
}

async function* limited(batches: AsyncIterable<Row[]>, max: number | undefined) {
  let left = max ?? Number.POSITIVE_INFINITY;
  for await (const rows of batches) {
    yield rows.slice(0, left);
    left -= rows.length;
    if (left <= 0) return;
  }
}

/** Reads the first portion before anything is answered, so that its faults are told as such. */
async function begun<Item>(items: AsyncGenerator<Item>): Promise<AsyncGenerator<Item>> {
  const first = await items.next();
  return (async function* () {
    if (!first.done) yield first.value;
    yield* items;
  })();
}
