/**
 * The mapping to DHIS2 as a ConceptMap: one per Measure and data set, kept by administrators over
 * FHIR, so that DHIS2's ids stand in configuration and not in Measures.
 *
 * The extension `dhis2-data-set` names Measure, data set, period type and id schemes. Each element
 * is an indicator; each of its targets is a cell: `dependsOn` names dimension and code, `code` is the
 * data element, `product` the category option combo. A target `unmatched` leaves out on purpose.
 *
 * Spec: https://hl7.org/fhir/R4/conceptmap.html
 */

import type {
  ConceptMap,
  ConceptMapGroupElement,
  ConceptMapGroupElementTarget,
} from '@medplum/fhirtypes';
import {
  type Context,
  codeSystem,
  declares,
  type Extensible,
  extensionOf,
  identifierSystem,
  inPlace,
  partOf,
  problem,
  type ResourceWrite,
  type StoredBinding,
  structureDefinition,
} from '../../../src/sdk/index.ts';
import { stratumOf } from '../dimensions.ts';
import type { Indicator } from '../indicator.ts';
import { indicatorsOf } from '../measure.ts';
import { dimensionCode, INDICATORS, measureUrl } from '../measure-report.ts';
import {
  type DataSetRow,
  forgetMappings,
  type MappingRow,
  writeMappings,
} from '../store/mappings.ts';
import { PERIOD_TYPES } from './period.ts';

/** System of the option combos in `product`. */
export const OPTION_COMBO = identifierSystem('dhis2-category-option-combo');

/** Property of `dependsOn` for a dimension. */
export function dimensionProperty(code: string): string {
  return `${codeSystem('indicator-dimension')}/${code}`;
}

const ID_SCHEMES = ['uid', 'code'] as const;

/** ConceptMaps that declare our profile. */
export const mappingBinding: StoredBinding = {
  kept: 'stored',
  type: 'ConceptMap',
  profile: structureDefinition('dhis2-mapping'),
  project: (ctx, writes) => projectMaps(ctx, writes as readonly ResourceWrite<ConceptMap>[]),
};

async function projectMaps(
  ctx: Context,
  writes: readonly ResourceWrite<ConceptMap>[],
): Promise<void> {
  const ours = writes.filter((each) => declares(each.resource, 'dhis2-mapping'));
  const changed = writes.filter((each) => each.action !== 'create').map((each) => each.rid);
  await forgetMappings(ctx, changed);
  const sets: DataSetRow[] = [];
  const mappings: MappingRow[] = [];
  for (const { rid, id, resource, place } of ours) {
    if (resource!.status !== 'active') continue;
    const read = inPlace(place, () => readMap(ctx, rid, id, resource!));
    sets.push(read.set);
    mappings.push(...read.mappings);
  }
  await writeMappings(ctx, sets, mappings);
}

/** @throws Problem mapping-… naming the element */
function readMap(
  ctx: Context,
  rid: bigint,
  id: string,
  map: ConceptMap,
): { set: DataSetRow; mappings: MappingRow[] } {
  const set = readDataSet(rid, id, map);
  const indicators = new Map(indicatorsOf(ctx, set.measureId).map((each) => [each.code, each]));
  if (indicators.size === 0) {
    throw bad('measure', `There is no Measure/${set.measureId} here.`, 'ConceptMap.extension');
  }
  const mappings: MappingRow[] = [];
  for (const [g, group] of (map.group ?? []).entries()) {
    if (group.source !== undefined && group.source !== INDICATORS) {
      throw bad('source', `The source is ${INDICATORS}.`, `ConceptMap.group[${g}].source`);
    }
    for (const [e, element] of group.element.entries()) {
      const place = `ConceptMap.group[${g}].element[${e}]`;
      const indicator = indicators.get(element.code ?? '');
      if (!indicator) {
        const known = [...indicators.keys()].join(', ');
        throw bad('indicator', `"${element.code}" is none of ${known}.`, `${place}.code`);
      }
      mappings.push(...readElement(rid, indicator, element, place));
    }
  }
  checkOnce(mappings);
  return { set, mappings };
}

