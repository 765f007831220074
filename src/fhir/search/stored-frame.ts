/**
 * What one search asks of the stored resources of one type: its conditions, their order, and the
 * table. Statements are built of it anew each time, because each collects its own values.
 */

import type { UnitOfWork } from '../../app.ts';
import { fhirOf } from '../types.ts';
import { conditionOf, reachConditions } from './conditions.ts';
import type { Cursor } from './cursor.ts';
import { reachSet } from './narrow.ts';
import { newestFirst } from './order.ts';
import type { Search } from './parse.ts';
import { type Partition, partitionOf } from './partitions.ts';
import { type Condition, REACH_RANK, Values } from './parts.ts';

/** A row of a page. */
export interface StoredFound {
  readonly rid: bigint;
  readonly content: string;
  readonly sort?: (string | null)[];
  readonly top?: bigint;
  readonly full?: boolean;
}

/** A page that is asked for. */
export interface Asked {
  readonly cursor: Cursor | undefined;
  readonly back: boolean;
  readonly limit: number;
}

/** What a statement is made of. */
export interface Build {
  readonly values: Values;
  /** With a set, most selective first; the reach of a limited actor is among them. */
  readonly sets: readonly Condition[];
  /** One for each term of the search, in its order. */
  readonly conditions: readonly Condition[];
  /** Beside the conditions: type, life, reach. */
  readonly always: readonly string[];
  readonly reach: readonly string[];
}

/** A search of one stored type. */
export class Frame {
  readonly unit: UnitOfWork;
  readonly type: string;
  readonly search: Search;
  /** Place among the sources of the search. */
  readonly source: number;
  readonly number: number;
  readonly partition: Partition;
  /** Rooms show resources of the type too. */
  readonly mixed: boolean;
  readonly newest: boolean;

  constructor(unit: UnitOfWork, type: string, search: Search, source: number) {
    const { definitions, projected } = fhirOf(unit);
    this.unit = unit;
    this.type = type;
    this.search = search;
    this.source = source;
    this.number = definitions.typeNumber(type);
    this.partition = partitionOf(type);
    const published = definitions.publishedOf(type).length > 0;
    this.mixed = search.types.length > 1 || projected.has(type) || published;
    this.newest = newestFirst(search.sort);
  }

  /** The parts of a new statement. */
  build(): Build {
    const values = new Values();
    const conditions = this.search.terms.map((term) =>
      conditionOf(this.unit, this.type, term, values),
    );
    const reach = reachConditions(this.unit, this.type, values);
    const within = reachSet(this.unit, this.type, values);
    const first = within ? [{ ...within, test: 'true', rank: REACH_RANK }] : [];
    const sets = [...first, ...conditions.filter((each) => each.set)];
    sets.sort((a, b) => a.rank - b.rank);
    const always = [...this.partition.only, 'not r.deleted', ...reach];
    return { values, sets, conditions, always, reach };
  }
}
