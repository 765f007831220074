/** The lifecycle of an instruction and its reasons stand in the README of the room as they are. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  instructionLifecycle,
  NON_PAYMENT_REASONS,
  resolutionLifecycle,
} from '../../../modules/disbursement/index.ts';
import { lifecycleTable } from '../../../src/sdk/index.ts';

describe('the README of disbursement', () => {
  const path = join(import.meta.dirname, '../../../modules/disbursement/README.md');
  const readme = readFileSync(path, 'utf8');

  it('shows the lifecycle of an instruction', () => {
    expect(readme).to.include(lifecycleTable(instructionLifecycle));
  });

  it('shows the lifecycle of a resolution', () => {
    expect(readme).to.include(lifecycleTable(resolutionLifecycle));
  });

  it('names every reason for not paid', () => {
    for (const reason of NON_PAYMENT_REASONS) expect(readme).to.include(`\`${reason}\``);
  });
});
