/**
 * Search within a compartment: `Patient/[id]/Observation`, `Patient/[id]/*`, and the same for a
 * household, `Group/[id]/*`: what is about the household or one of its members.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#vsearch, https://hl7.org/fhir/R4/compartmentdefinition.html
 */

import type { Group } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { parseReference, problem } from '../../sdk/index.ts';
import { authorize, mayRead } from '../authorize.ts';
import { withFormers } from '../search/aliases.ts';
import { parseSearch, type Search } from '../search/parse.ts';
import { runSearch } from '../search/search.ts';
import { typesReferring } from '../store/compartment.ts';
import { parseContent } from '../store/content.ts';
import { type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { current } from './read.ts';
import { isLenient, textResponse } from './respond.ts';
import { searchset } from './search.ts';

interface Member {
  readonly type: string;
  readonly id: string;
}

/** `GET Patient/[id]/[type]?…`; `wanted` is the type, or `*` for all. */
export async function searchCompartment(
  unit: UnitOfWork,
  request: FhirRequest,
  code: string,
  id: string,
  wanted: string,
): Promise<FhirResponse> {
  const path = `${code}/${id}/${wanted}`;
  const types = (inside: readonly string[]): string[] => {
    if (wanted === '*') return typesOf(unit, request, inside);
    if (inside.includes(wanted)) return [wanted];
    throw problem(
      'not-found',
      'path-unknown',
      `"${wanted.slice(0, 64)}" is no type of the compartment of a ${code}.`,
    );
  };
  const search = await compartmentSearch(unit, code, id, request.query, {
    path,
    types,
    lenient: isLenient(request),
  });
  return textResponse(200, searchset(unit, search, await runSearch(unit, search), path));
}

/** How a compartment is searched. */
interface Within {
  readonly path: string;
  /** The types to look for, of those that are in the compartment. */
  readonly types: (inside: readonly string[]) => readonly string[];
  readonly lenient?: boolean;
}

/** The search of a compartment. */
export async function compartmentSearch(
  unit: UnitOfWork,
  code: string,
  id: string,
  query: URLSearchParams,
  { path, types, lenient = false }: Within,
): Promise<Search> {
  const { definitions } = fhirOf(unit);
  const compartment = definitions.compartment(code);
  if (!compartment) {
    throw problem(
      'not-found',
      'path-unknown',
      `There is no compartment of a ${code}; there are those of a Patient and of a Group.`,
    );
  }
  authorize(unit, 'read', code);
  const members = await withFormers(unit, await membersOf(unit, code, id));
  const inside = [...new Set([code, ...compartment.parameters.keys()])];
  const parsed = parseSearch(definitions, [...types(inside)], query, lenient);
  return {
    ...parsed,
    path,
    present: new Set([...(await typesReferring(unit, members)), ...members.map((one) => one.type)]),
    terms: [{ kind: 'compartment', code, members }, ...parsed.terms],
  };
}

/**
 * The types of `*`: those of `_type`, or all that the caller may read but the trail, which grows by
 * each such search; in one order.
 */
function typesOf(unit: UnitOfWork, { query }: FhirRequest, inside: readonly string[]): string[] {
  const asked = query.get('_type')?.split(',');
  const types = inside.filter(
    (type) => mayRead(unit, type) && (asked ? asked.includes(type) : type !== 'AuditEvent'),
  );
  if (types.length > 0) return types.sort();
  throw problem('invalid', 'search-type', 'No type of _type is in this compartment.', '_type');
}

/** What a resource must lead to: the person, or the household and its members. */
async function membersOf(unit: UnitOfWork, code: string, id: string): Promise<Member[]> {
  const { content } = await current(unit, code, id);
  const self = { type: code, id };
  if (code !== 'Group') return [self];
  const group = parseContent(content) as Group;
  const members = (group.member ?? []).flatMap((each): Member[] => {
    const local = parseReference(each.entity?.reference ?? '');
    return local?.type === 'Patient' ? [{ type: local.type, id: local.id }] : [];
  });
  return [self, ...members];
}
