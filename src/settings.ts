/**
 * Settings of the house: each a token with name, meaning and default, read from the environment
 * once at start. All faults are reported together. The table in README.md is printed from here,
 * and a test keeps the two equal.
 */

import { type Setting, setting } from './sdk/index.ts';

function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new Error(`must be a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

function oneOf<const Choice extends string>(...choices: Choice[]): (text: string) => Choice {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (!found) throw new Error(`must be one of ${choices.join(', ')}`);
    return found;
  };
}

function url(protocols: readonly string[]): (text: string) => string {
  return (text) => {
    if (!URL.canParse(text) || !protocols.includes(new URL(text).protocol)) {
      throw new Error(`must be a URL starting with ${protocols.join(' or ')}//`);
    }
    return text.replace(/\/+$/, '');
  };
}

const plain = (text: string): string => text;

export const PORT = setting<number | undefined>({
  name: 'PORT',
  means: 'Port to listen on. Unset: 8080, or the next free one. Set: that one or a clear failure.',
  default: undefined,
  defaultText: '8080 or the next free',
  parse: whole(0, 65535),
});

export const HOST = setting({
  name: 'HOST',
  means: 'Address to listen on. `0.0.0.0` to be reached from other machines (put TLS before it).',
  default: '127.0.0.1',
  parse: plain,
});

export const PUBLIC_URL = setting<string | undefined>({
  name: 'PUBLIC_URL',
  means: 'URL under which clients reach the server, if it stands behind a proxy.',
  default: undefined,
  defaultText: 'the address listened on',
  parse: url(['http:', 'https:']),
});

export const DATA_DIR = setting({
  name: 'DATA_DIR',
  means: 'Folder of the embedded PostgreSQL (unless DATABASE_URL is set) and of bulk files.',
  default: './.data',
  parse: plain,
});

export const DATABASE_URL = setting<string | undefined>({
  name: 'DATABASE_URL',
  means: 'An external PostgreSQL, version 15 or newer. Unset: the embedded one.',
  default: undefined,
  defaultText: 'embedded PostgreSQL 17',
  parse: url(['postgres:', 'postgresql:']),
  secret: true,
});

export const POOL_MAX = setting({
  name: 'POOL_MAX',
  means: 'Connections that one process opens at most, for writing and again for reading.',
  default: 20,
  parse: whole(3, 500),
});

export const NAMED_STATEMENTS = setting({
  name: 'NAMED_STATEMENTS',
  means: 'Prepare statements by name; `off` behind a pooler in transaction mode.',
  default: 'on' as 'on' | 'off',
  parse: oneOf('on', 'off'),
});

export const JOBS_AT_ONCE = setting({
  name: 'JOBS_AT_ONCE',
  means: 'Jobs that one process works on at the same time; 0 leaves jobs to other processes.',
  default: 4,
  parse: whole(0, 64),
});

export const JOB_RUNS_KEPT_DAYS = setting({
  name: 'JOB_RUNS_KEPT_DAYS',
  means: 'Days that the clock remembers when it rang.',
  default: 90,
  parse: whole(1, 3650),
});

export const BOOTSTRAP_CLIENT_ID = setting<string | undefined>({
  name: 'BOOTSTRAP_CLIENT_ID',
  means: 'With BOOTSTRAP_CLIENT_SECRET: on first start, an administrator client for automation.',
  default: undefined,
  parse: plain,
});

export const BOOTSTRAP_CLIENT_SECRET = setting<string | undefined>({
  name: 'BOOTSTRAP_CLIENT_SECRET',
  means: 'Secret of the bootstrap client, at least 16 characters.',
  default: undefined,
  parse: (text) => {
    if (text.length < 16) throw new Error('must have at least 16 characters');
    return text;
  },
  secret: true,
});

export const OIDC_ISSUER = setting<string | undefined>({
  name: 'OIDC_ISSUER',
  means: 'Issuer of an outside OpenID provider whose tokens are accepted as well.',
  default: undefined,
  parse: url(['http:', 'https:']),
});

export const OIDC_AUDIENCE = setting({
  name: 'OIDC_AUDIENCE',
  means: 'Audience that tokens of the outside provider must name.',
  default: 'amana',
  parse: plain,
});

export const OIDC_ROLES_CLAIM = setting({
  name: 'OIDC_ROLES_CLAIM',
  means: 'Claim of the outside provider that lists role names.',
  default: 'roles',
  parse: plain,
});

export const BODY_MAX_BYTES = setting({
  name: 'BODY_MAX_BYTES',
  means: 'Largest request body, after decompression.',
  default: 50 * 1024 * 1024,
  defaultText: '52428800 (50 MiB)',
  parse: whole(1024, 1024 * 1024 * 1024),
});

export const IMPORT_MAX_BYTES = setting({
  name: 'IMPORT_MAX_BYTES',
  means: 'Largest body of `$import`, after decompression; it is kept in DATA_DIR for a day.',
  default: 4 * 1024 * 1024 * 1024,
  parse: whole(1024, Number.MAX_SAFE_INTEGER),
});

export const BUNDLE_ENTRIES_MAX = setting({
  name: 'BUNDLE_ENTRIES_MAX',
  means: 'Entries that one batch or transaction may have.',
  default: 5000,
  parse: whole(1, 100_000),
});

