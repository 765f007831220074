/**
 * FHIR search, by GET and by POST _search, on a type, several types, or a compartment.
 * https://hl7.org/fhir/R4/http.html#search
 */

import type { UnitOfWork } from '../../app.ts';
import { operationOutcome, problem } from '../../sdk/index.ts';
import { mayRead } from '../authorize.ts';
import { parseSearch, type Search } from '../search/parse.ts';
import { typesPresent } from '../search/present.ts';
import { runSearch, type SearchPage } from '../search/search.ts';
import type { Found } from '../search/source.ts';
import { summarized } from '../search/summary.ts';
import { type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { isLenient, textResponse } from './respond.ts';

/** `GET Type?…` or `GET ?…` */
export async function search(
  unit: UnitOfWork,
  request: FhirRequest,
  type?: string,
): Promise<FhirResponse> {
  const house = fhirOf(unit);
  await house.parameters.refresh();
  const types = type ? [type] : systemTypes(unit, request);
  const wanted = parseSearch(house.definitions, types, request.query, isLenient(request));
  const among =
    types.length > 1 ? { ...wanted, present: await typesPresent(unit, wanted) } : wanted;
  const page = await runSearch(unit, among);
  return textResponse(200, searchset(unit, wanted, page, type ?? ''));
}

/** The types of `_type`, or all that the caller may read but the trail, which grows by reading. */
function systemTypes(unit: UnitOfWork, request: FhirRequest): string[] {
  const { definitions } = fhirOf(unit);
  const text = request.query.get('_type');
  if (!text) {
    const types = definitions.resourceTypes.filter(
      (type) => type !== 'AuditEvent' && mayRead(unit, type, 'search'),
    );
    if (types.length > 0) return types;
    throw problem('forbidden', 'permission-missing', 'You may search no type of resource.');
  }
  const types = [...new Set(text.split(','))];
  for (const each of types) {
    if (!definitions.isResourceType(each)) {
      throw problem('invalid', 'search-type', `"${each}" is not a resource type.`, '_type');
    }
  }
  return types;
}

/** A searchset Bundle as text; the resources' texts are not parsed. */
export function searchset(
  unit: UnitOfWork,
  wanted: Search,
  page: SearchPage,
  path: string,
): string {
  const base = fhirOf(unit).base();
  const url = (query: string): string => `${base}/${path}${query ? `?${query}` : ''}`;
  const links = [
    { relation: 'self', url: url(page.self) },
    ...(page.next ? [{ relation: 'next', url: url(page.next) }] : []),
    ...(page.previous ? [{ relation: 'previous', url: url(page.previous) }] : []),
  ];
  const head = JSON.stringify({
    resourceType: 'Bundle',
    type: 'searchset',
    ...(page.total !== undefined && { total: page.total }),
    link: links,
  });
  const entries = [
    ...page.matches.map((each) => entryText(unit, wanted, each, 'match')),
    ...page.included.found.map((each) => entryText(unit, wanted, each, 'include')),
    ...outcomeEntries(wanted, page),
  ];
  return entries.length === 0 ? head : `${head.slice(0, -1)},"entry":[${entries.join(',')}]}`;
}

function entryText(
  unit: UnitOfWork,
  wanted: Search,
  { type, id, content }: Found,
  mode: 'match' | 'include',
): string {
  const { base, definitions } = fhirOf(unit);
  const { summary, elements } = wanted;
  const text =
    elements || (summary && summary !== 'count')
      ? summarized(definitions, content, elements ? { elements } : { summary: summary as 'true' })
      : content;
  return `{"fullUrl":"${base()}/${type}/${id}","resource":${text},"search":{"mode":"${mode}"}}`;
}

function outcomeEntries(wanted: Search, page: SearchPage): string[] {
  const says: string[] = [];
  if (wanted.ignored.length > 0) says.push(`Ignored: ${wanted.ignored.join(', ')}.`);
  if (page.included.cut) says.push('More resources would be included; narrow the search.');
  if (says.length === 0) return [];
  const outcome = operationOutcome(
    says.map((diagnostics) => ({
      severity: 'warning' as const,
      kind: 'not-supported' as const,
      code: 'search-incomplete',
      diagnostics,
    })),
  );
  return [JSON.stringify({ resource: outcome, search: { mode: 'outcome' } })];
}
