/**
 * Collects the index rows of one resource, each once.
 *
 * Leaves to `index-values.ts` what rows a value makes.
 */

import { problem } from '../../sdk/problem.ts';
import type { DecimalRange } from './decimals.ts';
import type {
  DateRow,
  IndexRows,
  NumberRow,
  PairPart,
  PairRow,
  ReferenceRow,
  StringRow,
  TokenRow,
} from './definitions.ts';
import { capitalized, normalize } from './normalize.ts';

/** Below this many rows a look through the list is faster than a set. */
const FEW = 12;

/**
 * Rows of one table that a resource which is written may have: a thousand times what a household of
 * ten has, and half a second of work for whoever else waits.
 */
export const ROWS_MAX = 50_000;

/** When two rows of a kind are the same, and a text that tells them apart. */
interface Kind<Row> {
  readonly same: (a: Row, b: Row) => boolean;
  readonly key: (row: Row) => string;
}

const TOK: Kind<TokenRow> = {
  same: (a, b) => a.hash === b.hash && a.system === b.system,
  key: (row) => `${row.hash} ${row.system}`,
};
const STR: Kind<StringRow> = {
  same: (a, b) => a.val === b.val && a.param === b.param && a.raw === b.raw,
  key: (row) => `${row.param} ${row.val}\n${row.raw ?? ''}`,
};
const REF: Kind<ReferenceRow> = {
  same: (a, b) => a.target === b.target && a.param === b.param && a.type === b.type,
  key: (row) => `${row.param} ${row.type} ${row.target}`,
};
const DAT: Kind<DateRow> = {
  same: (a, b) => a.param === b.param && a.lower === b.lower && a.upper === b.upper,
  key: (row) => `${row.param} ${row.lower} ${row.upper}`,
};
const NUM: Kind<NumberRow> = {
  same: (a, b) =>
    a.param === b.param &&
    a.value === b.value &&
    a.unit === b.unit &&
    a.low === b.low &&
    a.high === b.high,
  key: (row) => `${row.param} ${row.unit} ${row.low} ${row.high} ${row.value}`,
};
const PAIR: Kind<PairRow> = {
  same: (a, b) => pairKey(a) === pairKey(b),
  key: (row) => pairKey(row),
};

/** A list without repetitions. */
class Distinct<Row> {
  readonly rows: Row[] = [];
  readonly #kind: Kind<Row>;
  readonly #max: number;
  #seen: Set<string> | undefined;

  constructor(kind: Kind<Row>, max: number) {
    this.#kind = kind;
    this.#max = max;
  }

  add(row: Row): void {
    const { rows } = this;
    const { same, key } = this.#kind;
    if (rows.length < FEW) {
      for (const each of rows) if (same(each, row)) return;
    } else {
      this.#seen ??= new Set(rows.map(key));
      const before = this.#seen.size;
      if (this.#seen.add(key(row)).size === before) return;
      checkCount(rows.length, this.#max);
    }
    rows.push(row);
  }
}

/** A parameter whose rows tell that it has a value: its token is needed when there is none. */
export interface ToldByRows {
  readonly presence: bigint;
  readonly table: 'str' | 'dat';
  readonly keys: readonly number[];
}

export class RowCollector {
  readonly #present: ToldByRows[] = [];
  readonly #tk: bigint[] = [];
  readonly #max: number;
  readonly #tok: Distinct<TokenRow>;
  readonly #str: Distinct<StringRow>;
  readonly #ref: Distinct<ReferenceRow>;
  readonly #dat: Distinct<DateRow>;
  readonly #num: Distinct<NumberRow>;
  readonly #pair: Distinct<PairRow>;

  /** `max` bounds the rows of each table; see `ROWS_MAX`. */
  constructor(max = Number.POSITIVE_INFINITY) {
    this.#max = max;
    this.#tok = new Distinct(TOK, max);
    this.#str = new Distinct(STR, max);
    this.#ref = new Distinct(REF, max);
    this.#dat = new Distinct(DAT, max);
    this.#num = new Distinct(NUM, max);
    this.#pair = new Distinct(PAIR, max);
  }

  tk(hash: bigint): void {
    this.#tk.push(hash);
  }

  /** Notes that a parameter has a value, for what rows do not tell. */
  present(parameter: ToldByRows): void {
    if (!this.#present.includes(parameter)) this.#present.push(parameter);
  }

  tok(hash: bigint, system: number): void {
    this.#tok.add({ hash, system, kind: 0 });
  }

  /** A token with the type it says of itself; false when it stands with another already. */
  typedTok(hash: bigint, system: number, kind: number): boolean {
    const { rows } = this.#tok;
    const count = rows.length;
    this.#tok.add({ hash, system, kind });
    return rows.length > count;
  }

  /** A text to be found by its folded form; nothing when nothing is left of it. */
  str(param: number, text: string): void {
    const val = normalize(text);
    if (val === '') return;
    this.#str.add({ param, val, raw: capitalized(val) === text ? null : text });
  }

  ref(param: number, type: number, target: string): void {
    this.#ref.add({ param, type, target });
  }

  dat(param: number, lower: string | null, upper: string | null): void {
    this.#dat.add({ param, lower, upper });
  }

  num(param: number, unit: bigint, range: DecimalRange): void {
    this.#num.add({ param, unit, low: range.low, high: range.high, value: range.value });
  }

  pair(param: number, parts: readonly [PairPart, PairPart, PairPart]): void {
    this.#pair.add({ param, parts });
  }

  finish(): IndexRows {
    for (const { presence, table, keys } of this.#present) {
      const rows: readonly (StringRow | DateRow)[] =
        table === 'str' ? this.#str.rows : this.#dat.rows;
      if (!rows.some((row) => keys.includes(row.param))) this.#tk.push(presence);
    }
    const tk = sortedDistinct(this.#tk);
    checkCount(tk.length - 1, this.#max);
    return {
      tk,
      tok: this.#tok.rows,
      str: this.#str.rows,
      ref: this.#ref.rows,
      dat: this.#dat.rows,
      num: this.#num.rows,
      pair: this.#pair.rows,
    };
  }
}

/** @throws Problem when there are more than `max` */
function checkCount(count: number, max: number): void {
  if (count < max) return;
  const says =
    `The resource has more than ${max} values by which it is found (names, identifiers, members, ` +
    'codes, dates …); split it up.';
  throw problem('too-long', 'too-many-index-rows', says);
}

/** Two rows with one key are the same row. */
export function pairKey({ param, parts }: PairRow): string {
  const texts = parts.map((part) =>
    [
      part.h,
      part.s,
      part.low,
      part.high,
      part.val,
      part.lower,
      part.upper,
      part.txt,
      part.raw,
    ].join('|'),
  );
  return `${param} ${texts.join('\n')}`;
}

/** Above this many tokens sorting them as numbers is worth a list of numbers. */
const SORTED_BY_HAND = 32;

function sortedDistinct(values: readonly bigint[]): bigint[] {
  if (values.length > SORTED_BY_HAND) return [...new Set(BigInt64Array.from(values).sort())];
  const found: bigint[] = [];
  for (const value of values) {
    let place = found.length;
    while (place > 0 && found[place - 1]! > value) place -= 1;
    if (place > 0 && found[place - 1] === value) continue;
    found.push(value);
    for (let at = found.length - 1; at > place; at -= 1) found[at] = found[at - 1]!;
    found[place] = value;
  }
  return found;
}
