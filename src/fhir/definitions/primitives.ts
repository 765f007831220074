/**
 * The forms of FHIR's primitive types, each a function that says whether a JSON value is one.
 *
 * They are R4's regular expressions, written out where a loop is faster or where the expression
 * is too lax (dates that do not exist) or open to attack (base64 of megabytes).
 *
 * Spec: https://hl7.org/fhir/R4/datatypes.html#primitive
 */

import { FhirDecimal } from '../formats/json.ts';
import { isDate, isDateTime, isInstant, isTime } from './dates.ts';

/** A primitive type: its check, the JSON kind it has, and how to say what is wanted. */
export interface Primitive {
  readonly json: 'string' | 'number' | 'boolean';
  readonly is: (value: unknown) => boolean;
  readonly wants: string;
}

/** FHIR's limit for a string: 1 MiB. */
export const STRING_LENGTH_MAX = 1_048_576;

/** Not empty, no control characters, whole Unicode, at most 1 MiB. */
function isString(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const length = value.length;
  if (length === 0 || length > STRING_LENGTH_MAX) return false;
  let plain = true;
  for (let at = 0; at < length; at++) {
    const unit = value.charCodeAt(at);
    if (unit < 32 && unit !== 9 && unit !== 10 && unit !== 13) return false;
    if (unit >= 0xd800) plain = false;
  }
  return plain || value.isWellFormed();
}

/** No white space but single blanks inside. */
function isCode(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0) return false;
  let blank = true;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    if (unit <= 32) {
      if (blank || unit !== 32) return false;
      blank = true;
    } else {
      blank = false;
    }
  }
  return !blank;
}

/** Not empty, no white space. */
function isUri(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0) return false;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    if (unit <= 32 || unit === 0xa0) return false;
  }
  // urn:uuid: and urn:oid: promise a form
  if (!value.startsWith('urn:')) return true;
  if (value.startsWith('urn:uuid:')) return UUID.test(value);
  return !value.startsWith('urn:oid:') || OID.test(value);
}

/** An id: at most 64 letters, digits, hyphens and full stops. */
export function isFhirId(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || value.length > 64) return false;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    const good =
      (unit >= 97 && unit <= 122) ||
      (unit >= 48 && unit <= 57) ||
      (unit >= 65 && unit <= 90) ||
      unit === 45 ||
      unit === 46;
    if (!good) return false;
  }
  return true;
}

/** Base64 with optional white space, padded to whole groups. */
function isBase64(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  let digits = 0;
  let padding = 0;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    if (unit === 61) {
      padding++;
      continue;
    }
    if (unit === 32 || unit === 10 || unit === 13 || unit === 9) continue;
    const good =
      (unit >= 97 && unit <= 122) ||
      (unit >= 65 && unit <= 90) ||
      (unit >= 47 && unit <= 57) ||
      unit === 43;
    if (!good || padding > 0) return false;
    digits++;
  }
  return digits > 0 && padding <= 2 && (digits + padding) % 4 === 0;
}

function isDecimal(value: unknown): boolean {
  return typeof value === 'number' || value instanceof FhirDecimal;
}

function integerFrom(min: number): (value: unknown) => boolean {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= 2_147_483_647;
}

function text(test: (text: string) => boolean): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && test(value);
}

const OID = /^urn:oid:[0-2](\.(0|[1-9][0-9]*))+$/;
const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const STRING = 'text that is not empty, without control characters, at most 1 MB';
const URI = 'a URI without spaces';

/** The primitive types by name. */
export const PRIMITIVES: Readonly<Record<string, Primitive>> = {
  string: { json: 'string', is: isString, wants: STRING },
  markdown: { json: 'string', is: isString, wants: STRING },
  xhtml: { json: 'string', is: isString, wants: 'XHTML in one div' },
  code: { json: 'string', is: isCode, wants: 'a code without leading, trailing or double spaces' },
  id: {
    json: 'string',
    is: isFhirId,
    wants: 'an id of at most 64 letters, digits, hyphens and full stops',
  },
  uri: { json: 'string', is: isUri, wants: URI },
  url: { json: 'string', is: isUri, wants: URI },
  canonical: { json: 'string', is: isUri, wants: URI },
  oid: {
    json: 'string',
    is: text((each) => OID.test(each)),
    wants: 'an OID such as urn:oid:1.2.3',
  },
  uuid: {
    json: 'string',
    is: text((each) => UUID.test(each)),
    wants: 'a UUID such as urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  },
  base64Binary: { json: 'string', is: isBase64, wants: 'base64' },
  date: { json: 'string', is: text(isDate), wants: 'a real date: YYYY, YYYY-MM or YYYY-MM-DD' },
  dateTime: {
    json: 'string',
    is: text(isDateTime),
    wants: 'a real date, or YYYY-MM-DDThh:mm:ss with a zone such as Z or +03:00',
  },
  instant: {
    json: 'string',
    is: text(isInstant),
    wants: 'YYYY-MM-DDThh:mm:ss with a zone such as Z or +03:00',
  },
  time: { json: 'string', is: text(isTime), wants: 'a time hh:mm:ss without zone' },
  boolean: { json: 'boolean', is: (value) => typeof value === 'boolean', wants: 'true or false' },
  decimal: { json: 'number', is: isDecimal, wants: 'a number, without quotation marks' },
  integer: { json: 'number', is: integerFrom(-2_147_483_648), wants: 'a whole number of 32 bits' },
  unsignedInt: { json: 'number', is: integerFrom(0), wants: 'a whole number, 0 or more' },
  positiveInt: { json: 'number', is: integerFrom(1), wants: 'a whole number, 1 or more' },
};
