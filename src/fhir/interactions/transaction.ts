/**
 * FHIR transaction: a bundle as one unit of work, all or nothing.
 *
 * Order (R4 §trules): DELETE, POST, PUT and PATCH, then conditional references, then GET; the answers stand in
 * the order of the entries. Two entries that come to the same resource refuse the bundle, also when
 * only their conditions lead there; two POSTs with one condition are one resource.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#transaction
 */

import type { Bundle, Resource } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { Problem, problem } from '../../sdk/index.ts';
import { BUNDLE_ENTRIES_MAX } from '../../settings.ts';
import { takeLocks } from '../store/locks.ts';
import { plannedLocks, writeResources } from '../store/write.ts';
import {
  type FhirRequest,
  type FhirResponse,
  fhirOf,
  type PlannedWrite,
  type Written,
} from '../types.ts';
import { checkUnique, type Entry, parseEntries } from './bundle.ts';
import { type Condition, type Match, resolveConditions } from './conditions.ts';
import { noneMatches, patchLocks, patchPlan, type WantedPatch } from './patch.ts';
import { resourceResponse, versionOf } from './respond.ts';
import { conditionalReferences, fullUrlMap, rewrite } from './rewrite.ts';
import { accepted, checkedId, conditionalPlan } from './write.ts';

/** Runs another request inside this unit of work (the router, handed in to avoid a cycle). */
export type Reenter = (request: FhirRequest) => Promise<FhirResponse>;

/** An entry with what it comes to. */
interface Step {
  readonly entry: Entry;
  plan?: PlannedWrite;
  /** Set when `ifNoneExist` found one. */
  match?: Match;
  /** Index of the entry whose resource this one shares. */
  sameAs?: number;
  written?: Written;
  response?: FhirResponse;
}

/**
 * Runs a transaction.
 *
 * @throws Problem whose expression names `Bundle.entry[n]`; nothing is written then
 */
export async function transaction(
  unit: UnitOfWork,
  bundle: Bundle,
  reenter: Reenter,
): Promise<FhirResponse> {
  const entries = parseEntries(unit, bundle, unit.setting(BUNDLE_ENTRIES_MAX));
  const steps: Step[] = entries.map((entry) => ({ entry }));
  const conditions = entries.flatMap((entry) => (entry.condition ? [entry.condition] : []));
  await takeLocks(unit, [
    ...conditions.flatMap((condition) => condition.locks),
    ...entries.flatMap(({ type, id = '', resource }) =>
      resource ? plannedLocks([{ action: 'update', type, id, resource }]) : [],
    ),
    ...(await locksOfPatches(unit, entries)),
  ]);
  const matches = await resolveConditions(unit, conditions);
  for (const step of steps) plan(unit, step, steps, matches);
  await planPatches(unit, steps, matches);
  const names = fullUrlMap(
    steps.map((step) => ({ entry: step.entry, target: targetOf(steps, step) })),
  );
  await rewriteAll(unit, steps, names);
  await write(unit, steps);
  for (const step of steps) {
    const { method, operation } = step.entry;
    if (method !== 'GET' && method !== 'HEAD' && !operation) continue;
    step.response = await inPlace(step.entry, () => reenter(step.entry.request));
  }
  const answer = {
    resourceType: 'Bundle',
    type: 'transaction-response',
    entry: steps.map((step) => answerOf(unit, steps, step)),
  } as Bundle;
  return resourceResponse(200, answer);
}

async function inPlace<Result>(entry: Entry, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof Problem ? error.within(entry.place) : error;
  }
}

function plan(
  unit: UnitOfWork,
  step: Step,
  steps: readonly Step[],
  matches: ReadonlyMap<Condition, Match | undefined>,
): void {
  const { entry } = step;
  const { type, resource, place, condition } = entry;
  const match = condition && matches.get(condition);
  switch (entry.method) {
    case 'POST': {
      if (entry.operation) return;
      const twin = condition && steps.findIndex((other) => isTwin(other, step));
      if (twin !== undefined && twin >= 0 && twin < entry.index) step.sameAs = twin;
      else if (match) step.match = match;
      else step.plan = { action: 'create', type, id: unit.newId(), resource, place };
      return;
    }
    case 'PUT':
      step.plan = condition
        ? conditionalPlan(unit, type, resource!, match?.id, place)
        : { action: 'update', type, id: checkedId(entry.id!), resource, place };
      step.plan = {
        ...step.plan,
        ifMatch: versionOf(entry.request.headers['if-match']),
        ifNoneMatch: entry.request.headers['if-none-match'],
      };
      return;
    case 'DELETE': {
      const id = condition ? match?.id : entry.id;
      if (id !== undefined) step.plan = { action: 'delete', type, id, place };
      return;
    }
    default:
  }
}

/** The locks of patches; of a conditional one, of what it selects before the locks are held. */
async function locksOfPatches(unit: UnitOfWork, entries: readonly Entry[]): Promise<bigint[]> {
  const patches = entries.filter((entry) => entry.patch);
  if (patches.length === 0) return [];
  const conditions = patches.flatMap((entry) => (entry.condition ? [entry.condition] : []));
  const matches = await resolveConditions(unit, conditions);
  const locks: bigint[] = [];
  for (const entry of patches) locks.push(...(await patchLocks(unit, wantedPatch(entry, matches))));
  return locks;
}

