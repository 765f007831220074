/**
 * Names and functions of the household: its size, members, facts, area, enrolment and history.
 */

import { addDays, addMonths, daysOf } from '../../../src/sdk/index.ts';
import type { Compiling } from './compiling.ts';
import { monthsIn } from './moment.ts';
import { exactly, quote } from './sql.ts';
import type { Call } from './syntax.ts';
import { type CodeValue, numberValue, unknownName, type Value, wrong } from './values.ts';

/** More members than any household has. */
export const MEMBERS_MAX = 1000;

const KNOWN =
  "a household has size, members, area, areaAt(), livesIn(), characteristic('…'), enrolment, " +
  "enrolledIn('…'), communityDecision, monthsMet('…')";

/** A name of the household. */
export function householdName(compilation: Compiling, name: string, at: number): Value {
  switch (name) {
    case 'members':
      return { is: 'members', where: [], layer: 0 };
    case 'size':
      return sizeOf(compilation);
    case 'area':
      return areaCode(compilation, 0);
    case 'communityDecision':
      compilation.plan.usesValidation = true;
      return inHousehold(compilation, { is: 'code', sql: 'community_decision' });
    default:
      if (name.startsWith('enrolment.')) return enrolmentName(compilation, name.slice(10), at);
      throw unknownName(name, at, KNOWN);
  }
}

/** What is of the household can be used from the first layer on. */
function inHousehold<Kind extends Value>(compilation: Compiling, value: Kind): Kind {
  compilation.needs(1);
  return value;
}

function sizeOf(compilation: Compiling): Value {
  const alias = compilation.plan.ofMembers('count(*)', 0);
  return inHousehold(
    compilation,
    numberValue(exactly(`coalesce(${alias}, 0)`), { whole: true, most: MEMBERS_MAX, sure: true }),
  );
}

/** The code of the area in which the household lives; `level` 1 is the outermost, 0 its own. */
export function areaCode(compilation: Compiling, level: number): CodeValue {
  compilation.plan.areaLevels.add(level);
  return inHousehold(compilation, { is: 'code', sql: `area${level}_code` });
}

/** The household lives in the area or below it. */
export function livesIn(compilation: Compiling, code: string): Value {
  compilation.plan.areas.add(code);
  const sql =
    '(h.area_id in (select x.area_id from pay_points_area x join pay_points_area y ' +
    `on y.area_id = any(x.path) where y.code = ${quote(code)}))`;
  return inHousehold(compilation, { is: 'boolean', sql: compilation.plan.ofBase(sql) });
}

/** The household has a live enrolment in another scheme. */
export function enrolledIn(compilation: Compiling, scheme: string): Value {
  compilation.plan.schemes.add(scheme);
  const sql =
    '(h.household_id in (select x.household_id from schemes_enrolment x ' +
    `join schemes_scheme y on y.scheme_id = x.scheme_id where y.fhir_id = ${quote(scheme)} ` +
    "and x.state in ('enrolled', 'suspended')))";
  return inHousehold(compilation, { is: 'boolean', sql: compilation.plan.ofBase(sql) });
}

/** A fact of the household by its code. */
export function characteristic(compilation: Compiling, code: string): Value {
  const column = compilation.plan.fact(code);
  return inHousehold(compilation, {
    is: 'fact',
    number: `${column}_number`,
    code: `${column}_code`,
    boolean: `${column}_boolean`,
    any: `coalesce(${column}_any, false)`,
  });
}

const ENROLMENT =
  'an enrolment has startedOn, dayCount, monthCount, wholeMonths, cycles and paidCycles';

/** A fact of the enrolment; missing where the household is not enrolled. */
function enrolmentName(compilation: Compiling, name: string, at: number): Value {
  const { period } = compilation.moment;
  const { plan } = compilation;
  const from = `greatest(e.starts_on, date '${period.startsOn}')`;
  const to = `least(coalesce(e.ends_on, date '${period.endsOn}'), date '${period.endsOn}')`;
  const number = (sql: string, most: number) =>
    inHousehold(compilation, numberValue(plan.ofBase(`(${sql})::bigint`), { whole: true, most }));
  const enrolled = (sql: string) => `case when e.starts_on is not null then ${sql} end`;
  const months = monthsIn(period);
  switch (name) {
    case 'startedOn': {
      const alias = plan.ofBase("to_char(e.starts_on, 'YYYY-MM-DD')");
      return inHousehold(compilation, { is: 'date', low: alias, high: alias });
    }
    case 'dayCount':
      return number(enrolled(`greatest(${to} - ${from} + 1, 0)`), 1000);
    case 'monthCount':
      return number(
        enrolled(
          counted(
            months,
            (first, last) =>
              `e.starts_on <= date '${last}' and (e.ends_on is null or e.ends_on >= date '${first}')`,
          ),
        ),
        100,
      );
    case 'wholeMonths':
      return number(
        enrolled(
          counted(
            months,
            (first, last) =>
              `e.starts_on <= date '${first}' and (e.ends_on is null or e.ends_on >= date '${last}')`,
          ),
        ),
        100,
      );
    case 'cycles':
      return number(enrolled(`(${cyclesSince(compilation)})`), 10_000);
    case 'paidCycles':
      return number('paid_cycles', 10_000);
    default:
      throw unknownName(`enrolment.${name}`, at, ENROLMENT);
  }
}

function counted(months: readonly string[], test: (first: string, last: string) => string): string {
  const each = months.map((first) => {
    const last = addDays(addMonths(first, 1), -1);
    return `(case when ${test(first, last)} then 1 else 0 end)`;
  });
  return each.join(' + ');
}

/** Periods since the enrolment began, this one included. */
function cyclesSince(compilation: Compiling): string {
  const { period, calendar } = compilation.moment;
  if (calendar.frequency === 'calendar') {
    const begun = (calendar.calendar ?? []).filter((each) => each.startsOn <= period.startsOn);
    const ends = begun.map((each) => each.endsOn).join(',');
    return `${begun.length} - width_bucket(e.starts_on - 1, '{${ends}}'::date[])`;
  }
  const days = daysOf(calendar.frequency);
  if (days !== undefined) {
    return `1 - floor((e.starts_on - date '${period.startsOn}')::numeric / ${days})`;
  }
  const months = monthsIn(period).length;
  const [year, month] = period.startsOn.split('-').map(Number) as [number, number];
  return (
    `(${year * 12 + month - 1} - extract(year from e.starts_on)::int * 12 ` +
    `- extract(month from e.starts_on)::int + 1 + ${months - 1}) / ${months} + 1`
  );
}

/** The text of a call's only input. */
export function textInput(node: Call, what: string): string {
  const [input] = node.inputs;
  if (input?.kind === 'string' && node.inputs.length === 1 && input.text !== '') return input.text;
  throw wrong(`${node.name}('…') needs ${what} in quotes`, node.at);
}
