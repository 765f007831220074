/**
 * References and ids: how a FHIR id is written, and the 16-byte key under which it is kept.
 *
 * A lower-case UUID is its own key. Any other id is hashed into a version 8 UUID, so that every
 * key has one width and one index; the id's true text stands in the resource's content and is
 * compared on read. Our own ids are version 7 (time-ordered, RFC 9562).
 *
 * Spec: https://hl7.org/fhir/R4/references.html, https://hl7.org/fhir/R4/datatypes.html#id
 */

import { hash, randomFillSync } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const LOCAL =
  /^([A-Z][A-Za-z]{1,63})\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/([A-Za-z0-9\-.]{1,64}))?$/;

/** `Type/id`, and the version when one was named. */
export interface LocalReference {
  readonly type: string;
  readonly id: string;
  readonly version?: string;
}

/** True for a well-formed FHIR id. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/** The uuid under which a FHIR id (or any literal) is kept; see the head of this file. */
export function idKey(id: string): string {
  return UUID.test(id) ? id : hashedKey(id);
}

/** A version 8 UUID made of SHA-256 of the text. */
export function hashedKey(text: string): string {
  const hex = hash('sha256', text, 'hex');
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 3) | 8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The bucket (0–63) of a key: its last six bits. Also the low bits of the resource's rid. */
export function bucketOf(key: string): number {
  return Number.parseInt(key.slice(-2), 16) & 63;
}

/** Parses `Type/id[/_history/v]`; undefined when the text is something else. */
export function parseReference(text: string | undefined): LocalReference | undefined {
  const match = text === undefined ? null : LOCAL.exec(text);
  if (!match) return undefined;
  return match[3]
    ? { type: match[1]!, id: match[2]!, version: match[3] }
    : { type: match[1]!, id: match[2]! };
}

const pool = new Uint8Array(1600);
let used = pool.length;

/** A new time-ordered UUID (version 7) for the given instant. */
export function newUuid(now: Date): string {
  if (used >= pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = Buffer.from(pool.subarray(used, used + 10));
  used += 10;
  const time = now.getTime().toString(16).padStart(12, '0');
  random[0] = (random[0]! & 0x0f) | 0x70;
  random[2] = (random[2]! & 0x3f) | 0x80;
  const hex = random.toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex.slice(0, 4)}-${hex.slice(4, 8)}-${hex.slice(8)}`;
}

/** Whether a text is a UUID as this house writes them: what is not cannot be an id of a typed row. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
