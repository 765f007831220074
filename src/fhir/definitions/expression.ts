/**
 * A parser of FHIRPath: text to a tree. What the trees mean is said by `evaluate.ts` (rules over a
 * resource) and `paths.ts` (which places a search parameter reads).
 *
 * It reads the grammar but for quantities with calendar units and arithmetic on dates; what it
 * cannot read is left to the `fhirpath` package.
 *
 * Spec: http://hl7.org/fhirpath/N1/
 */

/** A node of a parsed expression. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'empty' }
  | { readonly kind: 'this' }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'member'; readonly of: Expression | undefined; readonly name: string }
  | {
      readonly kind: 'call';
      readonly of: Expression | undefined;
      readonly name: string;
      readonly args: readonly Expression[];
    }
  | { readonly kind: 'index'; readonly of: Expression; readonly index: Expression }
  | { readonly kind: 'negative'; readonly of: Expression }
  | {
      readonly kind: 'type';
      readonly op: 'is' | 'as';
      readonly of: Expression;
      readonly type: string;
    }
  | {
      readonly kind: 'binary';
      readonly op: string;
      readonly left: Expression;
      readonly right: Expression;
    };

/** The expression is not one that this compiler reads. */
export class UnsupportedExpression extends Error {
  constructor(says: string) {
    super(says);
    this.name = 'UnsupportedExpression';
  }
}

interface Token {
  readonly kind: 'name' | 'string' | 'number' | 'environment' | 'symbol' | 'date' | 'end';
  readonly text: string;
}

const TOKEN = new RegExp(
  [
    String.raw`\s*(?:`,
    String.raw`(?<number>\d+(?:\.\d+)?)`,
    String.raw`|'(?<string>(?:[^'\\]|\\.)*)'`,
    String.raw`|(?<date>@[\dT:.Z+-]+)`,
    String.raw`|%(?:\x60(?<quotedEnv>[^\x60]+)\x60|'(?<stringEnv>[^']+)'|(?<env>[\w-]+))`,
    String.raw`|\x60(?<quoted>[^\x60]+)\x60`,
    String.raw`|(?<name>\$?[A-Za-z_]\w*)`,
    String.raw`|(?<symbol><=|>=|!=|!~|[.,()[\]{}|+*/&=~<>-])`,
    ')',
  ].join(''),
  'y',
);

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const groups = TOKEN.exec(text)?.groups;
    if (!groups) throw new UnsupportedExpression(`cannot read "${text.slice(at, at + 20)}"`);
    const environment = groups.quotedEnv ?? groups.stringEnv ?? groups.env;
    const name = groups.name ?? groups.quoted;
    if (groups.string !== undefined)
      tokens.push({ kind: 'string', text: unescaped(groups.string) });
    else if (groups.number) tokens.push({ kind: 'number', text: groups.number });
    else if (groups.date) tokens.push({ kind: 'date', text: groups.date.slice(1) });
    else if (environment) tokens.push({ kind: 'environment', text: environment });
    else if (name) tokens.push({ kind: 'name', text: name });
    else tokens.push({ kind: 'symbol', text: groups.symbol! });
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f' };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex?: string, char?: string) =>
    hex ? String.fromCharCode(Number.parseInt(hex, 16)) : (ESCAPES[char!] ?? char!),
  );
}

/** How tightly operators bind; higher is tighter. */
const BINDING: Readonly<Record<string, number>> = {
  implies: 1,
  or: 2,
  xor: 2,
  and: 3,
  in: 4,
  contains: 4,
  '=': 5,
  '~': 5,
  '!=': 5,
  '!~': 5,
  '<': 6,
  '>': 6,
  '<=': 6,
  '>=': 6,
  '|': 7,
  is: 8,
  as: 8,
  '+': 9,
  '-': 9,
  '&': 9,
  '*': 10,
  '/': 10,
  div: 10,
  mod: 10,
};

/**
 * Parses a FHIRPath expression.
 *
 * @throws UnsupportedExpression when it is not one, or uses what is not read here
 */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokenize(text));
  return parser.whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expression {
    const expression = this.#operators(0);
    if (this.#next().kind !== 'end') this.#fail();
    return expression;
  }

  #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #take(text: string): boolean {
    const token = this.#next();
    if (token.kind !== 'symbol' || token.text !== text) return false;
    this.#at++;
    return true;
  }

  #need(text: string): void {
    if (!this.#take(text)) this.#fail();
  }

  #fail(): never {
    throw new UnsupportedExpression(`unexpected "${this.#next().text}"`);
  }

  #operators(tighter: number): Expression {
    let left = this.#term();
    for (;;) {
      const token = this.#next();
      const op = token.kind === 'symbol' || token.kind === 'name' ? token.text : '';
      const binding = BINDING[op] ?? 0;
      if (binding <= tighter) return left;
      this.#at++;
      left =
        op === 'is' || op === 'as'
          ? { kind: 'type', op, of: left, type: this.#typeName() }
          : { kind: 'binary', op, left, right: this.#operators(binding) };
    }
  }

  #typeName(): string {
    let name = this.#name();
    while (this.#take('.')) name = this.#name();
    return name;
  }

  #name(): string {
    const token = this.#next();
    if (token.kind !== 'name') this.#fail();
    this.#at++;
    return token.text;
  }

  #term(): Expression {
    if (this.#take('-')) return { kind: 'negative', of: this.#term() };
    if (this.#take('+')) return this.#term();
    let expression = this.#primary();
    for (;;) {
      if (this.#take('.')) {
        expression = this.#invocation(expression);
      } else if (this.#take('[')) {
        expression = { kind: 'index', of: expression, index: this.#operators(0) };
        this.#need(']');
      } else {
        return expression;
      }
    }
  }

  #primary(): Expression {
    const token = this.#next();
    if (this.#take('(')) {
      const inner = this.#operators(0);
      this.#need(')');
      return inner;
    }
    if (this.#take('{')) {
      this.#need('}');
      return { kind: 'empty' };
    }
    if (token.kind === 'name') return this.#named(token.text);
    this.#at++;
    switch (token.kind) {
      case 'string':
      case 'date':
        return { kind: 'literal', value: token.text };
      case 'number':
        return { kind: 'literal', value: Number(token.text) };
      case 'environment':
        return { kind: 'environment', name: token.text };
      default:
        this.#at--;
        return this.#fail();
    }
  }

  #named(name: string): Expression {
    if (name === 'true' || name === 'false') {
      this.#at++;
      return { kind: 'literal', value: name === 'true' };
    }
    if (name === '$this') {
      this.#at++;
      return { kind: 'this' };
    }
    return this.#invocation(undefined);
  }

  #invocation(of: Expression | undefined): Expression {
    if (of && this.#next().text === '$this') {
      this.#at++;
      return of;
    }
    const name = this.#name();
    if (!this.#take('(')) return { kind: 'member', of, name };
    if (['is', 'as', 'ofType'].includes(name)) return this.#typeCall(of, name);
    const args: Expression[] = [];
    if (!this.#take(')')) {
      do args.push(this.#operators(0));
      while (this.#take(','));
      this.#need(')');
    }
    return { kind: 'call', of, name, args };
  }

  #typeCall(of: Expression | undefined, name: string): Expression {
    const type = this.#typeName();
    this.#need(')');
    return { kind: 'type', op: name === 'is' ? 'is' : 'as', of: of ?? { kind: 'this' }, type };
  }
}
