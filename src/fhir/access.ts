/**
 * FHIR as modules see it: the same interactions as on the wire, inside the open unit of work.
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../app.ts';
import type { FhirAccess } from '../sdk/index.ts';
import { current } from './interactions/read.ts';
import { transaction } from './interactions/transaction.ts';
import { create } from './interactions/write.ts';
import { route } from './router.ts';
import { parseContent } from './store/content.ts';
import { loadRows, loadRowsByRid } from './store/read.ts';
import { loadRecorded } from './store/recorded.ts';
import { writeResources } from './store/write.ts';
import type { FhirRequest, FhirResponse } from './types.ts';

/** Builds the FHIR access of a unit of work. */
export function fhirAccess(unit: UnitOfWork): FhirAccess {
  const ask = (
    method: string,
    path: string,
    query: string,
    more: Partial<FhirRequest> = {},
  ): Promise<FhirResponse> =>
    route(unit, { method, path, query: new URLSearchParams(query), headers: {}, ...more });
  return {
    async read<R extends Resource>(type: R['resourceType'], id: string) {
      return parseContent((await current(unit, type, id)).content) as R;
    },
    async readByRid<R extends Resource>(type: R['resourceType'], rids: readonly bigint[]) {
      const rows = await loadRowsByRid(unit, type, rids);
      return new Map(rows.map((row) => [row.rid, parseContent(row.content) as R]));
    },
    async rids(type, ids) {
      const rows = await loadRows(unit, type, ids);
      const live = [...rows.values()].filter((row) => !row.deleted);
      return new Map(live.map((row) => [row.id, row.rid]));
    },
    recorded: (type, keys, until, which) => loadRecorded(unit, type, keys, until, which),
    async search<R extends Resource>(type: R['resourceType'], query: string) {
      return parse<Bundle<R>>(await ask('GET', type, query));
    },
    async create<R extends Resource>(resource: R, options: { ifNoneExist?: string } = {}) {
      const request: FhirRequest = {
        method: 'POST',
        path: resource.resourceType,
        query: new URLSearchParams(),
        headers: { 'if-none-exist': options.ifNoneExist },
        body: resource,
      };
      return parse<R>(await create(unit, request, resource.resourceType));
    },
    async update<R extends Resource>(resource: R, options: { ifMatch?: string } = {}) {
      const { resourceType: type, id } = resource;
      if (!id) throw new Error('update: the resource has no id');
      const [written] = await writeResources(unit, [
        { action: 'update', type, id, resource, ifMatch: options.ifMatch },
      ]);
      return parseContent(written!.content) as R;
    },
    async delete(type, id) {
      await writeResources(unit, [{ action: 'delete', type, id }]);
    },
    async transaction(bundle) {
      return parse<Bundle>(await transaction(unit, bundle, (request) => route(unit, request)));
    },
  };
}

function parse<R>(response: FhirResponse): R {
  return parseContent(response.text ?? 'null') as unknown as R;
}
