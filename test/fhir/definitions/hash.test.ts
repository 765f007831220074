/** Hashes stand in stored rows: they never change, and keys never collide. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import {
  bareCodeHash,
  codeHash,
  hash64,
  paramKey,
  presenceHash,
  systemCodeHash,
  systemHash,
  systemKey,
  unitHash,
  valueHash,
} from '../../../src/fhir/definitions/hash.ts';
import { RESOURCE_TYPES, typeNumber } from '../../../src/fhir/definitions/resource-types.ts';

describe('hashes of the search index', () => {
  it('are what they were when the first row was stored', () => {
    const key = paramKey('Patient', 'identifier');
    expect(key).to.equal(1574402346);
    expect(paramKey('Group', 'member')).to.equal(1589160512);
    expect(hash64('')).to.equal(-4457731850635707726n);
    expect(valueHash(key, 'N-1')).to.equal(-7151584307976640742n);
    expect(systemKey('http://x')).to.equal(-877901198);
    expect(systemKey(undefined)).to.equal(0);
  });

  it('tell parameters, variants and parts apart', () => {
    const all = [
      codeHash(1, 'a'),
      codeHash(2, 'a'),
      bareCodeHash(1, 'a'),
      systemCodeHash(1, 'a', ''),
      systemCodeHash(1, '', 'a'),
      systemCodeHash(1, 'ab', 'c'),
      systemCodeHash(1, 'a', 'bc'),
      systemHash(1, 'a'),
      valueHash(1, 'a'),
      presenceHash(1),
      unitHash('a', 'b'),
    ];
    expect(new Set(all).size).to.equal(all.length);
  });

  it('spread over 64 bits', () => {
    const seen = new Set<bigint>();
    let high = 0;
    for (let each = 0; each < 20_000; each++) {
      const hash = valueHash(7, `N-${each}`);
      seen.add(hash);
      if (hash < 0n) high++;
    }
    expect(seen.size).to.equal(20_000);
    expect(high).to.be.within(9_500, 10_500);
  });

  it('give every parameter of every type a key of its own', () => {
    const definitions = createDefinitions();
    const owners = new Map<number, string>();
    for (const type of definitions.resourceTypes) {
      for (const { code } of definitions.searchParameters(type)) {
        const key = paramKey(type, code);
        expect(owners.get(key), `${type}.${code}`).to.equal(undefined);
        owners.set(key, `${type}.${code}`);
      }
    }
    expect(owners.size).to.be.greaterThan(2500);
  }).timeout(10_000);

  it('and numbers of types stay as they were', () => {
    expect(RESOURCE_TYPES.length).to.equal(146);
    expect(typeNumber('Account')).to.equal(1);
    expect(typeNumber('Group')).to.equal(58);
    expect(typeNumber('Patient')).to.equal(103);
    expect(typeNumber('VisionPrescription')).to.equal(146);
    expect(() => typeNumber('Nothing')).to.throw(RangeError);
  });
});
