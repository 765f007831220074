/**
 * The syntax of rules: FHIRPath, read into a tree that knows where each part stands, so that rules
 * which cannot be understood are refused with the place.
 *
 * Operators by binding, loosest first (as in FHIRPath): implies, or xor, and, in, = !=,
 * < <= > >=, |, + -, * / div mod, unary minus, then `.name` and calls.
 *
 * Spec: https://hl7.org/fhirpath/N1/ (expressions, operator precedence)
 */

/** Where a part stands: `at` for messages, `from` up to `to` is its text; counted from 0. */
interface Placed {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** A part of an expression. */
export type Node = Placed &
  (
    | { readonly kind: 'number'; readonly text: string }
    | { readonly kind: 'string'; readonly text: string }
    | { readonly kind: 'boolean'; readonly value: boolean }
    /** `@2026-01-31`. */
    | { readonly kind: 'date'; readonly text: string }
    /** `3 months`. */
    | { readonly kind: 'duration'; readonly text: string; readonly unit: string }
    /** `{}`. */
    | { readonly kind: 'empty' }
    /** `%name`. */
    | { readonly kind: 'variable'; readonly name: string }
    /** `$this`. */
    | { readonly kind: 'this' }
    | { readonly kind: 'name'; readonly name: string; readonly target?: Node }
    | {
        readonly kind: 'call';
        readonly name: string;
        readonly target?: Node;
        readonly inputs: readonly Node[];
      }
    | { readonly kind: 'negate'; readonly operand: Node }
    | {
        readonly kind: 'binary';
        readonly operator: string;
        readonly left: Node;
        readonly right: Node;
      }
  );

export type Call = Extract<Node, { kind: 'call' }>;
export type Binary = Extract<Node, { kind: 'binary' }>;

/** What is wrong with an expression, and where. */
export class CriterionFault extends Error {
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.name = 'CriterionFault';
    this.at = at;
  }
}

interface Token {
  readonly kind: 'number' | 'string' | 'word' | 'date' | 'variable' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
  readonly to: number;
}

const TOKEN = new RegExp(
  [
    String.raw`\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/`,
    String.raw`(?<number>\d+(?:\.\d+)?)`,
    String.raw`(?<string>'(?:[^'\\]|\\.)*')`,
    String.raw`@(?<date>\d{4}-\d{2}-\d{2})(?!T)`,
    '%(?<variable>[A-Za-z_][A-Za-z0-9_]*|`[^`\\n]+`)',
    String.raw`(?<word>\$?[A-Za-z_][A-Za-z0-9_]*)`,
    `(?<symbol><=|>=|!=|[-=<>+*/().,|{}])`,
  ].join('|'),
  'y',
);

/** Longer expressions are refused: nobody could review one. */
const LENGTH_MAX = 4000;

/** Deeper nesting is refused before it can exhaust the stack. */
const DEPTH_MAX = 60;

const DURATION = /^(day|week|month|year)s?$/;

function tokenize(text: string): Token[] {
  if (text.length > LENGTH_MAX) throw new CriterionFault(`at most ${LENGTH_MAX} characters`, 0);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new CriterionFault(`"${text[at]}" is not understood`, at);
    const whole = match[0];
    const to = at + whole.length;
    const [kind, found] = Object.entries(match.groups ?? {}).find((group) => group[1]) ?? [];
    if (kind !== undefined && found !== undefined) {
      const read = kind === 'string' ? unquote(found, at) : found.replaceAll('`', '');
      tokens.push({ kind: kind as Token['kind'], text: read, at, to });
    }
    at += whole.length;
  }
  tokens.push({ kind: 'end', text: 'the end', at: text.length, to: text.length });
  return tokens;
}

function unquote(quoted: string, at: number): string {
  return quoted.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => {
    if (letter === "'" || letter === '\\') return letter;
    throw new CriterionFault(`the escape \\${letter} is not understood`, at);
  });
}

const LEVELS: readonly (readonly string[])[] = [
  ['implies'],
  ['or', 'xor'],
  ['and'],
  ['in'],
  ['=', '!='],
  ['<', '<=', '>', '>='],
  ['|'],
  ['+', '-'],
  ['*', '/', 'div', 'mod'],
];

const KEYWORDS = new Set(LEVELS.flat().filter((word) => /^[a-z]/.test(word)));

