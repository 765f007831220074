/**
 * What the parts of the compiler ask of the whole: to read an inner expression, to note which layer
 * a value needs, and where tables and the period are. Kept apart so that no two files need each
 * other.
 */

import type { Moment } from './moment.ts';
import type { Plan } from './plan.ts';
import type { Node } from './syntax.ts';
import type { RuleTable } from './table.ts';
import type { NumberValue, Value } from './values.ts';

/** In which scope an expression is read. */
export type Scope = 'household' | 'member';

export interface Compiling {
  readonly plan: Plan;
  /** The day on which ages are taken, `YYYY-MM-DD`. */
  readonly asOf: string;
  readonly moment: Moment;
  readonly tables: ReadonlyMap<string, RuleTable>;
  /** Notes that what is being read needs layer `at`. */
  needs(at: number): void;
  /** Runs a reading and tells which layer it needs by itself. */
  within<Result>(run: () => Result): { result: Result; at: number };
  /** Compiles a node. */
  value(node: Node, scope: Scope): Value;
  /** A value of which there is one: of several members' values, the only one. */
  one(node: Node, scope: Scope): Value;
  /** A number for which one SQL stands, null where its bounds differ. */
  certain(value: NumberValue): NumberValue;
}
