/**
 * `_summary` and `_elements`: parts of a resource, tagged SUBSETTED so that nobody takes a part for
 * the whole; mandatory elements stay.
 *
 * Spec: https://hl7.org/fhir/R4/search.html#summary, #elements
 */

import type { Coding, Resource } from '@medplum/fhirtypes';
import { problem } from '../../sdk/index.ts';
import type { Definitions } from '../definitions/definitions.ts';
import { writeJson } from '../formats/json.ts';
import { parseContent } from '../store/content.ts';

/** Which part is wanted. */
export interface Shape {
  readonly summary?: 'true' | 'text' | 'data';
  readonly elements?: readonly string[];
}

const SUBSETTED: Coding = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue',
  code: 'SUBSETTED',
};

const ALWAYS = ['resourceType', 'id', 'meta'];

/** The shape that a query asks for; undefined for the whole. */
export function shapeOf(query: URLSearchParams): Shape | undefined {
  const summary = query.get('_summary');
  const elements = query.get('_elements');
  if (elements) return { elements: elements.split(',').map((each) => each.replace(/^\w+\./, '')) };
  if (summary === 'true' || summary === 'text' || summary === 'data') return { summary };
  if (summary === null || summary === 'false') return undefined;
  throw problem(
    'invalid',
    'search-value',
    '_summary is true, text, data or false here.',
    '_summary',
  );
}

/** A content reduced to a shape. */
export function summarized(definitions: Definitions, content: string, shape: Shape): string {
  const resource = parseContent(content);
  const keep = new Set([...ALWAYS, ...kept(definitions, resource.resourceType, shape)]);
  const part: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(resource)) {
    const wanted = keep.has(name.replace(/^_/, '')) || isChoice(keep, name);
    if (shape.summary === 'data' ? name !== 'text' : wanted) part[name] = value;
  }
  const { meta } = resource;
  part.meta = { ...meta, tag: [...(meta?.tag ?? []), SUBSETTED] };
  return writeJson(part);
}

function kept(definitions: Definitions, type: string, shape: Shape): string[] {
  const mandatory = [...definitions.mandatoryElements(type)];
  if (shape.elements) return [...mandatory, ...shape.elements];
  if (shape.summary === 'text') return [...mandatory, 'text'];
  return [...mandatory, ...definitions.summaryElements(type)];
}

/** `value` asks for `valueQuantity`. */
function isChoice(keep: ReadonlySet<string>, name: string): boolean {
  for (const each of keep) {
    if (name.startsWith(each) && /^[A-Z]/.test(name.slice(each.length))) return true;
  }
  return false;
}

/** True for a resource that is only a part of one. */
export function isSubsetted(resource: Resource): boolean {
  // Not yet validated: it may be of any form.
  const tags: unknown = resource.meta?.tag;
  return (
    Array.isArray(tags) &&
    tags.some((tag) => tag?.code === SUBSETTED.code && tag.system === SUBSETTED.system)
  );
}
