/**
 * The structured log: one JSON line per event, on standard output, by pino.
 *
 * Personal data cannot get in: fields are numbers, flags, and short codes in fields of known names.
 * Any other text is replaced by `[text]`, so that a name or a phone number passed by mistake does not
 * reach a log vendor. What went wrong inside (an Error) is logged with its stack but
 * without values: PostgreSQL's `detail`, which quotes rows, is left out.
 */

import { pino } from 'pino';
import type { Log, LogValue } from './sdk/index.ts';

const CODE = /^[\w\-./:$*+|@]{0,200}$/;

/** Makes the log of a process. */
export function createLog(level: string): Log {
  const logger = pino({
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
  });
  return {
    info: (message, fields) => logger.info(clean(fields), message),
    warn: (message, fields) => logger.warn(clean(fields), message),
    error: (message, fields, cause) =>
      logger.error(
        { ...clean(fields), ...(cause === undefined ? {} : causeFields(cause)) },
        message,
      ),
  };
}

/** A log that says nothing; for tests. */
export const silentLog: Log = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Fields whose text may be logged: ids, names of ours, codes. A phone number or a birth date looks
 * like a code, so the name of the field decides, not the look of the text.
 */
const TEXT_FIELDS = new Set([
  ...['job', 'id', 'requestId', 'messageId', 'payrollId', 'instructionId', 'resourceId'],
  ...[
    'method',
    'channel',
    'type',
    'code',
    'status',
    'state',
    'kind',
    'module',
    'setting',
    'reason',
  ],
]);

/** What may be logged of the fields; exported for its test. */
export function clean(fields: Record<string, LogValue> = {}): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value === 'bigint') kept[name] = value.toString();
    else if (typeof value !== 'string' || isCode(name, value)) kept[name] = value;
    else kept[name] = '[text]';
  }
  return kept;
}

function isCode(name: string, value: string): boolean {
  return TEXT_FIELDS.has(name) && CODE.test(value);
}

function causeFields(cause: unknown): Record<string, unknown> {
  if (!(cause instanceof Error)) return { cause: typeof cause };
  const { code, constraint, table } = cause as Error & Record<string, unknown>;
  const stack = (cause.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  // The message of a database error or a Problem can quote a value; code and constraint say enough.
  const message =
    cause.name === 'Problem' || (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code))
      ? undefined
      : cause.message;
  return { error: cause.name, message, code, constraint, table, stack };
}
