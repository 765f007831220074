/** Nothing is lost between JSON and XML: what goes over and comes back is what it was. */

import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { FhirDecimal, parseJson, writeJson } from '../../../src/fhir/formats/json.ts';
import { type Field, type Shape, Shapes } from '../../../src/fhir/formats/shapes.ts';
import { formatXml, parseXml } from '../../../src/fhir/formats/xml.ts';
import { sharedTexts } from '../../support/shared.ts';

const definitions = createDefinitions();
const shapes = new Shapes(definitions);

/** Shared files that are no right resources, and so have no XML; the reason is the message's. */
const WITHOUT_XML: Readonly<Record<string, RegExp>> = {
  'Bundle-TransactionWithInvalidBundleEntry.json': /not JSON/,
  'Includes-TestResources.json': /not a list/,
  'bad-json-close-1.json': /not JSON/,
  'bad-json-close-3.json': /not JSON/,
  'toplevel-maxvalueduration-profile.json': /does not know/,
  'toplevel-minvalueduration-profile.json': /does not know/,
  'xml-bad-entities.json': /not well-formed XHTML/,
  'opdef-out-profile.json': /deeply equal/, // gives the string ElementDefinition.max as a number
};

/** Values with each number as the text it was written in. */
function exact(value: unknown): unknown {
  return JSON.parse(writeJson(value), (_key, each, context?: { source?: string }) =>
    typeof each === 'number' ? `number ${context?.source}` : each,
  );
}

function expectSame(resource: unknown, name: string): void {
  for (const pretty of [false, true]) {
    const xml = formatXml(definitions, resource, { pretty });
    expect(exact(parseXml(definitions, xml)), name).to.deep.equal(exact(resource));
  }
}

describe('a resource that goes through XML and back', () => {
  const folders = {
    'hl7-examples': 40,
    synthea: 4,
    'microsoft-bundles': 18,
    'validator/files': 72,
  };
  for (const [folder, wanted] of Object.entries(folders)) {
    it(`is the same, to the last digit: ${folder}`, function () {
      this.timeout(20_000);
      let kept = 0;
      for (const { name, text } of sharedTexts(this, `data/fhir/${folder}`)) {
        if (WITHOUT_XML[name]) {
          expect(() => expectSame(parseJson(text), name)).to.throw(WITHOUT_XML[name]);
        } else {
          expectSame(parseJson(text), name);
          kept++;
        }
      }
      expect(kept).to.equal(wanted);
    });
  }

  it('is the same for the examples and the definitions of our own profiles', () => {
    const root = new URL('../../../fhir-profiles/', import.meta.url);
    let kept = 0;
    for (const folder of ['examples', 'generated']) {
      for (const name of readdirSync(new URL(folder, root))) {
        if (!name.endsWith('.json')) continue;
        const text = readFileSync(new URL(`${folder}/${name}`, root), 'utf8');
        const resource = parseJson(text) as { resourceType?: string };
        if (!resource.resourceType) continue;
        expectSame(resource, name);
        kept++;
      }
    }
    expect(kept).to.be.greaterThan(20);
  });

  it('is the same for any resource of any type', function () {
    this.timeout(30_000);
    const types = definitions.resourceTypes;
    const any = fc
      .constantFrom(...types)
      .chain((type) => resourceOf(type, 3).map((resource) => ({ type, resource })));
    fc.assert(
      fc.property(any, ({ type, resource }) => expectSame(resource, type)),
      { numRuns: 400 },
    );
  });
});

const TEXT = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.isWellFormed());
const WHITE = fc.constantFrom('a\tb', 'a\nb', 'a\r\nb', ' a ', '<b>&amp;"\'', ']]>', '</x>', '#');
const DECIMAL = fc.constantFrom('1.00', '0.10', '-0.0', '1e3', '12345678901234567890.5', '3', '0');
const DIV = fc.constantFrom(
  '<div xmlns="http://www.w3.org/1999/xhtml">a &lt; b<br/> <b class="x">c</b>\n &#160;</div>',
  "<div xmlns='http://www.w3.org/1999/xhtml'><!-- a --><p>b</p><![CDATA[ <c> ]]></div>",
);

function primitive(field: Field): fc.Arbitrary<unknown> {
  if (field.json === 'boolean') return fc.boolean();
  if (field.json === 'string') return fc.oneof(TEXT.filter(isPrintable), WHITE);
  return field.type === 'decimal'
    ? DECIMAL.map((text) => (String(Number(text)) === text ? Number(text) : new FhirDecimal(text)))
    : fc.nat();
}

function isPrintable(text: string): boolean {
  return !/[\p{Cc}\ufffe\uffff]/u.test(text);
}

function resourceOf(type: string, depth: number): fc.Arbitrary<Record<string, unknown>> {
  return objectOf(shapes.resource(type)!, depth).map((rest) => ({ resourceType: type, ...rest }));
}

/** Some of the properties that a type has. */
function objectOf(shape: Shape, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const fields = [...shape.fields.values()].filter(
    ({ kind }) => depth > 0 || kind === 'attribute' || kind === 'primitive',
  );
  return fc
    .subarray(fields, { maxLength: Math.min(5, fields.length) })
    .chain((chosen) => fc.tuple(...chosen.map((field) => propertyOf(field, depth))))
    .map((properties) => Object.assign({}, ...properties));
}

function propertyOf(field: Field, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const { name, kind, array } = field;
  if (kind === 'primitive') return primitives(field, depth);
  const value: fc.Arbitrary<unknown> =
    kind === 'attribute'
      ? TEXT.filter(isPrintable)
      : kind === 'xhtml'
        ? DIV
        : kind === 'resource'
          ? fc
              .constantFrom('Patient', 'Group', 'Binary')
              .chain((type) => resourceOf(type, depth - 1))
          : objectOf(field.shape(), depth - 1);
  const whole = array ? fc.array(value, { minLength: 1, maxLength: 3 }) : value;
  return whole.map((each) => ({ [name]: each }));
}

/** A value, its id and extensions, or both; in lists with holes. */
function primitives(field: Field, depth: number): fc.Arbitrary<Record<string, unknown>> {
  const { name, array } = field;
  const rest = fc.record({
    id: TEXT.filter(isPrintable),
    ...(depth > 0 && {
      extension: fc.array(objectOf(field.shape(), 0), { minLength: 1, maxLength: 2 }),
    }),
  });
  const one = fc.oneof(
    { weight: 4, arbitrary: fc.record({ value: primitive(field), rest: fc.constant(undefined) }) },
    { weight: 1, arbitrary: fc.record({ value: fc.constant(undefined), rest }) },
    { weight: 1, arbitrary: fc.record({ value: primitive(field), rest }) },
  );
  if (!array) {
    return one.map((each) => ({
      ...(each.value !== undefined && { [name]: each.value }),
      ...(each.rest && { [`_${name}`]: each.rest }),
    }));
  }
  return fc.array(one, { minLength: 1, maxLength: 4 }).map((all) => {
    const last = all.findLastIndex((each) => each.rest);
    return {
      ...(all.some((each) => each.value !== undefined) && {
        [name]: all.map((each) => each.value ?? null),
      }),
      ...(last >= 0 && { [`_${name}`]: all.slice(0, last + 1).map((each) => each.rest ?? null) }),
    };
  });
}
