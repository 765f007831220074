/**
 * Room for large bodies and answers: a process holds so many bytes of them at once, and half of
 * that for one caller. A body that comes beyond waits for its turn with its bytes still at the
 * sender, an answer is refused; who reads an answer too slowly is cut off. Two hundred Bundles of
 * fifty megabytes at once would otherwise end the process for everybody.
 *
 * What is below a quarter of a megabyte is not counted: how many of those there are is limited by
 * `flood.ts`. What streams is not held.
 */

import type { Request, Response } from 'express';
import { Problem, problem } from '../sdk/index.ts';

/** Bodies up to this size need no room. */
export const SMALL_BYTES = 256 * 1024;
const ROOM_BYTES = 200 * 1024 * 1024;
/** Time that a body may wait for room. */
const WAIT_SECONDS = 20;
/** A large answer is read in a minute, or at least so fast. */
const ANSWER_SECONDS = 60;
const ANSWER_BYTES_PER_SECOND = 64 * 1024;

interface Waiting {
  readonly caller: string;
  readonly bytes: number;
  readonly enter: () => void;
}

/** Who holds how many bytes. */
class Room {
  readonly #held = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #all = 0;

  /** Resolves when there is room; a body larger than the room is let in alone. */
  enter(caller: string, bytes: number, gone: (leave: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      let inside = false;
      const waits: Waiting = {
        caller,
        bytes,
        enter: () => {
          inside = true;
          clearTimeout(timer);
          this.#take(caller, bytes);
          resolve();
        },
      };
      const leave = (): void => {
        clearTimeout(timer);
        if (inside) this.#free(caller, bytes);
        else this.#forget(waits);
        inside = false;
      };
      const timer = setTimeout(() => {
        this.#forget(waits);
        reject(noRoom());
      }, WAIT_SECONDS * 1000).unref();
      this.#waiting.push(waits);
      gone(leave);
      this.#admit();
    });
  }

  /** Takes room without waiting; answers how to leave, or undefined when there is none. */
  enterNow(caller: string, bytes: number, force: boolean): (() => void) | undefined {
    if (!force && !this.#fits({ caller, bytes })) return undefined;
    this.#take(caller, bytes);
    return () => this.#free(caller, bytes);
  }

  #take(caller: string, bytes: number): void {
    this.#all += bytes;
    this.#held.set(caller, (this.#held.get(caller) ?? 0) + bytes);
  }

  #fits({ caller, bytes }: Pick<Waiting, 'caller' | 'bytes'>): boolean {
    const own = this.#held.get(caller) ?? 0;
    return (
      (this.#all === 0 || this.#all + bytes <= ROOM_BYTES) &&
      (own === 0 || own + bytes <= ROOM_BYTES / 2)
    );
  }

  /** In the order of their coming; who has too much already lets others pass. */
  #admit(): void {
    for (const each of [...this.#waiting]) {
      if (!this.#fits(each)) continue;
      this.#forget(each);
      each.enter();
    }
  }

  #forget(waits: Waiting): void {
    const at = this.#waiting.indexOf(waits);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #free(caller: string, bytes: number): void {
    this.#all -= bytes;
    const left = (this.#held.get(caller) ?? 0) - bytes;
    if (left > 0) this.#held.set(caller, left);
    else this.#held.delete(caller);
    this.#admit();
  }
}

const room = new Room();

/**
 * Waits until a body of `bytes` may be held; it is held until the answer has gone out.
 *
 * @throws Problem throttled (429) after twenty seconds
 */
export function roomFor(request: Request, bytes: number): Promise<void> {
  return room.enter(callerOf(request), bytes, (leave) => request.res?.once('close', leave));
}

function callerOf(request: Request): string {
  return request.headers.authorization ?? request.ip ?? '';
}

/**
 * Counts an answer until it has gone out, and ends it when it is read too slowly.
 *
 * @throws Problem throttled (429) when a reading request finds no room
 */
export function holdAnswer(request: Request, response: Response, bytes: number): void {
  if (bytes <= SMALL_BYTES || request.method === 'HEAD') return;
  // What has been changed is told, whatever it takes.
  const reads = request.method === 'GET' || /\/_search(?:\?|$)/.test(request.url);
  const leave = room.enterNow(callerOf(request), bytes, !reads);
  if (!leave) throw noRoom();
  const seconds = ANSWER_SECONDS + bytes / ANSWER_BYTES_PER_SECOND;
  const timer = setTimeout(() => response.destroy(), seconds * 1000).unref();
  response.once('close', () => {
    clearTimeout(timer);
    leave();
  });
}

function noRoom(): Problem {
  const says =
    'Too many large bodies and answers are under way; read those that you wait for, then come again.';
  const { issues } = problem('throttled', 'too-many-bodies', says);
  return new Problem(issues, { headers: { 'retry-after': '5' } });
}
