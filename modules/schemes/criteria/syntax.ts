/**
 * The syntax of criteria: a subset of FHIRPath, read into a tree that knows where each part stands,
 * so that a scheme which cannot be understood is refused with the place.
 *
 * Operators by binding, loosest first (as in FHIRPath): implies, or xor, and, in, = !=,
 * < <= > >=, |, + -, * / div mod, unary minus, then `.name` and calls.
 *
 * Spec: https://hl7.org/fhirpath/N1/ (expressions, operator precedence)
 */

/** A part of an expression; `at` counts characters from 0. */
export type Node =
  | { readonly kind: 'number'; readonly text: string; readonly at: number }
  | { readonly kind: 'string'; readonly text: string; readonly at: number }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly at: number }
  | { readonly kind: 'name'; readonly name: string; readonly target?: Node; readonly at: number }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly target?: Node;
      readonly inputs: readonly Node[];
      readonly at: number;
    }
  | { readonly kind: 'negate'; readonly operand: Node; readonly at: number }
  | {
      readonly kind: 'binary';
      readonly operator: string;
      readonly left: Node;
      readonly right: Node;
      readonly at: number;
    };

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
  readonly kind: 'number' | 'string' | 'word' | 'symbol' | 'end';
  readonly text: string;
  readonly at: number;
}

const TOKEN =
  /\s+|\/\/[^\n]*|\/\*[\s\S]*?\*\/|(\d+(?:\.\d+)?)|('(?:[^'\\]|\\.)*')|([A-Za-z_][A-Za-z0-9_]*)|(<=|>=|!=|[-=<>+*/().,|])/y;

/** Longer expressions are refused: nobody could review one. */
const LENGTH_MAX = 4000;

/** Deeper nesting is refused before it can exhaust the stack. */
const DEPTH_MAX = 60;

function tokenize(text: string): Token[] {
  if (text.length > LENGTH_MAX) throw new CriterionFault(`at most ${LENGTH_MAX} characters`, 0);
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    if (!match) throw new CriterionFault(`"${text[at]}" is not understood`, at);
    const [whole, number, string, word, symbol] = match;
    if (number) tokens.push({ kind: 'number', text: number, at });
    else if (string) tokens.push({ kind: 'string', text: unquote(string, at), at });
    else if (word) tokens.push({ kind: 'word', text: word, at });
    else if (symbol) tokens.push({ kind: 'symbol', text: symbol, at });
    at += whole.length;
  }
  tokens.push({ kind: 'end', text: 'the end', at: text.length });
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
export function parseCriterion(text: string): Node {
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
      left = { kind: 'binary', operator, left, right: this.level(depth + 1), at };
    }
    this.#depth -= 1;
    return left;
  }

  #unary(): Node {
    if (!this.#isSymbol('-')) return this.#path();
    const { at } = this.#take();
    return { kind: 'negate', operand: this.#unary(), at };
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
    if (token.kind === 'number' || token.kind === 'string') {
      this.#next += 1;
      return { kind: token.kind, text: token.text, at: token.at };
    }
    if (this.#isSymbol('(')) {
      this.#next += 1;
      const inner = this.level(0);
      this.#expect(')');
      return inner;
    }
    if (token.text === 'true' || token.text === 'false') {
      this.#next += 1;
      return { kind: 'boolean', value: token.text === 'true', at: token.at };
    }
    return this.#named(undefined);
  }

  #named(target: Node | undefined): Node {
    const { kind, text: name, at } = this.#take();
    if (kind !== 'word' || KEYWORDS.has(name)) {
      throw new CriterionFault(`a value is expected, not ${name}`, at);
    }
    const after = target && { target };
    if (!this.#isSymbol('(')) return { kind: 'name', name, ...after, at };
    this.#next += 1;
    const inputs: Node[] = [];
    while (!this.#isSymbol(')')) {
      if (inputs.length > 0) this.#expect(',');
      inputs.push(this.level(0));
    }
    this.#expect(')');
    return { kind: 'call', name, inputs, ...after, at };
  }
}