async function planPatches(
  unit: UnitOfWork,
  steps: readonly Step[],
  matches: ReadonlyMap<Condition, Match | undefined>,
): Promise<void> {
  for (const step of steps) {
    if (!step.entry.patch) continue;
    step.plan = await patchPlan(unit, wantedPatch(step.entry, matches));
  }
}

function wantedPatch(
  entry: Entry,
  matches: ReadonlyMap<Condition, Match | undefined>,
): WantedPatch {
  const { type, condition, patch, place, request } = entry;
  const id = condition ? matches.get(condition)?.id : entry.id;
  if (id === undefined) throw noneMatches(type, place);
  const ifMatch = versionOf(request.headers['if-match']);
  return { type, id, patch: patch!, ifMatch, place };
}

/** Two creations under the same condition are one resource. */
function isTwin(other: Step, step: Step): boolean {
  const { condition, method, type } = other.entry;
  return (
    method === 'POST' &&
    type === step.entry.type &&
    condition?.query === step.entry.condition?.query &&
    other.entry.index < step.entry.index &&
    other.sameAs === undefined
  );
}

function targetOf(steps: readonly Step[], step: Step): string | undefined {
  const owner = step.sameAs === undefined ? step : steps[step.sameAs]!;
  const id = owner.plan?.id ?? owner.match?.id;
  return id === undefined ? undefined : `${step.entry.type}/${id}`;
}

async function rewriteAll(
  unit: UnitOfWork,
  steps: readonly Step[],
  names: ReadonlyMap<string, string>,
): Promise<void> {
  const rewritten = steps.map((step) =>
    step.plan?.resource ? rewrite(step.plan.resource, names) : undefined,
  );
  const resources = rewritten.map((resource, at) => ({
    resource,
    place: steps[at]!.entry.place,
    id: steps[at]!.plan?.id,
  }));
  const resolved = await conditionalReferences(unit, resources);
  for (const [at, step] of steps.entries()) {
    const resource = resolved[at];
    if (step.plan && resource) step.plan = { ...step.plan, resource };
  }
}

async function write(unit: UnitOfWork, steps: readonly Step[]): Promise<void> {
  const rank = { delete: 0, create: 1, update: 2 };
  const planned = steps.filter((step) => step.plan);
  checkUnique(planned.map((step) => step.plan!));
  for (const step of planned) {
    const { resource } = step.plan!;
    if (step.entry.method !== 'POST' || !resource) continue;
    const taken = await inPlace(step.entry, () => accepted(unit, resource));
    if (taken) step.response = resourceResponse(201, taken);
  }
  const stored = planned
    .filter((step) => !step.response)
    .sort((a, b) => rank[a.plan!.action] - rank[b.plan!.action] || a.entry.index - b.entry.index);
  const written = await writeResources(
    unit,
    stored.map((step) => step.plan!),
    { locked: true },
  );
  const byName = new Map(written.map((each) => [`${each.type}/${each.id}`, each]));
  for (const step of stored) step.written = byName.get(`${step.plan!.type}/${step.plan!.id}`);
}

type AnswerEntry = NonNullable<Bundle['entry']>[number];

function answerOf(unit: UnitOfWork, steps: readonly Step[], step: Step): AnswerEntry {
  const base = fhirOf(unit).base();
  const { entry, response, written } = step;
  if (response) {
    const resource = response.text ? (JSON.parse(response.text) as Resource) : undefined;
    const id = entry.method === 'POST' && resource?.id;
    return {
      ...(resource && { resource }),
      ...(id && { fullUrl: `${base}/${entry.type}/${id}` }),
      response: { status: String(response.status), ...etagOf(response) },
    };
  }
  if (entry.method === 'DELETE') return { response: { status: '204' } };
  const owner = step.sameAs === undefined ? step : steps[step.sameAs]!;
  const found = written ?? owner.written ?? owner.match;
  if (!found) throw new Error('transaction: an entry without an answer');
  const created = written?.action === 'create';
  return {
    fullUrl: `${base}/${entry.type}/${found.id}`,
    response: {
      status: created ? '201' : '200',
      location: `${base}/${entry.type}/${found.id}/_history/${found.version}`,
      etag: `W/"${found.version}"`,
      lastModified: found.lastUpdated.toISOString(),
    },
  };
}

function etagOf(response: FhirResponse): { etag?: string } {
  return response.headers.etag ? { etag: response.headers.etag } : {};
}

/** @throws Problem when the body is not a Bundle of a type that this endpoint takes */
export function bundleOf(body: unknown): Bundle {
  const bundle = body as Bundle;
  if (bundle === null || typeof bundle !== 'object' || bundle.resourceType !== 'Bundle') {
    throw problem(
      'structure',
      'bundle-missing',
      'Send a Bundle of type transaction or batch to the base URL.',
      'resourceType',
    );
  }
  if (bundle.type !== 'transaction' && bundle.type !== 'batch') {
    throw problem(
      'invalid',
      'bundle-type',
      `Bundle.type is ${JSON.stringify(bundle.type ?? null)}; the base URL takes "transaction" and "batch".`,
      'Bundle.type',
    );
  }
  return bundle;
}
