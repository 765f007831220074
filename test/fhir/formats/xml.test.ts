/** FHIR XML as others write it, good and hostile. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { createDefinitions } from '../../../src/fhir/definitions/create.ts';
import { parseJson, writeJson } from '../../../src/fhir/formats/json.ts';
import { formatXml, parseXml } from '../../../src/fhir/formats/xml.ts';
import { Problem } from '../../../src/sdk/index.ts';

const definitions = createDefinitions();
const NS = 'xmlns="http://hl7.org/fhir"';

function read(xml: string): unknown {
  return JSON.parse(writeJson(parseXml(definitions, xml)));
}

/** The issue with which a document is refused. */
function refusal(xml: string) {
  try {
    parseXml(definitions, xml);
  } catch (error) {
    if (error instanceof Problem) return error.issues[0]!;
    throw error;
  }
  throw new Error(`not refused: ${xml.slice(0, 200)}`);
}

describe('XML that others write', () => {
  it('is read as the same resource in JSON', () => {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>
      <?xml-stylesheet href="x.xsl"?>
      <!-- a household's head -->
      <Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://hl7.org/fhir ../../schema/patient.xsd">
        <id value="pat1"/>
        <meta><lastUpdated value="2026-01-02T03:04:05.678+03:00"/></meta>
        <text>
          <status value="generated"/>
          <div xmlns="http://www.w3.org/1999/xhtml">Asha &amp; <b>Co</b><br/>
            last</div>
        </text>
        <contained><Organization><id value="org"/><name value="&quot;A&quot; &lt;B&gt;"/></Organization></contained>
        <extension url="http://example.org/wealth"><valueDecimal value="1.00"/></extension>
        <active value="true"/>
        <name id="n1">
          <family value="Van&#x20;Doe"><extension url="http://example.org/own"><valueString value="x"/></extension></family>
          <given value="Asha"/>
          <given id="g2"><extension url="http://example.org/why"><valueCode value="unknown"/></extension></given>
          <given value="Zoë">  <!-- nothing --> </given>
        </name>
        <birthDate value="1970"/>
        <multipleBirthInteger value="2"></multipleBirthInteger>
      </Patient>`;
    expect(read(xml)).to.deep.equal({
      resourceType: 'Patient',
      id: 'pat1',
      meta: { lastUpdated: '2026-01-02T03:04:05.678+03:00' },
      text: {
        status: 'generated',
        div:
          '<div xmlns="http://www.w3.org/1999/xhtml">Asha &amp; <b>Co</b><br/>\n' +
          '            last</div>',
      },
      contained: [{ resourceType: 'Organization', id: 'org', name: '"A" <B>' }],
      extension: [{ url: 'http://example.org/wealth', valueDecimal: 1 }],
      active: true,
      name: [
        {
          id: 'n1',
          family: 'Van Doe',
          _family: { extension: [{ url: 'http://example.org/own', valueString: 'x' }] },
          given: ['Asha', null, 'Zoë'],
          _given: [
            null,
            { id: 'g2', extension: [{ url: 'http://example.org/why', valueCode: 'unknown' }] },
          ],
        },
      ],
      birthDate: '1970',
      multipleBirthInteger: 2,
    });
  });

  it('may use a prefix for any name space', () => {
    const xml = `<f:Basic xmlns:f="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml">
      <f:text><f:status value="empty"/><h:div class="a"><h:p>1 &lt; 2</h:p><h:hr/></h:div></f:text>
      <f:code><f:text value="x"/></f:code></f:Basic>`;
    expect(read(xml)).to.deep.equal({
      resourceType: 'Basic',
      text: {
        status: 'empty',
        div: '<div xmlns="http://www.w3.org/1999/xhtml" class="a"><p>1 &lt; 2</p><hr/></div>',
      },
      code: { text: 'x' },
    });
  });

  it('keeps every digit of a decimal', () => {
    for (const value of ['1.00', '0.0', '1.0e3', '-0.0', '10000000000000000000.010']) {
      const xml = `<Observation ${NS}><valueQuantity><value value="${value}"/></valueQuantity></Observation>`;
      const json = writeJson(parseXml(definitions, xml));
      expect(json).to.include(`"value":${value}}`);
      expect(formatXml(definitions, parseJson(json))).to.include(`<value value="${value}"/>`);
    }
  });

  it('carries bundles with their resources, and Parameters', () => {
    const xml = `<Bundle ${NS}><type value="transaction"/>
      <entry><fullUrl value="urn:uuid:1"/><resource><Group><actual value="false"/></Group></resource>
        <request><method value="POST"/><url value="Group"/></request></entry>
      <entry><request><method value="DELETE"/><url value="Group/2"/></request></entry></Bundle>`;
    expect(read(xml)).to.deep.equal({
      resourceType: 'Bundle',
      type: 'transaction',
      entry: [
        {
          fullUrl: 'urn:uuid:1',
          resource: { resourceType: 'Group', actual: false },
          request: { method: 'POST', url: 'Group' },
        },
        { request: { method: 'DELETE', url: 'Group/2' } },
      ],
    });
    expect(
      read(`<Parameters ${NS}><parameter><name value="a"/><part><name value="b"/>
        <resource><Basic><id value="1"/></Basic></resource></part></parameter></Parameters>`),
    ).to.deep.equal({
      resourceType: 'Parameters',
      parameter: [
        { name: 'a', part: [{ name: 'b', resource: { resourceType: 'Basic', id: '1' } }] },
      ],
    });
  });

  it('writes elements in the order of the definition, whatever order JSON had', () => {
    const xml = formatXml(
      definitions,
      parseJson(
        '{"birthDate":"1970","name":[{"given":["a"],"family":"b"}],"id":"1","resourceType":"Patient"}',
      ),
      { pretty: true },
    );
    expect(xml).to.equal(`<?xml version="1.0" encoding="UTF-8"?>
<Patient ${NS}>
  <id value="1"/>
  <name>
    <family value="b"/>
    <given value="a"/>
  </name>
  <birthDate value="1970"/>
</Patient>
`);
  });
});

describe('XML that is wrong', () => {
  it('is refused with its place and a remedy', () => {
    const cases: [string, string, string?][] = [
      [`<Patient ${NS}><birthdate value="1970"/></Patient>`, 'unknown-element', 'Patient'],
      [
        `<Patient ${NS}><name><given valeu="x"/></name></Patient>`,
        'unknown-attribute',
        'Patient.name[0].given[0]',
      ],
      [
        `<Patient ${NS}><birthDate value="1970"/><active value="true"/></Patient>`,
        'wrong-order',
        'Patient',
      ],
      [
        `<Patient ${NS}><active value="true"/><active value="true"/></Patient>`,
        'too-many',
        'Patient',
      ],
      [`<Patient ${NS}><active value="yes"/></Patient>`, 'bad-format', 'Patient.active'],
      [
        `<Patient ${NS}><multipleBirthInteger value="2.0"/></Patient>`,
        'bad-format',
        'Patient.multipleBirthInteger',
      ],
      [`<Patient ${NS}><active>true</active></Patient>`, 'text-in-element', 'Patient.active'],
      [`<Patient ${NS}><contained/></Patient>`, 'empty-element', 'Patient.contained[0]'],
      [
        `<Patient ${NS}><contained><Basic/><Basic/></contained></Patient>`,
        'too-many',
        'Patient.contained[0]',
      ],
      [
        `<Patient ${NS}><contained><Thing/></contained></Patient>`,
        'unknown-type',
        'Patient.contained[0]',
      ],
      ['<Patient><active value="true"/></Patient>', 'wrong-name-space'],
      [
        `<Patient ${NS}><active xmlns="urn:x" value="true"/></Patient>`,
        'wrong-name-space',
        'Patient',
      ],
      [`<Patient ${NS}><text><div>x</div></text></Patient>`, 'wrong-name-space', 'Patient.text'],
      [`<patient ${NS}/>`, 'unknown-type'],
      [`<Patient ${NS}><active value="true"></Patient>`, 'not-xml', 'Patient'],
      [`<Patient ${NS}/><Patient ${NS}/>`, 'not-xml'],
      [`<Patient ${NS}><language value="&nbsp;"/></Patient>`, 'not-xml', 'Patient'],
      ['{"resourceType":"Patient"}', 'not-xml'],
      ['', 'not-xml'],
      [`<?xml version="1.0" encoding="ISO-8859-1"?><Patient ${NS}/>`, 'not-xml'],
    ];
    for (const [xml, code, place] of cases) {
      const issue = refusal(xml);
      expect({ code: issue.code, place: issue.expression }, xml).to.deep.equal({ code, place });
      expect(issue.diagnostics, xml).to.match(/\(line \d+, column \d+\)$/);
    }
  });

  it('says line and column', () => {
    const { diagnostics } = refusal(`<Patient ${NS}>\n  <nmae value="x"/>\n</Patient>`);
    expect(diagnostics).to.include('<name>').and.to.include('(line 2, column 19)');
  });

  it('declares no entities: neither files of ours nor a billion laughs', () => {
    const hostile = [
      `<!DOCTYPE Patient [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient ${NS}><language value="&x;"/></Patient>`,
      `<!DOCTYPE Patient SYSTEM "http://example.org/x.dtd"><Patient ${NS}/>`,
      `<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><Patient ${NS}><language value="&b;"/></Patient>`,
    ];
    for (const xml of hostile) expect(refusal(xml).code).to.equal('document-type');
  });

  it('is refused when it is nested without end, in narrative too', () => {
    const deep = '<extension url="x">'.repeat(5000);
    expect(refusal(`<Patient ${NS}>${deep}`).code).to.equal('too-deep');
    const div = '<div xmlns="http://www.w3.org/1999/xhtml">'.repeat(5000);
    expect(refusal(`<Patient ${NS}><text>${div}`).code).to.equal('too-deep');
  });

  it('never takes longer than its length allows', function () {
    this.timeout(20_000);
    const attributes = Array.from({ length: 100_000 }, (_, at) => ` a${at}=""`).join('');
    const many = `<name><given value="a"/></name>`.repeat(50_000);
    const started = performance.now();
    expect(refusal(`<Patient ${NS}${attributes}/>`).code).to.equal('unknown-attribute');
    expect(read(`<Patient ${NS}>${many}</Patient>`))
      .to.have.property('name')
      .of.length(50_000);
    expect(performance.now() - started).to.be.lessThan(8000);
  });

  it('is never made of JSON: what has no XML is refused', () => {
    const bad = [
      '{"resourceType":"Patient","nick":"x"}',
      '{"resourceType":"Patient","language":"a\\u0001"}',
      '{"resourceType":"Patient","text":{"div":"<div>a</div></text><active value=\\"true\\"/><text>"}}',
      '{"resourceType":"Thing"}',
    ];
    for (const json of bad) {
      expect(() => formatXml(definitions, parseJson(json)), json).to.throw(
        /cannot be given as XML/,
      );
    }
  });
});
