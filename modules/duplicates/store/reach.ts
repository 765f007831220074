/**
 * Whom a suspicion is about: both people, or both households. A Task that compares somebody with a
 * person elsewhere would tell whoever is limited what that person has in common.
 */

/** SQL of the rids of both, for the row of a suspicion's Task. */
export function suspectedOf(row: string, of: 'Patient' | 'Group'): string {
  return `select both_of.rid from match_suspicion s, unnest(array[s.a, s.b]) both_of(rid)
    where s.task_id = ${row}.id::text and s.about = '${of}'`;
}
