/**
 * Paths of views that the `fhirpath` package evaluates, with R4's model; loaded when first needed.
 * Decimals go in and come out exact.
 */

import { createRequire } from 'node:module';
import { problem } from '../../sdk/index.ts';
import { isObject } from '../definitions/run.ts';
import { joined, referenceKey, resourceKey } from './keys.ts';

/** What stands around an evaluation. */
export interface PathEnvironment {
  readonly resource: unknown;
  readonly rowIndex: number;
}

/** A compiled path: from a focus to its values. */
export type Path = (focus: readonly unknown[], env: PathEnvironment) => readonly unknown[];

type FhirPath = typeof import('fhirpath');
type R4Model = Parameters<FhirPath['compile']>[1] & {
  readonly choiceTypePaths: Readonly<Record<string, readonly string[]>>;
};

const require = createRequire(import.meta.url);
let engine: FhirPath | undefined;
let model: R4Model | undefined;
let choices: ReadonlySet<string> | undefined;

function r4(): R4Model {
  model ??= require('fhirpath/fhir-context/r4') as R4Model;
  return model;
}

/** Names of R4's choice elements. */
export function choiceNames(): ReadonlySet<string> {
  choices ??= new Set(
    Object.keys(r4().choiceTypePaths).map((path) => path.slice(path.lastIndexOf('.') + 1)),
  );
  return choices;
}

function loaded(): FhirPath {
  engine ??= require('fhirpath') as FhirPath;
  return engine;
}

const CALLS = {
  getResourceKey: {
    fn: (inputs: unknown[]) => inputs.flatMap((each) => resourceKey(dataOf(each))),
    arity: { 0: [] },
    internalStructures: true,
  },
  getReferenceKey: {
    fn: (inputs: unknown[], type?: { name: string }) =>
      inputs.flatMap((each) => referenceKey(dataOf(each), type?.name)),
    arity: { 0: [], 1: ['TypeSpecifier'] },
    internalStructures: true,
  },
  join: {
    fn: (inputs: unknown[], between?: string) => joined(inputs.map(dataOf), between ?? ''),
    arity: { 0: [], 1: ['String'] },
    internalStructures: true,
  },
};

function dataOf(node: unknown): unknown {
  return isObject(node) && 'data' in node ? node.data : node;
}

/** The first and the last zone of a day; the package leaves a boundary without zone. */
const ZONES: Readonly<Record<string, string>> = { lowBoundary: '+14:00', highBoundary: '-12:00' };

function inZone(value: unknown, zone: string): unknown {
  return typeof value === 'string' && /^\d.*T[\d:.]+$/.test(value) ? value + zone : value;
}

/** A path that the package evaluates; it is parsed when it is first used, or by `parse`. */
export interface InterpretedPath {
  readonly evaluate: Path;
  /** @throws Problem invalid when it is not FHIRPath */
  readonly parse: () => void;
}

type Evaluate = (data: unknown, variables: Record<string, unknown>) => unknown;

function parsed(text: string, place: string): Evaluate {
  try {
    const options = { userInvocationTable: CALLS, keepDecimalTypes: true } as never;
    return loaded().compile(text, r4(), options) as Evaluate;
  } catch {
    const says = `"${text.slice(0, 200)}" is not a FHIRPath expression.`;
    throw problem('invalid', 'view-invalid', says, place);
  }
}

/** A path that the package evaluates, without a limit: see `evaluator.ts` for where that is done. */
export function interpret(text: string, place: string): InterpretedPath {
  let evaluate: Evaluate | undefined;
  const parse = (): Evaluate => {
    evaluate ??= parsed(text, place);
    return evaluate;
  };
  const zone = ZONES[/\.(lowBoundary|highBoundary)\(\)\s*$/.exec(text)?.[1] ?? ''];
  const path: Path = (focus, env) => {
    const run = parse();
    try {
      const found = run(focus.length === 1 ? focus[0] : focus, {
        resource: env.resource,
        rowIndex: env.rowIndex,
      }) as unknown[];
      return zone ? found.map((each) => inZone(each, zone)) : found;
    } catch (error) {
      const says = error instanceof Error ? error.message.slice(0, 200) : 'it failed';
      throw problem(
        'value',
        'view-value',
        `"${text.slice(0, 200)}" cannot be evaluated: ${says}`,
        place,
      );
    }
  };
  return { evaluate: path, parse };
}

interface Decimals {
  readonly FP_Decimal: { new (): object; getDecimal(text: string): object };
}

/** True for a decimal as the package keeps it; its text is exact. */
export function isInterpreterDecimal(value: unknown): boolean {
  return engine !== undefined && value instanceof (engine as unknown as Decimals).FP_Decimal;
}

/** Parses a resource for paths that the package evaluates: decimals keep their precision there too. */
export function parseForInterpreter(text: string): unknown {
  const { FP_Decimal } = loaded() as unknown as Decimals;
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const source = context?.source;
    if (typeof value !== 'number' || source === undefined || String(value) === source) return value;
    return FP_Decimal.getDecimal(source);
  });
}
