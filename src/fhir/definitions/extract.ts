/**
 * From a resource to its index rows: all search parameters of a type compiled into one walk.
 *
 * The paths of all parameters are merged into a tree, so that each property is visited once,
 * whatever the number of parameters that read it.
 *
 * Spec: https://hl7.org/fhir/R4/search.html
 */

import type { ReadPairs } from './composites.ts';
import type { IndexRows } from './definitions.ts';
import type { Indexer } from './index-values.ts';
import type { Path, Step } from './paths.ts';
import { RowCollector, type ToldByRows } from './rows.ts';
import { isObject, type Json } from './run.ts';

/** What is done with the values at a path. */
export interface Reader {
  readonly path: Path;
  /** Rows that the value makes; undefined when another reader of the place makes them. */
  readonly index: Indexer | undefined;
  /** Of a composite: reads what stands together in the element. */
  readonly pairs?: ReadPairs;
  /** Presence token of the parameter; undefined when another reader of its places tells it. */
  readonly presence: bigint | undefined;
  /** Set when rows tell the presence, so that the token is needed only where there are none. */
  readonly told?: ToldByRows;
}

interface Branch {
  readonly step: Step;
  readonly tree: Tree;
}

interface Tree {
  readonly branches: Branch[];
  readonly readers: Reader[];
}

/** Extracts the rows of one resource type. */
export class Extractor {
  readonly #root: Tree = { branches: [], readers: [] };
  readonly #computed: Reader[] = [];

  constructor(readers: readonly Reader[]) {
    for (const reader of readers) {
      if (reader.path.compute) this.#computed.push(reader);
      else place(this.#root, reader);
    }
  }

  extract(resource: Json, max?: number): IndexRows {
    const rows = new RowCollector(max);
    walk(this.#root, resource, rows, resource);
    for (const reader of this.#computed) {
      for (const value of reader.path.compute!(resource)) read(reader, value, rows, resource);
    }
    return rows.finish();
  }
}

function place(root: Tree, reader: Reader): void {
  let tree = root;
  for (const step of reader.path.steps) {
    let branch = tree.branches.find((each) => sameStep(each.step, step));
    if (!branch) {
      branch = { step, tree: { branches: [], readers: [] } };
      tree.branches.push(branch);
    }
    tree = branch.tree;
  }
  tree.readers.push(reader);
}

function sameStep(a: Step, b: Step): boolean {
  return a.key === b.key && a.index === b.index && a.filter?.text === b.filter?.text;
}

function walk(tree: Tree, value: unknown, rows: RowCollector, resource: Json): void {
  for (const reader of tree.readers) read(reader, value, rows, resource);
  if (tree.branches.length === 0 || !isObject(value)) return;
  for (const { step, tree: below } of tree.branches) {
    const found = value[step.key];
    if (found === undefined) continue;
    if (Array.isArray(found)) {
      if (step.index !== undefined) enter(step, below, found[step.index], rows, resource);
      else for (const each of found) enter(step, below, each, rows, resource);
    } else {
      enter(step, below, found, rows, resource);
    }
  }
}

function enter(step: Step, below: Tree, value: unknown, rows: RowCollector, resource: Json): void {
  if (value === null || value === undefined) return;
  if (step.filter && !step.filter.test(value)) return;
  walk(below, value, rows, resource);
}

function read(reader: Reader, value: unknown, rows: RowCollector, resource: Json): void {
  if (reader.pairs) {
    if (reader.pairs(value, resource, rows)) rows.tk(reader.presence!);
    return;
  }
  reader.index?.(value, rows);
  if (reader.told) {
    rows.present(reader.told);
    return;
  }
  if (reader.presence === undefined) return;
  const { leadsTo } = reader.path;
  if (leadsTo === undefined || leads(value, leadsTo)) rows.tk(reader.presence);
}

/** Whether a Reference says that it leads to a type. */
function leads(value: unknown, type: string): boolean {
  if (!isObject(value)) return false;
  const { reference } = value;
  if (typeof reference === 'string' && /(^|\/)[A-Z]\w+\/[^/]+/.test(reference)) {
    return reference.startsWith(`${type}/`) || reference.includes(`/${type}/`);
  }
  return value.type === type;
}
