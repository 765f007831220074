/**
 * How a search asks for other resources: the face of `links.ts`, which stored and projected
 * conditions reach by way of the house, because it knows them both.
 */

import type { UnitOfWork } from '../../app.ts';
import type { Term } from './parse.ts';
import type { Values } from './parts.ts';

type Has = Extract<Term, { kind: 'has' }>;

/** What some resources lead to: selects of one column each. */
export interface Pointed {
  readonly keys: readonly string[];
  readonly rids: readonly string[];
  /** Hashed canonicals of those to which a canonical leads. */
  readonly urls: readonly string[];
}

/** How conditions ask for other resources. */
export interface Links {
  /**
   * Keys of all resources of a type for which a term holds.
   *
   * @param optional  leave out what a room does not search by, instead of refusing it
   */
  keysOf(unit: UnitOfWork, type: string, term: Term, values: Values, optional?: boolean): string[];
  /**
   * A test that a term holds for one stored resource: that with the id `alias.target`, or with the
   * internal id `alias.rid`; undefined where rooms show resources of the type too. The rank is that
   * of the term.
   */
  testOf(
    unit: UnitOfWork,
    type: string,
    term: Term,
    values: Values,
    alias: string,
    by?: 'target' | 'rid',
  ): { readonly test: string; readonly rank: number } | undefined;
  /** Internal ids of the stored resources of a type for which a term holds. */
  ridsOf(unit: UnitOfWork, type: string, term: Term, values: Values): string;
  /** Hashed canonicals of the stored resources of a type for which a term holds. */
  urlsOf(unit: UnitOfWork, type: string, term: Term, values: Values): string;
  /** Of a type, what is led to by the resources of a `_has`. */
  pointedAt(unit: UnitOfWork, type: string, has: Has, values: Values): Pointed;
  /** Keys of a type that stand on Lists. */
  listed(unit: UnitOfWork, type: string, ids: readonly string[], values: Values): string;
}
