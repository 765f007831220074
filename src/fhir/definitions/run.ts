/**
 * One validation under way: where we are, and what was found.
 *
 * The place is kept as two stacks of names and indexes; a path is written only when there is
 * something to say, because valid resources are the rule.
 */

import type { Issue, ProblemKind } from '../../sdk/problem.ts';
import { FhirDecimal } from '../formats/json.ts';

/** No more faults than this are listed; the list then ends by saying so. */
export const ISSUES_MAX = 100;

/** Deeper nesting is refused: no honest resource needs it, and the stack is finite. */
export const DEPTH_MAX = 60;

/** What is checked beside the elements of types, by who knows profiles and forms. */
export interface Further {
  /** Whether an extension was met before and its definition is known. */
  knows(url: string): boolean;
  /** Holds an extension against its definition, where that is known. */
  extension(url: string, value: Json, run: Run): void;
  /** Holds a resource within another against the profiles that it declares. */
  declared(resource: Json, run: Run): void;
  /** What is checked of resources of one type. */
  ofType(type: string): ((resource: Json, run: Run) => void) | undefined;
}

export class Run {
  readonly issues: Issue[] = [];
  readonly further: Further | undefined;
  /** Names of the elements from the root to here. */
  readonly names: string[] = [];
  /** Index within a repeating element; -1 for one that does not repeat. */
  readonly indexes: number[] = [];
  depth = 0;
  /** Set when something is nested too deeply; rules, which recurse, are then left out. */
  tooDeep = false;
  /** The resource that holds `contained`, for references within it. */
  container: Readonly<Record<string, unknown>> | undefined;
  /** The innermost resource, which may be a contained one. */
  resource: Readonly<Record<string, unknown>> | undefined;
  /** Place in `names` of the innermost resource. */
  root = 0;
  /** How many references were followed to come here. */
  level = 0;
  /** The outermost Bundle, whose entries refer to each other. */
  bundle: Readonly<Record<string, unknown>> | undefined;

  constructor(further?: Further) {
    this.further = further;
  }

  /** True when the list is full and looking further is idle. */
  get full(): boolean {
    return this.issues.length >= ISSUES_MAX;
  }

  push(name: string): void {
    this.names[this.depth] = name;
    this.indexes[this.depth] = -1;
    this.depth++;
  }

  pop(): void {
    this.depth--;
  }

  /** FHIRPath of the current element, e.g. `Patient.name[0].given[1]`. */
  path(child?: string): string {
    let path = this.names[0] ?? '';
    for (let at = 1; at < this.depth; at++) path += `.${this.names[at]}${this.#index(at)}`;
    return child === undefined ? path : `${path}.${child}`;
  }

  #index(at: number): string {
    const index = this.indexes[at]!;
    return index < 0 ? '' : `[${index}]`;
  }

  error(kind: ProblemKind, code: string, diagnostics: string, child?: string): void {
    this.report('error', kind, code, diagnostics, child);
  }

  warning(kind: ProblemKind, code: string, diagnostics: string, child?: string): void {
    this.report('warning', kind, code, diagnostics, child);
  }

  report(
    severity: Issue['severity'],
    kind: ProblemKind,
    code: string,
    diagnostics: string,
    child?: string,
  ): void {
    if (this.issues.length > ISSUES_MAX) return;
    if (this.issues.length === ISSUES_MAX) {
      this.issues.push({
        severity: 'information',
        kind: 'informational',
        code: 'more-issues',
        diagnostics: `Only the first ${ISSUES_MAX} faults are listed. Mend these and send again.`,
      });
      return;
    }
    const expression = this.path(child);
    // two profiles, or a profile and its base, may ask the same
    const said = this.issues.some(
      (each) =>
        each.expression === expression && each.code === code && each.diagnostics === diagnostics,
    );
    if (!said) this.issues.push({ severity, kind, code, expression, diagnostics });
  }
}

/** A value for people: quoted, cut short. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `"${text.slice(0, 57)}…"` : `"${text}"`;
}

/** The JSON kind of a value, for people. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof FhirDecimal) return 'a number';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}

export type Json = Readonly<Record<string, unknown>>;

/** True for a JSON object. */
export function isObject(value: unknown): value is Json {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof FhirDecimal)
  );
}
