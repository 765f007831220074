/**
 * Reads request bodies within limits, decompressing gzip, deflate and brotli; counts bytes after
 * decompression, so that a small bomb does not become a large one.
 */

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { type Problem, problem } from '../sdk/index.ts';

const DECODERS: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * The whole body.
 *
 * @throws Problem too-long (413), unsupported-media-type (415), structure (400, broken encoding)
 */
export async function readBody(request: IncomingMessage, max: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > max) throw tooLong(max);
  const stream = decoded(request);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > max) throw tooLong(max);
      chunks.push(chunk);
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (/^(Z_|ERR_BROTLI|ERR__ERROR|ERR_)/.test(code) && stream !== request) {
      throw problem('structure', 'encoding-broken', 'The compressed body cannot be decompressed.');
    }
    throw error;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
}

function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  if (encoding === 'identity' || encoding === '') return request;
  const decoder = DECODERS[encoding];
  if (!decoder) {
    throw problem(
      'unsupported-media-type',
      'encoding-unknown',
      `Content-Encoding ${encoding.slice(0, 40)} is not known; send gzip, deflate, br or none.`,
    );
  }
  return request.pipe(decoder()) as unknown as Readable;
}

function tooLong(max: number): Problem {
  return problem(
    'too-long',
    'body-too-long',
    `The body is larger than ${max} bytes; send less at once, e.g. smaller Bundles.`,
  );
}
