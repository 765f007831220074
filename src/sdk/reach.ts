/**
 * Reach: which rows an actor who is limited to areas or schemes may see. A room that knows where
 * its resources belong says it in SQL, so that searches, counts and pages are right; what no room
 * knows is judged by the people it is about (see `src/fhir/search/reach.ts`).
 */

import { extensionPoint } from './tokens.ts';

/** What an actor can be limited by. */
export type ReachKind = 'areas' | 'schemes';

/** How a limit falls upon resources of a type. */
export interface ReachRule {
  readonly limits: ReachKind;
  readonly type: string;
  /** Canonical of the projected binding that the rule is about; absent for stored resources. */
  readonly profile?: string;
  /**
   * True when the limited actor sees a part of what the resource stands for (the lines of a payroll
   * in an area), or when everybody sees it: operations on it then go beyond the limit.
   */
  readonly partly?: boolean;
  /**
   * SQL test of a row.
   *
   * @param row  alias: a stored row with its `rid`, or a row of the binding's view
   * @param reach  SQL of the reach, a `bigint[]` of rids (of Locations with all areas below them, or
   *   of InsurancePlans)
   */
  readonly test: (row: string, reach: string) => string;
  /**
   * SQL of a select of the `rid` of every stored row that passes the test, and of few that do not, so
   * that what is in a small reach is found without testing all.
   */
  readonly set?: (reach: string) => string;
}

/** Rooms say here how areas and schemes limit what they keep. */
export const reachRule = extensionPoint<ReachRule>(
  'reach-rule',
  'how areas and schemes limit the resources of a room',
);

/**
 * People or households whom resources of a type are about beside those whom their references name: who
 * is limited sees one only where all of them are in reach.
 */
export interface AlsoAbout {
  readonly type: string;
  /** SQL of rids of Patients or Groups, for a stored row of this alias with its `rid` and `id`. */
  readonly rids: (row: string, of: 'Patient' | 'Group') => string;
}

/** Rooms say here what is about several people at once, as a comparison of two is. */
export const alsoAbout = extensionPoint<AlsoAbout>(
  'reach-also-about',
  'resources that are shown only to whom all are shown that they are about',
);
