/** Ids and their keys: UUIDs are themselves, all others are hashed; buckets spread evenly. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { bucketOf, idKey, isId, newUuid, parseReference } from '../../src/sdk/index.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('the key of an id', () => {
  it('is the id itself for a lower-case UUID', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(idKey(id)).to.equal(id);
      }),
    );
  });

  it('is a version 8 UUID for any other id, and differs by letter case', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9\-.]{1,64}$/), (id) => {
        expect(idKey(id)).to.match(uuid);
        if (!uuid.test(id)) expect(idKey(id)[14]).to.equal('8');
      }),
    );
    expect(idKey('hh-1')).to.not.equal(idKey('HH-1'));
  });

  it('spreads new ids over the 64 buckets', () => {
    const now = new Date('2026-01-01T00:00:00Z');
    const buckets = new Set(Array.from({ length: 2000 }, () => bucketOf(newUuid(now))));
    expect(buckets.size).to.equal(64);
  });
});

describe('a new id', () => {
  it('is unique, a version 7 UUID, and sorts by time', () => {
    const earlier = newUuid(new Date('2026-01-01T00:00:00Z'));
    const later = newUuid(new Date('2026-01-01T00:00:01Z'));
    expect(earlier).to.match(uuid);
    expect(earlier[14]).to.equal('7');
    expect('89ab').to.include(earlier[19]!);
    expect(earlier < later).to.equal(true);
    const now = new Date('2026-01-01T00:00:00Z');
    expect(new Set(Array.from({ length: 5000 }, () => newUuid(now))).size).to.equal(5000);
  });
});

describe('a reference', () => {
  it('is read with or without a version', () => {
    expect(parseReference('Patient/p1')).to.deep.equal({ type: 'Patient', id: 'p1' });
    expect(parseReference('Patient/p1/_history/2')).to.deep.equal({
      type: 'Patient',
      id: 'p1',
      version: '2',
    });
  });

  it('is not read from anything else', () => {
    for (const text of ['http://x/Patient/1', '#p', 'urn:uuid:1', 'Patient', 'Patient/', '']) {
      expect(parseReference(text), text).to.equal(undefined);
    }
    expect(isId('a b')).to.equal(false);
    expect(isId('a'.repeat(65))).to.equal(false);
  });
});
