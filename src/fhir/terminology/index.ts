/** The terminology operations, for the register. */

import type { Operation } from '../../sdk/index.ts';
import { expandOperation } from './expand.ts';
import { lookupOperations } from './lookup.ts';
import { validateCodeOperations } from './validate-code.ts';

export const terminologyOperations: readonly Operation[] = [
  expandOperation,
  ...validateCodeOperations,
  ...lookupOperations,
];
