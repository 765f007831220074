/**
 * Keeps schemes in step with InsurancePlans, in the write that changes them.
 *
 * An InsurancePlan is a scheme when it declares our profile or carries `scheme-rules`; every other
 * one is just stored. A change of rules makes a new version of them.
 *
 * Spec: https://hl7.org/fhir/R4/insuranceplan.html
 */

import type { InsurancePlan } from '@medplum/fhirtypes';
import { CronExpressionParser } from 'cron-parser';
import {
  type Context,
  dayRange,
  declares,
  extensionOf,
  inPlace,
  localId,
  partOf,
  problem,
  type ResourceWrite,
} from '../../src/sdk/index.ts';
import { schemeChanged } from './events.ts';
import { requireQuota } from './rank.ts';
import { requireCases } from './rules/cases.ts';
import { PLACE, readRules } from './rules/read.ts';
import type { SchemeRules } from './rules/types.ts';
import { closeSchemes, unknownAreas, unknownSchemes, writeScheme } from './store/schemes.ts';

export function isScheme(plan: InsurancePlan | undefined): boolean {
  return (
    plan !== undefined &&
    (declares(plan, 'scheme') || extensionOf(plan, 'scheme-rules') !== undefined)
  );
}

/** Projects InsurancePlans that are schemes; closes those that are so no longer. */
export async function projectPlans(
  ctx: Context,
  writes: readonly ResourceWrite<InsurancePlan>[],
): Promise<void> {
  const others = writes.filter((each) => each.action !== 'create' && !isScheme(each.resource));
  await closeSchemes(
    ctx,
    others.map((write) => write.rid),
  );
  for (const write of writes) {
    const plan = write.resource;
    if (!plan || !isScheme(plan)) continue;
    await inPlace(write.place, () => projectScheme(ctx, write, plan));
  }
}

async function projectScheme(
  ctx: Context,
  write: ResourceWrite<InsurancePlan>,
  plan: InsurancePlan,
): Promise<void> {
  const rules = await requireRules(ctx, plan);
  const extension = extensionOf(plan, 'scheme-rules');
  const owner = localId(plan.ownedBy?.reference, 'Organization');
  const owners = owner ? await ctx.fhir.rids('Organization', [owner]) : undefined;
  const rulesVersion = await writeScheme(ctx, {
    rid: write.rid,
    id: write.id,
    version: write.version,
    name: plan.name ?? plan.id ?? '',
    timeZone: readTimeZone(partOf(extension, 'time-zone')?.valueString),
    draftAt: readClock(partOf(extension, 'draft-at')?.valueString),
    organizationId: owners?.get(owner ?? '') ?? null,
    active: plan.status === undefined || plan.status === 'active',
    startsOn: plan.period?.start ? dayRange(plan.period.start).first : null,
    endsOn: plan.period?.end ? dayRange(plan.period.end).last : null,
    rules,
  });
  ctx.emit(schemeChanged, { schemeId: String(write.rid), rulesVersion });
}

/**
 * The rules of a plan, checked whole: compiled, with areas and schemes that are known, a quota, and
 * test cases that come out.
 *
 * @throws Problem with an issue for each fault
 */
export async function requireRules(ctx: Context, plan: InsurancePlan): Promise<SchemeRules> {
  const { rules, areas, schemes } = readRules(plan);
  const unknown = await unknownAreas(ctx, areas);
  if (unknown.length > 0) {
    throw problem(
      'value',
      'criterion-area-unknown',
      `No area has the code ${unknown.join(', ')}; send the area first or mend livesIn().`,
      `InsurancePlan.extension('scheme-rules')`,
    );
  }
  const strangers = await unknownSchemes(ctx, schemes);
  if (strangers.length > 0) {
    throw problem(
      'value',
      'criterion-scheme-unknown',
      `InsurancePlan/${strangers.join(', ')} is no scheme here; send it first or mend enrolledIn().`,
      `InsurancePlan.extension('scheme-rules')`,
    );
  }
  requireQuota(rules, PLACE);
  await requireCases(ctx, rules, PLACE);
  return rules;
}

/** A cron expression of five fields that rings at all. */
function readClock(text: string | undefined): string | null {
  if (text === undefined) return null;
  try {
    if (text.trim().split(/\s+/).length === 5) {
      CronExpressionParser.parse(text).next();
      return text;
    }
  } catch {
    // Said below.
  }
  throw problem(
    'value',
    'draft-at-malformed',
    `"${text.slice(0, 60)}" is not a clock; write minute, hour, day, month and weekday, like "0 6 5 * *".`,
    `InsurancePlan.extension('scheme-rules').draft-at`,
  );
}

function readTimeZone(text: string | undefined): string {
  if (text === undefined) return 'UTC';
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw problem(
      'value',
      'time-zone-unknown',
      `"${text}" is not a time zone; write one like Africa/Nairobi.`,
      `InsurancePlan.extension('scheme-rules').time-zone`,
    );
  }
}
