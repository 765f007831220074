/**
 * The scene of the fuzzer: a house as a process of its own, with people of two areas, and callers
 * who may see all, one area, or nothing. Judges each answer.
 */

import { Agent, request as send } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { createActor } from '../../src/access/actors.ts';
import { systemClock } from '../../src/sdk/index.ts';
import { area, household, inArea, patient } from '../modules/support/people.ts';
import { freshDatabase } from '../support/database.ts';
import { type HouseProcess, startProcess } from '../support/process.ts';
import { getToken } from '../support/server.ts';
import { BASE, type HostileRequest, type Surface, surfaceOf } from './requests.ts';

/** Stands in the records of the area that the limited caller must not see. */
const CANARY = 'canary-7f3d9a';
/** Time in which every answer must have come. */
const ANSWER_MS_MAX = 5000;
/** Time after which an answer is not waited for any more. */
const GIVE_UP_MS = 30_000;
/** Memory of the process above which it is called unbounded. */
const MEMORY_MAX = 1_500_000_000;

/** Who sends a request. */
export type Caller = 'administrator' | 'limited' | 'nobody';

/** Something that must not happen. */
export interface Fault {
  /** What went wrong, the same for requests that fail alike. */
  readonly what: string;
  readonly caller: Caller;
  readonly request: HostileRequest;
  /** Of the log or the answer. */
  readonly detail: string;
}

/** The scene. */
export interface Scene {
  readonly house: HouseProcess;
  readonly surface: Surface;
  /** Sends a request and judges its answer. */
  fire(caller: Caller, request: HostileRequest): Promise<Fault | undefined>;
  /** A fault when the house has died or holds too much memory. */
  checkHouse(): Promise<string | undefined>;
  /** How often each status was answered. */
  readonly statuses: Map<number, number>;
  stop(): Promise<void>;
}

