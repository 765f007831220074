/**
 * Hostile requests of every kind at a whole house: none is answered 5xx, none takes longer than five
 * seconds, each refusal is an OperationOutcome, no caller sees another's data, memory stays bounded,
 * and the house is alive afterwards.
 *
 * `FUZZ_SECONDS` (8) says for how long, `FUZZ_SEED` (1977) with which requests; the seed of a
 * failure stands in its message. `FUZZ_REPORT` names a file for all faults, whole.
 */

import { writeFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import { choices } from './choices.ts';
import { hostileRequest } from './requests.ts';
import { type Caller, type Fault, openScene, type Scene } from './scene.ts';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 8);
const SEED = Number(process.env.FUZZ_SEED ?? 1977);
const AT_ONCE = 8;
const CALLERS: readonly Caller[] = [
  ...Array.from({ length: 10 }, () => 'administrator' as const),
  ...Array.from({ length: 6 }, () => 'limited' as const),
  'nobody',
];

describe('hostile requests', function () {
  this.timeout((SECONDS + 120) * 1000);
  let scene: Scene;

  before(async () => {
    scene = await openScene();
  });
  after(() => scene?.stop());

  it('are all answered, in time, without a fault of ours and without data of others', async () => {
    const end = performance.now() + SECONDS * 1000;
    const faults = new Map<string, Fault & { times: number }>();
    let sent = 0;
    let died: string | undefined;
    for (let round = 0; performance.now() < end && !died; round += 1) {
      const drawn = fc.sample(choices, { seed: SEED + round, numRuns: 200 });
      const requests = drawn.map((c) => [c.of(CALLERS), hostileRequest(c, scene.surface)] as const);
      const sender = async (): Promise<void> => {
        for (let next = requests.pop(); next && performance.now() < end; next = requests.pop()) {
          sent += 1;
          const fault = await scene.fire(...next);
          if (fault)
            faults.set(fault.what, { ...fault, times: (faults.get(fault.what)?.times ?? 0) + 1 });
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, sender));
      died = await scene.checkHouse().catch((error: unknown) => String(error));
    }
    report([...faults.values()], sent, scene);
    const told = [...faults.values()].map((each) => `${each.times}x ${each.what}`);
    expect(died, `seed ${SEED}, ${sent} requests; ${told}`).to.equal(undefined);
    expect(told, `seed ${SEED}, ${sent} requests`).to.deep.equal([]);
    expect(sent).to.be.greaterThan(SECONDS);
  });
});

function report(faults: readonly (Fault & { times: number })[], sent: number, scene: Scene): void {
  const file = process.env.FUZZ_REPORT;
  if (!file) return;
  const statuses = Object.fromEntries([...scene.statuses].sort(([a], [b]) => a - b));
  const shown = faults.map((each) => ({
    ...each,
    request: { ...each.request, body: String(each.request.body ?? '').slice(0, 5000) },
  }));
  const memory = scene.house.memory();
  writeFileSync(
    file,
    JSON.stringify({ sent, statuses, memory, seed: SEED, faults: shown }, null, 1),
  );
}
