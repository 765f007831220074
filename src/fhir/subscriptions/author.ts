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

/** Authors whose eyes a unit of work can see with. */
export interface Authors {
  /** The unit, seen with the author's eyes; undefined when the author is shut out. */
  unitOf(subscriber: Pick<Subscriber, 'author' | 'scopes'>): Promise<UnitOfWork | undefined>;
}

/** The authors of a unit of work, each read once. */
export function authorsOf(unit: UnitOfWork): Authors {
  const known = new Map<string, Promise<UnitOfWork | undefined>>();
  const load = async (subscriber: Pick<Subscriber, 'author' | 'scopes'>) => {
    const actor = await loadAuthor(unit.client ?? unit.app.readPool, subscriber);
    return actor && Object.create(unit, { actor: { value: actor, enumerable: true } });
  };
  return {
    unitOf(subscriber) {
      const key = byAuthor(subscriber);
      const found = known.get(key) ?? load(subscriber);
      known.set(key, found);
      return found;
    },
  };
}
