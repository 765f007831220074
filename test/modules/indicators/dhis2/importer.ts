/**
 * A stand-in for DHIS2's import of data values (2.43 and later): reads the four forms as DHIS2 does
 * and applies its checks of groups and values. It knows only what its metadata say, and is itself
 * held against the expected results of dhis2-core's integration tests. It shares no code with our
 * renderings but the reading of periods, which has vectors of its own.
 *
 * Left out: categories as attributes (we always send option combos), locks, and access.
 */

import { parse } from 'csv-parse/sync';
import { XMLParser } from 'fast-xml-parser';
import { parseAdxPeriod, parsePeriodId } from '../../../../modules/indicators/dhis2/period.ts';

type Ids = Readonly<Record<'uid' | 'code' | 'attribute', string | undefined>>;
type ValueType = 'INTEGER' | 'NUMBER' | 'BOOLEAN' | 'TRUE_ONLY';

/** What a DHIS2 server knows of one data set. */
export interface Metadata {
  readonly dataSet: Ids & { readonly periodType: string };
  readonly elements: readonly (Ids & {
    readonly valueType: ValueType;
    /** Option combos of its category combination; the default one alone where not given. */
    readonly combos?: readonly string[];
  })[];
  readonly orgUnits: readonly Ids[];
  /** UID of the default option combo. */
  readonly defaultCombo: string;
}

/** What an import came to. */
export interface Summary {
  readonly status: 'SUCCESS' | 'WARNING' | 'ERROR' | 'EXCEPTION';
  readonly updated: number;
  readonly ignored: number;
  readonly errorCode?: string;
}

type Fields = Readonly<Record<string, string | undefined>>;
interface Sent {
  readonly head: Fields;
  readonly rows: readonly Fields[];
}

const attributes = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
});

const list = <Item>(items: Item | readonly Item[] | undefined): readonly Item[] =>
  items === undefined ? [] : Array.isArray(items) ? items : [items as Item];

/** Reads a body; undefined where DHIS2 would not even try. */
function read(contentType: string, body: string, query: Fields): Sent[] | undefined {
  if (contentType.startsWith('application/json')) {
    const { dataValues, ...head } = JSON.parse(body);
    return [{ head, rows: dataValues }];
  }
  if (contentType.startsWith('application/csv')) {
    const names: Record<string, string> = {
      dataelement: 'dataElement',
      orgunit: 'orgUnit',
      categoryoptioncombo: 'categoryOptionCombo',
      attributeoptioncombo: 'attributeOptionCombo',
    };
    const rows: Fields[] = parse(body, {
      columns: (header: string[]) => header.map((name) => names[name] ?? name),
      relax_column_count: true,
    });
    return rows[0] && 'dataElement' in rows[0] ? [{ head: query, rows }] : undefined;
  }
  const document = attributes.parse(body);
  if (contentType.startsWith('application/adx+xml')) {
    if (document.adx?.xmlns !== 'urn:ihe:qrph:adx:2015') return undefined;
    return list(document.adx.group).map(({ dataValue, ...head }) => ({
      head: { ...query, ...head, period: parseAdxPeriod(head.period)?.id ?? 'none' },
      rows: list(dataValue),
    }));
  }
  if (document.dataValueSet?.xmlns !== 'http://dhis2.org/schema/dxf/2.0') return undefined;
  const { dataValue, ...head } = document.dataValueSet;
  return [{ head: { ...query, ...head }, rows: list(dataValue) }];
}

const VALUES: Readonly<Record<ValueType, RegExp>> = {
  INTEGER: /^-?\d+(\.0+)?$/,
  NUMBER: /^-?\d+(\.\d+)?$/,
  BOOLEAN: /^(true|false|1|0|t|f|y|n|yes|no)$/i,
  TRUE_ONLY: /^(true|1|t|y|yes)$/i,
};

function finder(head: Fields, kind: 'dataSet' | 'dataElement' | 'orgUnit') {
  const scheme = (head[`${kind}IdScheme`] ?? head.idScheme ?? 'uid').toLowerCase().split(':')[0];
  return <Known extends Ids>(known: readonly Known[], id: string | undefined) =>
    known.find((each) => each[scheme as keyof Ids] === id);
}

/** Imports a body; nothing is stored, everything is checked. */
export function importValues(
  known: Metadata,
  contentType: string,
  body: string,
  query: Fields = {},
): Summary {
  const sent = read(contentType, body, query);
  if (!sent) return { status: 'EXCEPTION', updated: 0, ignored: 0 };
  const isAdx = contentType.startsWith('application/adx');
  const keys = new Set<string>();
  let updated = 0;
  let ignored = 0;
  for (const group of sent) {
    const errorCode = groupError(known, group, isAdx, keys);
    if (errorCode) return { status: 'ERROR', updated: 0, ignored: 0, errorCode };
    for (const { dataElement, value = '', deleted } of group.rows) {
      const element = finder(group.head, 'dataElement')(known.elements, dataElement)!;
      if (deleted === 'true' || VALUES[element.valueType].test(value)) updated += 1;
      else ignored += 1;
    }
  }
  const status = ignored === 0 ? 'SUCCESS' : updated === 0 ? 'ERROR' : 'WARNING';
  return { status, updated, ignored };
}

/** What refuses a whole group. */
function groupError(
  known: Metadata,
  { head, rows }: Sent,
  isAdx: boolean,
  keys: Set<string>,
): string | undefined {
  const { dataSet } = head;
  if (dataSet && !finder(head, 'dataSet')([known.dataSet], dataSet)) return 'E8005';
  if (isAdx && !dataSet) return 'E8004';
  if (head.completeDate && !(dataSet && head.orgUnit && head.period)) return 'E8009';
  for (const row of rows) {
    const { dataElement, period = head.period, orgUnit = head.orgUnit } = row;
    const element = finder(head, 'dataElement')(known.elements, dataElement);
    if (!element) return dataSet ? 'E8020' : 'E8003';
    if (parsePeriodId(period ?? '')?.type !== known.dataSet.periodType) return 'E8021';
    if (!finder(head, 'orgUnit')(known.orgUnits, orgUnit)) return 'E8022';
    if (isAdx && !row.categoryOptionCombo) return 'E8108';
    const combo = row.categoryOptionCombo || known.defaultCombo;
    if (!(element.combos ?? [known.defaultCombo]).includes(combo)) return 'E8024';
    const key = [dataElement, period, orgUnit, combo].join();
    if (keys.has(key)) return 'E8128';
    keys.add(key);
  }
  return undefined;
}
