/**
 * Words of this room: what a statement's line says, in whatever form it came, and the extension
 * point by which adapters bring forms of their own (camt.053). Pure.
 */

import { extensionPoint, permission } from '../../src/sdk/index.ts';
import type { NonPaymentReason } from '../disbursement/index.ts';

/** Takes statements in and matches them. */
export const MATCH = permission(
  'reconciliation.match',
  'takes in statements of providers and matches them',
);

/** Closes exceptions. */
export const CLOSE = permission('reconciliation.close', 'closes exceptions with a reason');

/**
 * What a line says of a payment: `partly-paid`, less than was ordered and no more will be; `returned`,
 * what was paid came back, all or a part.
 */
export const LINE_RESULTS = ['paid', 'partly-paid', 'returned', 'not-paid', 'pending'] as const;
export type LineResult = (typeof LINE_RESULTS)[number];

/** What one line of a statement says. */
export interface StatementLine {
  /** Line of the file, or number of the item in it; from 1. */
  readonly number: number;
  /** Our transaction number, as the provider gives it back. */
  readonly key?: string;
  /** The provider's own number of the payment. */
  readonly reference?: string;
  readonly result: LineResult;
  readonly reason?: NonPaymentReason;
  readonly text?: string;
  readonly amountMinor: bigint;
  readonly currency: string;
  /** Letters and digits only, capitals. */
  readonly account?: string;
  /** Day of the payment as the statement writes it. */
  readonly day?: string;
}

/** A statement that has been read. */
export interface ParsedStatement {
  readonly lines: readonly StatementLine[];
  /** The provider's number of the statement. */
  readonly identifier?: string;
  /** Days that the statement covers wholly. */
  readonly period?: { readonly startsOn: string; readonly endsOn: string };
}

/** Where a file says what; see README. */
export interface ReadingOptions {
  /** Field → column (CSV) or JSONPath (JSON). */
  readonly mapping: ReadonlyMap<string, string>;
  /** Currency of lines that name none. */
  readonly currency?: string;
  readonly decimalMark: '.' | ',';
}

/** A form in which statements come. `read` raises Problems that name the line. */
export interface StatementFormat {
  /** As in the parameter `format`. */
  readonly format: string;
  read(content: Buffer, options: ReadingOptions): ParsedStatement;
}

/** Adapters contribute forms here. */
export const statementFormat = extensionPoint<StatementFormat>(
  'reconciliation.statement-format',
  'forms in which providers send statements',
);
