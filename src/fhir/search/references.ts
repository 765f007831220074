/**
 * What a reference in a search leads to: a resource of ours, by id or by either form of its URL, or
 * a literal that is not ours.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#reference
 */

import type { UnitOfWork } from '../../app.ts';
import { hashedKey, idKey, parseReference } from '../../sdk/index.ts';
import { VERSIONED } from '../definitions/index-values.ts';
import { fhirOf } from '../types.ts';

/** A target as index rows have it; without `types`, of any type. */
export interface Target {
  readonly target: string;
  readonly types?: number[];
}

/** What no reference leads to. */
const NOWHERE = '00000000-0000-0000-0000-000000000000';

/** Reads a reference; `modifier` is the type that it is restricted to. */
export function targetOf(
  unit: UnitOfWork,
  targets: readonly string[],
  modifier: string | undefined,
  text: string,
): Target {
  const { definitions, base } = fhirOf(unit);
  const own = `${base()}/`;
  const literal = text.startsWith(own) ? text.slice(own.length) : text;
  const local = parseReference(literal);
  if (local && definitions.isResourceType(local.type)) {
    // `patient=Location/1` is nobody, though `subject` may lead there under the same key.
    const mayBe = modifier ? [modifier] : targets;
    if (mayBe.length > 0 && !mayBe.includes(local.type)) return { target: NOWHERE, types: [] };
    return { target: idKey(local.id), types: [definitions.typeNumber(local.type)] };
  }
  if (/^[A-Za-z0-9\-.]{1,64}$/.test(literal)) {
    const types = (modifier ? [modifier] : targets).filter((each) =>
      definitions.isResourceType(each),
    );
    return {
      target: idKey(literal),
      ...(types.length > 0 && { types: types.map((each) => definitions.typeNumber(each)) }),
    };
  }
  // A canonical without a version is any version's.
  const types = literal.includes('|') ? [0] : [0, VERSIONED];
  return { target: hashedKey(literal), types };
}

/** As `idKey` in sdk/reference.ts makes it. */
export function idKeyOf(text: string): string {
  return `(case when ${text} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then ${text}::uuid
    else ${hashedKeyOf(text)} end)`;
}

/** As `hashedKey` in sdk/reference.ts makes it. */
function hashedKeyOf(text: string): string {
  const hex = `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;
  const variant = `to_hex((get_byte(sha256(convert_to(${text}, 'UTF8')), 8) >> 4) & 3 | 8)`;
  return `(substr(${hex}, 1, 12) || '8' || substr(${hex}, 14, 3) || ${variant}
    || substr(${hex}, 18, 15))::uuid`;
}

/** What a stored definition (alias `r`) is called by: its url, and that with its version; hashed. */
export const URL_KEYS = [
  hashedKeyOf(`(r.content::jsonb ->> 'url')`),
  hashedKeyOf(`((r.content::jsonb ->> 'url') || '|' || (r.content::jsonb ->> 'version'))`),
] as const;
