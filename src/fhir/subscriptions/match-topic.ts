/**
 * Finds the subscriptions to a topic that a batch of its events concerns: one search for each
 * filter and author, over the resources in question alone. It is the search that the author could
 * make, so what the author may not see is no event.
 */

import type { UnitOfWork } from '../../app.ts';
import { on, Problem, type Reaction, type Topic, topicUrl } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { isLimited } from '../search/narrow.ts';
import { parseSearch } from '../search/parse.ts';
import { sourcesOf } from '../search/source.ts';
import { fhirOf } from '../types.ts';
import { type Authors, authorsOf, byAuthor } from './author.ts';
import { deliverSoon } from './deliver-token.ts';
import { noteAndSend } from './match.ts';
import { listeningToTopic, type Matched, type Subscriber, wake } from './store/subscribers.ts';

/** The reaction that makes a room's events those of a topic. */
export function matchTopic(topic: Topic): Reaction {
  return on(topic.event, `tells those who subscribe to ${topic.name}`, async (ctx, events) => {
    const unit = ctx as UnitOfWork & typeof ctx;
    const subscribers = await listeningToTopic(ctx, topicUrl(topic));
    if (subscribers.length === 0) return;
    const ids = await topic.focus(ctx, events);
    const causes = ids.flatMap((id, at) =>
      id === undefined ? [] : [{ focus: id, cause: `${ctx.requestId}/${topic.name}/${at}` }],
    );
    const authors = authorsOf(unit);
    const matched: Matched[] = [];
    for (const group of Map.groupBy(subscribers, filterAndAuthor).values()) {
      const rids = group.map((each) => each.rid);
      const focuses = causes.map((each) => each.focus);
      const found = await findFor(unit, authors, topic, group[0]!, focuses);
      if (found === undefined) {
        // Its turn finds out why, and says so.
        await wake(ctx, rids);
        deliverSoon(ctx);
        continue;
      }
      const { resource: type, action } = topic;
      for (const each of causes.filter(({ focus }) => found.has(focus))) {
        for (const rid of rids) matched.push({ rid, type, action, version: null, ...each });
      }
    }
    await noteAndSend(ctx, matched);
  });
}

function filterAndAuthor(subscriber: Subscriber): string {
  return `${byAuthor(subscriber)} ${JSON.stringify(subscriber.filters)}`;
}

/** Ids among these that meet the filters, as the author sees them; undefined: the author may not. */
async function findFor(
  unit: UnitOfWork,
  authors: Authors,
  { resource }: Topic,
  subscriber: Subscriber,
  ids: readonly string[],
): Promise<ReadonlySet<string> | undefined> {
  const author = await authors.unitOf(subscriber);
  if (!author) return undefined;
  const filters = subscriber.filters ?? [];
  // Nothing to ask for where nothing narrows what happened.
  if (filters.length === 0 && !isLimited(author) && mayRead(author, resource)) return new Set(ids);
  const found = new Set<string>();
  if (ids.length === 0) return found;
  const query = new URLSearchParams(filters.map((each) => each.query).join('&'));
  query.append('_id', ids.join(','));
  try {
    const search = parseSearch(fhirOf(unit).definitions, [resource], query, false);
    for (const source of sourcesOf(author, search)) {
      for (const { id } of await source.fetch(undefined, false, ids.length)) found.add(id);
    }
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
  return found;
}
