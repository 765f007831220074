/**
 * Lifecycle: a table of states and the acts that lead from one to another, with who may act.
 *
 * The table is the rule: `maker` names the earlier act whose actor must be another person
 * (four eyes). The store applies it by compare-and-set, so that two acts at once cannot both win.
 */

import type { Context } from './context.ts';
import { problem } from './problem.ts';
import type { Permission } from './tokens.ts';

/** One row of the table. */
export interface Transition<State extends string, Act extends string> {
  readonly act: Act;
  readonly from: readonly State[];
  readonly to: State;
  readonly permission?: Permission;
  /** The actor must differ from whoever did these earlier acts. */
  readonly anotherPersonThan?: readonly Act[];
  /** A coded reason must be given. */
  readonly needsReason?: boolean;
}

/** A named table of transitions. */
export interface Lifecycle<State extends string, Act extends string> {
  readonly name: string;
  readonly initial: State;
  readonly states: readonly State[];
  readonly transitions: readonly Transition<State, Act>[];
}

/** Declares a lifecycle; an Error (a bug) when the table names an unknown state. */
export function lifecycle<const State extends string, const Act extends string>(
  table: Lifecycle<State, Act>,
): Lifecycle<State, Act> {
  const known = new Set<string>(table.states);
  for (const row of table.transitions) {
    for (const state of [...row.from, row.to]) {
      if (!known.has(state)) throw new Error(`${table.name}: unknown state ${state}`);
    }
  }
  return table;
}

/** What is known of the earlier acts on a thing: act → id of the actor. */
export type EarlierActs = Readonly<Record<string, string | undefined>>;

/**
 * Finds the transition for an act and checks state, permission, four eyes and reason.
 *
 * @param state  the present state
 * @param earlier  who did which earlier act
 * @throws Problem conflict (wrong state), forbidden (permission or same person), required (reason)
 */
export function transition<State extends string, Act extends string>(
  ctx: Context,
  table: Lifecycle<State, Act>,
  act: Act,
  state: State,
  earlier: EarlierActs = {},
  reason?: string,
): Transition<State, Act> {
  const row = table.transitions.find((each) => each.act === act && each.from.includes(state));
  if (!row) throw wrongState(table, act, state);
  if (row.permission) ctx.demand(row.permission);
  for (const previous of row.anotherPersonThan ?? []) {
    if (earlier[previous] === ctx.actor.id) {
      throw problem(
        'forbidden',
        'same-person',
        `Whoever did "${previous}" may not do "${act}"; ask another person.`,
      );
    }
  }
  if (row.needsReason && !reason) {
    throw problem('required', 'reason-missing', `"${act}" needs a reason.`, 'reason');
  }
  return row;
}

function wrongState<State extends string, Act extends string>(
  table: Lifecycle<State, Act>,
  act: Act,
  state: State,
) {
  const from = table.transitions.filter((row) => row.act === act).flatMap((row) => row.from);
  return problem(
    'conflict',
    'wrong-state',
    `This ${table.name} is ${state}; "${act}" is possible from ${from.join(', ') || 'no state'}.`,
  );
}

/** The table as markdown, for the README of the room (a test compares). */
export function lifecycleTable<State extends string, Act extends string>(
  table: Lifecycle<State, Act>,
): string {
  const rows = table.transitions.map(
    (row) =>
      `| ${row.from.join(', ')} | ${row.act} | ${row.to} | ${row.permission?.name ?? '–'} | ${
        row.anotherPersonThan ? `not who did ${row.anotherPersonThan.join(', ')}` : '–'
      } | ${row.needsReason ? 'yes' : '–'} |`,
  );
  return [
    '| from | act | to | permission | four eyes | reason |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
