/**
 * GUIDE.md is run: each of its requests is sent, in order, to an empty house, and its answer holds
 * what stands there. `<name>` in an answer is kept and put into the requests that follow.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { getToken, type Json, startTestHouse, type TestHouse } from '../support/server.ts';

interface Step {
  readonly as: string | undefined;
  readonly request: string;
  readonly body: string;
  readonly status: number;
  readonly answer: Json;
}

const BLOCK = /^```http(?: as=(\w+))?\n(.+)\n([^`]*)```\n\n```answer (\d{3})\n([^`]*)```$/gm;

function steps(): Step[] {
  const text = readFileSync(join(import.meta.dirname, '../../GUIDE.md'), 'utf8');
  return [...text.matchAll(BLOCK)].map(([, as, request, body, status, answer]) => ({
    as,
    request: request!,
    body: body!,
    status: Number(status),
    answer: JSON.parse(answer!) as Json,
  }));
}

describe('the guide', () => {
  let house: TestHouse;
  const kept = new Map<string, string>();
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  /** Members that are named must be there; of a list each, in this order, others between them. */
  const holds = (found: Json, wanted: Json): boolean => {
    if (Array.isArray(wanted)) {
      let at = 0;
      return wanted.every((each) => {
        while (at < (found?.length ?? 0)) if (holds(found[at++], each)) return true;
        return false;
      });
    }
    if (typeof wanted === 'object' && wanted !== null) {
      return Object.entries(wanted).every(([key, value]) => holds(found?.[key], value));
    }
    const place = typeof wanted === 'string' && /^(.*)<(\w+)>$/.exec(wanted);
    if (!place) return found === wanted;
    const is = typeof found === 'string' && found.startsWith(place[1]!);
    if (is) kept.set(place[2]!, found.slice(place[1]!.length));
    return is;
  };

  it('has the whole way, from officers to the books', () => {
    expect(steps().length).to.be.above(16);
  });

  for (const { as, request, body, status, answer } of steps()) {
    it(`gives what it says of ${as ? `${as}'s ` : ''}${request}`, async () => {
      const filled = request.replace(/<(\w+)>/g, (_, name: string) => kept.get(name) ?? name);
      const [method, path] = filled.split(' ') as [string, string];
      const token = as && (await getToken(house.house.url, as, `a-secret-of-the-${as}`));
      const found = await house.fetch(`${house.house.url}${path}`, {
        method,
        ...(body && { body }),
        ...(token && { token }),
        headers: { 'content-type': 'application/json' },
      });
      expect(found.status, found.text).to.equal(status);
      expect(holds(found.json, answer), found.text).to.equal(true);
      await house.settle();
    });
  }
});
