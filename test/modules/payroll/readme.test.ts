/** The lifecycle of a payroll stands in the README of the room as it is. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { payrollLifecycle } from '../../../modules/payroll/index.ts';
import { lifecycleTable } from '../../../src/sdk/index.ts';

describe('the README of payroll', () => {
  it('shows the lifecycle of a payroll', () => {
    const path = join(import.meta.dirname, '../../../modules/payroll/README.md');
    expect(readFileSync(path, 'utf8')).to.include(lifecycleTable(payrollLifecycle));
  });
});