export const REQUEST_TIMEOUT_SECONDS = setting({
  name: 'REQUEST_TIMEOUT_SECONDS',
  means: 'Seconds within which a request must have arrived whole.',
  default: 120,
  parse: whole(1, 3600),
});

export const CONNECTION_IDLE_SECONDS = setting({
  name: 'CONNECTION_IDLE_SECONDS',
  means: 'Seconds without a byte either way after which a connection with a request is closed.',
  default: 300,
  parse: whole(1, 86_400),
});

export const REQUESTS_AT_ONCE_MAX = setting({
  name: 'REQUESTS_AT_ONCE_MAX',
  means: 'FHIR requests of one caller that run at once in a process; more are answered 429.',
  default: 256,
  parse: whole(1, 100_000),
});

export const READ_TIMEOUT_SECONDS = setting({
  name: 'READ_TIMEOUT_SECONDS',
  means: 'Seconds that one statement of a reader may take; then it is answered 504. 0: any time.',
  default: 60,
  parse: whole(0, 86_400),
});

export const CORS_ORIGINS = setting({
  name: 'CORS_ORIGINS',
  means: 'Web origins that browsers may call from, separated by commas; `*` for any.',
  default: [] as readonly string[],
  defaultText: 'none',
  parse: (text) => text.split(',').map((each) => each.trim()),
});

export const REFERENTIAL_INTEGRITY = setting({
  name: 'REFERENTIAL_INTEGRITY',
  means:
    'References to resources of this server that do not exist are refused: `rooms` in what our ' +
    'rooms act on (groups, enrolments, and what declares our profiles), `on` everywhere, `off` nowhere.',
  default: 'rooms' as 'rooms' | 'on' | 'off',
  parse: oneOf('rooms', 'on', 'off'),
});

export const LOG_LEVEL = setting({
  name: 'LOG_LEVEL',
  means: 'How much is logged: `error`, `warn`, `info`, `debug` or `silent`.',
  default: 'info' as 'error' | 'warn' | 'info' | 'debug' | 'silent',
  parse: oneOf('error', 'warn', 'info', 'debug', 'silent'),
});

export const MODULES = setting({
  name: 'MODULES',
  means: 'Modules from outside this repository: package names or paths, separated by commas.',
  default: [] as readonly string[],
  defaultText: 'none',
  parse: (text) => text.split(',').map((each) => each.trim()),
});

/** Settings of the house itself, in the order of the README. */
export const HOUSE_SETTINGS: readonly Setting<unknown>[] = [
  PORT,
  HOST,
  PUBLIC_URL,
  DATA_DIR,
  DATABASE_URL,
  POOL_MAX,
  NAMED_STATEMENTS,
  JOBS_AT_ONCE,
  JOB_RUNS_KEPT_DAYS,
  BOOTSTRAP_CLIENT_ID,
  BOOTSTRAP_CLIENT_SECRET,
  OIDC_ISSUER,
  OIDC_AUDIENCE,
  OIDC_ROLES_CLAIM,
  BODY_MAX_BYTES,
  IMPORT_MAX_BYTES,
  BUNDLE_ENTRIES_MAX,
  REQUEST_TIMEOUT_SECONDS,
  CONNECTION_IDLE_SECONDS,
  REQUESTS_AT_ONCE_MAX,
  READ_TIMEOUT_SECONDS,
  CORS_ORIGINS,
  REFERENTIAL_INTEGRITY,
  LOG_LEVEL,
  MODULES,
];

/** The values in force. */
export interface Settings {
  get<Value>(setting: Setting<Value>): Value;
}

/** Faults in the environment, all at once; the message is for the operator. */
export class SettingsFault extends Error {}

/**
 * Reads settings from an environment.
 *
 * @param known  every setting of the house and its modules
 * @throws SettingsFault naming each variable that cannot be used
 */
export function readSettings(
  known: readonly Setting<unknown>[],
  environment: Readonly<Record<string, string | undefined>>,
): Settings {
  const values = new Map<string, unknown>();
  const faults: string[] = [];
  for (const each of known) {
    const text = environment[each.name];
    if (text === undefined || text === '') {
      values.set(each.name, each.default);
      continue;
    }
    try {
      values.set(each.name, each.parse(text));
    } catch (error) {
      const shown = each.secret ? '' : ` (is "${text}")`;
      faults.push(`${each.name} ${error instanceof Error ? error.message : error}${shown}`);
    }
  }
  if (faults.length > 0) throw new SettingsFault(faults.join('\n'));
  return {
    get<Value>(wanted: Setting<Value>): Value {
      if (!values.has(wanted.name)) throw new Error(`setting ${wanted.name} is not registered`);
      return values.get(wanted.name) as Value;
    },
  };
}

/** The settings as a markdown table, for README.md. */
export function settingsTable(known: readonly Setting<unknown>[]): string {
  const rows = known.map((each) => {
    const value = each.defaultText ?? (each.default === undefined ? '–' : String(each.default));
    return `| \`${each.name}\` | ${value} | ${each.means} |`;
  });
  return ['| variable | default | meaning |', '|---|---|---|', ...rows].join('\n');
}
