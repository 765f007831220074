/**
 * Newline-delimited JSON: one resource a line, read and written as a stream, so that a file of any
 * length needs the memory of one line.
 *
 * A bad line is told with its number and does not end the reading: whether one fault refuses a
 * file is for the reader's caller to say. What stops the reading is a file that breaks the limits.
 *
 * Spec: https://github.com/ndjson/ndjson-spec, https://hl7.org/fhir/uv/bulkdata/
 */

import { isUtf8 } from 'node:buffer';
import { Problem, problem } from '../../sdk/problem.ts';
import { parseJson, writeJson } from './json.ts';

/** Media type of files of resources. */
export const FHIR_NDJSON = 'application/fhir+ndjson';

/** Limits of a file that others send. */
export interface NdjsonLimits {
  /** Longest line in bytes. */
  readonly lineBytesMax: number;
  /** Most lines that are not empty. */
  readonly linesMax?: number;
}

/** A line: its value, or what is wrong with it. `line` counts from 1, empty lines too. */
export type NdjsonLine =
  | { readonly line: number; readonly value: unknown }
  | { readonly line: number; readonly problem: Problem };

const NEWLINE = 0x0a;
const EMPTY = Buffer.alloc(0);

/**
 * Reads the values of a file, as `parseJson` gives them; empty lines are passed over.
 *
 * @param source  bytes in pieces of any size
 * @throws Problem too-long, naming the line, when the file breaks a limit
 */
export async function* readNdjson(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limits: NdjsonLimits,
): AsyncGenerator<NdjsonLine> {
  let filled = 0;
  for await (const { line, bytes } of linesOf(source, limits.lineBytesMax)) {
    if (isBlank(bytes)) continue;
    filled += 1;
    if (limits.linesMax !== undefined && filled > limits.linesMax) {
      throw problem(
        'too-long',
        'ndjson-too-many-lines',
        `The file has more than ${limits.linesMax} resources, at line ${line}; send several files.`,
      );
    }
    yield valueAt(line, bytes);
  }
}

/** The lines of a stream of bytes, without their ends, numbered from 1. */
async function* linesOf(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  max: number,
): AsyncGenerator<{ line: number; bytes: Buffer }> {
  let line = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const add = (part: Buffer): void => {
    length += part.length;
    if (length > max) throw lineTooLong(line, max);
    if (part.length > 0) parts.push(part);
  };
  const take = (): Buffer => {
    const whole =
      parts.length === 1 ? parts[0]! : parts.length === 0 ? EMPTY : Buffer.concat(parts);
    parts = [];
    length = 0;
    return whole;
  };
  for await (const piece of source) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      add(chunk.subarray(from, at));
      yield { line, bytes: take() };
      line += 1;
      from = at + 1;
    }
    add(chunk.subarray(from));
  }
  if (length > 0) yield { line, bytes: take() };
}

function valueAt(line: number, bytes: Buffer): NdjsonLine {
  if (!isUtf8(bytes)) {
    const says = `Line ${line} is not UTF-8; FHIR allows no other encoding.`;
    return { line, problem: problem('structure', 'encoding-broken', says) };
  }
  const text = bytes.toString('utf8');
  try {
    return { line, value: parseJson(line === 1 ? text.replace(/^\ufeff/, '') : text) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const says = `Line ${line} is not one JSON value. ${error.message.replace('line 1, ', '')}`;
    return { line, problem: problem('structure', 'not-json', says) };
  }
}

/** White space only, or the byte order mark of an empty file. */
function isBlank(bytes: Buffer): boolean {
  return bytes.length < 64 && /^\ufeff?[ \t\r]*$/.test(bytes.toString('utf8'));
}

function lineTooLong(line: number, max: number): Problem {
  return problem(
    'too-long',
    'ndjson-line-too-long',
    `Line ${line} is longer than ${max} bytes; send one resource a line.`,
  );
}

/** Pieces of about this size go to the disk or the network at once. */
const PIECE_BYTES = 64 * 1024;

/**
 * Writes JSON texts one a line, in pieces of about 64 KiB.
 *
 * @param texts  resources as JSON; one that holds line ends is written anew, its digits kept
 */
export async function* writeNdjson(
  texts: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<Buffer> {
  let piece = '';
  for await (const text of texts) {
    piece += `${text.includes('\n') ? writeJson(parseJson(text)) : text}\n`;
    if (piece.length < PIECE_BYTES) continue;
    yield Buffer.from(piece);
    piece = '';
  }
  if (piece !== '') yield Buffer.from(piece);
}
