/**
 * FHIR XML, both ways, over the definitions of a house. The face of the codec: how it reads is in
 * `xml-read.ts`, how it writes in `xml-write.ts`, what it knows of the types in `shapes.ts`.
 *
 * Spec: https://hl7.org/fhir/R4/xml.html
 */

import type { Definitions } from '../definitions/definitions.ts';
import { Shapes } from './shapes.ts';
import { readXml, readXmlInTurns } from './xml-read.ts';
import { writeXml, type XmlWriteOptions } from './xml-write.ts';

/** The definitions of a house with the shapes made of them so far. */
const known = new WeakMap<object, Shapes>();

function shapesOf(definitions: Definitions): Shapes {
  const found = known.get(definitions);
  if (found) return found;
  const made = new Shapes(definitions);
  known.set(definitions, made);
  return made;
}

/**
 * Reads a resource from XML into the values that `parseJson` gives for the same resource.
 *
 * @throws Problem `structure` with line, column and FHIRPath
 */
export function parseXml(definitions: Definitions, text: string): unknown {
  return readXml(shapesOf(definitions), text);
}

/** As `parseXml`; while a large document is read, others have their turns. */
export function parseXmlInTurns(definitions: Definitions, text: string): Promise<unknown> {
  return readXmlInTurns(shapesOf(definitions), text);
}

/**
 * Writes a resource, as `parseJson` gives it, as an XML document.
 *
 * @throws Problem not-acceptable for what XML cannot carry
 */
export function formatXml(
  definitions: Definitions,
  resource: unknown,
  options?: XmlWriteOptions,
): string {
  return writeXml(shapesOf(definitions), resource, options);
}
