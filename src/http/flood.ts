/**
 * Keeps one caller from taking the server from all others: so many of its requests run at once, and
 * what comes beyond is told to come again in a second. A caller is who holds the token, or an
 * address without one. Nothing is slowed for callers who stay below.
 *
 * Spec: RFC 6585 §4 (429 Too Many Requests), RFC 9110 §10.2.3 (Retry-After).
 */

import type { NextFunction, Request, Response } from 'express';
import { Problem, problem } from '../sdk/index.ts';

/** Middleware that admits `max` requests of a caller at once. */
export function atOnce(max: number) {
  const running = new Map<string, number>();
  return (request: Request, response: Response, next: NextFunction): void => {
    const caller = request.headers.authorization ?? request.ip ?? '';
    const count = running.get(caller) ?? 0;
    if (count >= max) throw tooMany(max);
    running.set(caller, count + 1);
    response.once('close', () => {
      const left = (running.get(caller) ?? 1) - 1;
      if (left > 0) running.set(caller, left);
      else running.delete(caller);
    });
    next();
  };
}

function tooMany(max: number): Problem {
  const { issues } = problem(
    'throttled',
    'too-many-requests',
    `More than ${max} of your requests are running; wait for answers and come again in a second.`,
  );
  return new Problem(issues, { headers: { 'retry-after': '1' } });
}
