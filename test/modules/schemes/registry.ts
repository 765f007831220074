/**
 * A registry of sixty families in three areas, with what makes a payroll differ from a list: no
 * account, no head, a head who has died, no score; and the rules that are tried over it.
 */

import type { Extension, Resource } from '@medplum/fhirtypes';
import {
  area,
  base,
  component,
  criterion,
  expression,
  household,
  inArea,
  mobileAccount,
  patient,
  provider,
  table,
} from '../support/people.ts';

export const MONTHLY: Extension = { url: 'frequency', valueCode: 'monthly' };
export const HOUSEHOLDS = 60;

/** Families whose facts follow from their number, so that each run is of the same registry. */
export function registry(): Resource[] {
  const resources: Resource[] = [
    provider('bank'),
    area('north'),
    area('north-1', {}, 'north'),
    area('north-2', {}, 'north'),
    area('south'),
    area('south-1', {}, 'south'),
  ];
  for (let n = 0; n < HOUSEHOLDS; n += 1) {
    const size = 1 + (n % 5);
    const ids = Array.from({ length: size }, (_, at) => `p-${n}-${at}`);
    resources.push(
      ...ids.map((id, at) =>
        patient(id, {
          birthDate: at === 0 ? `${1940 + (n % 50)}-03-0${1 + (n % 9)}` : `${2010 + at}-06-15`,
          gender: n % 3 === 0 ? 'male' : 'female',
          ...(n % 17 === 4 && at === 0 && { deceasedDateTime: '2025-12-01' }),
        }),
      ),
      household(`h-${n}`, [...(n % 13 === 5 ? [ids[0]!] : [`head:${ids[0]}`]), ...ids.slice(1)], {
        extension: [
          ...(n % 9 === 8 ? [] : [mobileAccount('bank', `+2547000${10_000 + n}`)]),
          inArea(['north-1', 'north-2', 'south-1'][n % 3]!),
        ],
        ...(n % 11 !== 10 && {
          characteristic: [
            {
              code: { coding: [{ code: 'score' }] },
              valueQuantity: { value: (n * 37) % 23 },
              exclude: false,
            },
          ],
        }),
      }),
    );
  }
  return resources;
}

/** The rules in force. */
export const OLD = [MONTHLY, criterion("characteristic('score') < 15", 'poor'), base(100)];

/** Rules that are tried, each by what is hard about it. */
export const DRAFTS: Readonly<Record<string, readonly Extension[]>> = {
  'another amount and another limit': [
    MONTHLY,
    criterion("characteristic('score') < 19", 'poor'),
    component('each', 33.35, { for: 'age < 18', maximum: 2 }),
    base(70),
    expression('adjustment', 'least(%total, 120)', 'cap'),
  ],
  'a ranking with a quota for each area, a reserve and a waiting list': [
    MONTHLY,
    criterion('size >= 2', 'two'),
    component('each', 40.1, { for: 'true' }),
    table('quota', 'area -> places\nNORTH-1 -> 9\nNORTH-2 -> 5\nSOUTH-1 -> 20'),
    {
      url: 'ranking',
      extension: [
        expression('score', "characteristic('score')"),
        { url: 'direction', valueCode: 'ascending' },
        expression('tie-breaker', '0 - size'),
        expression('within', 'area'),
        { url: 'quota-table', valueString: 'quota' },
        { url: 'reserve-percent', valueDecimal: 10 },
      ],
    },
  ],
  'one list with few places': [
    MONTHLY,
    criterion('true', 'all'),
    base(250),
    {
      url: 'ranking',
      extension: [
        expression('score', 'size'),
        { url: 'direction', valueCode: 'descending' },
        { url: 'places', valuePositiveInt: 40 },
      ],
    },
  ],
  'a rule that looks at the enrolment itself': [
    MONTHLY,
    criterion("characteristic('score') < iif(enrolment.startedOn.exists(), 20, 9)", 'poor'),
    component('each', 10, { for: 'true', times: 'enrolment.wholeMonths' }),
  ],
  'a minimum that is payable, in another frequency': [
    { url: 'frequency', valueCode: 'quarterly' },
    criterion("characteristic('score') < 20", 'poor'),
    component('each', 25, { for: 'age < 18' }),
    { url: 'minimum-payable', valueMoney: { value: 50, currency: 'KES' } },
  ],
};
