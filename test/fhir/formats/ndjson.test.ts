/** Files of one resource a line, read and written in pieces of any size. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { writeJson } from '../../../src/fhir/formats/json.ts';
import {
  type NdjsonLimits,
  type NdjsonLine,
  readNdjson,
  writeNdjson,
} from '../../../src/fhir/formats/ndjson.ts';
import { Problem } from '../../../src/sdk/index.ts';

const LIMITS: NdjsonLimits = { lineBytesMax: 1000 };

async function read(
  source: Iterable<Uint8Array>,
  limits: NdjsonLimits = LIMITS,
): Promise<NdjsonLine[]> {
  return Array.fromAsync(readNdjson(source, limits));
}

async function refusal(
  source: Iterable<Uint8Array>,
  limits: NdjsonLimits = LIMITS,
): Promise<Problem> {
  try {
    await read(source, limits);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('not refused');
}

/** A text in pieces of a size, which may cut through characters. */
function inPieces(text: string | Uint8Array, size: number): Uint8Array[] {
  const bytes = Buffer.from(text);
  const count = Math.ceil(bytes.length / size);
  return Array.from({ length: count }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
}

describe('a file of resources', () => {
  it('is read as it was written, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.json(), { maxLength: 20 }),
        fc.integer({ min: 1, max: 50 }),
        async (values, size) => {
          const written = Buffer.concat(await Array.fromAsync(writeNdjson(values)));
          const lines = await read(inPieces(written, size), { lineBytesMax: 1_000_000 });
          expect(
            lines.map((each) => ('value' in each ? writeJson(each.value) : each.problem.message)),
          ).to.deep.equal(values.map((each) => writeJson(JSON.parse(each))));
        },
      ),
      { numRuns: 200 },
    );
  });

  it('keeps digits and characters, and has one line a resource', async () => {
    const texts = ['{"a":1.00,\n "b":"x\\ny"}', '{"ä":"\u2028😀"}'];
    const written = Buffer.concat(await Array.fromAsync(writeNdjson(texts))).toString();
    expect(written).to.equal('{"a":1.00,"b":"x\\ny"}\n{"ä":"\u2028😀"}\n');
    const [first] = await read(inPieces(written, 1));
    expect(first && 'value' in first && writeJson(first.value)).to.equal('{"a":1.00,"b":"x\\ny"}');
  });

  it('may have a byte order mark, other line ends, empty lines and no last line end', async () => {
    const lines = await read(inPieces('\ufeff{"a":1}\r\n\r\n  \n{"a":2}', 3));
    expect(lines).to.deep.equal([
      { line: 1, value: { a: 1 } },
      { line: 4, value: { a: 2 } },
    ]);
    expect(await read([])).to.deep.equal([]);
    expect(await read(inPieces('\ufeff\n', 8))).to.deep.equal([]);
  });

  it('tells each bad line by its number, and is read on', async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":1}\n{"a":\n'),
      Buffer.from([0x22, 0xff, 0x22, 0x0a]),
      Buffer.from('{} {}\n{"a":2}\n'),
    ]);
    const lines = await read(inPieces(bytes, 5));
    expect(lines.map((each) => each.line)).to.deep.equal([1, 2, 3, 4, 5]);
    const said = lines.flatMap((each) => ('problem' in each ? each.problem.message : []));
    expect(said).to.have.length(3);
    expect(said[0]).to.match(/^Line 2 is not one JSON value.*ends too early/);
    expect(said[1]).to.match(/^Line 3 is not UTF-8/);
    expect(said[2]).to.match(/^Line 4/);
    expect(lines[4]).to.deep.equal({ line: 5, value: { a: 2 } });
  });

  it('is refused, by line, when it breaks a limit, before it fills the memory', async () => {
    let given = 0;
    function* endless(): Generator<Uint8Array> {
      yield Buffer.from('{}\n');
      for (;;) {
        given += 400;
        yield Buffer.alloc(400, 'a');
      }
    }
    const long = await refusal(endless());
    expect([long.status, long.issues[0]!.code]).to.deep.equal([413, 'ndjson-line-too-long']);
    expect(long.message).to.include('Line 2');
    expect(given).to.be.lessThan(2000);
    const many = await refusal(inPieces('1\n\n2\n3\n', 9), { ...LIMITS, linesMax: 2 });
    expect(many.issues[0]!.code).to.equal('ndjson-too-many-lines');
    expect(many.message).to.include('line 4');
  });

  it('is written in pieces, not in one', async () => {
    const text = JSON.stringify({ a: 'x'.repeat(1000) });
    function* texts(): Generator<string> {
      for (let at = 0; at < 1000; at++) yield text;
    }
    const pieces = await Array.fromAsync(writeNdjson(texts()));
    expect(pieces.length).to.be.within(10, 20);
    expect(Buffer.concat(pieces).length).to.equal(1000 * (text.length + 1));
  });
});
