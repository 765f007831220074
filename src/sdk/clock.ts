/**
 * The only place that asks the machine for the time. Everything else takes a Clock, so that tests
 * and the simulation move time themselves.
 */

/** Gives the present instant. */
export interface Clock {
  now(): Date;
}

/** The machine's own clock. */
export const systemClock: Clock = { now: () => new Date() };

/** A clock that stands still until told to move; for tests and the simulation. */
export class ManualClock implements Clock {
  #now: Date;

  constructor(start: string | Date) {
    this.#now = new Date(start);
  }

  now(): Date {
    return new Date(this.#now);
  }

  /** Moves forward by `seconds`. */
  advance(seconds: number): void {
    this.#now = new Date(this.#now.getTime() + seconds * 1000);
  }

  /** Moves to `instant`. */
  set(instant: string | Date): void {
    this.#now = new Date(instant);
  }
}

/** The calendar day of an instant in a time zone, as `YYYY-MM-DD`. */
export function dayOf(instant: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(instant);
}
