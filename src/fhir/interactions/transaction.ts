/**
 * FHIR transaction: a bundle as one unit of work, all or nothing.
 *
 * Order (R4 §trules): DELETE, POST, PUT and PATCH, then conditional references, then GET; the
 * answers stand in the order of the entries. Two entries that come to the same resource refuse the bundle, also when
 * only their conditions lead there; two POSTs with one condition are one resource.
 *
 * Spec: https://hl7.org/fhir/R4/http.html#transaction
 */

import type { Bundle } from '@medplum/fhirtypes';
import type { UnitOfWork } from '../../app.ts';
import { Problem, problem } from '../../sdk/index.ts';
import { BUNDLE_ENTRIES_MAX } from '../../settings.ts';
import { parseContent } from '../store/content.ts';
import { plannedLocks, writeResources } from '../store/write.ts';
import { type FhirRequest, type FhirResponse, fhirOf } from '../types.ts';
import { type Entry, parseEntries } from './bundle.ts';
import { resolveLocked } from './conditions.ts';
import { type Preference, preferredReturn, resourceResponse, savedOutcome } from './respond.ts';
import { conditionalReferences, fullUrlMap, rewrite } from './rewrite.ts';
import { locksOfPatches, planSteps, type Step } from './transaction-plan.ts';
import { accepted } from './write.ts';

/** Runs another request inside this unit of work (the router, handed in to avoid a cycle). */
export type Reenter = (request: FhirRequest) => Promise<FhirResponse>;

/**
 * Runs a transaction.
 *
 * @throws Problem whose expression names `Bundle.entry[n]`; nothing is written then
 */
export async function transaction(
  unit: UnitOfWork,
  bundle: Bundle,
  reenter: Reenter,
  prefer?: string,
): Promise<FhirResponse> {
  const entries = parseEntries(unit, bundle, unit.setting(BUNDLE_ENTRIES_MAX));
  const steps: Step[] = entries.map((entry) => ({ entry }));
  const conditions = entries.flatMap((entry) => (entry.condition ? [entry.condition] : []));
  const locks = [
    ...conditions.flatMap((condition) => condition.locks),
    ...entries.flatMap(({ type, id = '', resource }) =>
      resource ? plannedLocks([{ action: 'update', type, id, resource }]) : [],
    ),
    ...(await locksOfPatches(unit, entries)),
  ];
  const matches = await resolveLocked(unit, locks, conditions);
  await planSteps(unit, steps, matches);
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
    entry: steps.map((step) => answerOf(unit, steps, step, preferredReturn(prefer, 'minimal'))),
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

function answerOf(
  unit: UnitOfWork,
  steps: readonly Step[],
  step: Step,
  wanted: Preference,
): AnswerEntry {
  const base = fhirOf(unit).base();
  const { entry, response, written } = step;
  if (response) {
    const text = entry.method === 'HEAD' ? undefined : response.text;
    const resource = text ? parseContent(text) : undefined;
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
  const { id, version } = found;
  const outcome = savedOutcome(entry.type, id, version);
  return {
    fullUrl: `${base}/${entry.type}/${id}`,
    ...(wanted === 'representation' && { resource: parseContent(found.content) }),
    response: {
      status: written?.action === 'create' ? '201' : '200',
      location: `${base}/${entry.type}/${id}/_history/${version}`,
      etag: `W/"${version}"`,
      lastModified: found.lastUpdated.toISOString(),
      ...(wanted === 'OperationOutcome' && { outcome }),
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
