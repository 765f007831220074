/**
 * HAPI's Java client works against this server, in JSON and in XML. Skips, saying so, where Java 17
 * or the jars are absent.
 */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { startTestHouse, type TestHouse } from '../support/server.ts';

const HERE = join(import.meta.dirname, 'hapi-client');
const LIB = process.env.HAPI_CLIENT_LIB ?? join(HERE, 'lib');
const LAST_STEP = 'unknown is not found';

describe("HAPI's client", function () {
  this.timeout(180_000);
  let house: TestHouse | undefined;

  before(async function () {
    const reason = existsSync(LIB) ? await javaFault() : 'the jars are not there';
    if (reason) {
      process.stdout.write(`    (skipped: HAPI's client: ${reason}; see README.md here)\n`);
      this.skip();
    }
    house = await startTestHouse();
  });
  after(() => house?.stop());

  for (const form of ['json', 'xml']) {
    it(`creates, searches, patches, pages, transacts and is refused, in ${form}`, async () => {
      const steps = await drive(house!.base, house!.token, form);
      expect(steps.at(-1)).to.equal(LAST_STEP);
      expect(steps).to.have.length(20);
    });
  }
});

async function javaFault(): Promise<string | undefined> {
  return promisify(execFile)('java', ['-version']).then(
    () => undefined,
    () => 'Java is not there',
  );
}

async function drive(base: string, token: string, form: string): Promise<string[]> {
  const words = ['-Xmx600m', '-cp', join(LIB, '*'), join(HERE, 'Client.java'), base, token, form];
  const { stdout } = await promisify(execFile)('java', words, { maxBuffer: 10_000_000 });
  return stdout.trim().split('\n');
}
