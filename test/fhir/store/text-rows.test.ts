/** Rows of texts: which stand beside each other, and that packed versions come back as they were. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { textKey } from '../../../src/fhir/definitions/hash.ts';
import { compress, decompress } from '../../../src/fhir/store/compress.ts';
import { difference, NO_ROWS, withTurns } from '../../../src/fhir/store/row-change.ts';
import { rowsKey, textRows } from '../../../src/fhir/store/text-rows.ts';

describe('rows of texts', () => {
  const family = textKey('Patient', 'texts-1', 0);
  const given = textKey('Patient', 'texts-1', 1);
  const own = textKey('Patient', 'own');
  const text = (param: number, val: string, raw: string | null = null) => ({ param, val, raw });

  it('take in what has a column of its own, and begin anew for a second of one key', () => {
    const texts = [text(family, 'ali'), text(given, 'abdi'), text(given, 'omer', 'Ömer')];
    expect(textRows([...texts, text(own, 'x', 'X y')])).to.deep.equal([
      { param: rowsKey(family), texts: ['ali', 'abdi', null, null], raw: null },
      { param: rowsKey(family), texts: [null, 'omer', null, null], raw: '\u0001Ömer\u0001\u0001' },
      { param: own, texts: ['x', null, null, null], raw: 'X y\u0001\u0001\u0001' },
    ]);
  });

  it('become others only where a change has touched them', () => {
    const before = { ...NO_ROWS, str: [text(family, 'ali'), text(given, 'abdi'), text(own, 'x')] };
    const after = { ...NO_ROWS, str: [text(family, 'ali'), text(given, 'bo'), text(own, 'x')] };
    const { add, remove, turn } = withTurns(difference(before, after));
    expect([...add.str, ...remove.str]).to.deep.equal([]);
    expect(turn.str.map((each) => each.map((row) => row.texts))).to.deep.equal([
      [
        ['ali', 'abdi', null, null],
        ['ali', 'bo', null, null],
      ],
    ]);
  });
});

describe('packed versions', () => {
  it('come back as they were, whatever their size and however well they pack', () => {
    for (const size of [0, 1, 900, 2_300, 5_000, 70_000, 1_000_000]) {
      const digits = Array.from({ length: size }, (_, n) => ((n * 7_919) % 36).toString(36));
      for (const each of [digits.join(''), 'é"'.repeat(size / 2)]) {
        expect(decompress(compress(each)) === each, `${size}`).to.equal(true);
      }
    }
  });
});
