/**
 * Views whose paths the `fhirpath` package evaluates run in a process of their own: a path of forty
 * letters can ask for more steps than there are seconds, and for more memory than the machine has.
 * There it may take both, within limits, and nobody else waits.
 *
 * A process is started when it is first needed, takes one portion at a time, and ends when nothing
 * has been asked for a minute. A worker thread would not do: a list that grows too long ends the
 * whole process, with every thread in it.
 *
 * Leaves to others: what runs there (`evaluator-process.ts`), what a view is (`view.ts`).
 */

import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { callerHere } from '../../database/caller.ts';
import { type Issue, Problem, problem } from '../../sdk/index.ts';
import { unmarkNumbers } from '../formats/exact.ts';
import { FhirDecimal } from '../formats/json.ts';
import type { Row } from './view.ts';

/** Processes at most; more portions wait for their turn. */
const PROCESSES_MAX = 2;
/** Portions that may wait for callers; each holds a connection of the database meanwhile. */
const WAITING_MAX = 8;
/** Time that a portion may take; its process ends itself then, and is ended a little later. */
export const PORTION_SECONDS = 5;
const GRACE_SECONDS = 5;
const MEMORY_MB = 256;
const IDLE_SECONDS = 60;
/** Characters of resources that are given to a process at once. */
const PORTION_CHARACTERS = 8_000_000;

/** What a process is asked. */
export interface Question {
  readonly view: unknown;
  readonly texts: readonly string[];
}

/** What it answers: rows as JSON with marked decimals, or why there are none. */
export interface Answer {
  readonly rows?: string;
  readonly issues?: readonly Issue[];
}

interface Waiting extends Question {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

const waiting: Waiting[] = [];
const idle: Evaluator[] = [];
let running = 0;

/**
 * Rows of a view over JSON texts, evaluated elsewhere.
 *
 * @param texts  resources; none to learn only whether the view can be compiled
 * @throws Problem invalid or value as the view's own faults; too-costly; throttled, for callers
 */
export async function* rowsElsewhere(
  view: unknown,
  texts: readonly string[],
): AsyncGenerator<Row[]> {
  for (const portion of portions(texts)) {
    if (callerHere() && waiting.length >= WAITING_MAX) throw tooMany();
    const { rows, issues } = await ask({ view, texts: portion });
    if (issues) throw new Problem(issues);
    yield unmarkNumbers(JSON.parse(rows ?? '[]'), (text) => new FhirDecimal(text)) as Row[];
  }
}

function* portions(texts: readonly string[]): Generator<readonly string[]> {
  let portion: string[] = [];
  let size = 0;
  for (const text of texts) {
    if (portion.length > 0 && size + text.length > PORTION_CHARACTERS) {
      yield portion;
      [portion, size] = [[], 0];
    }
    portion.push(text);
    size += text.length;
  }
  yield portion;
}

function ask(question: Question): Promise<Answer> {
  return new Promise((resolve, reject) => {
    waiting.push({ ...question, resolve, reject });
    next();
  });
}

function next(): void {
  while (waiting.length > 0) {
    const evaluator = idle.pop() ?? (running < PROCESSES_MAX ? new Evaluator() : undefined);
    if (!evaluator) return;
    evaluator.take(waiting.shift()!);
  }
}

class Evaluator {
  readonly #child: ChildProcess;
  #work: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    running += 1;
    this.#child = fork(join(import.meta.dirname, 'evaluator-process.ts'), [], {
      execPath: process.execPath,
      // It reads its own program, and nothing else of ours: neither settings nor secrets.
      execArgv: [`--max-old-space-size=${MEMORY_MB}`, '--permission', '--allow-fs-read=*'],
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.unref();
    this.#child.channel?.unref();
    this.#child.on('message', (answer: Answer) => this.#done((work) => work.resolve(answer)));
    this.#child.once('error', (error) => this.#done((work) => work.reject(error)));
    this.#child.once('exit', () => {
      running -= 1;
      const at = idle.indexOf(this);
      if (at >= 0) idle.splice(at, 1);
      clearTimeout(this.#timer);
      const work = this.#work;
      this.#work = undefined;
      work?.reject(tooCostly());
      next();
    });
  }

  take(work: Waiting): void {
    this.#work = work;
    this.#keep(true);
    this.#end(PORTION_SECONDS + GRACE_SECONDS);
    this.#child.send({ view: work.view, texts: work.texts } satisfies Question, (error) => {
      if (error) this.#child.kill('SIGKILL');
    });
  }

  #done(tell: (work: Waiting) => void): void {
    const work = this.#work;
    if (!work) return;
    this.#work = undefined;
    this.#keep(false);
    this.#end(IDLE_SECONDS);
    idle.push(this);
    tell(work);
    next();
  }

  /** Only work in hand keeps our process alive. */
  #keep(alive: boolean): void {
    if (alive) this.#child.channel?.ref();
    else this.#child.channel?.unref();
  }

  #end(seconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#child.kill('SIGKILL'), seconds * 1000).unref();
  }
}

function tooMany(): Problem {
  const says = 'Too many views are being evaluated; come again in a few seconds.';
  const { issues } = problem('throttled', 'too-many-requests', says);
  return new Problem(issues, { headers: { 'retry-after': '5' } });
}

function tooCostly(): Problem {
  return problem(
    'too-costly',
    'view-too-costly',
    `The paths of this view need more than ${PORTION_SECONDS} seconds or ${MEMORY_MB} MB for a few ` +
      'resources; make them simpler.',
    'ViewDefinition',
  );
}
