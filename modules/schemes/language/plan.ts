/**
 * What the compiled expressions of one scheme need from the tables, gathered so that members are
 * grouped once, characteristics pivoted once, and each named value computed once.
 *
 * The statement is built in layers: the first joins households with what is counted and looked up
 * (columns `k…` over members, `f…` of characteristics); each further one adds named values (`x…`).
 * A value says in which layer it can first be used.
 */

/** Something selected in a layer, under a name. */
export interface Column {
  readonly alias: string;
  readonly sql: string;
}

/** An aggregate over the members of a household. */
export interface MembersColumn extends Column {
  /** The same over tests of members that have been made already, as columns `m.p…`. */
  readonly tested: string | undefined;
}

/** What one layer adds to the one below. */
export interface Layer {
  /** Columns over the members of each household that need values of the layer below. */
  readonly lateral: Column[];
  readonly columns: Column[];
}

/** Condition outcomes counted per member over the months of the period. */
export interface ComplianceCount {
  readonly alias: string;
  readonly condition: string;
  /** `met`, `not-met`, `exempt`; or any that has been recorded. */
  readonly outcome: string | undefined;
  /** First days of the months that count. */
  readonly months: readonly string[];
}

/** The gathered needs. */
export class Plan {
  readonly #members = new Map<string, MembersColumn>();
  readonly #tests = new Map<string, string>();
  readonly #facts = new Map<string, string>();
  readonly #base = new Map<string, string>();
  readonly #compliance = new Map<string, ComplianceCount>();
  readonly #layers: Layer[] = [];
  /** Forms whose answers are asked for, by url, and the column of each. */
  readonly forms = new Map<string, string>();
  readonly areas = new Set<string>();
  readonly schemes = new Set<string>();
  /** Levels of areas that are asked for; 0 is the household's own. */
  readonly areaLevels = new Set<number>();
  /** The decision of the community's meeting is asked for. */
  usesValidation = false;
  #next = 0;

  /** Aggregates over members, to be selected by one GROUP BY. */
  get members(): readonly MembersColumn[] {
    return [...this.#members.values()];
  }

  /** Tests of single members that those aggregates name. */
  get tests(): readonly Column[] {
    return [...this.#tests].map(([sql, alias]) => ({ sql, alias }));
  }

  /** Characteristic codes and the column prefix each is pivoted into. */
  get facts(): ReadonlyMap<string, string> {
    return this.#facts;
  }

  /** Columns of the first layer beside those. */
  get base(): readonly Column[] {
    return [...this.#base].map(([sql, alias]) => ({ sql, alias }));
  }

  get compliance(): readonly ComplianceCount[] {
    return [...this.#compliance.values()];
  }

  /** Layers from the second on. */
  get layers(): readonly Layer[] {
    return this.#layers;
  }

  /** Characters of SQL in all columns. */
  get size(): number {
    const columns = this.#layers.flatMap(({ lateral, columns: own }) => [...lateral, ...own]);
    return [...this.members, ...this.base, ...columns].reduce(
      (sum, { sql }) => sum + sql.length,
      0,
    );
  }

  fact(code: string): string {
    const alias = this.#facts.get(code) ?? `f${this.#facts.size}`;
    this.#facts.set(code, alias);
    return alias;
  }

  /** The column of the newest answers to a form. */
  form(url: string): string {
    const alias = this.forms.get(url) ?? `q${this.forms.size}`;
    this.forms.set(url, alias);
    return alias;
  }

  /** A column of the first layer. */
  ofBase(sql: string): string {
    const alias = this.#base.get(sql) ?? `b${this.#base.size}`;
    this.#base.set(sql, alias);
    return alias;
  }

  complied(
    condition: string,
    outcome: string | undefined,
    months: readonly string[],
  ): ComplianceCount {
    const key = JSON.stringify([condition, outcome, months]);
    const found = this.#compliance.get(key);
    if (found) return found;
    const count = { alias: `c${this.#compliance.size}`, condition, outcome, months };
    this.#compliance.set(key, count);
    return count;
  }

  /**
   * An aggregate over the members `m` of a household.
   *
   * @param at  the layer whose columns it reads; 0: of members only, counted in the one pass
   * @param tested  the same over what `ofMember` answers
   */
  ofMembers(sql: string, at: number, tested?: string): string {
    if (at === 0) {
      const known = this.#members.get(sql);
      const alias = known?.alias ?? `k${this.#members.size}`;
      this.#members.set(sql, { alias, sql, tested: known?.tested ?? tested });
      return alias;
    }
    const { lateral } = this.#layer(at);
    const same = lateral.find((column) => column.sql === sql);
    if (same) return same.alias;
    this.#next += 1;
    lateral.push({ alias: `l${this.#next}`, sql });
    return `l${this.#next}`;
  }

  /** A test of each member that several aggregates name, so that it need be made once. */
  ofMember(sql: string): string {
    const alias = this.#tests.get(sql) ?? `p${this.#tests.size}`;
    this.#tests.set(sql, alias);
    return `m.${alias}`;
  }

  /** An aggregate that names a test, written over the test. */
  overTest(aggregate: (test: string) => string, test: string, at: number): string {
    const tested = at === 0 ? aggregate(this.ofMember(test)) : undefined;
    return this.ofMembers(aggregate(test), at, tested);
  }

  /** A named value computed in layer `at`; usable in the next one. */
  column(sql: string, at: number): string {
    const { columns } = this.#layer(at);
    const same = columns.find((column) => column.sql === sql);
    if (same) return same.alias;
    this.#next += 1;
    columns.push({ alias: `x${this.#next}`, sql });
    return `x${this.#next}`;
  }

  #layer(at: number): Layer {
    while (this.#layers.length < at) this.#layers.push({ lateral: [], columns: [] });
    return this.#layers[at - 1] as Layer;
  }
}
