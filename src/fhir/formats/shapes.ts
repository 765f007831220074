/**
 * How each R4 type looks in XML: its elements in order, which of them are attributes, which repeat,
 * and of what type each is. Compiled from HL7's definitions when a type is first met.
 *
 * JSON has the same names, so one shape serves both directions.
 *
 * Spec: https://hl7.org/fhir/R4/xml.html, https://hl7.org/fhir/R4/json.html
 */

import type { StructureDefinition } from '@medplum/fhirtypes';
import { primitiveOf } from '../definitions/checks.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { choiceKey, type ElementNode, schemaOf } from '../definitions/schema.ts';

/** What stands at an element. */
export type FieldKind = 'attribute' | 'primitive' | 'xhtml' | 'resource' | 'object';

/** One property of a type, under the name it has in JSON and in XML. */
export interface Field {
  readonly name: string;
  readonly kind: FieldKind;
  /** Repeats, so that JSON has an array. */
  readonly array: boolean;
  /** Place in the order of the type; the choices of one element share it. */
  readonly order: number;
  /** For a primitive: its JSON kind, and which FHIR type it is. */
  readonly json: 'string' | 'number' | 'boolean';
  readonly type: string;
  /** What is below it; for a primitive, its id and extensions. */
  readonly shape: () => Shape;
}

/** The properties of a type or backbone element. */
export interface Shape {
  readonly name: string;
  readonly fields: ReadonlyMap<string, Field>;
}

const STRUCTURE = 'http://hl7.org/fhir/StructureDefinition/';

/** The shapes of one house's definitions. */
export class Shapes {
  readonly #definitions: Pick<Definitions, 'snapshot' | 'isResourceType'>;
  readonly #shapes = new Map<string, Shape>();
  readonly #schemas = new Map<string, Schema>();

  constructor(definitions: Pick<Definitions, 'snapshot' | 'isResourceType'>) {
    this.#definitions = definitions;
  }

  /** The shape of a resource; undefined when R4 has no such concrete type. */
  resource(type: string): Shape | undefined {
    return this.#definitions.isResourceType(type) ? this.#type(type) : undefined;
  }

  #type(type: string): Shape {
    return this.#kept(type, () => this.#schema(type).root, type);
  }

  #kept(key: string, node: () => ElementNode, type: string): Shape {
    const known = this.#shapes.get(key);
    if (known) return known;
    const made: Shape = { name: key, fields: this.#fields(node(), type) };
    this.#shapes.set(key, made);
    return made;
  }

  #schema(type: string): Schema {
    const known = this.#schemas.get(type);
    if (known) return known;
    const definition = this.#definitions.snapshot(STRUCTURE + type);
    if (!definition) throw new Error(`R4 has no type ${type}`);
    const made = { root: schemaOf(definition), attributes: attributesOf(definition) };
    this.#schemas.set(type, made);
    return made;
  }

  #fields(node: ElementNode, type: string): Map<string, Field> {
    const fields = new Map<string, Field>();
    for (const [order, child] of node.children.entries()) {
      for (const field of this.#fieldsOf(child, order, type)) fields.set(field.name, field);
    }
    return fields;
  }

  #fieldsOf(node: ElementNode, order: number, type: string): Field[] {
    const base = { order, array: node.array, json: 'string' as const };
    const { contentReference: path } = node;
    if (path) {
      const shape = () => this.#kept(path, () => this.#element(path), type);
      return [{ ...base, name: node.name, kind: 'object', type: path, shape }];
    }
    return node.types.map(({ code }): Field => {
      const name = node.choice ? choiceKey(node.name, code) : node.name;
      const primitive = primitiveOf(code);
      if (!primitive) {
        const kind = code === 'Resource' ? 'resource' : 'object';
        return { ...base, name, kind, type: code, shape: () => this.#below(node, code, type) };
      }
      const isAttribute = this.#schema(type).attributes.has(node.path);
      const kind = isAttribute ? 'attribute' : code === 'xhtml' ? 'xhtml' : 'primitive';
      const shape = () => this.#type('Element');
      return { ...base, name, kind, type: code, json: primitive.json, shape };
    });
  }

  #below(node: ElementNode, code: string, type: string): Shape {
    if (node.children.length === 0) return this.#type(code);
    return this.#kept(node.path, () => node, type);
  }

  #element(path: string): ElementNode {
    const [type, ...names] = path.split('.');
    let node: ElementNode | undefined = this.#schema(type!).root;
    for (const name of names) node = node?.children.find((child) => child.name === name);
    if (!node) throw new Error(`R4 has no element ${path}`);
    return node;
  }
}

interface Schema {
  readonly root: ElementNode;
  /** Paths of the elements that are attributes in XML. */
  readonly attributes: ReadonlySet<string>;
}

function attributesOf(definition: StructureDefinition): ReadonlySet<string> {
  const elements = definition.snapshot?.element ?? [];
  return new Set(
    elements.flatMap(({ path, representation }) =>
      path && representation?.includes('xmlAttr') ? [path] : [],
    ),
  );
}
