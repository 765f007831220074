/**
 * From FHIR XML to the values that `parseJson` gives for the same resource.
 *
 * The parser is a stream of tags (saxes: strict, name spaces, no DTD); the definitions say what
 * each tag is. A document type declaration is refused, so that no entity can be declared, neither
 * one that reads our files nor one that grows. What is judged here is the form; what a resource
 * must hold is judged by validation afterwards, which names all faults at once.
 *
 * Spec: https://hl7.org/fhir/R4/xml.html
 */

import { setImmediate } from 'node:timers/promises';
import { SaxesParser, type SaxesTagNS } from 'saxes';
import { type Problem, problem } from '../../sdk/problem.ts';
import { nearest } from '../definitions/checks.ts';
import { FhirDecimal, VALUES_MAX } from './json.ts';
import type { Field, Shapes } from './shapes.ts';
import { NarrativeReader } from './xhtml.ts';
import { Frame } from './xml-frame.ts';
import { FHIR_NS, XHTML_NS } from './xml-text.ts';

/** Deeper documents are refused; validation has a lower limit for elements of FHIR. */
const DEPTH_MAX = 150;
const ATTRIBUTES_MAX = 100;
const XSI_NS = 'http://www.w3.org/2001/XMLSchema-instance';
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const INTEGER = /^[-+]?(?:0|[1-9]\d*)$/;

/**
 * Reads one resource.
 *
 * @param text  the document, without byte order mark
 * @returns what `parseJson` gives for the same resource: numbers keep their digits
 * @throws Problem `structure` with line, column and FHIRPath
 */
export function readXml(shapes: Shapes, text: string): unknown {
  return new Reader(shapes, text).read();
}

/** Characters that are read before others have their turn: some five milliseconds. */
const TURN_CHARACTERS = 65_536;

/** As `readXml`; a large document holds up nobody else. */
export async function readXmlInTurns(shapes: Shapes, text: string): Promise<unknown> {
  const reader = new Reader(shapes, text);
  for (let at = 0; at + TURN_CHARACTERS < text.length; at += TURN_CHARACTERS) {
    reader.readTo(at + TURN_CHARACTERS);
    await setImmediate();
  }
  return reader.read();
}

