/**
 * Data values as DHIS2 takes them: JSON, XML and CSV of dataValueSets, and ADX. The same values give
 * the same bytes, so that a hash tells whether anything has changed.
 *
 * Id schemes are always said, for defaults differ between versions. ADX always carries the option
 * combo explicitly, for from 2.43 on DHIS2 cannot find the default one otherwise; and one group per
 * request where a completeDate is sent, for groups are merged on reading. CSV has the header that
 * both engines read, cannot name its data set, and has no completeDate.
 *
 * Source: DHIS2 developer guide; dhis2-core 2.44; IHE QRPH ADX.
 */

import { createHash } from 'node:crypto';
import { stringify } from 'csv-stringify/sync';
import { XMLBuilder } from 'fast-xml-parser';
import { problem } from '../../../src/sdk/index.ts';
import type { DataValue, DataValueSet } from './values.ts';

/** A rendering. */
export interface Rendering {
  readonly contentType: string;
  readonly body: string;
}

/** Formats of `$dhis2-data-value-set`. */
export const FORMATS = ['json', 'xml', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const xml = new XMLBuilder({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  format: true,
  suppressEmptyNode: true,
});

/** Entity tag of a rendering. */
export function etagOf({ body }: Rendering): string {
  return `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`;
}

/** Renders sets in a format; several sets carry org unit and period on each value. */
export function renderDataValueSet(sets: readonly DataValueSet[], format: Format): Rendering {
  switch (format) {
    case 'json':
      return {
        contentType: 'application/json; charset=utf-8',
        body: `${JSON.stringify({ ...headOf(sets), dataValues: valuesOf(sets) }, undefined, 1)}\n`,
      };
    case 'xml':
      return {
        contentType: 'application/xml; charset=utf-8',
        body:
          XML_HEAD +
          xml.build({
            dataValueSet: {
              '@xmlns': 'http://dhis2.org/schema/dxf/2.0',
              ...attributes(headOf(sets)),
              dataValue: valuesOf(sets).map(attributes),
            },
          }),
      };
    case 'csv':
      return { contentType: 'application/csv; charset=utf-8', body: csv(sets) };
  }
}

/** What stands on the whole set. */
function headOf(sets: readonly DataValueSet[]): Record<string, string> {
  const [first] = sets;
  if (!first) return {};
  const { set, period, orgUnit, completeDate } = first;
  return {
    dataSet: set.dataSet,
    ...(sets.length === 1 && {
      ...(completeDate !== undefined && { completeDate }),
      period: period.id,
      orgUnit,
    }),
    ...(set.attributeOptionCombo !== null && { attributeOptionCombo: set.attributeOptionCombo }),
    dataSetIdScheme: schemeOf(set.idScheme),
    dataElementIdScheme: schemeOf(set.idScheme),
    categoryOptionComboIdScheme: schemeOf(set.idScheme),
    attributeOptionComboIdScheme: schemeOf(set.idScheme),
    orgUnitIdScheme: schemeOf(set.orgUnitScheme),
  };
}

function schemeOf(scheme: string): string {
  return scheme.toUpperCase();
}

function valuesOf(sets: readonly DataValueSet[]): Record<string, string>[] {
  return sets.flatMap(({ values, period, orgUnit }) =>
    values.map(({ dataElement, categoryOptionCombo, value }) => ({
      dataElement,
      ...(sets.length > 1 && { period: period.id, orgUnit }),
      ...(categoryOptionCombo !== undefined && { categoryOptionCombo }),
      value,
    })),
  );
}

function attributes(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`@${name}`, value]));
}

const CSV_COLUMNS = [
  'dataelement',
  'period',
  'orgunit',
  'categoryoptioncombo',
  'attributeoptioncombo',
  'value',
  'storedby',
  'timestamp',
  'comment',
  'followup',
  'deleted',
];

function csv(sets: readonly DataValueSet[]): string {
  const rows = sets.flatMap(({ set, period, orgUnit, values }) =>
    values.map((each) => [
      each.dataElement,
      period.id,
      orgUnit,
      each.categoryOptionCombo ?? '',
      set.attributeOptionCombo ?? '',
      each.value,
      ...['', '', '', '', ''],
    ]),
  );
  return stringify([CSV_COLUMNS, ...rows]);
}

/**
 * Renders sets as ADX, a group each.
 *
 * @throws Problem dhis2-unmapped where a value has no option combo; adx-period
 */
export function renderAdx(sets: readonly DataValueSet[], exportedAt: Date): Rendering {
  const groups = sets.map((each) => adxGroup(each, sets.length === 1));
  return {
    contentType: 'application/adx+xml; charset=utf-8',
    body:
      XML_HEAD +
      xml.build({
        adx: {
          '@xmlns': 'urn:ihe:qrph:adx:2015',
          '@exported': exportedAt.toISOString(),
          group: groups,
        },
      }),
  };
}

function adxGroup(each: DataValueSet, alone: boolean): Record<string, unknown> {
  const { set, period, orgUnit, completeDate, values } = each;
  if (period.adx === undefined) {
    throw problem('not-supported', 'adx-period', `ADX knows no periods of type ${period.type}.`);
  }
  return {
    ...attributes({
      dataSet: set.dataSet,
      period: period.adx,
      orgUnit,
      ...(alone && completeDate !== undefined && { completeDate }),
      ...(set.attributeOptionCombo !== null && { attributeOptionCombo: set.attributeOptionCombo }),
    }),
    dataValue: values.map((value) => attributes(adxValue(value))),
  };
}

function adxValue({ dataElement, categoryOptionCombo, value }: DataValue): Record<string, string> {
  if (categoryOptionCombo === undefined) {
    throw problem(
      'business-rule',
      'dhis2-unmapped',
      `ADX needs an option combo for ${dataElement}; map the default one explicitly.`,
    );
  }
  return { dataElement, value, categoryOptionCombo };
}
