/**
 * Reconciliation: what providers say they have paid, held against our books line by line. What a
 * line proves is applied; what does not fit waits for a person.
 */

import type { Module } from '../../src/sdk/index.ts';
import { statementBinding } from './fhir.ts';
import { operations } from './operations.ts';
import { CLOSE, MATCH } from './statement.ts';

export { CLOSURE_REASONS, exceptionLifecycle } from './close.ts';
export { providerOf } from './operations.ts';
export { readAccount, textOf } from './parse/fields.ts';
export {
  MATCH,
  type ParsedStatement,
  type ReadingOptions,
  type StatementFormat,
  type StatementLine,
  statementFormat,
} from './statement.ts';
export { type Taken, takeStatement } from './take.ts';

/** The reconciliation room. */
export const reconciliation: Module = {
  name: 'reconciliation',
  title: 'Reconciliation',
  dependsOn: ['ledger', 'providers', 'disbursement'],
  permissions: [MATCH, CLOSE],
  resources: [statementBinding],
  operations,
};
