/**
 * Answers what never reaches Express: a request that Node's parser refuses, one with an Expect that
 * nobody knows, and all before the house is open. In the words of every other refusal.
 *
 * Spec: RFC 9110 §10.1.1 (Expect), RFC 6585 §5 (431), RFC 9110 §15.5.9 (408)
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { FHIR_JSON } from '../fhir/interactions/respond.ts';
import { operationOutcome, type Problem, problem } from '../sdk/index.ts';

type Refused = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** Answers in place of Node, which would send a status line alone. */
export function refuseInWords(server: Server): void {
  const current = new WeakMap<Duplex, ServerResponse>();
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    current.set(socket, response);
  });
  server.on('clientError', (error: Refused, socket: Duplex) => {
    const answering = current.get(socket);
    const begun = answering?.headersSent && !answering.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || begun) {
      socket.destroy();
      return;
    }
    const [status, refusal] = refusalOf(error.code);
    const text = JSON.stringify(operationOutcome(refusal.issues));
    const head = [
      `HTTP/1.1 ${status}`,
      `Content-Type: ${FHIR_JSON}`,
      `Content-Length: ${Buffer.byteLength(text)}`,
      'Connection: close',
    ];
    // An answer to HEAD has no body, whatever is wrong with the rest of the request.
    const isHead = error.rawPacket?.subarray(0, 5).toString('latin1') === 'HEAD ';
    socket.end(`${head.join('\r\n')}\r\n\r\n${isHead ? '' : text}`, () => socket.destroy());
  });
  server.on('checkExpectation', (_request, response: ServerResponse) => {
    const says = 'Of Expect only 100-continue is known; leave it out.';
    refuse(response, 417, problem('not-supported', 'expectation-unknown', says));
  });
}

/** Answers and closes. */
export function refuse(response: ServerResponse, status: number, refusal: Problem): void {
  const text = JSON.stringify(operationOutcome(refusal.issues));
  response
    .writeHead(status, {
      ...refusal.headers,
      'content-type': FHIR_JSON,
      'content-length': Buffer.byteLength(text),
      connection: 'close',
    })
    .end(text);
}

function refusalOf(code: string | undefined): [string, Problem] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      const says = 'URL and headers are larger than 16 KiB; search by POST to _search instead.';
      return ['431 Request Header Fields Too Large', problem('too-long', 'headers-too-long', says)];
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT': {
      const says = 'The request did not arrive in time; send it again.';
      return ['408 Request Timeout', problem('timeout', 'request-timeout', says)];
    }
    default:
      return [
        '400 Bad Request',
        problem('structure', 'request-malformed', 'The request is not HTTP; send it again.'),
      ];
  }
}