/** Opens the scene. */
export async function openScene(environment: Record<string, string> = {}): Promise<Scene> {
  const database = await freshDatabase();
  const house = await startProcess(database.url, environment);
  const agent = new Agent({ keepAlive: true, maxSockets: 32 });
  const stop = async (): Promise<void> => {
    agent.destroy();
    await house.kill('SIGKILL');
    await database.drop();
  };
  try {
    await people(house);
    const limited = await limitedCaller(house, database.pool);
    const statement = await (await fetch(`${house.url}${BASE}/metadata`)).json();
    const tokens: Record<Caller, string | undefined> = {
      administrator: house.token,
      limited,
      nobody: undefined,
    };
    const statuses = new Map<number, number>();
    let count = 0;
    return {
      house,
      surface: surfaceOf(statement as Parameters<typeof surfaceOf>[0]),
      statuses,
      async fire(caller, request) {
        count += 1;
        const id = `fuzz-${count}`;
        const answer = await exchange(house, agent, tokens[caller], request, id);
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const what = judge(caller, request, answer);
        if (!what) return undefined;
        // The log comes by a pipe of its own, which may be later than the answer.
        await pause(200);
        return fault(house, what, caller, request, answer, id);
      },
      checkHouse: () => checkHouse(house),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly ms: number;
  readonly error?: string;
}

function exchange(
  house: HouseProcess,
  agent: Agent,
  token: string | undefined,
  { method, target, headers, body }: HostileRequest,
  id: string,
): Promise<Answered> {
  const started = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, type: string, text: string, error?: string): void =>
      resolve({ status, type, text, ms: performance.now() - started, ...(error && { error }) });
    const outgoing = send(
      {
        ...{ agent, method, path: target, host: '127.0.0.1', port: house.port },
        headers: {
          ...(token && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
          ...headers,
          'x-request-id': id,
        },
        timeout: GIVE_UP_MS,
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', (error) => done(incoming.statusCode ?? 0, '', '', error.message));
        incoming.on('end', () =>
          done(
            incoming.statusCode ?? 0,
            incoming.headers['content-type'] ?? '',
            unpacked(Buffer.concat(chunks), incoming.headers['content-encoding']),
          ),
        );
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
    outgoing.on('error', (error) => done(0, '', '', error.message));
    outgoing.end(body);
  });
}

function unpacked(bytes: Buffer, encoding: string | undefined): string {
  if (bytes.length === 0) return '';
  const unpack = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }[
    encoding ?? ''
  ];
  return (unpack ? unpack(bytes) : bytes).toString('latin1');
}

/** What is wrong with an answer; undefined when nothing is. */
function judge(caller: Caller, request: HostileRequest, answer: Answered): string | undefined {
  if (answer.error) return `no answer: ${answer.error}`;
  if (answer.status >= 500) return `status ${answer.status}`;
  if (answer.ms > ANSWER_MS_MAX) return 'slow';
  if (caller !== 'administrator' && answer.text.includes(CANARY)) return 'shows what is not theirs';
  const ofFhir = request.target.startsWith(`${BASE}/`) && request.method !== 'HEAD';
  if (!ofFhir || answer.status < 400) return undefined;
  if (!/^application\/fhir\+(json|xml)/.test(answer.type))
    return `${answer.status} as ${answer.type}`;
  if (answer.type.includes('xml')) {
    return answer.text.includes('<OperationOutcome') ? undefined : 'no OperationOutcome';
  }
  try {
    const outcome = JSON.parse(answer.text) as { resourceType?: string; issue?: unknown[] };
    const told = outcome.resourceType === 'OperationOutcome' && outcome.issue?.length;
    return told ? undefined : 'no OperationOutcome';
  } catch {
    return 'answer is not JSON';
  }
}

function fault(
  house: HouseProcess,
  what: string,
  caller: Caller,
  request: HostileRequest,
  answer: Answered,
  id: string,
): Fault {
  const line = house
    .said()
    .split('\n')
    .find((each) => each.includes(`"${id}"`) || each.includes(`"${id}/`));
  const detail = line ?? `${Math.round(answer.ms)} ms ${answer.text.slice(0, 300)}`;
  const [, error, stack] = /"error":("[^"]*".*?)"stack":\[(.{0,400})/.exec(detail) ?? [];
  const where = stack ? `${error} ${stack}` : `${request.method} ${request.target.slice(0, 60)}`;
  return { what: `${what} ${where}`, caller, request, detail };
}

async function checkHouse(house: HouseProcess): Promise<string | undefined> {
  if (house.child.exitCode !== null || house.child.signalCode !== null) {
    return `the house has ended: ${house.said().slice(-3000)}`;
  }
  const memory = house.memory();
  if (memory > MEMORY_MAX) return `the house holds ${memory} bytes`;
  const health = await fetch(`${house.url}/health/ready`);
  return health.status === 200 ? undefined : `not ready: ${await health.text()}`;
}

async function people(house: HouseProcess): Promise<void> {
  const hidden = { family: CANARY, given: [CANARY] };
  for (const each of [
    area('north'),
    area('south'),
    patient('p-1'),
    household('h-1', ['head:p-1'], { extension: [inArea('north')] }),
    patient('x-1', { name: [hidden], identifier: [{ system: 'urn:test', value: CANARY }] }),
    household('x-h-1', ['head:x-1'], { extension: [inArea('south')], name: CANARY }),
    {
      ...{ resourceType: 'Observation', id: 'x-1', status: 'final', code: { text: CANARY } },
      ...{ subject: { reference: 'Patient/x-1' }, valueString: CANARY },
    },
  ]) {
    const answer = await fetch(`${house.url}${BASE}/${each.resourceType}/${each.id}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${house.token}`,
        'content-type': 'application/fhir+json',
      },
      body: JSON.stringify(each),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  }
}

async function limitedCaller(
  house: HouseProcess,
  pool: Parameters<typeof createActor>[0],
): Promise<string> {
  const secret = 'secret-of-the-limited-caller';
  const actor = await createActor(pool, systemClock, {
    ...{ kind: 'client', name: 'limited', login: 'limited', secret },
    roles: ['area-officer', 'registrar'],
  });
  const answer = await fetch(`${house.url}/access/actors/${actor}/limits`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${house.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ areas: ['north'] }),
  });
  if (answer.status !== 204) throw new Error(`${answer.status} ${await answer.text()}`);
  return getToken(house.url, 'limited', secret);
}
