/**
 * The sources of a search: the stored resources of a type, and each room that projects the type.
 * All give rows in the same order, so that a page can be cut across them.
 */

import type { UnitOfWork } from '../../app.ts';
import type { ProjectedBinding, ProjectedRow } from '../../sdk/index.ts';
import { refuseMaskedSearch } from '../disclosure.ts';
import { projectedConditions, projectedReach, projectedSort, render } from '../projection.ts';
import { fhirOf } from '../types.ts';
import type { Source } from './found.ts';
import { beyond, newestFirst, type Order, orderBy, sortType } from './order.ts';
import { ofType } from './of-type.ts';
import type { Search } from './parse.ts';
import { Values } from './parts.ts';
import { ask, storedSource } from './stored.ts';

export type { Found, Source } from './found.ts';

interface Sorted {
  readonly sort?: (string | null)[];
}

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

function sortColumns(orders: readonly Order[]): string {
  if (orders.length === 0) return '';
  return `, array[${orders.map((each) => `${each.expression}::text`).join(', ')}] as sort`;
}

function projectedSource(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  search: Search,
  source: number,
): Source {
  const filtered = (): { values: Values; from: string } | undefined => {
    const values = new Values();
    const tests = projectedConditions(unit, binding, search.terms, values);
    if (!tests) return undefined;
    tests.push(...projectedReach(unit, binding, values));
    const where = tests.length > 0 ? `where ${tests.join(' and ')}` : '';
    return { values, from: `from ${binding.view} v ${where}` };
  };
  return {
    async fetch(cursor, back, limit) {
      const values = new Values();
      const tests = projectedConditions(unit, binding, search.terms, values);
      if (!tests) return [];
      tests.push(...projectedReach(unit, binding, values));
      const orders = search.sort.map(
        (key): Order => ({
          expression: projectedSort(binding, key),
          type: sortType(key),
          descending: key.descending,
        }),
      );
      const newest = newestFirst(search.sort);
      if (cursor) tests.push(beyond(orders, 'v.key', newest, cursor, source, values));
      const where = tests.length > 0 ? `where ${tests.join(' and ')}` : '';
      const text = `select v.*${sortColumns(orders)} from ${binding.view} v ${where}
        order by ${orderBy(orders, 'v.key', newest, back)} limit ${values.add(limit, 'int')}`;
      const rows = await ask<ProjectedRow & Sorted>(unit, 'project', text, values);
      const rendered = await render(unit, binding, rows);
      return rendered.map((each, at) => ({
        type: binding.type,
        id: each.id,
        key: each.key,
        sort: rows[at]!.sort ?? [],
        content: each.content,
        source,
      }));
    },
    async count() {
      const counted = filtered();
      if (!counted) return 0;
      const text = `select count(*) as n ${counted.from}`;
      return Number((await ask<{ n: bigint }>(unit, 'pcount', text, counted.values))[0]!.n);
    },
    async estimate() {
      return this.count();
    },
  };
}
