/**
 * What a Bundle's kind asks of its entries, which R4 says in words: in a document references within
 * it are unambiguous; in a search result an outcome is an OperationOutcome and a match has an id.
 *
 * Spec: https://hl7.org/fhir/R4/bundle.html#references, https://hl7.org/fhir/R4/search.html#return
 */

import { isObject, type Json, type Run, shown } from './run.ts';

interface Target {
  readonly url: string;
  readonly version: unknown;
}

/** Reports faults between the entries of a Bundle; the run stands at the Bundle. */
export function checkBundle(bundle: Json, run: Run): void {
  const entries = Array.isArray(bundle.entry) ? bundle.entry : [];
  if (bundle.type === 'searchset') {
    entries.forEach((entry, index) => {
      if (isObject(entry)) atEntry(run, index, () => checkFound(entry, run));
    });
  } else if (bundle.type === 'document') {
    checkDocument(entries, run);
  }
}

function atEntry(run: Run, index: number, work: () => void): void {
  run.push('entry');
  run.indexes[run.depth - 1] = index;
  run.push('resource');
  work();
  run.pop();
  run.pop();
}

function checkFound({ resource, search }: Json, run: Run): void {
  if (!isObject(resource)) return;
  const mode = isObject(search) ? search.mode : undefined;
  const outcome = resource.resourceType === 'OperationOutcome';
  if (mode === 'outcome' && !outcome) {
    run.error(
      'structure',
      'not-an-outcome',
      `An entry of mode outcome is an OperationOutcome, but this is ${shown(resource.resourceType)}.`,
    );
  }
  if (mode !== 'outcome' && !outcome && resource.id === undefined) {
    run.error('required', 'result-without-id', 'What a search finds has an id. Give it.', 'id');
  }
}

function checkDocument(entries: readonly unknown[], run: Run): void {
  const targets = entries.filter(isObject).map(targetOf);
  entries.forEach((entry, index) => {
    if (!isObject(entry) || !isObject(entry.resource)) return;
    const { resource } = entry;
    atEntry(run, index, () => walk(resource, targets, run));
  });
}

function targetOf({ fullUrl, resource }: Json): Target {
  const { resourceType, id, meta } = isObject(resource) ? resource : ({} as Json);
  const url = typeof fullUrl === 'string' ? fullUrl : `${resourceType}/${id}`;
  return { url, version: isObject(meta) ? meta.versionId : undefined };
}

/** Visits every Reference below a value. */
function walk(value: Json, targets: readonly Target[], run: Run): void {
  if (typeof value.reference === 'string') checkReference(value.reference, targets, run);
  for (const key in value) {
    const inner = value[key];
    if (key === 'contained' || typeof inner !== 'object' || inner === null) continue;
    run.push(key);
    if (Array.isArray(inner)) {
      for (const [index, each] of inner.entries()) {
        run.indexes[run.depth - 1] = index;
        if (isObject(each)) walk(each, targets, run);
      }
    } else if (isObject(inner)) {
      walk(inner, targets, run);
    }
    run.pop();
  }
}

const LITERAL =
  /^((?:.*\/)?[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}?)(?:\/_history\/([A-Za-z0-9\-.]+))?$/;

function checkReference(literal: string, targets: readonly Target[], run: Run): void {
  const [, bare, version] = LITERAL.exec(literal) ?? [];
  if (bare === undefined) return;
  const same = targets.filter(({ url }) => url === bare || url.endsWith(`/${bare}`));
  if (same.length === 0) return;
  const matching = version === undefined ? same : same.filter((each) => each.version === version);
  if (matching.length === 1) return;
  run.error(
    'not-found',
    'document-reference',
    matching.length === 0
      ? `The document holds ${bare}, but not its version ${version}. Include it, or refer to the other.`
      : `${shown(literal)} may be ${matching.length} entries of the document. Name a version that one of them has.`,
    'reference',
  );
}
