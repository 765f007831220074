/**
 * FHIR JSON with exact decimals: `1.00` comes back as `1.00`, which plain JSON.parse destroys.
 *
 * A number whose shortest form is its source text stays a JavaScript number; any other becomes a
 * `FhirDecimal` that holds the source text. Most bodies have no such number, which one regular
 * expression tells; of the others the platform's parser reads a copy (`exact.ts`).
 *
 * Spec: https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/datatypes.html#decimal
 */

import { problem } from '../../sdk/problem.ts';
import { endOfString, markNumbers, QUOTE, unmarkNumbers } from './exact.ts';
import { jsonFaultAt } from './json-fault.ts';

declare global {
  interface JSON {
    /** A value that stringify writes as it stands (ECMAScript 2026). */
    rawJSON(text: string): object;
  }
}

/** A decimal whose written form matters; equal numbers of different precision are different. */
export class FhirDecimal {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): object {
    return JSON.rawJSON(this.text);
  }

  toString(): string {
    return this.text;
  }

  valueOf(): number {
    return Number(this.text);
  }
}

/** True for what stands for a FHIR number: a JavaScript number or a FhirDecimal. */
export function isNumber(value: unknown): value is number | FhirDecimal {
  return typeof value === 'number' || value instanceof FhirDecimal;
}

/** The written form of a number. */
export function numberText(value: number | FhirDecimal): string {
  return typeof value === 'number' ? String(value) : value.text;
}

/** A number that plain parsing may change; also matches inside strings, which costs time only. */
const FRAGILE =
  /[:[,\s]-?(?:\d+\.\d*0[\s,}\]]|\d+(?:\.\d+)?[eE]|[\d.]{16}|0[\s,}\]]|0$)|\.\d*0$|\d[eE][-+\d]/;

/** As deep as XML may be (150 elements), each of them in a list. */
export const DEPTH_MAX = 300;

/**
 * Values of one text at most: a hundred times what a household says of itself in 50 members, and
 * as much as is parsed, checked and indexed without holding up everybody else. Bytes are no
 * measure: fifty million of them may be a picture, or twenty million numbers.
 */
export const VALUES_MAX = 1_000_000;

/**
 * Parses JSON, keeping the text of decimals that JavaScript would rewrite.
 *
 * @throws Problem `structure` with line and column when the text is not JSON, or nested so deep
 *   that what walks it would run out of stack; `too-long` when it has too many values
 */
export function parseJson(text: string): unknown {
  const fault = shapeFault(text);
  if (fault === 'deep') {
    const says = `The body is nested more than ${DEPTH_MAX} levels deep; flatten it.`;
    throw problem('structure', 'too-deep', says);
  }
  if (fault === 'long') {
    const says = `The body has more than ${VALUES_MAX} values; send less at once, e.g. smaller Bundles.`;
    throw problem('too-long', 'too-many-values', says);
  }
  if (text.includes('\\u')) checkEscapes(text);
  try {
    return FRAGILE.test(text) ? parseExact(text) : JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw notJson(text);
    throw error;
  }
}

function parseExact(text: string): unknown {
  const marked = markNumbers(text);
  if (marked === text) return JSON.parse(text);
  return unmarkNumbers(JSON.parse(marked), (source) => new FhirDecimal(source));
}

/**
 * Escapes of what is no text: U+0000, which the database cannot hold, and half of a surrogate pair,
 * which would be stored as another character.
 */
const NO_TEXT =
  /(?<!\\)(?:\\\\)*\\u(?:0000|[dD][89abAB][\da-fA-F]{2}(?!\\u[dD][c-fC-F])|[dD][c-fC-F])/g;
const PAIR = /\\u[dD][89abAB][\da-fA-F]{2}$/;

function checkEscapes(text: string): void {
  for (const match of text.matchAll(NO_TEXT)) {
    const found = match[0].slice(match[0].lastIndexOf('\\u'));
    const at = match.index + match[0].length - found.length;
    if (/^\\u[dD][c-fC-F]/.test(found) && PAIR.test(text.slice(Math.max(0, at - 6), at))) continue;
    const says = `${found} stands for no character that can be stored; take it out.`;
    throw problem('structure', 'no-character', says);
  }
}

/** Whether JSON nests lists and objects too deep, or has too many values. */
export function shapeFault(text: string): 'deep' | 'long' | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === 0x2c) values += 1;
    else if (code === 0x5b || code === 0x7b) {
      values += 1;
      depth += 1;
      if (depth > DEPTH_MAX) return 'deep';
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return values > VALUES_MAX ? 'long' : undefined;
}

function notJson(text: string): Error {
  if (text.trim() === '') {
    return problem('structure', 'not-json', 'The body is empty. Send one JSON object.');
  }
  const at = jsonFaultAt(text);
  const before = text.slice(0, at);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  const found = at >= text.length ? 'ends too early' : `breaks at ${JSON.stringify(text[at])}`;
  return problem(
    'structure',
    'not-json',
    `The body is not JSON: it ${found}, line ${line}, column ${column}. Send one complete JSON object.`,
  );
}

/** Writes a resource; FhirDecimals stand as they were read. */
export function writeJson(value: unknown): string {
  return JSON.stringify(value);
}
