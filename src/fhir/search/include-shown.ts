/**
 * `_revinclude` of what rooms show: rows of their views that lead to resources of a page.
 */

import type { UnitOfWork } from '../../app.ts';
import { idKey, type ProjectedBinding, type ProjectedRow } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { keyOf, projectedReach, render } from '../projection.ts';
import { fhirOf } from '../types.ts';
import type { Found } from './found.ts';
import { type ReferenceParameter, referenceOf } from './links.ts';
import type { Include } from './parse.ts';
import { Values } from './parts.ts';

/** Shown resources that lead to others by the parameter of an include, or by any for `*`. */
export async function shownReferrers(
  unit: UnitOfWork,
  to: readonly Found[],
  include: Include,
  most: number,
): Promise<Found[]> {
  const { projected } = fhirOf(unit);
  // Everything is without the trail, which grows by reading it, unless `_type` names it.
  const types =
    include.source === '*'
      ? [...projected.keys()].filter((type) => type !== 'AuditEvent' || include.only)
      : [include.source];
  const found: Found[] = [];
  for (const type of types) {
    if (!mayRead(unit, type) || (include.only && !include.only.includes(type))) continue;
    for (const binding of projected.get(type) ?? []) {
      const values = new Values();
      const leads = leadTests(unit, binding, to, include, values);
      if (leads.length === 0) continue;
      const tests = [`(${leads.join(' or ')})`, ...projectedReach(unit, binding, values, 'read')];
      const { text, list } = values.bind(
        `select v.* from ${binding.view} v where ${tests.join(' and ')} limit ${most}`,
      );
      const rows = await unit.db.query<ProjectedRow>(text, list);
      for (const { id, key, content } of await render(unit, binding, rows)) {
        found.push({ type, id, key, sort: [], content, source: 0 });
      }
    }
  }
  return found;
}

function leadTests(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  to: readonly Found[],
  include: Include,
  values: Values,
): string[] {
  const { definitions } = fhirOf(unit);
  return parametersOf(unit, binding, include.code).flatMap(({ target, holds, column, key }) => {
    if (include.target && include.target !== target) return [];
    const ids = to.filter((each) => each.type === target).map((each) => idKey(each.id));
    if (ids.length === 0) return [];
    const keys = values.add(ids, 'uuid[]');
    if (holds === 'id') return [`${keyOf(key, column)} = any(${keys})`];
    return [
      `v.${column} = any(array(select r.rid from resource r
        where r.type = ${definitions.typeNumber(target)} and r.id = any(${keys})))`,
    ];
  });
}

function parametersOf(
  unit: UnitOfWork,
  binding: ProjectedBinding,
  code: string,
): ReferenceParameter[] {
  if (code === '*') {
    return Object.values(binding.search).filter((each) => each.type === 'reference');
  }
  const info = fhirOf(unit).definitions.searchParameter(binding.type, code);
  const found = info && referenceOf(unit, binding, info);
  return found ? [found] : [];
}
