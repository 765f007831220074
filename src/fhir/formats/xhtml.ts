/**
 * Narrative on its way through XML. In JSON it is one string, in XML it is elements of their own
 * name space; it is carried over as it was written, to the last blank.
 *
 * Whether narrative is safe to show is judged on write, in `definitions/narrative.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/narrative.html, https://hl7.org/fhir/R4/xml.html#xhtml
 */

import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { type Problem, problem } from '../../sdk/problem.ts';
import { attributeText, contentText, isXmlText, XHTML_NS } from './xml-text.ts';

/**
 * A narrative as it stands in XML: itself, with the name space should it lack that.
 *
 * @throws Problem not-acceptable when it is no well-formed element, which would break the document
 */
export function narrativeXml(text: string, path: string): string {
  let root: SaxesTagNS | undefined;
  let whole = isXmlText(text);
  if (whole) {
    const parser = new SaxesParser({ xmlns: true, position: false, forceXMLVersion: true, ...XML });
    const refuse = (): void => {
      whole = false;
    };
    parser.on('error', refuse);
    parser.on('doctype', refuse);
    parser.on('xmldecl', refuse);
    parser.on('opentag', (tag) => {
      root ??= tag;
    });
    parser.write(text).close();
  }
  if (!whole || root?.name !== 'div') throw brokenNarrative(path);
  if (root.attributes.xmlns) return text;
  return text.replace(/<div(?=[\s>/])/, `<div xmlns="${XHTML_NS}"`);
}

const XML = { defaultXMLVersion: '1.0' } as const;

function brokenNarrative(path: string): Problem {
  return problem(
    'not-acceptable',
    'not-in-xml',
    'This narrative is not well-formed XHTML, so it cannot be given as XML. ' +
      'Ask for application/fhir+json.',
    path,
  );
}

/** Gathers a narrative while a document is read. */
export class NarrativeReader {
  readonly #source: string;
  readonly #start: number;
  /** Set when the text leans on name spaces declared around it, and is so written anew. */
  readonly #anew: boolean;
  #depth = 0;
  #written = '';

  /**
   * @param source  the whole document
   * @param end  offset behind the opening tag of the div
   */
  constructor(source: string, div: SaxesTagNS, end: number) {
    this.#source = source;
    this.#start = source.lastIndexOf('<', end - 1);
    this.#anew = div.prefix !== '' || div.attributes.xmlns?.value !== XHTML_NS;
  }

  open(tag: SaxesTagNS): void {
    this.#depth++;
    if (!this.#anew) return;
    const space = this.#depth === 1 ? ` xmlns="${XHTML_NS}"` : '';
    const attributes = Object.values(tag.attributes).filter(isPlain).map(attribute);
    this.#written += `<${tag.local}${space}${attributes.join('')}${tag.isSelfClosing ? '/>' : '>'}`;
  }

  text(text: string): void {
    if (this.#anew) this.#written += contentText(text);
  }

  /** The whole narrative when its div is closed; `end` is the offset behind the closing tag. */
  close(tag: SaxesTagNS, end: number): string | undefined {
    this.#depth--;
    if (this.#anew && !tag.isSelfClosing) this.#written += `</${tag.local}>`;
    if (this.#depth > 0) return undefined;
    return this.#anew ? this.#written : this.#source.slice(this.#start, end);
  }
}

function isPlain({ name, prefix }: SaxesAttributeNS): boolean {
  return name !== 'xmlns' && prefix !== 'xmlns';
}

function attribute({ name, value }: SaxesAttributeNS): string {
  return ` ${name}="${attributeText(value)}"`;
}
