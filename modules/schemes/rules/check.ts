/**
 * Checks rules before they are kept: every expression is compiled, for two periods of a year, so
 * that what cannot be compiled is refused with place and reason, and never found at payroll.
 */

import { addDays, type Issue, periodNear } from '../../../src/sdk/index.ts';
import { CriterionFault } from '../language/syntax.ts';
import { TableFault } from '../language/table.ts';
import { ageDay, compileRules } from './compiled.ts';
import type { SchemeRules } from './types.ts';

const PLACE = `InsurancePlan.extension('scheme-rules')`;

/** Codes of areas and ids of schemes that rules name; adds an issue for the first fault. */
export function checkRules(
  rules: SchemeRules,
  issues: Issue[],
): { areas: readonly string[]; schemes: readonly string[] } {
  let place = '';
  try {
    const areas = new Set<string>();
    const schemes = new Set<string>();
    for (const day of checkDays(rules)) {
      const period = periodNear(rules, day);
      const compiled = compileRules(rules, period, ageDay(rules, period), {
        track: (at) => {
          place = at;
        },
      });
      for (const code of compiled.plan.areas) areas.add(code);
      for (const id of compiled.plan.schemes) schemes.add(id);
    }
    return { areas: [...areas], schemes: [...schemes] };
  } catch (error) {
    issues.push(issueOf(error, place));
    return { areas: [], schemes: [] };
  }
}

/** Days in two periods that follow each other, from the first that the rules are for. */
function checkDays(rules: SchemeRules): string[] {
  const first = rules.appliesFrom ?? rules.firstCycle ?? '2026-01-01';
  return [first, addDays(periodNear(rules, first).endsOn, 1)];
}

function issueOf(error: unknown, place: string): Issue {
  const issue = { severity: 'error', kind: 'value', expression: `${PLACE}${place}` } as const;
  if (error instanceof CriterionFault) {
    return {
      ...issue,
      code: 'criterion-malformed',
      diagnostics: `At character ${error.at + 1}: ${error.message}.`,
    };
  }
  if (error instanceof TableFault) {
    return { ...issue, code: 'scheme-table-malformed', diagnostics: `${error.message}.` };
  }
  throw error;
}
