/**
 * One HTTP exchange with an endpoint. Whatever the other side does, it ends within the time given
 * and with an outcome in words: taken, or why not. Redirects are not followed: they would lead past
 * the check of the address.
 */

import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isInside, lookUpPublic } from './endpoint.ts';

/** What is sent. */
export interface Message {
  readonly method: 'POST' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came of it. */
export interface Sent {
  readonly taken: boolean;
  /** In words, without anything the other side said. */
  readonly says: string;
  /** The endpoint says that it is gone for good (410). */
  readonly gone?: boolean;
  /** Seconds after which the endpoint wants to be asked again. */
  readonly retryAfter?: number;
}

const FREE_SOCKETS = { keepAlive: true, maxFreeSockets: 8, scheduling: 'lifo' } as const;
const http = new HttpAgent(FREE_SOCKETS);
const https = new HttpsAgent(FREE_SOCKETS);

/** What the other side may answer before the connection is cut; it is not looked at. */
const ANSWER_MAX_BYTES = 64 * 1024;

/**
 * Sends a message.
 *
 * @param inside  hosts at which private addresses are allowed
 * @param seconds  within which the answer must be there
 */
export async function send(
  message: Message,
  inside: readonly string[],
  seconds: number,
): Promise<Sent> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const first = await exchange(message, inside, signal);
  // A connection that was kept may have been closed by the other side meanwhile.
  const answer = first === 'stale' ? await exchange(message, inside, signal) : first;
  return answer === 'stale' ? failed('closed the connection') : answer;
}

function exchange(
  { method, url, headers, body }: Message,
  inside: readonly string[],
  signal: AbortSignal,
): Promise<Sent | 'stale'> {
  const secure = url.protocol === 'https:';
  return new Promise((resolve) => {
    const request = (secure ? httpsRequest : httpRequest)(url, {
      method,
      headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      agent: secure ? https : http,
      signal,
      ...(!isInside(url, inside) && { lookup: lookUpPublic }),
    });
    request.once('response', (response) => {
      drain(response);
      resolve(outcomeOf(response));
    });
    request.once('error', (error: NodeJS.ErrnoException) => {
      if (request.reusedSocket && error.code === 'ECONNRESET') resolve('stale');
      else resolve(failed(reasonOf(error, signal)));
    });
    request.end(body);
  });
}

/** Lets the connection be used again after a short answer, and cuts a long one. */
function drain(response: IncomingMessage): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) response.destroy();
  });
  response.on('error', () => {});
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): Sent {
  const says = `answered HTTP ${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) return { taken: true, says };
  const seconds = Number(headers['retry-after']);
  return {
    taken: false,
    says,
    ...(statusCode === 410 && { gone: true }),
    ...(Number.isFinite(seconds) && seconds > 0 && { retryAfter: seconds }),
  };
}

function failed(says: string): Sent {
  return { taken: false, says };
}

function reasonOf(error: NodeJS.ErrnoException, signal: AbortSignal): string {
  if (signal.aborted) return 'did not answer in time';
  switch (error.code) {
    case 'ADDRESS_REFUSED':
      return 'is at an address that is not public';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'has a name that cannot be resolved';
    case 'ECONNREFUSED':
      return 'refused the connection';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'closed the connection';
    default:
      return `could not be reached (${error.code ?? 'unknown'})`;
  }
}
