/** History of an instance, a type and everything: by time, and in pages. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('history', () => {
  let house: TestHouse;
  const times: string[] = [];
  before(async () => {
    house = await startTestHouse({ start: '2026-03-01T08:00:00Z' });
    for (const text of ['first', 'second', 'third']) {
      times.push(house.clock.now().toISOString());
      const body = { resourceType: 'Basic', id: 'told', code: { text } };
      await house.fetch('Basic/told', { method: 'PUT', body });
      await house.advance(3600);
    }
    times.push(house.clock.now().toISOString());
    await house.fetch('Basic/told', { method: 'DELETE' });
  });
  after(() => house?.stop());

  const versions = async (query: string): Promise<string[]> => {
    const { json, status, text } = await house.fetch(`Basic/told/_history${query}`);
    expect(status, text).to.equal(200);
    return (json.entry ?? []).map((each: Json) => each.response.etag);
  };

  it('tells every version, newest first, a deletion without its resource', async () => {
    const { json } = await house.fetch('Basic/told/_history');
    expect(json.type).to.equal('history');
    expect(json.entry.map((each: Json) => each.request.method)).to.deep.equal([
      'DELETE',
      'PUT',
      'PUT',
      'POST',
    ]);
    expect(json.entry[0].resource).to.equal(undefined);
    expect(json.entry[1].resource.code.text).to.equal('third');
  });

  it('tells what was current at a time, and what has come since', async () => {
    const [first, second, third, fourth] = times;
    expect(await versions(`?_at=${first}`)).to.deep.equal(['W/"1"']);
    expect(await versions(`?_at=2026-03-01T09:30:00Z`)).to.deep.equal(['W/"2"']);
    expect(await versions(`?_at=${second}`)).to.deep.equal(['W/"2"']);
    expect(await versions('?_at=2026-03-01')).to.deep.equal(['W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']);
    expect(await versions('?_at=2026-02')).to.deep.equal([]);
    expect(await versions('?_at=2026-03-02')).to.deep.equal(['W/"4"']);
    expect(await versions(`?_since=${third}`)).to.deep.equal(['W/"4"', 'W/"3"']);
    expect(await versions(`?_since=${fourth}`)).to.deep.equal(['W/"4"']);
  });

  it('is paged without loss while others write', async () => {
    const seen: string[] = [];
    let url: string | undefined = 'Basic/_history?_count=3';
    for (let page = 0; url && page < 20; page += 1) {
      const { json }: Json = await house.fetch(url);
      seen.push(...json.entry.map((each: Json) => `${each.fullUrl} ${each.response.etag}`));
      url = json.link.find((each: Json) => each.relation === 'next')?.url;
      const body = { resourceType: 'Basic', code: { text: `beside ${page}` } };
      await house.fetch('Basic', { body });
    }
    expect(seen.filter((each) => each.includes('Basic/told'))).to.have.length(4);
    expect(new Set(seen).size).to.equal(seen.length);
  });

  it('of what a room shows is its present version', async () => {
    const [measure] = (await house.fetch('Measure?_count=1')).json.entry;
    const path = `Measure/${measure.resource.id}/_history`;
    const { status, json } = await house.fetch(path);
    expect(status).to.equal(200);
    expect(json.entry.map((each: Json) => each.resource)).to.deep.equal([measure.resource]);
    expect((await house.fetch(`${path}?_at=2000`)).json.entry).to.equal(undefined);
  });

  it('of everything names each type, and refuses what it does not know', async () => {
    const { json } = await house.fetch('_history?_count=5');
    expect(json.entry).to.have.length(5);
    expect((await house.fetch('_history?_count=many')).status).to.equal(400);
    expect((await house.fetch('Basic/_history?code=x')).status).to.equal(400);
    expect((await house.fetch('Basic/_history?_at=yesterday')).status).to.equal(400);
    expect((await house.fetch('Basic/nobody/_history')).status).to.equal(404);
  });
});