/**
 * Reads an expression.
 *
 * @throws CriterionFault with the place
 */
export function parseExpression(text: string): Node {
  const reader = new Reader(tokenize(text));
  const node = reader.level(0);
  reader.expectEnd();
  return node;
}

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(): Token {
    const token = this.#token;
    if (token.kind !== 'end') this.#next += 1;
    return token;
  }

  /** Where the last token that was taken ends. */
  get #end(): number {
    return this.#tokens[this.#next - 1]?.to ?? 0;
  }

  #isSymbol(text: string): boolean {
    return this.#token.kind === 'symbol' && this.#token.text === text;
  }

  #expect(text: string): void {
    if (!this.#isSymbol(text)) {
      throw new CriterionFault(`"${text}" is expected, not ${this.#token.text}`, this.#token.at);
    }
    this.#next += 1;
  }

  expectEnd(): void {
    if (this.#token.kind !== 'end') {
      throw new CriterionFault(`an operator is expected, not ${this.#token.text}`, this.#token.at);
    }
  }

  level(depth: number): Node {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX * LEVELS.length) {
      throw new CriterionFault(`at most ${DEPTH_MAX} levels of parentheses`, this.#token.at);
    }
    const operators = LEVELS[depth];
    let left = operators ? this.level(depth + 1) : this.#unary();
    while (operators?.includes(this.#token.text) && this.#token.kind !== 'string') {
      const { text: operator, at } = this.#take();
      const { from } = left;
      const right = this.level(depth + 1);
      left = { kind: 'binary', operator, left, right, at, from, to: right.to };
    }
    this.#depth -= 1;
    return left;
  }

  #unary(): Node {
    if (!this.#isSymbol('-')) return this.#path();
    const { at } = this.#take();
    const operand = this.#unary();
    return { kind: 'negate', operand, at, from: at, to: operand.to };
  }

  #path(): Node {
    let node = this.#term();
    while (this.#isSymbol('.')) {
      this.#next += 1;
      node = this.#named(node);
    }
    return node;
  }

  #term(): Node {
    const token = this.#token;
    const place = { at: token.at, from: token.at, to: token.to };
    if (token.kind === 'number') {
      this.#next += 1;
      return this.#number(token, place);
    }
    if (token.kind === 'string' || token.kind === 'date') {
      this.#next += 1;
      return { kind: token.kind, text: token.text, ...place };
    }
    if (token.kind === 'variable') {
      this.#next += 1;
      return { kind: 'variable', name: token.text, ...place };
    }
    if (this.#isSymbol('(')) {
      this.#next += 1;
      const inner = this.level(0);
      this.#expect(')');
      return { ...inner, from: token.at, to: this.#end };
    }
    if (this.#isSymbol('{')) {
      this.#next += 1;
      this.#expect('}');
      return { kind: 'empty', ...place, to: this.#end };
    }
    return this.#word(token, place);
  }

  #number(token: Token, place: Placed): Node {
    const unit = this.#token;
    if (unit.kind !== 'word' || !DURATION.test(unit.text)) {
      return { kind: 'number', text: token.text, ...place };
    }
    this.#next += 1;
    return { kind: 'duration', text: token.text, unit: unit.text, ...place, to: this.#end };
  }

  #word(token: Token, place: Placed): Node {
    if (token.text === 'true' || token.text === 'false') {
      this.#next += 1;
      return { kind: 'boolean', value: token.text === 'true', ...place };
    }
    if (token.text === '$this') {
      this.#next += 1;
      return { kind: 'this', ...place };
    }
    return this.#named(undefined);
  }

  #named(target: Node | undefined): Node {
    const { kind, text: name, at } = this.#take();
    if (kind !== 'word' || KEYWORDS.has(name) || name.startsWith('$')) {
      throw new CriterionFault(`a value is expected, not ${name}`, at);
    }
    const from = target?.from ?? at;
    const after = target && { target };
    if (!this.#isSymbol('(')) return { kind: 'name', name, ...after, at, from, to: this.#end };
    this.#next += 1;
    const inputs: Node[] = [];
    while (!this.#isSymbol(')')) {
      if (inputs.length > 0) this.#expect(',');
      inputs.push(this.level(0));
    }
    this.#expect(')');
    return { kind: 'call', name, inputs, ...after, at, from, to: this.#end };
  }
}
