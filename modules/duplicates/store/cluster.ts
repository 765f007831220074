/**
 * All that ties records together: merges, verdicts, open suspicions and scores, around one record. Each
 * step asks for the ties of the records that the step before has found, by the indexes of either side.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A tie between two records. */
export interface Tie {
  readonly kind: 'merged' | 'verdict' | 'suspicion' | 'score';
  readonly a: bigint;
  readonly b: bigint;
  readonly says: string;
  readonly p: number | null;
  readonly task_id: string | null;
  readonly at: Date | null;
  /** It leads on: a merge that stands, a duplicate, an open suspicion. */
  readonly strong: boolean;
}

const sides = (select: string, a: string, b: string, where = 'true'): string =>
  `${select} where ${a} = any($1::bigint[]) and ${where}
   union all ${select} where ${b} = any($1::bigint[]) and not ${a} = any($1::bigint[]) and ${where}`;

const MERGED = `select 'merged' as kind, source_rid as a, target_rid as b, state as says, null::real as p,
    null::text as task_id, merged_at as at, state = 'merged' as strong from merge_record`;
const VERDICT = `select 'verdict', a, b, verdict, p, task_id, decided_at, verdict = 'duplicate'
    from match_verdict_last`;
const SUSPICION = `select 'suspicion', a, b, grade, p, task_id, opened_at, true from match_suspicion`;
const SCORE = `select 'score', a, b, grade, (1 / (1 + power(2, -greatest(least(log_odds, 60), -60))))::real,
    null, found_at, false from match_edge`;

const TIES = statement(
  'duplicates.ties',
  `select t.* from (
     ${sides(MERGED, 'source_rid', 'target_rid')}
     union all ${sides(VERDICT, 'a', 'b')}
     union all ${sides(SUSPICION, 'a', 'b', "state = 'open'")}
     union all ${sides(SCORE, 'a', 'b')}) t
   order by t.at, t.kind, t.a, t.b limit 1000`,
);

const STEPS_MAX = 8;
const PEOPLE_MAX = 100;

/** Ties around a record, through what is strong; at most eight steps and a hundred records away. */
export async function tiesAround(ctx: Context, rid: bigint): Promise<Tie[]> {
  const ties = new Map<string, Tie>();
  const people = new Set([rid]);
  let fresh = [rid];
  for (let step = 0; step < STEPS_MAX && fresh.length > 0; step += 1) {
    const found = await ctx.db.query<Tie>(TIES, [fresh]);
    for (const each of found)
      ties.set(`${each.kind} ${each.a} ${each.b} ${each.at?.getTime()}`, each);
    fresh = [...new Set(found.filter(({ strong }) => strong).flatMap(({ a, b }) => [a, b]))]
      .filter((each) => !people.has(each))
      .slice(0, PEOPLE_MAX - people.size);
    for (const each of fresh) people.add(each);
  }
  return [...ties.values()];
}
