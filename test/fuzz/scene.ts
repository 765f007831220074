/**
 * The scene of the fuzzer: a house as a process of its own, with people of two areas, and callers
 * who may see all, one area, or nothing. Judges each answer.
 */

import { Agent, request as send } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { createActor } from '../../src/access/actors.ts';
import { systemClock } from '../../src/sdk/index.ts';
import { enrolment } from '../access/world.ts';
import {
  area,
  base,
  criterion,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  scheme,
} from '../modules/support/people.ts';
import { freshDatabase } from '../support/database.ts';
import { type HouseProcess, startProcess } from '../support/process.ts';
import { getToken, type Json } from '../support/server.ts';
import { callsOf, type Instances } from './operations.ts';
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
    await payroll(house, database.pool);
    const surface = await surfaceIn(house);
    const tokens: Record<Caller, string | undefined> = {
      administrator: house.token,
      limited,
      nobody: undefined,
    };
    const statuses = new Map<number, number>();
    let count = 0;
    return {
      house,
      surface,
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

/** @throws Error when the answer is not what a scene needs */
async function ask(
  house: HouseProcess,
  method: string,
  path: string,
  body?: unknown,
  token = house.token,
): Promise<Json> {
  const answer = await fetch(`${house.url}${BASE}/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/fhir+json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${said}`);
  return JSON.parse(said);
}

async function people(house: HouseProcess): Promise<void> {
  const hidden = { family: CANARY, given: [CANARY] };
  const paid = (number: string) => mobileAccount('mpesa', number);
  for (const each of [
    provider('mpesa'),
    area('north'),
    area('south'),
    scheme('s-1', [
      { url: 'frequency', valueCode: 'monthly' },
      criterion('members.exists(age > 18)'),
      base(2000),
    ]),
    patient('p-1'),
    household('h-1', ['head:p-1'], { extension: [inArea('north'), paid('+254711000001')] }),
    patient('x-1', { name: [hidden], identifier: [{ system: 'urn:test', value: CANARY }] }),
    household('x-h-1', ['head:x-1'], {
      extension: [inArea('south'), paid('+254711000002')],
      name: CANARY,
    }),
    {
      ...{ resourceType: 'Observation', id: 'x-1', status: 'final', code: { text: CANARY } },
      ...{ subject: { reference: 'Patient/x-1' }, valueString: CANARY },
    },
    enrolment('c-1', 'h-1', 'p-1', 's-1'),
    enrolment('x-c-1', 'x-h-1', 'x-1', 's-1'),
  ]) {
    await ask(house, 'PUT', `${each.resourceType}/${each.id}`, each);
  }
}

/** A payroll of both households, approved by somebody else and on its way, and one in draft. */
async function payroll(
  house: HouseProcess,
  pool: Parameters<typeof createActor>[0],
): Promise<void> {
  const call = (path: string, parameter: object[], token?: string): Promise<Json> =>
    ask(house, 'POST', path, { resourceType: 'Parameters', parameter }, token);
  const secret = 'secret-of-the-approver';
  await createActor(pool, systemClock, {
    ...{ kind: 'client', name: 'approver', login: 'approver', secret, roles: ['administrator'] },
  });
  const approver = await getToken(house.url, 'approver', secret);
  await call('$fund', [
    { name: 'account', valueString: 'fund:s-1' },
    { name: 'amount', valueMoney: { value: 100000, currency: 'KES' } },
    { name: 'reference', valueString: 'grant' },
  ]);
  for (const period of ['2026-01', '2026-02']) {
    await call('InsurancePlan/s-1/$draft-payroll', [{ name: 'period', valueString: period }]);
  }
  const { entry } = await ask(house, 'GET', 'List?code=payroll');
  await call(
    `List/${entry[0].resource.id}/$approve`,
    [
      { name: 'count', valueInteger: 2 },
      { name: 'amount', valueString: '4000.00' },
    ],
    approver,
  );
}

/** What can be asked, by the house's own statement, definitions and instances. */
async function surfaceIn(house: HouseProcess): Promise<Surface> {
  const instances: Record<string, string[]> = {};
  const types = ['Patient', 'Group', 'InsurancePlan', 'Coverage', 'List', 'Claim', 'ClaimResponse'];
  for (const type of [...types, 'Task', 'Organization', 'Location', 'Measure', 'Library']) {
    const { entry = [] } = await ask(house, 'GET', `${type}?_count=6`);
    instances[type] = entry.map((each: Json) => each.resource.id);
  }
  const { entry } = await ask(house, 'GET', 'OperationDefinition?_count=200');
  const definitions = entry.map((each: Json) => each.resource);
  const statement = await ask(house, 'GET', 'metadata');
  return surfaceOf(
    statement as Parameters<typeof surfaceOf>[0],
    callsOf(definitions, instances satisfies Instances),
  );
}

async function limitedCaller(
  house: HouseProcess,
  pool: Parameters<typeof createActor>[0],
): Promise<string> {
  const secret = 'secret-of-the-limited-caller';
  const actor = await createActor(pool, systemClock, {
    ...{ kind: 'client', name: 'limited', login: 'limited', secret },
    // Every permission, so that only its limits keep it from what is not its own.
    roles: ['administrator'],
  });
  const answer = await fetch(`${house.url}/access/actors/${actor}/limits`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${house.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ areas: ['north'] }),
  });
  if (answer.status !== 204) throw new Error(`${answer.status} ${await answer.text()}`);
  return getToken(house.url, 'limited', secret);
}
