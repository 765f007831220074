/**
 * The lines of a file, with where each begins, from any byte on; a line longer than the limit is
 * told of without being held in memory.
 */

import { createReadStream } from 'node:fs';

/** A line of the input. */
export interface Line {
  /** Number in the file, from 1. */
  readonly number: number;
  /** First byte, and bytes without the line break. */
  readonly start: number;
  readonly size: number;
  /** First byte after it. */
  readonly end: number;
  /** Undefined when it is too long. */
  readonly bytes: Buffer | undefined;
}

const CHUNK = 1024 * 1024;
const BREAK = 10;

/** Lines from a byte on; `number` is that of the line before. */
export async function* linesOf(
  path: string,
  from: number,
  number: number,
  max: number,
): AsyncGenerator<Line> {
  let before: Buffer[] = [];
  let held = 0;
  let start = from;
  let at = number;
  const line = (last: Buffer, hasBreak: boolean): Line => {
    const size = held + last.length;
    const bytes =
      size > max ? undefined : before.length > 0 ? Buffer.concat([...before, last]) : last;
    at += 1;
    const found = { number: at, start, size, end: start + size + (hasBreak ? 1 : 0), bytes };
    start = found.end;
    before = [];
    held = 0;
    return found;
  };
  for await (const piece of createReadStream(path, { start: from, highWaterMark: CHUNK })) {
    const chunk = piece as Buffer;
    let done = 0;
    for (let next = chunk.indexOf(BREAK); next >= 0; next = chunk.indexOf(BREAK, done)) {
      yield line(chunk.subarray(done, next), true);
      done = next + 1;
    }
    const rest = chunk.subarray(done);
    held += rest.length;
    if (held <= max && rest.length > 0) before.push(rest);
    else before = [];
  }
  if (held > 0) yield line(Buffer.alloc(0), false);
}
