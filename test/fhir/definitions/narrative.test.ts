/** Narrative is shown to people: whatever hides in it must not run, read as XML or as HTML. */

import { expect } from 'chai';
import { describe, it } from 'mocha';
import { narrativeFault } from '../../../src/fhir/definitions/narrative.ts';

const NS = 'xmlns="http://www.w3.org/1999/xhtml"';
const SCRIPT = '<script>alert(1)</script>';

describe('narrative', () => {
  it('is one div of XHTML, comments and all', () => {
    for (const text of [
      `<div ${NS}>a<br/> &lt; &#160;</div>`,
      `<!-- a --> <div ${NS}>a<!-- <p> --> <![CDATA[ &c ]]><?d e?><b title='&amp;'>f</b></div> `,
      `<div ${NS}><a href="https://example.org/?a=1&amp;b=2">a</a><img src="#i"/></div>`,
      `<div ${NS}><img src="data:image/png;base64,aGk="/></div>`,
    ]) {
      expect(narrativeFault(text), text).to.equal(undefined);
    }
  });

  it('hides no script where HTML and XML end things differently', () => {
    for (const inside of [
      SCRIPT,
      `<![CDATA[ <!-- ]]>${SCRIPT}<![CDATA[ --> ]]>`,
      `<!-- <![CDATA[ -->${SCRIPT}<!-- ]]> -->`,
      `<?x <!-- ?>${SCRIPT}<?x --> ?>`,
      `<?x >${SCRIPT} ?>`,
      `<![CDATA[ >${SCRIPT} ]]>`,
      `<!-- x --!>${SCRIPT} -->`,
      `<!-->${SCRIPT} -->`,
      `<!--->${SCRIPT} -->`,
      `<b title="<!--">${SCRIPT}<b title="-->">a</b></b>`,
      `<b title='<![CDATA['>${SCRIPT}<b title=']]>'>a</b></b>`,
    ]) {
      expect(narrativeFault(`<div ${NS}>a${inside}</div>`), inside).to.be.a('string');
    }
  });

  it('links to no script, however its name is written', () => {
    for (const url of [
      'javascript:alert(1)',
      ' JavaScript:alert(1)',
      '&#106;avascript:alert(1)',
      '&#x6A;avascript:alert(1)',
      '&#0000106;avascript:alert(1)',
      'java&#10;script:alert(1)',
      'java\tscript:alert(1)',
      '&#1;javascript:alert(1)',
      'data:text/html,x',
      'd&#97;ta:text/html,x',
      'vbscript:x',
    ]) {
      expect(narrativeFault(`<div ${NS}><a href="${url}">a</a></div>`), url).to.be.a('string');
    }
  });

  it('is not text, another element, two, empty or unclosed', () => {
    for (const text of ['', 'a', '<p>a</p>', '<divx>a</divx>', `<div ${NS}></div>`]) {
      expect(narrativeFault(text), text).to.be.a('string');
    }
    for (const text of [`<div ${NS}>a</div><p>b</p>`, `<div ${NS}>a</div>b`, `<div ${NS}>a`]) {
      expect(narrativeFault(text), text).to.be.a('string');
    }
    for (const text of [`<div ${NS}>a<!-- x`, `<div ${NS}>a &nbsp;</div>`, `a<div ${NS}>b</div>`]) {
      expect(narrativeFault(text), text).to.be.a('string');
    }
  });
});
