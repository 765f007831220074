/** A short simulated stretch under bad luck; `npm run simulate` runs whole years. */

import { describe, it } from 'mocha';
import { runYear } from './year.ts';

describe('the simulated world', function () {
  this.timeout(180_000);

  for (const seed of [1, 2]) {
    it(`keeps its books and pays nobody twice for two months (seed ${seed})`, async () => {
      await runYear({ seed, months: 2, households: 25 });
    });
  }
});
