/**
 * Room for large bodies: a process holds so many bytes of them at once, and half of that for one
 * caller; what comes beyond waits for its turn with its bytes still at the sender. Two hundred
 * Bundles of fifty megabytes at once would otherwise end the process for everybody.
 *
 * Bodies below a quarter of a megabyte are not counted: how many of those there are is limited by
 * `flood.ts`.
 */

import type { Request } from 'express';
import { Problem, problem } from '../sdk/index.ts';

/** Bodies up to this size need no room. */
export const SMALL_BYTES = 256 * 1024;
const ROOM_BYTES = 200 * 1024 * 1024;
/** Time that a body may wait for room. */
const WAIT_SECONDS = 20;

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
          this.#all += bytes;
          this.#held.set(caller, (this.#held.get(caller) ?? 0) + bytes);
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

  #fits({ caller, bytes }: Waiting): boolean {
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
  const caller = request.headers.authorization ?? request.ip ?? '';
  return room.enter(caller, bytes, (leave) => request.res?.once('close', leave));
}

function noRoom(): Problem {
  const says = 'Too many large bodies are being received; wait for answers and come again.';
  const { issues } = problem('throttled', 'too-many-bodies', says);
  return new Problem(issues, { headers: { 'retry-after': '5' } });
}
