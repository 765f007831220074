/** What a write may ask for by its headers, and what it answers. */

import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { type Answer, type Json, startTestHouse, type TestHouse } from '../../support/server.ts';

describe('the headers of a write', () => {
  let house: TestHouse;
  before(async () => {
    house = await startTestHouse();
  });
  after(() => house?.stop());

  const basic = (more: object = {}): object => ({
    resourceType: 'Basic',
    code: { text: 'note' },
    ...more,
  });
  const put = (id: string, headers: Record<string, string> = {}): Promise<Answer> =>
    house.fetch(`Basic/${id}`, { method: 'PUT', body: basic({ id }), headers });

  it('If-None-Match lets an update create only, or spare a version', async () => {
    const fresh = { 'if-none-match': '*' };
    expect((await put('none-match', fresh)).status).to.equal(201);
    expect((await put('none-match', fresh)).status).to.equal(412);
    expect((await put('none-match', { 'if-none-match': 'W/"1"' })).status).to.equal(412);
    expect((await put('none-match', { 'if-none-match': 'W/"7", W/"8"' })).status).to.equal(200);
    const conditional = () =>
      house.fetch('Basic?identifier=urn:x|nm', {
        method: 'PUT',
        body: basic({ identifier: [{ system: 'urn:x', value: 'nm' }] }),
        headers: fresh,
      });
    expect((await conditional()).status).to.equal(201);
    expect((await conditional()).status).to.equal(412);
  });

  it('If-Match guards updates and deletes, conditional ones too', async () => {
    const body = basic({ identifier: [{ system: 'urn:x', value: 'im' }] });
    const { json } = await house.fetch('Basic', { body });
    const stale = { 'if-match': 'W/"9"' };
    const where = 'Basic?identifier=urn:x|im';
    const ask = (path: string, method: string, headers: Record<string, string>) =>
      house.fetch(path, { method, headers, ...(method === 'PUT' && { body }) });
    expect((await ask(where, 'PUT', stale)).status).to.equal(412);
    expect((await ask(where, 'DELETE', stale)).status).to.equal(412);
    expect((await ask(`Basic/${json.id}`, 'DELETE', stale)).status).to.equal(412);
    expect((await ask(where, 'DELETE', { 'if-match': 'W/"1"' })).status).to.equal(204);
    const gone = await house.fetch(where, {
      method: 'PUT',
      body,
      headers: { 'if-match': 'W/"1"' },
    });
    expect(gone.status).to.equal(412);
  });

  it('Prefer decides what every write answers', async () => {
    const kinds: [string, (type: string | undefined, text: string) => void][] = [
      ['minimal', (_, text) => expect(text).to.equal('')],
      ['OperationOutcome', (type) => expect(type).to.equal('OperationOutcome')],
      ['representation', (type) => expect(type).to.equal('Basic')],
    ];
    for (const [kind, check] of kinds) {
      const headers = { prefer: `return=${kind}` };
      const answers = [
        await house.fetch('Basic', { body: basic(), headers }),
        await put(`prefers-${kind}`, headers),
        await house.fetch(`Basic/prefers-${kind}`, {
          method: 'PATCH',
          body: [{ op: 'add', path: '/language', value: 'en' }],
          headers: { ...headers, 'content-type': 'application/json-patch+json' },
        }),
      ];
      for (const { json, text } of answers) check(json?.resourceType, text);
    }
    const headers = { prefer: 'return=OperationOutcome' };
    const remove = () => house.fetch('Basic/prefers-minimal', { method: 'DELETE', headers });
    expect((await remove()).json.issue[0].diagnostics).to.equal('Deleted Basic/prefers-minimal.');
    expect((await remove()).json.issue[0].diagnostics).to.include('nothing was deleted');
  });

  it('Prefer decides what the entries of bundles answer', async () => {
    const send = async (type: string, kind?: string): Promise<Json> => {
      const request = { method: 'POST', url: 'Basic' };
      const body = { resourceType: 'Bundle', type, entry: [{ resource: basic(), request }] };
      const headers: Record<string, string> = kind ? { prefer: `return=${kind}` } : {};
      return (await house.fetch('', { body, headers })).json.entry[0];
    };
    for (const type of ['transaction', 'batch']) {
      const whole = await send(type, 'representation');
      expect(whole.resource, type).to.include({ resourceType: 'Basic' });
      expect((await send(type, 'minimal')).resource).to.equal(undefined);
    }
    expect((await send('transaction')).resource).to.equal(undefined);
    const told = await send('transaction', 'OperationOutcome');
    expect(told.response.outcome.resourceType).to.equal('OperationOutcome');
  });

  it('HEAD answers what GET does, without a body', async () => {
    await put('head');
    for (const path of ['Basic/head', 'Basic?_id=head', 'Basic/head/_history', 'metadata']) {
      const [head, get] = [await house.fetch(path, { method: 'HEAD' }), await house.fetch(path)];
      expect(head.status, path).to.equal(200);
      expect(head.text).to.equal('');
      expect(head.headers.get('etag')).to.equal(get.headers.get('etag'));
      expect(head.headers.get('content-type')).to.equal(get.headers.get('content-type'));
    }
    expect((await house.fetch('Basic/nobody', { method: 'HEAD' })).status).to.equal(404);
  });
});
