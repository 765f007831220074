/**
 * Pairs of people that were found alike, to be linked between two registries.
 */

import { type Context, statement } from '../../../src/sdk/index.ts';

/** A likely pair; a < b, ids of Patients as FHIR has them beside. */
export interface LikelyPair {
  readonly a: bigint;
  readonly b: bigint;
  readonly a_id: string;
  readonly b_id: string;
  readonly log_odds: number;
}

const LIKELY = statement(
  'duplicates.likely-pairs',
  `select e.a, e.b, x.fhir_id as a_id, y.fhir_id as b_id, e.log_odds
   from match_edge e
   join match_feature x on x.patient_id = e.a and x.active and x.replaced_by is null
   join match_feature y on y.patient_id = e.b and y.active and y.replaced_by is null
   where (e.a, e.b) > ($1, $2) and e.log_odds >= 0
     and not exists (select from match_verdict_last v
       where v.a = e.a and v.b = e.b and v.verdict = 'not-duplicate')
   order by e.a, e.b limit $3`,
);

/** The next pairs that are more likely one person than not, and were not decided to be two. */
export function likelyPairs(
  ctx: Context,
  after: Pick<LikelyPair, 'a' | 'b'>,
  limit: number,
): Promise<LikelyPair[]> {
  return ctx.db.query<LikelyPair>(LIKELY, [after.a, after.b, limit]);
}
