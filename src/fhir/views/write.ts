/**
 * Rows of a view as JSON, ndjson, CSV and Parquet, in chunks, so that a million rows need no more
 * memory than a thousand (Parquet: one row group).
 *
 * A list or an object in a cell is JSON text in CSV and Parquet, which have no other place for it.
 */

import { stringify } from 'csv-stringify/sync';
import { type BasicType, ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import type { Column, Row } from './view.ts';

/** Forms of the result. */
export type ViewFormat = 'json' | 'ndjson' | 'csv' | 'parquet';

/** Media type of each form. */
export const VIEW_TYPES: Readonly<Record<ViewFormat, string>> = {
  json: 'application/json; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

type Batches = AsyncIterable<readonly Row[]>;

/** Writes batches of rows in a form. */
export function writeRows(
  format: ViewFormat,
  columns: readonly Column[],
  batches: Batches,
  header: boolean,
): AsyncIterable<Uint8Array | string> {
  if (format === 'csv') return writeCsv(columns, batches, header);
  if (format === 'parquet') return writeParquet(columns, batches);
  return format === 'json' ? writeArray(columns, batches) : writeLines(columns, batches);
}

/** One row as a JSON object. */
export function writeRow(columns: readonly Column[], row: Row): string {
  const parts = columns.map(({ name }, at) => `${JSON.stringify(name)}:${asJson(row[at])}`);
  return `{${parts.join(',')}}`;
}

/** JSON of a cell; an exact decimal stands as it was read. */
function asJson(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

async function* writeLines(columns: readonly Column[], batches: Batches) {
  for await (const rows of batches) {
    if (rows.length > 0) yield `${rows.map((row) => writeRow(columns, row)).join('\n')}\n`;
  }
}

async function* writeArray(columns: readonly Column[], batches: Batches) {
  let before = '[';
  for await (const rows of batches) {
    if (rows.length === 0) continue;
    yield before + rows.map((row) => writeRow(columns, row)).join(',\n');
    before = ',\n';
  }
  yield before === '[' ? '[]' : ']';
}

/** A cell as text; undefined for none. */
function asText(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' ? value : asJson(value);
}

async function* writeCsv(columns: readonly Column[], batches: Batches, header: boolean) {
  if (header) yield stringify([columns.map((each) => each.name)]);
  for await (const rows of batches) {
    if (rows.length > 0) yield stringify(rows.map((row) => row.map(asText)));
  }
}

const PARQUET: Readonly<Record<string, BasicType>> = {
  boolean: 'BOOLEAN',
  integer: 'INT32',
  positiveInt: 'INT32',
  unsignedInt: 'INT32',
  integer64: 'INT64',
  decimal: 'DOUBLE',
};

/** Rows of one row group. */
const GROUP_ROWS = 50_000;

function parquetType({ type, collection }: Column): BasicType {
  return (
    (collection ? undefined : PARQUET[type?.slice(type.lastIndexOf('/') + 1) ?? '']) ?? 'STRING'
  );
}

function parquetValue(type: BasicType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'BOOLEAN':
      return value === true;
    case 'INT64':
      return BigInt(String(value));
    case 'INT32':
    case 'DOUBLE':
      return Number(String(value));
    default:
      return asText(value);
  }
}

async function* writeParquet(columns: readonly Column[], batches: Batches) {
  const types = columns.map(parquetType);
  const source = (rows: readonly Row[]) =>
    columns.map(({ name }, at) => ({
      name,
      type: types[at]!,
      nullable: true,
      data: rows.map((row) => parquetValue(types[at]!, row[at])),
    }));
  const bytes = new ByteWriter();
  const parquet = new ParquetWriter({
    writer: bytes,
    schema: schemaFromColumnData({ columnData: source([]) }),
  });
  let group: Row[] = [];
  const taken = (): Uint8Array => {
    const written = Uint8Array.from(bytes.getBytes());
    bytes.index = 0; // offsets count on; only the memory is used again
    return written;
  };
  for await (const rows of batches) {
    group.push(...rows);
    if (group.length < GROUP_ROWS) continue;
    await parquet.write({ columnData: source(group), rowGroupSize: group.length });
    yield taken();
    group = [];
  }
  if (group.length > 0)
    await parquet.write({ columnData: source(group), rowGroupSize: group.length });
  await parquet.finish();
  yield taken();
}
