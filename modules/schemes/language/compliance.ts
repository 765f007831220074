/**
 * Conditions met or not, month by month: `monthsMet('school')`, `monthsNotMet`, `monthsExempt`,
 * `monthsNoData`; of a member inside members, else of the household. A second input names the
 * calendar months that count, `monthsMet('school', 2 | 3 | 4)`, or looks back over so many months that
 * end with the period: `monthsNotMet('school', 6 months)`.
 *
 * A month without a record has no data, which is neither met nor not met; the rule says what it is
 * worth by adding what it pays for.
 */

import type { Compiling, Scope } from './compiling.ts';
import { monthsIn, monthsUntil } from './moment.ts';
import type { Call, Node } from './syntax.ts';
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
  const [condition, second] = node.inputs;
  if (condition?.kind !== 'string' || condition.text === '' || node.inputs.length > 2) {
    throw wrong(`${node.name}('…') needs the code of the condition in quotes`, node.at);
  }
  const months = monthsMeant(compilation, second);
  const { alias } = compilation.plan.complied(condition.text, OUTCOMES[node.name], months);
  // In a member's row the alias is joined by member, in the household's it is its own.
  const recorded = scope === 'member' ? `coalesce(p.${alias}, 0)` : ownRecord(compilation, alias);
  const sql = node.name === 'monthsNoData' ? `(${months.length}::bigint - ${recorded})` : recorded;
  return numberValue(sql, { whole: true, most: 100, sure: true });
}

function monthsMeant(compilation: Compiling, second: Node | undefined): readonly string[] {
  const { period } = compilation.moment;
  if (second?.kind !== 'duration') {
    const all = monthsIn(period);
    const chosen = second && calendarMonths(compilation.value(second, 'household'), second.at);
    return chosen ? all.filter((day) => chosen.has(Number(day.slice(5, 7)))) : all;
  }
  const count = Number(second.text) * (second.unit.startsWith('year') ? 12 : 1);
  if (!/^(month|year)/.test(second.unit) || !Number.isInteger(count) || count < 1 || count > 60) {
    throw wrong('it looks back from 1 month to 60 months', second.at);
  }
  return monthsUntil(period, count);
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
