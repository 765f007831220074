/**
 * Regular expressions that others wrote (forms, profiles), matched without letting a hostile one
 * hold the process: what could run away is matched under a time limit.
 *
 * XML Schema's expressions, which FHIR means, are taken as JavaScript's.
 */

import { createContext, Script } from 'node:vm';

const TIME_MAX_MS = 50;
const LENGTH_PLAIN = 2_000;

/** Repeats of one expression that are matched without a limit of time: more take their product. */
const REPEATS_PLAIN = 1;

/** A repeated group that itself repeats or chooses, or a reference back: may take for ever. */
const RISKY = /\((?:[^()\\]|\\.)*[+*}|](?:[^()\\]|\\.)*\)\s*[+*{?]|\)\)\s*[+*{]|\\[1-9k]/;

const SANDBOX = createContext({ source: '', flags: '', text: '', by: '' });
const MATCH = new Script('new RegExp(source, flags).test(text)');
const REPLACE = new Script('text.replace(new RegExp(source, flags + "g"), by).slice(0, 1000000)');

/** Expressions that ran out of time in this window; further ones are then not tried. */
const TIMEOUTS_MAX = 10;
const WINDOW_MS = 10_000;
let timeouts = 0;
let windowBegan = 0;

const PATTERNS_MAX = 2_000;
const patterns = new Map<string, { readonly pattern: RegExp; readonly risky: boolean } | null>();

function compiled(source: string) {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const pattern = make(source, 'su') ?? make(source, 's'); // R4 escapes what `u` refuses
  const made = pattern ? { pattern, risky: isRisky(source) } : null;
  if (patterns.size >= PATTERNS_MAX) patterns.clear();
  patterns.set(source, made);
  return made;
}

function make(source: string, flags: string): RegExp | undefined {
  try {
    return new RegExp(source, flags);
  } catch {
    return undefined;
  }
}

/** Whether a text has a match; undefined when the expression is none, or takes too long. */
export function matches(source: string, text: string): boolean | undefined {
  const made = compiled(source);
  if (!made) return undefined;
  const { pattern, risky } = made;
  if (!risky && text.length <= LENGTH_PLAIN) return pattern.test(text);
  return within(MATCH, source, { source: pattern.source, flags: pattern.flags, text }) as
    | boolean
    | undefined;
}

function isRisky(source: string): boolean {
  if (RISKY.test(source)) return true;
  const repeats = source.replace(/\\.|\(\?/g, '').match(/[*+?]|\{\d/g);
  return (repeats?.length ?? 0) > REPEATS_PLAIN;
}

/** Runs a script for a limited time; an expression that once took longer is not tried again. */
function within(script: Script, source: string, given: Record<string, string>): unknown {
  const now = performance.now();
  if (now - windowBegan > WINDOW_MS) [timeouts, windowBegan] = [0, now];
  if (timeouts >= TIMEOUTS_MAX) return undefined;
  Object.assign(SANDBOX, given);
  try {
    return script.runInContext(SANDBOX, { timeout: TIME_MAX_MS });
  } catch {
    timeouts += 1;
    patterns.set(source, null);
    return undefined;
  }
}

/** The text with all matches replaced; undefined as for `matches`. */
export function replaceMatches(source: string, text: string, by: string): string | undefined {
  const made = compiled(source);
  if (!made) return undefined;
  const { source: pattern, flags } = made.pattern;
  return within(REPLACE, source, { source: pattern, flags, text, by }) as string | undefined;
}

/** Whether an expression matches a text as a whole; see `matches`. */
export function matchesWhole(source: string, text: string): boolean | undefined {
  return matches(`^(?:${source})$`, text);
}
