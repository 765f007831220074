/**
 * From FHIR JSON values to XML: elements in the order of the definitions, every digit as it was.
 *
 * What has no place in the definitions or in XML is refused, never left out silently; stored
 * resources have been validated, so that this is met with odd characters only.
 *
 * Spec: https://hl7.org/fhir/R4/xml.html
 */

import { type Problem, problem } from '../../sdk/problem.ts';
import { isObject, type Json } from '../definitions/run.ts';
import { isNumber, numberText } from './json.ts';
import type { Field, Shape, Shapes } from './shapes.ts';
import { narrativeXml } from './xhtml.ts';
import { attributeText, FHIR_NS, isXmlText } from './xml-text.ts';

/** How a resource is written. */
export interface XmlWriteOptions {
  /** One element a line, indented by two. */
  readonly pretty?: boolean;
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';

/**
 * A resource as an XML document.
 *
 * @param resource  as `parseJson` gives it
 * @throws Problem not-acceptable for what XML cannot carry, naming the place
 */
export function writeXml(shapes: Shapes, resource: unknown, options: XmlWriteOptions = {}): string {
  const writer = new Writer(shapes, options.pretty === true);
  const text = writer.document(resource);
  return options.pretty ? `${DECLARATION}\n${text}\n` : `${DECLARATION}${text}`;
}

class Writer {
  readonly #shapes: Shapes;
  readonly #pretty: boolean;

  constructor(shapes: Shapes, pretty: boolean) {
    this.#shapes = shapes;
    this.#pretty = pretty;
  }

  document(resource: unknown): string {
    return this.#resource(resource, '', 0, true);
  }

  #resource(value: unknown, path: string, depth: number, root = false): string {
    const type = isObject(value) ? value.resourceType : undefined;
    const shape = typeof type === 'string' ? this.#shapes.resource(type) : undefined;
    if (!shape || !isObject(value)) throw noXml(path, 'It is not a resource of R4.');
    const space = root ? ` xmlns="${FHIR_NS}"` : '';
    return this.#element(shape.name, space, value, shape, path || shape.name, depth);
  }

  /** An element of an object: its attributes, then what is in it. */
  #element(
    name: string,
    attributes: string,
    value: Json,
    shape: Shape,
    path: string,
    depth: number,
  ): string {
    let opening = `<${name}${attributes}`;
    const parts: { order: number; text: string }[] = [];
    for (const field of fieldsOf(value, shape, path)) {
      const place = `${path}.${field.name}`;
      const given = value[field.name];
      if (field.kind === 'attribute') opening += attribute(field.name, textOf(given, place), place);
      else parts.push({ order: field.order, text: this.#field(value, field, place, depth + 1) });
    }
    if (parts.length === 0) return `${opening}/>`;
    parts.sort((one, other) => one.order - other.order);
    const inner = parts.map((part) => part.text).join('');
    return `${opening}>${inner}${this.#line(depth)}</${name}>`;
  }

  #field(parent: Json, field: Field, path: string, depth: number): string {
    const given = parent[field.name];
    const sibling = parent[`_${field.name}`];
    if (!field.array) return this.#one(field, given, sibling, path, depth);
    const [values, siblings] = [listOf(given, path), listOf(sibling, path)];
    const length = Math.max(values.length, siblings.length);
    let text = '';
    for (let at = 0; at < length; at++) {
      text += this.#one(field, values[at], siblings[at], `${path}[${at}]`, depth);
    }
    return text;
  }

  #one(field: Field, value: unknown, sibling: unknown, path: string, depth: number): string {
    const line = this.#line(depth);
    switch (field.kind) {
      case 'xhtml':
        return line + narrativeXml(textOf(value, path), path);
      case 'resource': {
        const inner = this.#resource(value, path, depth + 1);
        const [before, after] = [this.#line(depth + 1), line];
        return `${line}<${field.name}>${before}${inner}${after}</${field.name}>`;
      }
      case 'object':
        if (!isObject(value)) throw noXml(path, 'It is not an object.');
        return line + this.#element(field.name, '', value, field.shape(), path, depth);
      default: {
        const holds = value !== undefined && value !== null;
        const text = holds ? attribute('value', textOf(value, path), path) : '';
        const rest = isObject(sibling) ? sibling : {};
        return line + this.#element(field.name, text, rest, field.shape(), path, depth);
      }
    }
  }

  #line(depth: number): string {
    return this.#pretty ? `\n${'  '.repeat(depth)}` : '';
  }
}

/** The fields that an object has, a primitive and its `_` sibling as one. */
function fieldsOf(value: Json, shape: Shape, path: string): Set<Field> {
  const fields = new Set<Field>();
  for (const key of Object.keys(value)) {
    if (key === 'resourceType' && value[key] === shape.name) continue;
    const field = shape.fields.get(key) ?? siblingField(shape, key);
    if (!field) throw noXml(`${path}.${key}`, 'R4 does not know this element.');
    if (value[key] !== undefined) fields.add(field);
  }
  return fields;
}

function siblingField(shape: Shape, key: string): Field | undefined {
  if (!key.startsWith('_')) return undefined;
  const field = shape.fields.get(key.slice(1));
  return field?.kind === 'primitive' ? field : undefined;
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw noXml(path, 'It is not a list.');
  return value;
}

function textOf(value: unknown, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return String(value);
  if (isNumber(value)) return numberText(value);
  throw noXml(path, 'It is not a simple value.');
}

function attribute(name: string, text: string, path: string): string {
  if (!isXmlText(text)) throw noXml(path, 'It holds characters that XML does not have.');
  return ` ${name}="${attributeText(text)}"`;
}

/** What cannot be said in XML; the caller may ask for JSON. */
export function noXml(path: string, why: string): Problem {
  return problem(
    'not-acceptable',
    'not-in-xml',
    `This cannot be given as XML. ${why} Ask for application/fhir+json.`,
    path || undefined,
  );
}
