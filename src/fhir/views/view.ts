/**
 * A ViewDefinition compiled to a function from a resource to its rows.
 *
 * A select gives the rows of its columns times those of its nested selects times those of its
 * `unionAll`, for each item of `forEach`, `forEachOrNull` or `repeat`. All faults of a view are
 * found when it is compiled, before a resource is read.
 *
 * Spec: https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html
 */

import { problem } from '../../sdk/index.ts';
import { isObject, type Json } from '../definitions/run.ts';
import { parseJson } from '../formats/json.ts';
import { constantsOf } from './constants.ts';
import { type Path, parseForInterpreter } from './interpret.ts';
import { type CompiledPath, compilePath } from './path.ts';

/** A column of the result. */
export interface Column {
  readonly name: string;
  /** FHIR type as declared: `string`, `integer` …; undefined when the view does not say. */
  readonly type: string | undefined;
  readonly collection: boolean;
}

/** Values of one row, in the order of the columns; null for none. */
export type Row = readonly unknown[];

/** A compiled view. */
export interface View {
  readonly name: string;
  /** Resource type that it reads. */
  readonly resource: string;
  readonly columns: readonly Column[];
  /**
   * Rows of one resource, given as JSON text; none when `where` leaves it out.
   *
   * @throws Problem value, when a path gives what the view does not allow
   */
  rows(text: string): Row[];
  /** Whether the `fhirpath` package evaluates some of its paths. */
  readonly interpreted: boolean;
  /**
   * Parses the paths that the package evaluates; otherwise that is done when they are first used.
   *
   * @throws Problem invalid
   */
  prepare(): void;
}

type Emit = (focus: readonly unknown[], env: Env) => unknown[][];

interface Env {
  readonly resource: unknown;
  readonly rowIndex: number;
}

interface Part {
  readonly columns: readonly Column[];
  readonly emit: Emit;
}

interface Making {
  readonly constants: ReadonlyMap<string, string>;
  /** Parses of paths that the `fhirpath` package evaluates. */
  readonly parses: (() => void)[];
  count: number;
  paths: number;
}

/** Selects that one view may have, nested ones included. */
const SELECTS_MAX = 200;
const DEPTH_MAX = 20;
const PATHS_MAX = 2000;
/** Items that one `repeat` may give. */
const REPEAT_MAX = 10_000;
/** Rows, and cells of rows, that one resource may give. */
const ROWS_MAX = 100_000;
const CELLS_MAX = 2_000_000;
const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/**
 * Compiles a ViewDefinition.
 *
 * @param isType  whether a name is a resource type that can be read
 * @throws Problem invalid, naming the place in the view
 */
export function compileView(view: unknown, isType: (type: string) => boolean): View {
  if (!isObject(view)) throw refused('A ViewDefinition is a JSON object.', 'ViewDefinition');
  const { resource } = view;
  if (typeof resource !== 'string' || !isType(resource)) {
    throw refused('"resource" names the R4 resource type that is read.', 'ViewDefinition.resource');
  }
  const making: Making = { constants: constantsOf(view.constant), parses: [], count: 0, paths: 0 };
  const where = listOf(view.where, 'ViewDefinition.where').map((each, at) => {
    const place = `ViewDefinition.where[${at}]`;
    return { path: pathOf(making, isObject(each) ? each.path : undefined, `${place}.path`), place };
  });
  const selects = listOf(view.select, 'ViewDefinition.select');
  if (selects.length === 0) {
    throw refused('A view has at least one select.', 'ViewDefinition.select');
  }
  const part = times(
    selects.map((each, at) => select(making, each, `ViewDefinition.select[${at}]`, 1)),
  );
  checkNames(part.columns);
  const interpreted = making.parses.length > 0;
  const parse = interpreted ? parseForInterpreter : parseJson;
  return {
    interpreted,
    prepare: () => {
      for (const each of making.parses) each();
    },
    name: typeof view.name === 'string' ? view.name : 'view',
    resource,
    columns: part.columns,
    rows(text) {
      const root = parse(text);
      const env = { resource: root, rowIndex: 0 };
      if (!isObject(root) || root.resourceType !== resource) return [];
      return where.every((each) => passes(each.path([root], env), each.place))
        ? part.emit([root], env)
        : [];
    },
  };
}

function refused(says: string, place: string) {
  return problem('invalid', 'view-invalid', says, place);
}

function listOf(value: unknown, place: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw refused('This is a list.', place);
  return value;
}

function pathOf(making: Making, text: unknown, place: string): Path {
  making.paths += 1;
  if (making.paths > PATHS_MAX) throw refused(`A view has at most ${PATHS_MAX} paths.`, place);
  const { evaluate, parse }: CompiledPath = compilePath(text, making.constants, place);
  if (parse) making.parses.push(parse);
  return evaluate;
}

function passes(values: readonly unknown[], place: string): boolean {
  if (values.length === 0) return false;
  if (values.length > 1 || typeof values[0] !== 'boolean') {
    throw problem(
      'value',
      'view-value',
      'The path of a where gives true, false or nothing.',
      place,
    );
  }
  return values[0];
}

function checkNames(columns: readonly Column[]): void {
  const seen = new Set<string>();
  for (const { name } of columns) {
    if (seen.has(name)) {
      throw refused(
        `Two columns are called "${name}"; give each its own name.`,
        'ViewDefinition.select',
      );
    }
    seen.add(name);
  }
}

