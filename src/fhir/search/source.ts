/**
 * The sources of a search: the stored resources of a type, and each room that projects the type.
 * All give rows in the same order, so that a page can be cut across them.
 */

import type { UnitOfWork } from '../../app.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { fhirOf } from '../types.ts';
import type { Source } from './found.ts';
import { ofType } from './of-type.ts';
import type { Search } from './parse.ts';
import { projectedSource } from './projected.ts';
import { storedSource } from './stored.ts';

export type { Found, Source } from './found.ts';

/** Keeps the place of a source that has nothing, so that cursors name the same sources. */
const NOTHING: Source = {
  fetch: () => Promise.resolve([]),
  count: () => Promise.resolve(0),
  estimate: () => Promise.resolve(0),
};

/** The sources of a search, in the order of their rows. */
export function sourcesOf(unit: UnitOfWork, asked: Search): Source[] {
  const sources: Source[] = [];
  for (const type of asked.types) {
    const search = ofType(fhirOf(unit).definitions, asked, type);
    for (const { info } of search.sort) if (info) refuseMaskedSearch(unit.actor, type, info);
    const absent = search.present && !search.present.has(type);
    sources.push(absent ? NOTHING : storedSource(unit, type, search, sources.length));
    for (const binding of fhirOf(unit).projected.get(type) ?? []) {
      sources.push(projectedSource(unit, binding, search, sources.length));
    }
  }
  return sources;
}
