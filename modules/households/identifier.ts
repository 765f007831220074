/**
 * Identifiers that name one household or one member: those with a system and a value that are in
 * use. Their hash is the key of the look-up tables, for a text of any length fits no index.
 *
 * Spec: https://hl7.org/fhir/R4/datatypes.html#Identifier
 */

import { createHash } from 'node:crypto';
import type { Identifier } from '@medplum/fhirtypes';

/** An identifier that is claimed for its holder. */
export interface Claim {
  /** First 64 bits of SHA-256 over `system|value`, signed. */
  readonly hash: bigint;
  readonly system: string;
  readonly value: string;
}

/** The identifiers that must be unique; each once. Old ones and those without a system are left. */
export function claimsOf(identifiers: readonly Identifier[] | undefined): Claim[] {
  const claims = new Map<bigint, Claim>();
  for (const { system, value, use } of identifiers ?? []) {
    if (!system || !value || use === 'old') continue;
    const hash = identifierHash(system, value);
    claims.set(hash, { hash, system, value });
  }
  return [...claims.values()];
}

/** Key of an identifier in the look-up tables. */
export function identifierHash(system: string, value: string): bigint {
  return createHash('sha256').update(`${system}|${value}`).digest().readBigInt64BE(0);
}
