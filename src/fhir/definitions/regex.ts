/**
 * Regular expressions that others wrote (forms, profiles), matched without letting a hostile one
 * hold the process: what could run away is matched under a time limit.
 *
 * XML Schema's expressions, which FHIR means, are taken as JavaScript's.
 */

import { createContext, Script } from 'node:vm';

const TIME_MAX_MS = 50;
const LENGTH_PLAIN = 2_000;

/** A repeated group that itself repeats or chooses, or a reference back: may take for ever. */
const RISKY = /\((?:[^()\\]|\\.)*[+*}|](?:[^()\\]|\\.)*\)\s*[+*{?]|\)\)\s*[+*{]|\\[1-9k]/;

const SANDBOX = createContext({ source: '', flags: '', text: '' });
const MATCH = new Script('new RegExp(source, flags).test(text)');

const PATTERNS_MAX = 2_000;
const patterns = new Map<string, { readonly pattern: RegExp; readonly risky: boolean } | null>();

function compiled(source: string) {
  const known = patterns.get(source);
  if (known !== undefined) return known;
  const pattern = make(source, 'su') ?? make(source, 's'); // R4 escapes what `u` refuses
  const made = pattern ? { pattern, risky: RISKY.test(source) } : null;
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
  Object.assign(SANDBOX, { source: pattern.source, flags: pattern.flags, text });
  try {
    return MATCH.runInContext(SANDBOX, { timeout: TIME_MAX_MS }) as boolean;
  } catch {
    return undefined;
  }
}

/** Whether an expression matches a text as a whole; see `matches`. */
export function matchesWhole(source: string, text: string): boolean | undefined {
  return matches(`^(?:${source})$`, text);
}
