/**
 * The content of a stored resource: its JSON exactly as sent on the wire, with id and meta right
 * behind resourceType, so that a read sends the text without parsing it.
 */

import type { Resource } from '@medplum/fhirtypes';
import { parseJson, writeJson } from '../formats/json.ts';

/** Writes the content of a version; what the body says of id, versionId, lastUpdated is replaced. */
export function writeContent(
  resource: Resource,
  id: string,
  version: number,
  lastUpdated: Date,
): string {
  const { resourceType, id: _id, meta, ...rest } = resource as Resource & Record<string, unknown>;
  const { versionId: _v, lastUpdated: _l, ...kept } = (meta ?? {}) as Record<string, unknown>;
  const head = writeJson({
    resourceType,
    id,
    meta: { versionId: String(version), lastUpdated: lastUpdated.toISOString(), ...kept },
  });
  const body = writeJson(rest);
  return body === '{}' ? head : `${head.slice(0, -1)},${body.slice(1)}`;
}

/** True when the content is that of this id (two ids could share a key only by design of an attacker). */
export function hasId(content: string, type: string, id: string): boolean {
  return content.startsWith(`{"resourceType":"${type}","id":"${id}"`);
}

/** The FHIR id that a content carries. */
export function idOf(content: string): string {
  const from = content.indexOf('"id":"') + 6;
  return content.slice(from, content.indexOf('"', from));
}

/** Parses a content; decimals keep their text. */
export function parseContent(content: string): Resource {
  return parseJson(content) as Resource;
}
