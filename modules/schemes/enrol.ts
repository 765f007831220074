/**
 * Enrolment by criteria: every active household without a live enrolment is judged by the rules of
 * the scheme; those eligible are enrolled, the others counted by reason. Running it again enrols
 * only who has become eligible since.
 *
 * Two who enrol at once take turns by the row of the scheme. Coverages are written in pages, all
 * in one unit of work: all or none.
 */

import type { Bundle } from '@medplum/fhirtypes';
import { type Context, periodNear } from '../../src/sdk/index.ts';
import { enrolmentCoverage } from './enrolment.ts';
import { enrolByRank } from './rank.ts';
import { compileRules } from './rules/compiled.ts';
import {
  countEligibility,
  countLive,
  type EligibilityCount,
  type EligibilityQuestion,
  listEligible,
  pageEnd,
} from './store/eligibility.ts';
import { readRulesVersion, type Scheme, takeTurns } from './store/schemes.ts';

/** Households looked at in one page; a page's Coverages are one transaction Bundle. */
const PAGE = 1000;

/** What enrolling did, or would do. */
export interface EnrolmentSummary {
  readonly enrolled: number;
  /** Eligible, but there was no place; 0 where a scheme ranks nobody. */
  readonly waiting: number;
  /** Live enrolments from before. */
  readonly already: bigint;
  /** Households by decision and reason, eligible ones included. */
  readonly counts: readonly EligibilityCount[];
  /** Names of the criteria, in order. */
  readonly criteria: readonly string[];
}

/**
 * Enrols, or only counts.
 *
 * @param asOf  the day on which ages are taken and enrolment starts
 */
export async function enrolByCriteria(
  ctx: Context,
  scheme: Scheme,
  options: {
    readonly preview: boolean;
    readonly asOf: string;
    readonly areaId: bigint | undefined;
    /** `Organization/id` that owns the scheme, where it has an owner. */
    readonly payor: string | undefined;
  },
): Promise<EnrolmentSummary> {
  const rules = await readRulesVersion(ctx, scheme.scheme_id, scheme.rules_version);
  if (!options.preview) {
    const period = periodNear(rules, options.asOf);
    const { plan } = compileRules(rules, period, options.asOf);
    await takeTurns(ctx, scheme.scheme_id, [...plan.schemes]);
  }
  const question: EligibilityQuestion = {
    schemeId: scheme.scheme_id,
    rules,
    asOf: options.asOf,
    areaId: options.areaId,
  };
  const already = await countLive(ctx, scheme.scheme_id);
  const counts = await countEligibility(ctx, question);
  const { ranking } = rules;
  const { enrolled, waiting } = ranking
    ? await enrolByRank(ctx, scheme, ranking, question, options)
    : { waiting: 0, enrolled: await enrolUnranked(ctx, scheme, question, options) };
  return { enrolled, waiting, already, counts, criteria: rules.criteria.map((each) => each.name) };
}

async function enrolUnranked(
  ctx: Context,
  scheme: Scheme,
  question: EligibilityQuestion,
  options: { readonly preview: boolean; readonly payor: string | undefined },
): Promise<number> {
  return options.preview ? 0 : enrolAll(ctx, scheme, question, options.payor);
}

async function enrolAll(
  ctx: Context,
  scheme: Scheme,
  question: EligibilityQuestion,
  payor: string | undefined,
): Promise<number> {
  let enrolled = 0;
  let after = 0n;
  for (;;) {
    const upTo = await pageEnd(ctx, after, PAGE);
    if (upTo === undefined) return enrolled;
    const page = await listEligible(ctx, question, after, upTo);
    const coverages = page.map((household) =>
      enrolmentCoverage({
        schemeFhirId: scheme.fhir_id,
        householdFhirId: household.household_fhir_id,
        recipientFhirId: household.recipient_fhir_id,
        payor,
        schemeName: scheme.name,
        reason: 'criteria-met',
        startsOn: question.asOf,
      }),
    );
    if (coverages.length > 0) {
      const bundle: Bundle = {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: coverages.map((resource) => ({
          fullUrl: `urn:uuid:${ctx.newId()}`,
          resource,
          request: { method: 'POST', url: 'Coverage' },
        })),
      };
      await ctx.fhir.transaction(bundle);
    }
    enrolled += coverages.length;
    after = upTo;
  }
}