function readDataSet(rid: bigint, id: string, map: ConceptMap): DataSetRow {
  const extension = extensionOf(map, 'dhis2-data-set');
  const place = `ConceptMap.extension('dhis2-data-set')`;
  const url = partOf(extension, 'measure')?.valueCanonical?.split('|')[0];
  const dataSet = text(extension, 'dataSet');
  const periodType = text(extension, 'periodType') ?? 'Monthly';
  const idScheme = text(extension, 'idScheme') ?? 'uid';
  const orgUnitScheme = text(extension, 'orgUnitIdScheme') ?? 'uid';
  const measureId = url?.split('/').at(-1) ?? '';
  if (!url || url !== measureUrl(measureId) || !dataSet) {
    throw bad('data-set', `Name measure (${measureUrl('…')}) and dataSet.`, place);
  }
  if (!PERIOD_TYPES.includes(periodType)) {
    throw bad('period-type', `The periodType is one of ${PERIOD_TYPES.join(', ')}.`, place);
  }
  for (const scheme of [idScheme, orgUnitScheme]) {
    if (!ID_SCHEMES.some((each) => each === scheme)) {
      throw bad('id-scheme', `Id schemes are ${ID_SCHEMES.join(' or ')}.`, place);
    }
  }
  return {
    mapId: rid,
    fhirId: id,
    measureId,
    dataSet,
    periodType,
    idScheme,
    orgUnitScheme,
    attributeOptionCombo: text(extension, 'attributeOptionCombo') ?? null,
  };
}

function text(extension: Extensible | undefined, name: string): string | undefined {
  const part = partOf(extension, name);
  return part?.valueString ?? part?.valueCode;
}

function readElement(
  mapId: bigint,
  indicator: Indicator,
  element: ConceptMapGroupElement,
  place: string,
): MappingRow[] {
  const targets = element.target ?? [];
  const rows = targets.map((target, t) =>
    readTarget(mapId, indicator, target, `${place}.target[${t}]`),
  );
  const shapes = new Set(rows.map((row) => row.stratum.replace(/=[^,]*/g, '')));
  if (rows.length === 0 || shapes.size > 1) {
    throw bad(
      'split',
      `Give ${indicator.code} targets that all name the same dimensions, or cells overlap.`,
      `${place}.target`,
    );
  }
  return rows;
}

function readTarget(
  mapId: bigint,
  indicator: Indicator,
  target: ConceptMapGroupElementTarget,
  place: string,
): MappingRow {
  const allowed = new Set(
    indicator.splits
      .flat()
      .filter((each) => each !== 'area')
      .map((each) => dimensionCode(indicator, each)),
  );
  const coordinates: Record<string, string> = {};
  for (const [d, { property, value }] of (target.dependsOn ?? []).entries()) {
    const dimension = [...allowed].find((each) => dimensionProperty(each) === property);
    if (!dimension) {
      throw bad(
        'dimension',
        `${indicator.code} is split by ${[...allowed].map(dimensionProperty).join(', ')}.`,
        `${place}.dependsOn[${d}].property`,
      );
    }
    coordinates[dimension] = value ?? '';
  }
  const out = target.equivalence === 'unmatched';
  if (out === (target.code !== undefined)) {
    throw bad(
      'target',
      'Give the data element as code, or the equivalence "unmatched" to leave this out.',
      `${place}.code`,
    );
  }
  const combo = target.product?.find((each) => each.property === OPTION_COMBO)?.value;
  return {
    mapId,
    indicator: indicator.code,
    stratum: stratumOf(coordinates),
    dataElement: target.code ?? null,
    categoryOptionCombo: combo ?? null,
  };
}

function checkOnce(rows: readonly MappingRow[]): void {
  const cells = new Set<string>();
  const places = new Set<string>();
  for (const row of rows) {
    const cell = `${row.indicator} ${row.stratum}`;
    if (cells.has(cell))
      throw bad('twice', `The cell "${cell}" is mapped twice.`, 'ConceptMap.group');
    cells.add(cell);
    if (row.dataElement === null) continue;
    const place = `${row.dataElement} ${row.categoryOptionCombo ?? ''}`;
    if (places.has(place)) {
      throw bad('overwrites', `Two cells go to "${place.trim()}".`, 'ConceptMap.group');
    }
    places.add(place);
  }
}

function bad(what: string, says: string, place: string) {
  return problem('value', 'dhis2-mapping', `${says} (${what})`, place);
}
