/**
 * Problem: what the caller can mend, said in FHIR's own words (OperationOutcome).
 *
 * A Problem carries one or more issues; each names the place (a FHIRPath expression) and the
 * remedy (a sentence). One table gives the HTTP status of each kind, so that status and issue
 * never disagree. Whatever is not a Problem is a bug and is answered 500 by the HTTP layer.
 *
 * Spec: https://hl7.org/fhir/R4/operationoutcome.html, https://hl7.org/fhir/R4/valueset-issue-type.html
 */

import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';
import { codeSystem } from './canonical.ts';

/** The kinds we answer with (members of FHIR's IssueType) and the HTTP status of each. */
export const PROBLEM_STATUS = {
  structure: 400,
  invalid: 400,
  required: 422,
  value: 422,
  invariant: 422,
  'code-invalid': 422,
  extension: 422,
  security: 403,
  login: 401,
  expired: 401,
  forbidden: 403,
  'not-supported': 400,
  'not-acceptable': 406,
  'unsupported-media-type': 415,
  'not-found': 404,
  deleted: 410,
  'too-long': 413,
  'multiple-matches': 412,
  'precondition-failed': 412,
  duplicate: 409,
  conflict: 409,
  'business-rule': 422,
  'not-allowed': 405,
  'too-costly': 403,
  throttled: 429,
  'unprocessable-reference': 422,
  transient: 503,
  timeout: 504,
  'no-store': 507,
} as const satisfies Record<string, number>;

export type ProblemKind = keyof typeof PROBLEM_STATUS;

/** Kinds that are ours alone are published under the nearest FHIR IssueType. */
const ISSUE_TYPE: Partial<Record<ProblemKind, OperationOutcomeIssue['code']>> = {
  'not-acceptable': 'not-supported',
  'unsupported-media-type': 'not-supported',
  'precondition-failed': 'conflict',
  'unprocessable-reference': 'not-found',
  'not-allowed': 'not-supported',
};

/** One thing wrong: where, what, and what to do about it. */
export interface Issue {
  readonly severity: 'fatal' | 'error' | 'warning' | 'information';
  readonly kind: ProblemKind | 'informational';
  /** Stable code, member of CodeSystem `problem-code`; documented in the README of its room. */
  readonly code?: string;
  /** FHIRPath of the element, e.g. `Bundle.entry[899].resource.birthDate`. */
  readonly expression?: string;
  /** A sentence for people, naming the remedy. Never holds personal data beyond the bad value. */
  readonly diagnostics: string;
}

/** What a caller can mend. `status` overrides the table only where HTTP itself asks for it. */
export class Problem extends Error {
  readonly issues: readonly Issue[];
  readonly status: number;
  /** Extra HTTP headers, e.g. Retry-After or WWW-Authenticate. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    issues: readonly Issue[],
    options: { status?: number; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(issues.map((issue) => issue.diagnostics).join(' '), { cause: options.cause });
    this.name = 'Problem';
    this.issues = issues;
    this.status = options.status ?? statusOf(issues);
    this.headers = options.headers ?? {};
  }

  /** The same problem seen from outside, e.g. `Bundle.entry[3].resource` before each expression. */
  within(place: string): Problem {
    const issues = this.issues.map((issue) => ({
      ...issue,
      expression: issue.expression
        ? `${place}.resource${issue.expression.replace(/^[A-Z][A-Za-z]*/, '')}`
        : place,
    }));
    return new Problem(issues, { status: this.status, headers: this.headers, cause: this });
  }
}

function statusOf(issues: readonly Issue[]): number {
  const first = issues.find((issue) => issue.severity === 'fatal' || issue.severity === 'error');
  const kind = first?.kind ?? 'invalid';
  return kind === 'informational' ? 400 : PROBLEM_STATUS[kind];
}

/**
 * Makes a Problem of one issue.
 *
 * @param kind  what sort of fault, which decides the HTTP status
 * @param code  stable code for programs, kebab-case
 * @param diagnostics  a sentence with the remedy
 * @param expression  FHIRPath of the place, or the name of the parameter
 */
export function problem(
  kind: ProblemKind,
  code: string,
  diagnostics: string,
  expression?: string,
): Problem {
  return new Problem([{ severity: 'error', kind, code, diagnostics, expression }]);
}

/**
 * Runs `work`; a Problem that it raises is told as seen from `place` (`Bundle.entry[3]`), so that
 * the sender of a Bundle learns which entry is meant. Without a place it stays as it is.
 */
export function inPlace<Result>(place: string | undefined, work: () => Result): Result {
  const moved = (error: unknown): never => {
    throw error instanceof Problem && place ? error.within(place) : error;
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(moved) as Result) : result;
  } catch (error) {
    return moved(error);
  }
}

/** Renders issues as an OperationOutcome. */
export function operationOutcome(issues: readonly Issue[]): OperationOutcome {
  return { resourceType: 'OperationOutcome', issue: issues.map(outcomeIssue) };
}

function outcomeIssue(issue: Issue): OperationOutcomeIssue {
  const type = issue.kind === 'informational' ? undefined : ISSUE_TYPE[issue.kind];
  return {
    severity: issue.severity,
    code: type ?? (issue.kind as OperationOutcomeIssue['code']),
    ...(issue.code && {
      details: { coding: [{ system: codeSystem('problem-code'), code: issue.code }] },
    }),
    diagnostics: issue.diagnostics,
    ...(issue.expression && { expression: [issue.expression] }),
  };
}
