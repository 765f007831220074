/**
 * Two registries, each free of duplicates, linked one to one: of all pairs that may be, those whose
 * log-odds add up to the most (maximum-weight assignment, Kuhn 1955, in Jonker's O(n³) form).
 */

import type { Edge } from './clusters.ts';

/** Records on one side of a component for which the best whole is sought; larger ones go greedily. */
const EXACT_MAX = 200;

/** The pairs that link, from edges whose `a` stand in one registry and whose `b` in the other. */
export function assign(edges: readonly Edge[]): Edge[] {
  return components(edges).flatMap((part) => {
    const left = new Set(part.map(({ a }) => a)).size;
    const right = new Set(part.map(({ b }) => b)).size;
    return Math.max(left, right) <= EXACT_MAX ? best(part) : greedy(part);
  });
}

function components(edges: readonly Edge[]): Edge[][] {
  const root = new Map<string, string>();
  const find = (at: string): string => {
    let top = at;
    for (let up = root.get(top); up !== undefined && up !== top; up = root.get(top)) top = up;
    root.set(at, top);
    return top;
  };
  for (const { a, b } of edges) root.set(find(`a${a}`), find(`b${b}`));
  const parts = new Map<string, Edge[]>();
  for (const edge of edges) {
    const top = find(`a${edge.a}`);
    const part = parts.get(top);
    if (part) part.push(edge);
    else parts.set(top, [edge]);
  }
  return [...parts.values()];
}

function greedy(edges: readonly Edge[]): Edge[] {
  const [left, right] = [new Set<number>(), new Set<number>()];
  return [...edges]
    .sort((x, y) => y.logOdds - x.logOdds)
    .filter(({ a, b }) => !left.has(a) && !right.has(b) && left.add(a) && right.add(b));
}

/** The best assignment of a component; a record may stay alone, which weighs nothing. */
function best(edges: readonly Edge[]): Edge[] {
  if (edges.length === 1) return edges.filter(({ logOdds }) => logOdds > 0);
  const left = [...new Set(edges.map(({ a }) => a))];
  const right = [...new Set(edges.map(({ b }) => b))];
  const size = left.length + right.length;
  const cost = Array.from({ length: size }, () => new Float64Array(size));
  const byPlace = new Map<number, Edge>();
  for (const edge of edges) {
    const [row, column] = [left.indexOf(edge.a), right.indexOf(edge.b)];
    cost[row]![column] = -Math.max(0, edge.logOdds);
    if (edge.logOdds > 0) byPlace.set(row * size + column, edge);
  }
  return cheapest(cost).flatMap((column, row) => byPlace.get(row * size + column) ?? []);
}

/** For each row of a square matrix of costs, the column it is given: the least sum of all. */
function cheapest(cost: readonly Float64Array[]): number[] {
  const n = cost.length;
  const [u, v] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  const owner = new Int32Array(n + 1);
  for (let row = 1; row <= n; row++) {
    const way = augment(cost, row, owner, u, v);
    let column = way.end;
    while (column !== 0) {
      const before = way.from[column]!;
      owner[column] = before === 0 ? row : owner[before]!;
      column = before;
    }
  }
  const columns = Array<number>(n).fill(-1);
  for (let column = 1; column <= n; column++) columns[owner[column]! - 1] = column - 1;
  return columns;
}

/** A shortest augmenting path for a row; potentials are brought up to date. */
function augment(
  cost: readonly Float64Array[],
  row: number,
  owner: Int32Array,
  u: Float64Array,
  v: Float64Array,
): { readonly end: number; readonly from: Int32Array } {
  const n = cost.length;
  owner[0] = row;
  const least = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
  const from = new Int32Array(n + 1);
  const used = new Uint8Array(n + 1);
  let at = 0;
  do {
    used[at] = 1;
    const here = owner[at]!;
    let delta = Number.POSITIVE_INFINITY;
    let next = 0;
    for (let column = 1; column <= n; column++) {
      if (used[column] === 1) continue;
      const now = cost[here - 1]![column - 1]! - u[here]! - v[column]!;
      if (now < least[column]!) {
        least[column] = now;
        from[column] = at;
      }
      if (least[column]! < delta) {
        delta = least[column]!;
        next = column;
      }
    }
    for (let column = 0; column <= n; column++) {
      if (used[column] === 1) {
        u[owner[column]!]! += delta;
        v[column]! -= delta;
      } else {
        least[column]! -= delta;
      }
    }
    at = next;
  } while (owner[at] !== 0);
  return { end: at, from };
}
