/**
 * The CodeSystems and ValueSets that we carry: stored ones first, then those of our profiles and of
 * modules, then HL7's.
 *
 * Stored ones are looked up in each request, by canonical, as the caller may see them, so that a
 * change counts at once in every process; only their parsed and expanded forms are kept, by
 * version.
 *
 * Spec: https://hl7.org/fhir/R4/terminology-service.html
 */

import type { CodeSystem, Resource, ValueSet } from '@medplum/fhirtypes';
import { LRUCache } from 'lru-cache';
import type { UnitOfWork } from '../../app.ts';
import { problem } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import type { Definitions, ExpandedValueSet } from '../definitions/definitions.ts';
import { Terminology } from '../definitions/terminology.ts';
import { parseSearch } from '../search/parse.ts';
import { sourcesOf } from '../search/source.ts';
import { parseContent } from '../store/content.ts';
import { fhirOf } from '../types.ts';

type Kind = 'CodeSystem' | 'ValueSet';
type Published = CodeSystem | ValueSet;

/** Versions of one canonical that are looked through. */
const VERSIONS_MAX = 50;
/** Definitions that one value set may draw on. */
const DRAWN_MAX = 500;

/** Parsed contents, by content: equal text is the same definition in every version and place. */
const parsed = new LRUCache<string, Published>({
  maxSize: 64 * 1024 * 1024,
  sizeCalculation: (_value, key) => key.length,
});

/** Published definitions that have been asked for, by house: reading one means parsing a file. */
const published = new WeakMap<Definitions, LRUCache<string, Published>>();

function publishedOf(definitions: Definitions, kind: Kind, url: string): Published | undefined {
  let known = published.get(definitions);
  if (!known) {
    known = new LRUCache({ max: 200 });
    published.set(definitions, known);
  }
  const key = `${kind} ${url}`;
  const found =
    known.get(key) ??
    (kind === 'CodeSystem'
      ? definitions.publishedCodeSystem(url)
      : definitions.publishedValueSet(url));
  if (found) known.set(key, found);
  return found;
}

/** Definitions as one caller sees them within one request. */
export class Carried {
  readonly #unit: UnitOfWork;
  readonly #found = new Map<string, Promise<Published | undefined>>();

  constructor(unit: UnitOfWork) {
    this.#unit = unit;
  }

  /** @throws Problem not-found, naming the canonical */
  async codeSystem(canonical: string, version?: string): Promise<CodeSystem> {
    return this.#need('CodeSystem', canonical, version) as Promise<CodeSystem>;
  }

  /** @throws Problem not-found, naming the canonical */
  async valueSet(canonical: string, version?: string): Promise<ValueSet> {
    return this.#need('ValueSet', canonical, version) as Promise<ValueSet>;
  }

  /** As `codeSystem`, and undefined where we do not carry it. */
  async codeSystemIfCarried(canonical: string): Promise<CodeSystem | undefined> {
    return this.#find('CodeSystem', canonical) as Promise<CodeSystem | undefined>;
  }

  /**
   * The codes of a value set with all that it draws on.
   *
   * @throws Problem not-found for a value set that it includes and we do not carry
   */
  async expand(valueSet: ValueSet): Promise<ExpandedValueSet> {
    const drawn = new Map<string, Published>();
    await this.#draw(valueSet, drawn);
    const root = 'urn:uuid:00000000-0000-4000-8000-000000000000';
    const terminology = new Terminology({
      valueSet: (url) =>
        url === root ? valueSet : (drawn.get(`ValueSet ${url}`) as ValueSet | undefined),
      codeSystem: (url) => drawn.get(`CodeSystem ${url}`) as CodeSystem | undefined,
      ownCodeSystem: () => false,
    });
    return terminology.valueSet(root)!;
  }

  async #draw(valueSet: ValueSet, drawn: Map<string, Published>): Promise<void> {
    const { include = [], exclude = [] } = valueSet.compose ?? {};
    for (const each of [...include, ...exclude]) {
      if (drawn.size > DRAWN_MAX) {
        throw problem('too-costly', 'terminology-too-large', 'The value set draws on too much.');
      }
      if (each.system) {
        const url = each.system.split('|')[0]!;
        const canonical = each.version ? `${url}|${each.version}` : each.system;
        const system = await this.#find('CodeSystem', canonical);
        if (system) drawn.set(`CodeSystem ${each.system}`, system);
      }
      for (const canonical of each.valueSet ?? []) {
        const key = `ValueSet ${canonical.split('|')[0]}`;
        if (drawn.has(key)) continue;
        const other = (await this.#need('ValueSet', canonical)) as ValueSet;
        drawn.set(key, other);
        await this.#draw(other, drawn);
      }
    }
  }

  async #need(kind: Kind, canonical: string, version?: string): Promise<Published> {
    const whole = version ? `${canonical.split('|')[0]}|${version}` : canonical;
    const found = await this.#find(kind, whole);
    if (found) return found;
    const what = kind === 'CodeSystem' ? 'code system' : 'value set';
    throw problem(
      'not-found',
      'terminology-unknown',
      `We do not carry the ${what} "${whole.slice(0, 200)}"; store it as a ${kind}, or send it along.`,
      kind === 'CodeSystem' ? 'system' : 'url',
    );
  }

  #find(kind: Kind, canonical: string): Promise<Published | undefined> {
    const key = `${kind} ${canonical}`;
    let found = this.#found.get(key);
    if (!found) {
      found = this.#look(kind, canonical);
      this.#found.set(key, found);
    }
    return found;
  }

  async #look(kind: Kind, canonical: string): Promise<Published | undefined> {
    const [url = '', version] = canonical.split('|');
    const stored = mayRead(this.#unit, kind) ? await this.#stored(kind, url, version) : undefined;
    if (stored) return stored;
    const known = publishedOf(fhirOf(this.#unit).definitions, kind, url);
    return version === undefined || known?.version === version ? known : undefined;
  }

  /** The stored definition of a canonical: of the version asked for, else an active one, the newest. */
  async #stored(
    kind: Kind,
    url: string,
    version: string | undefined,
  ): Promise<Published | undefined> {
    const query = new URLSearchParams({ url: url.replace(/([\\,|$])/g, '\\$1') });
    if (version !== undefined) query.set('version', version.replace(/([\\,|$])/g, '\\$1'));
    const search = parseSearch(fhirOf(this.#unit).definitions, [kind], query, false);
    const rows = await sourcesOf(this.#unit, search)[0]!.fetch(undefined, false, VERSIONS_MAX);
    const found = rows.map((row) => definitionOf(row.content));
    return found.find((each) => each.status === 'active') ?? found[0];
  }
}

/** A definition of its JSON text. */
export function definitionOf(content: string): Published {
  let known = parsed.get(content);
  if (!known) {
    known = parseContent(content) as Resource as Published;
    parsed.set(content, known);
  }
  return known;
}
