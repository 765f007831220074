/**
 * Holds: a Flag on a household or a member that stops payments (hard) or warns (soft).
 *
 * Payroll knows nothing of duplicates or grievances; it honours holds. A Flag is a hold when it
 * declares our profile or has the category `hold`; every other Flag is just stored.
 *
 * Spec: https://hl7.org/fhir/R4/flag.html
 */

import type { Flag } from '@medplum/fhirtypes';
import {
  type Context,
  codeIn,
  codeSystem,
  declares,
  extensionOf,
  hasCode,
  localId,
  type Problem,
  problem,
  type ResourceWrite,
  structureDefinition,
} from '../../src/sdk/index.ts';
import { holdRaised, holdReleased } from './events.ts';
import { type HoldWrite, removeHolds, writeHolds } from './store/holds.ts';

/** What stands on whom, and why. */
export interface Hold {
  readonly subject: { readonly type: 'Group' | 'Patient'; readonly id: string };
  /** Member of CodeSystem `hold-code`, e.g. `duplicate-suspected`. */
  readonly code: string;
  /** hard: nobody is paid; soft: an officer is warned. */
  readonly policy: 'soft' | 'hard';
  /** A sentence for officers; no personal data. */
  readonly explanation?: string;
}

/** True for a Flag that is a hold; see the head of this file. */
export function isHold(flag: Flag | undefined): boolean {
  return flag !== undefined && (declares(flag, 'hold') || hasCode(flag.category, 'hold'));
}

/**
 * Raises a hold as this actor.
 *
 * @returns the Flag as stored
 * @throws Problem when the subject is unknown
 */
export async function raiseHold(ctx: Context, hold: Hold): Promise<Flag> {
  return ctx.fhir.create<Flag>(flagOf(ctx, hold));
}

/** The Flag of a hold, for whoever writes many in one Bundle. */
export function flagOf(ctx: Pick<Context, 'now'>, hold: Hold): Flag {
  return {
    resourceType: 'Flag',
    meta: { profile: [structureDefinition('hold')] },
    extension: [{ url: structureDefinition('hold-policy'), valueCode: hold.policy }],
    status: 'active',
    category: [{ coding: [{ system: codeSystem('flag-category'), code: 'hold' }] }],
    code: {
      coding: [{ system: codeSystem('hold-code'), code: hold.code }],
      ...(hold.explanation && { text: hold.explanation }),
    },
    subject: { reference: `${hold.subject.type}/${hold.subject.id}` },
    period: { start: ctx.now.toISOString() },
  };
}

/** Releases a hold; a hold that is released already stays as it is. */
export async function releaseHold(ctx: Context, id: string): Promise<Flag> {
  const flag = await ctx.fhir.read<Flag>('Flag', id);
  if (flag.status !== 'active') return flag;
  return ctx.fhir.update<Flag>({
    ...flag,
    status: 'inactive',
    period: { ...flag.period, end: ctx.now.toISOString() },
  });
}

/** Projects Flags that are holds. */
export async function projectFlags(
  ctx: Context,
  writes: readonly ResourceWrite<Flag>[],
): Promise<void> {
  const holds = writes.filter((write) => isHold(write.resource));
  const others = writes.filter((write) => !isHold(write.resource) && write.action !== 'create');
  await removeHolds(
    ctx,
    others.map((write) => write.rid),
  );
  if (holds.length === 0) return;
  const rows = await readHolds(ctx, holds);
  const before = await writeHolds(ctx, rows);
  for (const row of rows) {
    const stood = before.get(row.rid) ?? false;
    if (stood === row.active) continue;
    ctx.emit(row.active ? holdRaised : holdReleased, { holdId: String(row.rid), code: row.code });
  }
}

async function readHolds(
  ctx: Context,
  writes: readonly ResourceWrite<Flag>[],
): Promise<HoldWrite[]> {
  const subjects = (type: string): string[] =>
    writes
      .map((write) => localId(write.resource?.subject.reference, type))
      .filter((id) => id !== undefined);
  const groups = await ctx.fhir.rids('Group', subjects('Group'));
  const patients = await ctx.fhir.rids('Patient', subjects('Patient'));
  return writes.map((write) => {
    const flag = write.resource as Flag;
    const reference = flag.subject.reference;
    const householdId = groups.get(localId(reference, 'Group') ?? '') ?? null;
    const memberId = patients.get(localId(reference, 'Patient') ?? '') ?? null;
    const code = flag.code.coding?.[0]?.code;
    const policy = codeIn(extensionOf(flag, 'hold-policy'));
    if (householdId === null && memberId === null) throw placed(write, noSubject());
    if (!code) throw placed(write, noCode());
    return {
      rid: write.rid,
      id: write.id,
      version: write.version,
      householdId,
      memberId,
      code,
      // Without a word about it, a hold holds: paying in doubt is the error that cannot be undone.
      policy: policy === 'soft' ? 'soft' : 'hard',
      active: flag.status === 'active',
    };
  });
}

function placed({ place }: ResourceWrite<Flag>, found: Problem): Problem {
  return place ? found.within(place) : found;
}

function noSubject() {
  return problem(
    'unprocessable-reference',
    'hold-subject',
    'A hold stands on a household (Group/id) or a member (Patient/id) that is known here.',
    'Flag.subject',
  );
}

function noCode() {
  return problem('required', 'hold-code-missing', 'Give the code of the hold.', 'Flag.code.coding');
}
