/**
 * Search against answers that are known: the fixtures of each set are stored over HTTP, and every
 * query must find exactly the fixtures it should. The numbers are a ratchet: they may only rise.
 */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { parseJson, writeJson } from '../../src/fhir/formats/json.ts';
import { startTestHouse, type TestHouse } from '../support/server.ts';
import { sharedPath } from '../support/shared.ts';

interface Query {
  readonly query: string;
  readonly expect: readonly number[];
  readonly contested?: string;
}

interface TruthSet {
  readonly id: string;
  readonly type: string;
  readonly fixtures: readonly unknown[];
  readonly queries: readonly Query[];
}

/** Uncontested queries that must be answered rightly: all of them. */
const RATCHET: Readonly<Record<string, number>> = {
  date: 53,
  number: 14,
  quantity: 49,
  string: 14,
  token: 13,
  uri: 4,
  reference: 5,
  composite: 23,
};

/** Objects of a JSON array named `name` after `from`, as text: numbers stay as written. */
function objectsOf(text: string, from: number, name: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let begin = 0;
  let quoted = false;
  for (let at = text.indexOf('[', text.indexOf(`"${name}"`, from)) + 1; at < text.length; at += 1) {
    const sign = text[at];
    if (quoted) {
      if (sign === '\\') at += 1;
      else if (sign === '"') quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === '{') {
      if (depth === 0) begin = at;
      depth += 1;
    } else if (sign === '}') {
      depth -= 1;
      if (depth === 0) found.push(text.slice(begin, at + 1));
    } else if (sign === ']' && depth === 0) break;
  }
  return found;
}

/** A fixture without id, text and declared profiles, under a tag of its set. */
function tagged(text: string, set: string): string {
  const { id: _id, text: _text, meta: _meta, ...rest } = parseJson(text) as Record<string, unknown>;
  return writeJson({ meta: { tag: [{ system: 'urn:truth', code: set }] }, ...rest });
}

describe('search against known answers', () => {
  let house: TestHouse;
  let sets: readonly TruthSet[] = [];
  let text = '';
  before(async function () {
    text = readFileSync(sharedPath(this, 'data/fhir/search-truth/search-truth.json'), 'utf8');
    sets = (JSON.parse(text) as { sets: TruthSet[] }).sets;
    house = await startTestHouse({ environment: { REFERENTIAL_INTEGRITY: 'off' } });
  });
  after(() => house?.stop());

  for (const id of Object.keys(RATCHET)) {
    it(`finds what it should by ${id}`, async () => {
      const set = sets.find((each) => each.id === id)!;
      const from = text.indexOf(`"id": "${id}"`);
      const ids: string[] = [];
      for (const fixture of objectsOf(text, from, 'fixtures')) {
        const answer = await house.fetch(set.type, { body: tagged(fixture, id) });
        expect(answer.status, answer.text).to.equal(201);
        ids.push(answer.json.id);
      }
      expect(ids).to.have.length(set.fixtures.length);
      const wrong: string[] = [];
      let right = 0;
      for (const each of set.queries.filter((one) => !one.contested)) {
        const query = each.query.replaceAll('#', '%23').replaceAll('+', '%2B');
        const { json } = await house.fetch(`${set.type}?_tag=urn:truth|${id}&${query}&_count=50`);
        const found = (json.entry ?? []).map((entry: { resource: { id: string } }) =>
          ids.indexOf(entry.resource.id),
        );
        const got = json.resourceType === 'Bundle' ? found.sort().join() : 'refused';
        if (got === [...each.expect].sort().join()) right += 1;
        else wrong.push(`${each.query} → ${got}, not ${each.expect}`);
      }
      expect(right, wrong.join('\n')).to.be.at.least(RATCHET[id]!);
    });
  }
});
