/**
 * Reads request bodies within limits, decompressing gzip, deflate and brotli; counts bytes after
 * decompression, so that a small bomb does not become a large one.
 */

import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Readable, Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request } from 'express';
import { type Problem, problem } from '../sdk/index.ts';
import { roomFor, SMALL_BYTES } from './body-room.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * The whole body. The request itself is left open when reading stops early, so that the refusal
 * still reaches the client.
 *
 * @throws Problem too-long (413), unsupported-media-type (415), structure (400, broken encoding)
 */
export async function readBody(request: Request, max: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > max) throw tooLong(max);
  const stream = decoded(request);
  const chunks: Buffer[] = [];
  let size = 0;
  let hasRoom = false;
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      size += (chunk as Buffer).length;
      if (size > max) {
        request.unpipe();
        throw tooLong(max);
      }
      chunks.push(chunk as Buffer);
      if (hasRoom || size <= SMALL_BYTES) continue;
      // What is compressed or does not say its length may become as large as is allowed.
      await roomFor(request, stream === request && declared > 0 ? declared : max);
      hasRoom = true;
    }
  } catch (error) {
    if (isBrokenEncoding(error)) {
      throw problem('structure', 'encoding-broken', 'The compressed body cannot be decompressed.');
    }
    throw error;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

/** Bytes as text, refusing what is not UTF-8 rather than storing replacement characters. */
export function textOf(bytes: Buffer): string {
  if (!isUtf8(bytes)) {
    throw problem('structure', 'encoding-broken', 'The body is not UTF-8; FHIR allows no other.');
  }
  const text = bytes.toString('utf8');
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** The body as it was before Content-Encoding; ends when the client goes away. */
export function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return request;
  const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (!decoder) {
    throw problem(
      'unsupported-media-type',
      'encoding-unknown',
      `Content-Encoding ${encoding.slice(0, 40)} is not known; send gzip, deflate, br or none.`,
    );
  }
  const output = decoder();
  request.pipe(output);
  // A client that goes away in the middle ends the reading too; pipe alone would wait for ever.
  request.once('close', () => {
    if (!request.complete) output.destroy(new ClientGone());
  });
  return output;
}

/** The client went away before its body was whole. */
class ClientGone extends Error {
  readonly code = 'ECONNRESET';
}

/** True for the error of a body that cannot be decompressed. */
export function isBrokenEncoding(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return /^(Z_|ERR_BROTLI|ERR__ERROR|ERR_PADDING)/.test(code);
}

function tooLong(max: number): Problem {
  return problem(
    'too-long',
    'body-too-long',
    `The body is larger than ${max} bytes; send less at once, e.g. smaller Bundles.`,
  );
}
