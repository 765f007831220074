/**
 * Finds the subscriptions that a batch of writes concerns, after the commit, set-based: equal
 * criteria are asked once, several criteria in one statement, each over the written rows alone.
 *
 * What is compared is the version that now stands. A version that has been replaced by the time is
 * passed over: the event of the version that replaced it is in the same outbox.
 *
 * What the author of a subscription may not see is no event of it.
 */

import type { UnitOfWork } from '../../app.ts';
import { type Context, columns, on, Problem, resourceAwaited } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { conditionOf } from '../search/conditions.ts';
import { Values } from '../search/parts.ts';
import { inReach } from '../search/reach.ts';
import { type Authors, authorsOf, byAuthor } from './author.ts';
import { type Criteria, termsOf } from './criteria.ts';
import { deliverSoon } from './deliver-token.ts';
import { offers } from './needs.ts';
import { type Candidate, type Hit, hitsOf, type Standing, standingOf } from './store/hits.ts';
import {
  listening,
  type Matched,
  noteMatched,
  type Subscriber,
  wake,
} from './store/subscribers.ts';

/** Criteria that one statement asks. */
const CRITERIA_AT_ONCE = 25;

/** Notes what subscriptions wait for, and has it sent. */
export const matchWrites = on(
  resourceAwaited,
  'notes the writes that subscriptions wait for',
  async (ctx, events) => {
    const unit = ctx as UnitOfWork & typeof ctx;
    const written = events.map((each, at) => ({ ...each, cause: `${ctx.requestId}/${at}` }));
    const authors = authorsOf(unit);
    const matched: Matched[] = [];
    for (const [type, group] of Map.groupBy(written, (each) => each.type)) {
      const standing = await standingOf(unit, type, group);
      const offered = standing.flatMap((each) => offers(unit, each.id, each.content));
      const subscribers = await listening(ctx, type, [...new Set(offered)]);
      matched.push(...(await matchType(unit, authors, type, subscribers, standing)));
    }
    await noteAndSend(ctx, matched);
  },
);

/** Keeps matched events and has them sent. */
export async function noteAndSend(ctx: Context, matched: readonly Matched[]): Promise<void> {
  if ((await noteMatched(ctx, matched)) > 0) deliverSoon(ctx);
}

async function matchType(
  unit: UnitOfWork,
  authors: Authors,
  type: string,
  subscribers: readonly Subscriber[],
  written: readonly Standing[],
): Promise<Matched[]> {
  const byQuery = [...Map.groupBy(subscribers, (each) => each.query!)];
  const matched: Matched[] = [];
  for (let from = 0; from < byQuery.length; from += CRITERIA_AT_ONCE) {
    const some = byQuery.slice(from, from + CRITERIA_AT_ONCE);
    const hits = await findHits(
      unit,
      type,
      some.map(([query]) => query),
      written,
    );
    for (const [at, [, group]] of some.entries()) {
      const own = hits.filter((each) => each.criterion === at);
      if (own.length > 0) matched.push(...(await seenBy(unit, authors, type, group, own)));
    }
  }
  return matched;
}

async function findHits(
  unit: UnitOfWork,
  type: string,
  queries: readonly string[],
  written: readonly Standing[],
): Promise<Hit[]> {
  const values = new Values();
  const candidates = queries.flatMap((query, criterion): Candidate[] => {
    const tests = testsOf(unit, { type, query }, values);
    return tests ? [{ criterion, tests }] : [];
  });
  return candidates.length > 0 ? hitsOf(unit, type, candidates, written, values) : [];
}

/** Undefined for criteria that this server does not know any longer (a parameter is gone). */
function testsOf(unit: UnitOfWork, criteria: Criteria, values: Values): string[] | undefined {
  try {
    return termsOf(unit, criteria).map(
      (term) => conditionOf(unit, criteria.type, term, values).test,
    );
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    unit.log.warn('criteria of subscriptions are no search any longer', { type: criteria.type });
    return undefined;
  }
}

/** Of the hits, those that the author of each subscription may see. */
async function seenBy(
  unit: UnitOfWork,
  authors: Authors,
  type: string,
  subscribers: readonly Subscriber[],
  hits: readonly Hit[],
): Promise<Matched[]> {
  const [rids] = columns(hits, ['rid']);
  const matched: Matched[] = [];
  for (const group of Map.groupBy(subscribers, byAuthor).values()) {
    const author = await authors.unitOf(group[0]!);
    if (!author || !mayRead(author, type)) {
      // Its turn finds out and says so.
      await wake(
        unit,
        group.map((each) => each.rid),
      );
      deliverSoon(unit);
      continue;
    }
    const seen = await inReach(author, type, rids as bigint[]);
    for (const { rid } of group) {
      for (const { cause, id, version, action, rid: focus } of hits) {
        if (seen.has(focus)) matched.push({ rid, cause, type, focus: id, version, action });
      }
    }
  }
  return matched;
}
