/**
 * The author of a subscription as an actor: with the roles, limits and masks of now, and the scopes
 * of the token with which it was written. A subscription gives nobody more than a search would.
 */

import { loadActor, type Queries } from '../../access/actors.ts';
import type { UnitOfWork } from '../../app.ts';
import type { Actor } from '../../sdk/index.ts';
import type { Subscriber } from './store/subscribers.ts';

/** What is the same for subscriptions that see the same. */
export function byAuthor({ author, scopes }: Pick<Subscriber, 'author' | 'scopes'>): string {
  return `${author} ${JSON.stringify(scopes)}`;
}

/** The author as it stands now; undefined when it may no longer sign in. */
export async function loadAuthor(
  queries: Queries,
  { author, scopes }: Pick<Subscriber, 'author' | 'scopes'>,
): Promise<Actor | undefined> {
  const actor = await loadActor(queries, author);
  return actor && scopes ? { ...actor, scopes } : actor;
}

/** The open unit of work, seen with the author's eyes; undefined when the author is shut out. */
export async function asAuthor(
  unit: UnitOfWork,
  subscriber: Pick<Subscriber, 'author' | 'scopes'>,
): Promise<UnitOfWork | undefined> {
  const actor = await loadAuthor(unit.client ?? unit.app.readPool, subscriber);
  return actor && Object.create(unit, { actor: { value: actor, enumerable: true } });
}
