/**
 * Conditions met or not, month by month: `monthsMet('school')`, `monthsNotMet`, `monthsExempt`,
 * `monthsNoData`; of a member inside members, else of the household. A second input names the
 * calendar months that count: `monthsMet('school', 2 | 3 | 4)`.
 *
 * A month without a record has no data, which is neither met nor not met; the rule says what it is
 * worth by adding what it pays for.
 */

import type { Compiling, Scope } from './compiling.ts';
import { monthsIn } from './moment.ts';
import type { Call } from './syntax.ts';
import { type NumberValue, numberValue, unknownName, type Value, wrong } from './values.ts';

const OUTCOMES: Readonly<Record<string, string | undefined>> = {
  monthsMet: 'met',
  monthsNotMet: 'not-met',
  monthsExempt: 'exempt',
  monthsNoData: undefined,
};

export function complianceMonths(compilation: Compiling, node: Call, scope: Scope): NumberValue {
  if (!(node.name in OUTCOMES)) {
    throw unknownName(`${node.name}()`, node.at, Object.keys(OUTCOMES).join(', '));
  }
  const [condition, calendar] = node.inputs;
  if (condition?.kind !== 'string' || condition.text === '' || node.inputs.length > 2) {
    throw wrong(`${node.name}('…') needs the code of the condition in quotes`, node.at);
  }
  const all = monthsIn(compilation.moment.period);
  const chosen = calendar && calendarMonths(compilation.value(calendar, 'household'), calendar.at);
  const months = chosen ? all.filter((day) => chosen.has(Number(day.slice(5, 7)))) : all;
  const { alias } = compilation.plan.complied(condition.text, OUTCOMES[node.name], months);
  // In a member's row the alias is joined by member, in the household's it is its own.
  const recorded = scope === 'member' ? `coalesce(p.${alias}, 0)` : ownRecord(compilation, alias);
  const sql = node.name === 'monthsNoData' ? `(${months.length}::bigint - ${recorded})` : recorded;
  return numberValue(sql, { whole: true, most: 100, sure: true });
}

function ownRecord(compilation: Compiling, alias: string): string {
  compilation.needs(1);
  return compilation.plan.ofBase(`coalesce(q.${alias}, 0)`);
}

function calendarMonths(value: Value, at: number): ReadonlySet<number> {
  const items = value.is === 'list' ? value.items : [value];
  return new Set(
    items.map((item) => {
      const month = item.is === 'number' ? Number(item.literal) : Number.NaN;
      if (!Number.isInteger(month) || month < 1 || month > 12) {
        throw wrong('calendar months are numbers from 1 to 12, like (2 | 3 | 4)', at);
      }
      return month;
    }),
  );
}
