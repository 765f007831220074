/**
 * Enrolment by rank: where a scheme has fewer places than eligible households, the first of each
 * group are enrolled and the others wait, each with position and score. Running it again fills the
 * places that have become free from the waiting list; the order never depends on the order of rows.
 */

import type { Bundle, Coverage } from '@medplum/fhirtypes';
import { type Context, problem } from '../../src/sdk/index.ts';
import { changedCoverage, enrolmentCoverage } from './enrolment.ts';
import { readTable } from './language/table.ts';
import { EXTENSION, withExtension } from './names.ts';
import { divideByShares, withoutReserve } from './quota.ts';
import type { Ranking, SchemeRules } from './rules/types.ts';
import type { EligibilityQuestion } from './store/eligibility.ts';
import {
  countPlaces,
  type GroupCount,
  gatherCandidates,
  type RankedHousehold,
  rankCandidates,
  rankedPage,
} from './store/ranking.ts';
import type { Scheme } from './store/schemes.ts';

const PAGE = 1000;

/** What ranking did, or would do. */
export interface RankingSummary {
  readonly enrolled: number;
  readonly waiting: number;
}

/** Ranks the eligible and enrols as many as there are places, or only counts. */
export async function enrolByRank(
  ctx: Context,
  scheme: Scheme,
  ranking: Ranking,
  question: EligibilityQuestion,
  options: { readonly preview: boolean; readonly payor: string | undefined },
): Promise<RankingSummary> {
  const groups = await gatherCandidates(ctx, question, ranking);
  await rankCandidates(ctx, ranking, freePlaces(question.rules, ranking, groups));
  if (options.preview) {
    const { places, waiting } = await countPlaces(ctx);
    return { enrolled: Number(places), waiting: Number(waiting) };
  }
  let [enrolled, waiting, after] = [0, 0, 0n];
  for (;;) {
    const page = await rankedPage(ctx, after, PAGE);
    const last = page.at(-1);
    if (!last) return { enrolled, waiting };
    await writePage(ctx, scheme, question, page, options.payor);
    enrolled += page.filter((each) => each.has_place).length;
    waiting += page.filter((each) => !each.has_place).length;
    after = last.household_id;
  }
}

/** Places that are free in each group: those of the quota, without the reserve and who is in. */
export function freePlaces(
  rules: SchemeRules,
  ranking: Ranking,
  groups: readonly GroupCount[],
): Map<string, number> {
  const usable = usablePlaces(rules, ranking);
  const free = new Map<string, number>();
  for (const { code, enrolled } of groups) {
    free.set(code, Math.max(0, (usable.get(code) ?? 0) - Number(enrolled)));
  }
  return free;
}

/** Places of each group that may be filled: those of the quota, without the reserve. */
export function usablePlaces(rules: SchemeRules, ranking: Ranking): Map<string, number> {
  const quota = quotaOf(rules, ranking);
  return new Map(
    [...quota].map(([code, places]) => [code, withoutReserve(places, ranking.reservePercent)]),
  );
}

/** Places by group; '' where households are ranked all together. */
function quotaOf(rules: SchemeRules, { quotaTable, places }: Ranking): Map<string, number> {
  if (quotaTable === null) return new Map([['', places ?? 0]]);
  const source = rules.tables.find((each) => each.name === quotaTable);
  const table = source && readTable(source.name, source.rows);
  const shares = new Map(
    (table?.rows ?? []).flatMap((row) => {
      const [key] = row.keys;
      return key?.is === 'exactly' ? [[key.value, row.values[0] ?? '0'] as const] : [];
    }),
  );
  if (places !== null) return divideByShares(places, shares);
  return new Map([...shares].map(([code, count]) => [code, Math.trunc(Number(count))]));
}

async function writePage(
  ctx: Context,
  scheme: Scheme,
  { asOf }: EligibilityQuestion,
  page: readonly RankedHousehold[],
  payor: string | undefined,
): Promise<void> {
  const entry = await Promise.all(
    page.map(async (each) => {
      const ranked = (coverage: Coverage): Coverage => ({
        ...coverage,
        extension: withExtension(coverage.extension, rankExtension(each, scheme.rules_version)),
      });
      if (each.waiting_fhir_id === null) {
        const state = each.has_place ? 'enrolled' : 'waiting';
        const resource = enrolmentCoverage({
          schemeFhirId: scheme.fhir_id,
          householdFhirId: each.household_fhir_id,
          recipientFhirId: each.recipient_fhir_id,
          payor,
          schemeName: scheme.name,
          reason: each.has_place ? 'ranked-in' : 'over-quota',
          startsOn: asOf,
          state,
        });
        const request = { method: 'POST' as const, url: 'Coverage' };
        return { fullUrl: `urn:uuid:${ctx.newId()}`, resource: ranked(resource), request };
      }
      const url = `Coverage/${each.waiting_fhir_id}`;
      const coverage = await ctx.fhir.read<Coverage>('Coverage', each.waiting_fhir_id);
      const changed = changedCoverage(coverage, 'enrolled', 'ranked-in', asOf);
      const resource = ranked({ ...changed, period: { ...changed.period, start: asOf } });
      return { fullUrl: url, resource, request: { method: 'PUT' as const, url } };
    }),
  );
  const bundle: Bundle = { resourceType: 'Bundle', type: 'transaction', entry };
  await ctx.fhir.transaction(bundle);
}

function rankExtension({ position, score }: RankedHousehold, rulesVersion: number) {
  return {
    url: EXTENSION.rank,
    extension: [
      { url: 'position', valuePositiveInt: position },
      { url: 'score', valueDecimal: Number(score) },
      { url: 'rules-version', valuePositiveInt: rulesVersion },
    ],
  };
}

/** @throws Problem `scheme-quota-missing` where a ranking does not say how many places there are */
export function requireQuota(rules: SchemeRules, place: string): void {
  const { ranking } = rules;
  if (!ranking) return;
  const table = rules.tables.find((each) => each.name === ranking.quotaTable);
  const refused = (diagnostics: string) =>
    problem('value', 'scheme-quota-missing', diagnostics, `${place}.ranking`);
  if (ranking.quotaTable !== null && !table) {
    throw refused(`There is no table "${ranking.quotaTable}".`);
  }
  if ((ranking.within === null) !== (ranking.quotaTable === null)) {
    throw refused('within and quota-table go together: groups, and the places of each.');
  }
  if (ranking.quotaTable === null && ranking.places === null) {
    throw refused('Say how many places there are: places, or within and quota-table.');
  }
}