function select(making: Making, value: unknown, place: string, depth: number): Part {
  making.count += 1;
  if (!isObject(value)) throw refused('A select is an object.', place);
  if (making.count > SELECTS_MAX || depth > DEPTH_MAX) {
    throw refused(`A view has at most ${SELECTS_MAX} selects, ${DEPTH_MAX} deep.`, place);
  }
  const parts: Part[] = [];
  const columns = listOf(value.column, `${place}.column`);
  if (columns.length > 0) {
    parts.push(columnsPart(making, columns, `${place}.column`));
  }
  for (const [at, each] of listOf(value.select, `${place}.select`).entries()) {
    parts.push(select(making, each, `${place}.select[${at}]`, depth + 1));
  }
  const union = listOf(value.unionAll, `${place}.unionAll`);
  if (union.length > 0) {
    const all = union.map((each, at) =>
      select(making, each, `${place}.unionAll[${at}]`, depth + 1),
    );
    parts.push(unionAll(all, `${place}.unionAll`));
  }
  if (parts.length === 0) throw refused('A select has column, select or unionAll.', place);
  return forEach(making, value, times(parts), place);
}

function columnsPart(making: Making, list: readonly unknown[], place: string): Part {
  const paths: { readonly path: Path; readonly column: Column; readonly place: string }[] = [];
  for (const [at, each] of list.entries()) {
    const here = `${place}[${at}]`;
    if (!isObject(each) || typeof each.name !== 'string' || !NAME.test(each.name)) {
      throw refused('A column has a name of letters, digits and _, beginning with a letter.', here);
    }
    const column = {
      name: each.name,
      type: typeof each.type === 'string' ? each.type : undefined,
      collection: each.collection === true,
    };
    paths.push({ path: pathOf(making, each.path, `${here}.path`), column, place: here });
  }
  return {
    columns: paths.map((each) => each.column),
    emit: (focus, env) => [
      paths.map(({ path, column, place: here }) => cell(path(focus, env), column, here)),
    ],
  };
}

function cell(values: readonly unknown[], column: Column, place: string): unknown {
  if (column.collection) return values;
  if (values.length > 1) {
    throw problem(
      'value',
      'view-value',
      `Column "${column.name}" has ${values.length} values; say collection: true, or narrow the path.`,
      place,
    );
  }
  return values[0] ?? null;
}

/** The rows of all parts, each combined with each. */
function times(parts: readonly Part[]): Part {
  const [only] = parts;
  if (parts.length === 1 && only) return only;
  const columns = parts.flatMap((each) => each.columns);
  const max = rowsMax(columns);
  return {
    columns,
    emit(focus, env) {
      let rows: unknown[][] = [[]];
      for (const part of parts) {
        const more = part.emit(focus, env);
        if (more.length === 0) return [];
        if (rows.length * more.length > max) throw tooMany();
        rows =
          more.length === 1
            ? rows.map((row) => row.concat(more[0]!))
            : rows.flatMap((row) => more.map((each) => row.concat(each)));
      }
      return rows;
    },
  };
}

function rowsMax(columns: readonly Column[]): number {
  return Math.min(ROWS_MAX, Math.ceil(CELLS_MAX / Math.max(1, columns.length)));
}

function tooMany() {
  return problem(
    'too-costly',
    'view-too-large',
    `One resource gives more than ${ROWS_MAX} rows or ${REPEAT_MAX} repeated items; narrow the view.`,
  );
}

function unionAll(parts: readonly Part[], place: string): Part {
  const [first] = parts;
  const names = (part: Part): string => part.columns.map((each) => each.name).join(', ');
  for (const [at, part] of parts.entries()) {
    if (names(part) === names(first!)) continue;
    const says = `All parts of unionAll have the same columns in one order: ${names(first!)}.`;
    throw refused(says, `${place}[${at}]`);
  }
  return {
    columns: first!.columns,
    emit: (focus, env) => parts.flatMap((part) => part.emit(focus, env)),
  };
}

function forEach(making: Making, value: Json, inner: Part, place: string): Part {
  const given = ['forEach', 'forEachOrNull', 'repeat'].filter((name) => value[name] !== undefined);
  if (given.length > 1) throw refused(`A select has one of ${given.join(', ')}.`, place);
  const [name] = given;
  if (name === undefined) return inner;
  const items =
    name === 'repeat'
      ? repeated(making, value.repeat, `${place}.repeat`)
      : pathOf(making, value[name], `${place}.${name}`);
  const empty = inner.columns.map(() => null);
  const max = rowsMax(inner.columns);
  return {
    columns: inner.columns,
    emit(focus, env) {
      const found = items(focus, env);
      if (found.length === 0 && name === 'forEachOrNull') return nullRow(inner, empty, env);
      const rows: unknown[][] = [];
      for (const [rowIndex, item] of found.entries()) {
        rows.push(...inner.emit([item], { resource: env.resource, rowIndex }));
        if (rows.length > max) throw tooMany();
      }
      return rows;
    },
  };
}

/** What stands where there is no item: literals and the row number, and null for everything else. */
function nullRow(inner: Part, empty: readonly null[], env: Env): unknown[][] {
  const rows = inner.emit([], { resource: env.resource, rowIndex: 0 });
  return rows.length > 0 ? rows : [[...empty]];
}

function repeated(making: Making, value: unknown, place: string): Path {
  const paths = listOf(value, place).map((each, at) => pathOf(making, each, `${place}[${at}]`));
  if (paths.length === 0) throw refused('repeat names at least one path.', place);
  return (focus, env) => {
    const found: unknown[] = [];
    const walk = (items: readonly unknown[], depth: number): void => {
      for (const path of paths) {
        for (const item of path(items, env)) {
          found.push(item);
          if (found.length > REPEAT_MAX || depth > 500) throw tooMany();
          walk([item], depth + 1);
        }
      }
    };
    walk(focus, 0);
    return found;
  };
}
