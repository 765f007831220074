/**
 * Runs statements that were put together for a search. They are prepared under a hash of their text,
 * up to a number, so that no caller fills memory with texts that nobody asks again.
 */

import type { App, UnitOfWork } from '../../app.ts';
import { statement } from '../../sdk/index.ts';
import { hash64 } from '../definitions/hash.ts';
import type { Values } from './parts.ts';

/** Statements that are prepared; later ones are planned each time, so that no caller fills memory. */
const PREPARED_MAX = 1000;
/** Names of those of each server. */
const preparedBy = new WeakMap<App, Set<string>>();

/** Runs a statement that was put together; it is prepared under a hash of its text. */
export function ask<Row extends object>(
  unit: UnitOfWork,
  kind: string,
  text: string,
  values: Values,
): Promise<Row[]> {
  const bound = values.bind(text);
  const name = `fhir.${kind}-${(hash64(bound.text) & 0xffffffffffffn).toString(36)}`;
  const prepared = preparedBy.get(unit.app) ?? new Set<string>();
  preparedBy.set(unit.app, prepared);
  if (!prepared.has(name)) {
    if (prepared.size >= PREPARED_MAX) return unit.db.query<Row>(bound.text, bound.list);
    prepared.add(name);
  }
  return unit.db.query<Row>(statement(name, bound.text), bound.list);
}
