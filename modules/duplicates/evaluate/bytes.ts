/**
 * A file as text, a piece at a time, in the encoding that it is in: UTF-8, UTF-16 with its mark, or,
 * where the bytes are neither, one of one byte a letter. A registry of millions is never in memory.
 */

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';

/** A fault of a file or of the command line: its message is for whoever called. */
export class InputFault extends Error {}

/** Bytes that are read at once. */
const CHUNK = 128 * 1024;
/** What is read where the bytes are no UTF-8 and nobody said what they are. */
const FALLBACK = 'windows-1252';
const MARKS: Readonly<Record<string, string>> = { fffe: 'utf-16le', feff: 'utf-16be' };

/** What the operating system says, in words. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'it may not be opened',
  EISDIR: 'it is a folder',
  ENOSPC: 'the disk is full',
};

/** The fault of a file that could not be read or written. */
export function faultOf(file: string, error: unknown): InputFault {
  const reason = REASONS[(error as { code?: string }).code ?? ''];
  return new InputFault(`${file}: ${reason ?? (error as Error).message}`);
}

/** The bytes of a file, again and again from the beginning. */
type Chunks = () => Iterable<Buffer>;

function* inFile(file: string): Generator<Buffer> {
  const handle = openSync(file, 'r');
  try {
    const chunk = Buffer.allocUnsafe(CHUNK);
    for (;;) {
      const size = readSync(handle, chunk);
      if (size === 0) return;
      yield chunk.subarray(0, size);
    }
  } finally {
    closeSync(handle);
  }
}

function* inMemory(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK);
}

/** What comes through a pipe comes once, and is kept. */
function chunksOf(file: string): Chunks {
  const handle = openSync(file, 'r');
  try {
    if (fstatSync(handle).isFile()) return () => inFile(file);
    const bytes = readFileSync(handle);
    return () => inMemory(bytes);
  } finally {
    closeSync(handle);
  }
}

function* decoded(chunks: Chunks, decoder: TextDecoder): Generator<string> {
  for (const chunk of chunks()) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

/** Whether all bytes can be read in an encoding. */
function fits(chunks: Chunks, encoding: string): boolean {
  try {
    for (const _ of decoded(chunks, new TextDecoder(encoding, { fatal: true })));
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return false;
    throw error;
  }
}

function decoderOf(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding);
  } catch {
    throw new InputFault(`--encoding ${encoding} is not known; try utf-8 or windows-1256.`);
  }
}

/** Text of a file, and what its reader should know of how it was read. */
export interface FileText {
  readonly pieces: Iterable<string>;
  readonly notes: readonly string[];
}

/** The text of a file. @param encoding what it is in, where somebody knows */
export function readText(file: string, encoding?: string): FileText {
  try {
    const chunks = chunksOf(file);
    if (encoding !== undefined) return { pieces: decoded(chunks, decoderOf(encoding)), notes: [] };
    const [first] = chunks();
    const marked = MARKS[first?.subarray(0, 2).toString('hex') ?? ''] ?? 'utf-8';
    if (fits(chunks, marked)) return { pieces: decoded(chunks, decoderOf(marked)), notes: [] };
    const note = `${file} is no UTF-8; it was read as ${FALLBACK}. Name another by --encoding.`;
    return { pieces: decoded(chunks, decoderOf(FALLBACK)), notes: [note] };
  } catch (error) {
    throw error instanceof InputFault ? error : faultOf(file, error);
  }
}
