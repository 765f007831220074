/**
 * The register of modules, in dependency order. `src/main.ts` introduces these to the house.
 */

import type { Module } from '../src/sdk/index.ts';
import { bankFile } from './adapters/bank-file/index.ts';
import { simulator } from './adapters/simulator/index.ts';
import { audit } from './audit/index.ts';
import { disbursement } from './disbursement/index.ts';
import { duplicates } from './duplicates/index.ts';
import { households } from './households/index.ts';
import { indicators } from './indicators/index.ts';
import { ledger } from './ledger/index.ts';
import { payPoints } from './pay-points/index.ts';
import { payroll } from './payroll/index.ts';
import { providers } from './providers/index.ts';
import { reconciliation } from './reconciliation/index.ts';
import { schemes } from './schemes/index.ts';

/** All modules of this repository. */
export const MODULES: readonly Module[] = [
  audit,
  indicators,
  ledger,
  households,
  payPoints,
  providers,
  schemes,
  disbursement,
  payroll,
  duplicates,
  simulator,
  reconciliation,
  bankFile,
];
