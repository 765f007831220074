/**
 * Superseded versions are kept compressed: deflate with a dictionary of what FHIR texts repeat.
 * The first byte names the dictionary; a new one gets a new number and the old stay for ever.
 */

import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** The most frequent text comes last: deflate reaches back from the end most cheaply. */
const DICTIONARY_1 = Buffer.from(
  [
    '"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en',
    '"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus',
    '"contact":[{"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0131',
    '"deceasedBoolean":false,"deceasedDateTime":"',
    '"managingOrganization":{"reference":"Organization/',
    '"characteristic":[{"code":{"coding":[{"system":"https://amana.example/fhir/CodeSystem/',
    '"},"valueBoolean":true,"exclude":false},"valueQuantity":{"value":',
    '"member":[{"extension":[{"url":"https://amana.example/fhir/StructureDefinition/member-role"',
    '"valueCode":"head"},"valueBoolean":true}],"entity":{"reference":"Patient/',
    '"quantity":,"type":"person","actual":true,"code":{"coding":[{"system":"',
    '"status":"active","beneficiary":{"reference":"Patient/","payor":[{"reference":"Organization/',
    '"address":[{"use":"home","type":"physical","text":"","line":[""],"city":"","district":"',
    '","state":"","postalCode":"","country":"',
    '"telecom":[{"system":"phone","value":"+25","use":"mobile"}],"gender":"female","gender":"male"',
    ',"birthDate":"19","active":true,"name":[{"use":"official","family":"","given":["',
    '"identifier":[{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/',
    'CodeSystem/v2-0203","code":"NI"}]},"system":"https://","value":"',
    '"meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000Z","profile":["https://amana.',
    'example/fhir/StructureDefinition/household"]},{"resourceType":"Group","id":"',
    '{"resourceType":"Coverage","id":"{"resourceType":"Patient","id":"',
  ].join(''),
);

/** A window that holds dictionary and content, where they are small: making a large one costs more. */
const SMALL = { windowBits: 12, memLevel: 5 };
const SMALL_MAX = 4096 - 256 - DICTIONARY_1.length;

/**
 * Room for what comes out at once, in bytes: the usual 16 kB cost as much to have as packing a
 * Patient. What needs more is given more.
 */
function room(expected: number): { readonly chunkSize: number } {
  return { chunkSize: Math.min(16_384, Math.max(1_024, expected)) };
}

/** Compresses a content. */
export function compress(content: string): Buffer {
  const packed = deflateRawSync(content, {
    level: 6,
    dictionary: DICTIONARY_1,
    ...room(content.length >> 1),
    ...(content.length < SMALL_MAX && SMALL),
  });
  return Buffer.concat([Buffer.of(1), packed]);
}

/** Restores a content. An Error (a bug or damage) when the dictionary is unknown. */
export function decompress(packed: Buffer): string {
  if (packed[0] !== 1) throw new Error(`history: unknown dictionary ${packed[0]}`);
  const how = { dictionary: DICTIONARY_1, ...room(packed.length * 5) };
  return inflateRawSync(packed.subarray(1), how).toString('utf8');
}