class Reader {
  readonly #shapes: Shapes;
  readonly #text: string;
  readonly #parser = new SaxesParser({
    xmlns: true,
    position: true,
    defaultXMLVersion: '1.0',
    forceXMLVersion: true,
  });
  readonly #frames: Frame[] = [];
  #depth = 0;
  #read = 0;
  #values = 0;
  #attributesOfTag = 0;
  #narrative: NarrativeReader | undefined;
  #resource: unknown;

  constructor(shapes: Shapes, text: string) {
    this.#shapes = shapes;
    this.#text = text;
    const parser = this.#parser;
    parser.on('error', (error) => {
      const says = error.message.replace(/^\d+:\d+: /, '').slice(0, 120);
      throw this.#here(problem('structure', 'not-xml', `The body is not well-formed XML: ${says}`));
    });
    parser.on('doctype', () => {
      throw this.#here(
        problem('structure', 'document-type', 'Send XML without a document type (<!DOCTYPE …>).'),
      );
    });
    parser.on('xmldecl', ({ encoding }) => {
      if (encoding === undefined || /^(utf-?8|us-ascii)$/i.test(encoding)) return;
      throw this.#here(
        problem('structure', 'not-xml', 'FHIR is UTF-8; declare no other encoding.'),
      );
    });
    parser.on('text', (said) => this.#said(said));
    parser.on('cdata', (said) => this.#said(said));
    parser.on('opentagstart', () => {
      this.#attributesOfTag = 0;
      this.#count();
    });
    parser.on('attribute', () => {
      if (++this.#attributesOfTag > ATTRIBUTES_MAX) throw this.#here(tooManyAttributes());
      this.#count();
    });
    parser.on('opentag', (tag) => this.#open(tag));
    parser.on('closetag', (tag) => this.#close(tag));
  }

  /** Reads the rest. */
  read(): unknown {
    this.readTo(this.#text.length);
    this.#parser.close();
    return this.#resource;
  }

  /** Reads on to an offset. */
  readTo(end: number): void {
    this.#parser.write(this.#text.slice(this.#read, end));
    this.#read = end;
  }

  #count(): void {
    if (++this.#values <= VALUES_MAX) return;
    const says = `The body has more than ${VALUES_MAX} values; send less at once, e.g. smaller Bundles.`;
    throw problem('too-long', 'too-many-values', says);
  }

  #said(text: string): void {
    if (this.#narrative) return this.#narrative.text(text);
    if (/^[ \t\r\n]*$/.test(text)) return;
    throw this.#here(
      problem(
        'structure',
        'text-in-element',
        'There is text between the tags. Write values into the attribute "value".',
      ),
    );
  }

  #open(tag: SaxesTagNS): void {
    if (++this.#depth > DEPTH_MAX) {
      throw this.#here(
        problem('structure', 'too-deep', `Elements are nested more than ${DEPTH_MAX} levels deep.`),
      );
    }
    if (this.#narrative) return this.#narrative.open(tag);
    const top = this.#frames.at(-1);
    if (!top || top.kind === 'wrapper') return this.#openResource(tag, top);
    const field = this.#fieldOf(top, tag);
    if (field.kind === 'xhtml') {
      this.#narrative = new NarrativeReader(this.#text, tag, this.#parser.position);
      this.#narrative.open(tag);
      return;
    }
    const frame = new Frame(
      field.kind === 'resource' ? 'wrapper' : field.kind === 'object' ? 'object' : 'primitive',
      field.kind === 'resource' ? top.shape : field.shape(),
      field,
      field.array ? top.next(field) : -1,
    );
    this.#frames.push(frame);
    this.#attributes(tag, frame);
  }

  #openResource(tag: SaxesTagNS, wrapper: Frame | undefined): void {
    if (tag.uri !== FHIR_NS) throw this.#wrongSpace(tag, FHIR_NS);
    if (wrapper?.holds) {
      throw this.#here(
        problem('structure', 'too-many', 'An element holds one resource. Repeat the element.'),
      );
    }
    const shape = this.#shapes.resource(tag.local);
    if (!shape) {
      throw this.#here(
        problem(
          'structure',
          'unknown-type',
          `<${tag.local.slice(0, 64)}> is not an R4 resource type. Names are case-sensitive.`,
        ),
      );
    }
    const frame = new Frame('resource', shape);
    frame.value.resourceType = shape.name;
    this.#frames.push(frame);
    this.#attributes(tag, frame);
  }

  /** What a tag is within its parent; it must be known, in order, and not once too often. */
  #fieldOf(parent: Frame, tag: SaxesTagNS): Field {
    const field = parent.shape.fields.get(tag.local);
    const name = tag.local.slice(0, 64);
    if (!field || field.kind === 'attribute') {
      const guess = nearest(tag.local, [...parent.shape.fields.keys()]);
      const hint = guess ? ` Is <${guess}> meant?` : '';
      throw this.#here(
        problem('structure', 'unknown-element', `<${name}> does not stand here in R4.${hint}`),
      );
    }
    const space = field.kind === 'xhtml' ? XHTML_NS : FHIR_NS;
    if (tag.uri !== space) throw this.#wrongSpace(tag, space);
    if (field.order < parent.order) {
      throw this.#here(
        problem(
          'structure',
          'wrong-order',
          `<${name}> comes too late: XML has the elements in the order of the definition, and ` +
            'repeated ones together.',
        ),
      );
    }
    if (!field.array && parent.has(field)) {
      throw this.#here(problem('structure', 'too-many', `<${name}> may stand here once.`));
    }
    parent.order = field.order;
    return field;
  }

  #attributes(tag: SaxesTagNS, frame: Frame): void {
    for (const { name, local, prefix, uri, value } of Object.values(tag.attributes)) {
      if (name === 'xmlns' || prefix === 'xmlns' || uri === XSI_NS) continue;
      const field = frame.kind === 'wrapper' ? undefined : frame.shape.fields.get(local);
      if (uri === '' && field?.kind === 'attribute') frame.value[local] = value;
      else if (uri === '' && local === 'value' && frame.kind === 'primitive') frame.text = value;
      else {
        throw this.#here(
          problem(
            'structure',
            'unknown-attribute',
            `<${tag.name.slice(0, 64)}> has no attribute ${name.slice(0, 64)} in R4.`,
          ),
        );
      }
    }
  }

  #close(tag: SaxesTagNS): void {
    this.#depth--;
    const top = this.#frames.at(-1)!;
    if (this.#narrative) {
      const text = this.#narrative.close(tag, this.#parser.position);
      if (text === undefined) return;
      this.#narrative = undefined;
      top.value[tag.local] = text;
      return;
    }
    if (top.kind === 'wrapper' && !top.holds) {
      throw this.#here(problem('structure', 'empty-element', `<${tag.local}> holds no resource.`));
    }
    const value = top.kind === 'primitive' ? this.#valueOf(top) : top.finished();
    this.#frames.pop();
    const parent = this.#frames.at(-1);
    if (!parent) this.#resource = value;
    else parent.take(top, value);
  }

  #valueOf({ field, text }: Frame): unknown {
    if (text === undefined || field!.json === 'string') return text;
    if (field!.json === 'boolean') {
      if (text === 'true' || text === 'false') return text === 'true';
    } else if ((field!.type === 'decimal' ? DECIMAL : INTEGER).test(text)) {
      return exactNumber(text.replace(/^\+/, ''));
    }
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    throw this.#here(problem('structure', 'bad-format', `"${shown}" is not a ${field!.type}.`));
  }

  #wrongSpace(tag: SaxesTagNS, wanted: string): Problem {
    const found = tag.uri ? `"${tag.uri.slice(0, 80)}"` : 'no name space';
    return this.#here(
      problem(
        'structure',
        'wrong-name-space',
        `<${tag.name.slice(0, 64)}> is in ${found}; write xmlns="${wanted}".`,
      ),
    );
  }

  /** A fault with its place in the text and in the resource. */
  #here({ issues: [issue] }: Problem): Problem {
    const { line, column } = this.#parser;
    const says = `${issue!.diagnostics} (line ${line}, column ${column})`;
    return problem('structure', issue!.code!, says, pathOf(this.#frames));
  }
}

function tooManyAttributes(): Problem {
  const says = `An element has more than ${ATTRIBUTES_MAX} attributes.`;
  return problem('structure', 'unknown-attribute', says);
}

function exactNumber(text: string): number | FhirDecimal {
  const number = Number(text);
  return String(number) === text ? number : new FhirDecimal(text);
}

/** FHIRPath of the innermost open element, e.g. `Bundle.entry[3].resource.name[0]`. */
function pathOf(frames: readonly Frame[]): string | undefined {
  let path: string | undefined;
  for (const { field, index, shape } of frames) {
    if (!field) path ??= shape.name;
    else path += `.${field.name}${index < 0 ? '' : `[${index}]`}`;
  }
  return path;
}
