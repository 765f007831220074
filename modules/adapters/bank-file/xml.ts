/**
 * XML as ISO 20022 uses it: elements, text and few attributes. Names of elements are taken without
 * their prefix, texts as they stand. Document type declarations are refused, so that nothing outside
 * the file can be drawn in.
 *
 * Spec: https://www.w3.org/TR/xml/, ISO 20022-4
 */

import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { problem } from '../../../src/sdk/index.ts';
import { textOf } from '../../reconciliation/index.ts';

/** An element: its text, or its children and attributes by name. */
export type Xml = string | { readonly [name: string]: Xml | readonly Xml[] };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  removeNSPrefix: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  trimValues: true,
});

/**
 * Parses a document.
 *
 * @throws Problem xml-malformed, xml-doctype, not-utf8
 */
export function parseXml(content: Buffer): Xml {
  const text = textOf(content);
  if (/<!DOCTYPE/i.test(text)) {
    throw problem(
      'structure',
      'xml-doctype',
      'The file declares a document type; send it without one.',
      'content',
    );
  }
  const valid = XMLValidator.validate(text);
  if (valid !== true) {
    throw problem(
      'structure',
      'xml-malformed',
      `Line ${valid.err.line} is not XML: ${valid.err.msg.slice(0, 200)}`,
      'content',
    );
  }
  return parser.parse(text) as Xml;
}

/** The first element at a path. */
export function child(node: Xml | undefined, ...path: readonly string[]): Xml | undefined {
  let at = node;
  for (const name of path) {
    if (at === undefined || typeof at === 'string') return undefined;
    const found: Xml | readonly Xml[] | undefined = at[name];
    at = Array.isArray(found) ? (found as readonly Xml[])[0] : (found as Xml | undefined);
  }
  return at;
}

/** All elements of a name in an element. */
export function children(node: Xml | undefined, name: string): readonly Xml[] {
  if (node === undefined || typeof node === 'string') return [];
  const found = node[name];
  if (found === undefined) return [];
  return Array.isArray(found) ? (found as readonly Xml[]) : [found as Xml];
}

/** The text at a path; undefined when there is none. */
export function textAt(node: Xml | undefined, ...path: readonly string[]): string | undefined {
  const found = child(node, ...path);
  const text = typeof found === 'object' ? found['#text'] : found;
  return typeof text === 'string' && text !== '' ? text : undefined;
}
