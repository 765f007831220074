/**
 * Text in XML: what must be escaped, and what XML cannot carry at all.
 *
 * Spec: https://www.w3.org/TR/xml/#charsets, https://www.w3.org/TR/xml/#AVNormalize
 */

export const FHIR_NS = 'http://hl7.org/fhir';
export const XHTML_NS = 'http://www.w3.org/1999/xhtml';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  // An XML reader makes blanks of these within an attribute, unless they are escaped.
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** An attribute's value, to stand between quotation marks. */
export function attributeText(text: string): string {
  return text.replace(/[&<>"\t\n\r]/g, (each) => ESCAPES[each]!);
}

/** Text between tags. */
export function contentText(text: string): string {
  return text.replace(/[&<>\r]/g, (each) => ESCAPES[each]!);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML cannot carry
const UNPRINTABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

/** True when XML 1.0 can carry every character of a text, escaped or not. */
export function isXmlText(text: string): boolean {
  return !UNPRINTABLE.test(text) && text.isWellFormed();
}
