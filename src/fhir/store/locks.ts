/**
 * Locks that make conditional writes exact under any concurrency: every writer takes, in one
 * sorted order, an advisory lock on each identifier that it conditions on or writes, and looks up
 * only in a later statement, whose snapshot is younger than the lock.
 *
 * Hashes are mapped to 65,536 buckets. PostgreSQL's lock table holds some thousands (64 for each
 * connection), so whoever would take more than two thousand takes one lock for all of them: every
 * other writer holds that one in shared mode.
 */

import type { Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { statement } from '../../sdk/index.ts';
import { hash64, paramKey, valueHash } from '../definitions/hash.ts';

/** Class of our advisory locks, so that they do not meet those of others. */
const LOCK_CLASS = 0x616d61;
/** The lock of all buckets, which is none of them. */
const ALL = -1;
/** Buckets that one transaction locks one by one. */
export const BUCKETS_MAX = 2_000;

const TAKE = statement(
  'fhir.lock',
  `with gate as materialized (select pg_advisory_xact_lock_shared(${LOCK_CLASS}, ${ALL}) as held)
   select count(pg_advisory_xact_lock(${LOCK_CLASS}, b)) from gate, unnest($1::int[]) b`,
);

/**
 * The same of a few, which cost PostgreSQL a third so: the usual write has some identifiers and an
 * id. Values of a SELECT list are worked out in their order.
 */
const TAKE_FEW = Array.from({ length: 8 }, (_, count) => {
  const each = Array.from({ length: count }, (_n, at) => {
    return `, pg_advisory_xact_lock(${LOCK_CLASS}, $${at + 1}::int)`;
  });
  const gate = `pg_advisory_xact_lock_shared(${LOCK_CLASS}, ${ALL})`;
  return statement(`fhir.lock-${count}`, `select ${gate}${each.join('')}`);
});

const TAKE_ALL = statement('fhir.lock-all', `select pg_advisory_xact_lock(${LOCK_CLASS}, ${ALL})`);

/** The lock of an identifier of a type. */
export function identifierLock(type: string, value: string): bigint {
  return valueHash(paramKey(type, 'identifier'), value);
}

/** The lock of a resource id, which serialises two creations under one client-assigned id. */
export function idLock(type: string, id: string): bigint {
  return hash64(`${type}/${id}`);
}

/** The lock of any other criterion; exact among writers that use the same one. */
export function criterionLock(type: string, query: string): bigint {
  return hash64(`${type}?${query}`);
}

interface WithIdentifier {
  readonly identifier?: readonly { readonly system?: string; readonly value?: string }[];
}

/** Identifiers of a resource (a single one counts as a list). */
export function identifiersOf(
  resource: Resource,
): readonly { readonly system?: string; readonly value?: string }[] {
  const { identifier } = resource as unknown as WithIdentifier;
  if (!identifier) return [];
  return Array.isArray(identifier) ? identifier : [identifier as never];
}

/** The locks that writing a resource takes. */
export function locksOf(resource: Resource): bigint[] {
  return identifiersOf(resource)
    .filter((each) => typeof each?.value === 'string')
    .map((each) => identifierLock(resource.resourceType, each.value!));
}

/** Takes locks in sorted order; waits for whoever holds one. */
export async function takeLocks(unit: UnitOfWork, locks: readonly bigint[]): Promise<void> {
  if (locks.length === 0) return;
  const buckets = [...new Set(locks.map((lock) => Number(lock & 0xffffn)))].sort((a, b) => a - b);
  const few = TAKE_FEW[buckets.length];
  if (few) await unit.db.query(few, buckets);
  else if (buckets.length > BUCKETS_MAX) await unit.db.query(TAKE_ALL);
  else await unit.db.query(TAKE, [buckets]);
}
