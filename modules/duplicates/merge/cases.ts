/**
 * Tasks and Provenance that a merge leaves: what people have to look at, and who did what to which
 * versions. Nothing of money is put right by itself.
 */

import type { Bundle, BundleEntry, Provenance, Reference, Task } from '@medplum/fhirtypes';
import { type Context, codeSystem, identifierSystem } from '../../../src/sdk/index.ts';

/** Kinds of Task of this room; members of CodeSystem `task-code`. */
export type CaseCode = 'merge-proposal' | 'merge-follow-up' | 'paid-twice' | 'unmerge-review';

/** Something that a person has to look at. */
export interface Case {
  readonly code: CaseCode;
  /** The merge it comes from. */
  readonly merge: string;
  readonly focus: string;
  readonly says: string;
  /** Further resources it is about, by what they are to it. */
  readonly about?: readonly { readonly as: string; readonly reference: string }[];
}

/** The actor as FHIR names one who is no resource here. */
export function actorReference(ctx: Context): Reference<never> {
  return { identifier: { system: identifierSystem('actor'), value: ctx.actor.id } };
}

/** The Task of a case. */
export function caseTask(ctx: Context, { code, merge, focus, says, about = [] }: Case): Task {
  return {
    resourceType: 'Task',
    identifier: [{ system: identifierSystem('merge'), value: merge }],
    status: 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code }] },
    description: says,
    focus: { reference: focus },
    authoredOn: ctx.now.toISOString(),
    lastModified: ctx.now.toISOString(),
    requester: actorReference(ctx),
    ...(about.length > 0 && {
      input: about.map(({ as, reference }) => ({
        type: { text: as },
        valueReference: { reference },
      })),
    }),
  };
}

/** Who changed which versions, and from what. */
export function provenance(
  ctx: Context,
  code: 'merge' | 'unmerge',
  changed: readonly { readonly type: string; readonly id: string; readonly version: number }[],
  merge: string,
  proposedBy: string | null,
): Provenance {
  const agents = [ctx.actor.id, ...(proposedBy === null ? [] : [proposedBy])];
  return {
    resourceType: 'Provenance',
    target: changed.map(({ type, id, version }) => ({
      reference: `${type}/${id}/_history/${version}`,
    })),
    recorded: ctx.now.toISOString(),
    activity: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code }],
    },
    agent: agents.map((value) => ({
      who: { identifier: { system: identifierSystem('actor'), value } },
    })),
    entity: [
      {
        role: 'derivation',
        what: { identifier: { system: identifierSystem('merge'), value: merge } },
      },
    ],
  };
}

/** An entry that creates a resource; one that replaces a version of it. */
export function createEntry(resource: BundleEntry['resource'] & object): BundleEntry {
  return { resource, request: { method: 'POST', url: resource.resourceType } };
}

export function updateEntry(
  resource: BundleEntry['resource'] & object,
  version: string | undefined,
): BundleEntry {
  const url = `${resource.resourceType}/${resource.id}`;
  return {
    resource,
    request: { method: 'PUT', url, ...(version && { ifMatch: `W/"${version}"` }) },
  };
}

/** Writes all or nothing, inside the unit of work. */
export async function writeAll(ctx: Context, entry: BundleEntry[]): Promise<Bundle> {
  return ctx.fhir.transaction({ resourceType: 'Bundle', type: 'transaction', entry });
}
