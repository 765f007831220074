/** Whatever comes as XML, the answer is a resource or a Problem; whatever goes out is XML. */

import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { SaxesParser } from 'saxes';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { formatXml, parseXml } from '../../../src/fhir/formats/xml.ts';
import { Problem } from '../../../src/sdk/index.ts';

const definitions = createDefinitions();

const GOOD = `<?xml version="1.0"?><Bundle xmlns="http://hl7.org/fhir"><id value="1"/>
  <entry><resource><Patient><text><status value="generated"/>
  <div xmlns="http://www.w3.org/1999/xhtml">a<br/>b</div></text><contained><Basic/></contained>
  <extension url="x"><valueDecimal value="1.0"/></extension><active value="true"/>
  <name id="n"><given value="a"/><given><extension url="y"/></given></name></Patient></resource>
  </entry></Bundle>`;

const SCRAPS = [
  ...['<', '>', '/', '"', '&', '<!--', '-->', '<![CDATA[', ']]>', '<?x ?>', '<!DOCTYPE a>', '&lt;'],
  ...[
    '</name>',
    '<name>',
    '<given value="',
    ' xmlns="',
    ' xmlns:a="b"',
    '<a:b/>',
    '\u0000',
    '\ud800',
  ],
  ...[
    '<__proto__/>',
    '<constructor value="1"/>',
    '<toString/>',
    '__proto__="1"',
    '&#0;',
    '&#xD800;',
  ],
];

/** The good text with pieces taken out, put in, and put twice. */
const broken = fc
  .array(
    fc.record({
      at: fc.nat(GOOD.length),
      take: fc.nat(40),
      put: fc.oneof(fc.constantFrom(...SCRAPS), fc.string({ unit: 'binary', maxLength: 5 })),
      twice: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((changes) => {
    let text = GOOD;
    for (const { at, take, put, twice } of changes) {
      const piece = twice ? text.slice(at, at + take) : '';
      text = text.slice(0, at) + put + piece + text.slice(at + take);
    }
    return text;
  });

function reading(text: string): unknown {
  try {
    return parseXml(definitions, text);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

describe('hostile XML', () => {
  it('gives a resource or a Problem, never a crash', function () {
    this.timeout(30_000);
    let read = 0;
    fc.assert(
      fc.property(broken, (text) => {
        const value = reading(text);
        if (value === undefined) return;
        read++;
        expect(
          definitions.isResourceType((value as { resourceType: string }).resourceType),
        ).to.equal(true);
        expect(({} as Record<string, unknown>).value).to.equal(undefined);
      }),
      { numRuns: 5000 },
    );
    expect(reading(GOOD)).to.have.property('resourceType', 'Bundle');
    expect(read).to.be.greaterThan(0);
  });

  it('is never what we write, whatever JSON it is made of', function () {
    this.timeout(30_000);
    const text = fc.oneof(
      { weight: 3, arbitrary: fc.string({ maxLength: 8 }) },
      fc.constantFrom(...SCRAPS),
      fc.string({ unit: 'binary', maxLength: 8 }),
    );
    const div = text.map((each) => `<div xmlns="http://www.w3.org/1999/xhtml">${each}</div>`);
    const any = fc.record(
      {
        resourceType: fc.constant('Patient'),
        id: text,
        text: fc.record({ status: text, div: fc.oneof({ weight: 3, arbitrary: div }, text) }),
        name: fc.array(fc.record({ given: fc.array(text), family: text })),
        active: fc.oneof({ weight: 5, arbitrary: fc.boolean() }, fc.anything()),
        _birthDate: fc.oneof({ weight: 5, arbitrary: fc.record({ id: text }) }, fc.object()),
        contained: fc.oneof(
          { weight: 5, arbitrary: fc.constant([{ resourceType: 'Basic' }]) },
          fc.array(fc.anything({ maxDepth: 1 }), { maxLength: 2 }),
        ),
      },
      { requiredKeys: ['resourceType'] },
    );
    let written = 0;
    fc.assert(
      fc.property(any, (resource) => {
        let xml: string;
        try {
          xml = formatXml(definitions, resource);
        } catch (error) {
          if (error instanceof Problem) return;
          throw error;
        }
        written++;
        const parser = new SaxesParser({ xmlns: true });
        parser.on('error', (error) => {
          throw error;
        });
        parser.write(xml).close();
      }),
      { numRuns: 3000 },
    );
    expect(written).to.be.greaterThan(100);
  });
});
