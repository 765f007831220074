/**
 * `npm run simulate -- --seed 7 --months 12 --households 60`: a year of a scheme under bad luck.
 */

import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbedded } from '../../src/database/embedded.ts';
import { runYear } from './year.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    months: { type: 'string', default: '12' },
    households: { type: 'string', default: '60' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'amana-simulate-'));
const embedded = process.env.DATABASE_URL ? undefined : await startEmbedded(join(folder, 'data'));
if (embedded) process.env.DATABASE_URL = embedded.url;
try {
  await runYear({
    seed: Number(values.seed),
    months: Number(values.months),
    households: Number(values.households),
    tell: (text) => process.stdout.write(`${text}\n`),
  });
  process.stdout.write('The books balanced after every step, and nobody was paid twice.\n');
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await embedded?.leave();
  await rm(folder, { recursive: true, force: true });
}
process.exit();
