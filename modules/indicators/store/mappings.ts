/**
 * Mappings to DHIS2 as typed rows, kept in step with their ConceptMaps.
 */

import { type Context, problem, statement } from '../../../src/sdk/index.ts';

/** A data set that takes a Measure. */
export interface DataSetRow {
  readonly mapId: bigint;
  readonly fhirId: string;
  readonly measureId: string;
  readonly dataSet: string;
  readonly periodType: string;
  readonly idScheme: string;
  readonly orgUnitScheme: string;
  readonly attributeOptionCombo: string | null;
}

/** A cell and where it goes. */
export interface MappingRow {
  readonly mapId: bigint;
  readonly indicator: string;
  readonly stratum: string;
  /** Null: left out on purpose. */
  readonly dataElement: string | null;
  readonly categoryOptionCombo: string | null;
}

const FORGET = statement(
  'indicators.forget-mappings',
  'delete from indicator_data_set where map_id = any($1::bigint[])',
);

/** Forgets mappings of ConceptMaps. */
export async function forgetMappings(ctx: Context, maps: readonly bigint[]): Promise<void> {
  if (maps.length > 0) await ctx.db.run(FORGET, [maps]);
}

const SETS = statement(
  'indicators.write-data-sets',
  `insert into indicator_data_set (map_id, fhir_id, measure_id, data_set, period_type, id_scheme,
     org_unit_scheme, attribute_option_combo)
   select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
     $7::text[], $8::text[])
   on conflict (measure_id, data_set) do nothing returning map_id`,
);

const ROWS = statement(
  'indicators.write-mappings',
  `insert into indicator_mapping
     (map_id, indicator, stratum, data_element, category_option_combo)
   select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[])`,
);

/** Writes mappings. @throws Problem dhis2-mapping-exists */
export async function writeMappings(
  ctx: Context,
  sets: readonly DataSetRow[],
  rows: readonly MappingRow[],
): Promise<void> {
  if (sets.length === 0) return;
  const written = await ctx.db.query(SETS, [
    sets.map((each) => each.mapId),
    sets.map((each) => each.fhirId),
    sets.map((each) => each.measureId),
    sets.map((each) => each.dataSet),
    sets.map((each) => each.periodType),
    sets.map((each) => each.idScheme),
    sets.map((each) => each.orgUnitScheme),
    sets.map((each) => each.attributeOptionCombo),
  ]);
  if (written.length < sets.length) {
    throw problem(
      'duplicate',
      'dhis2-mapping-exists',
      'Another active ConceptMap maps this Measure to this data set; change or retire that one.',
      `ConceptMap.extension('dhis2-data-set')`,
    );
  }
  await ctx.db.run(ROWS, [
    rows.map((each) => each.mapId),
    rows.map((each) => each.indicator),
    rows.map((each) => each.stratum),
    rows.map((each) => each.dataElement),
    rows.map((each) => each.categoryOptionCombo),
  ]);
}

const FIND = statement(
  'indicators.data-sets',
  `select map_id as "mapId", fhir_id as "fhirId", measure_id as "measureId", data_set as "dataSet",
     period_type as "periodType", id_scheme as "idScheme", org_unit_scheme as "orgUnitScheme",
     attribute_option_combo as "attributeOptionCombo"
   from indicator_data_set
   where ($1::text is null or measure_id = $1) and ($2::text is null or data_set = $2)
   order by measure_id, data_set`,
);

/** Data sets of a Measure, or by DHIS2's id. */
export function findDataSets(
  ctx: Context,
  by: { readonly measureId?: string; readonly dataSet?: string },
): Promise<DataSetRow[]> {
  return ctx.db.query<DataSetRow>(FIND, [by.measureId ?? null, by.dataSet ?? null]);
}

const MAPPINGS = statement(
  'indicators.mappings',
  `select map_id as "mapId", indicator, stratum, data_element as "dataElement",
     category_option_combo as "categoryOptionCombo"
   from indicator_mapping where map_id = $1 order by indicator, stratum`,
);

/** Cells of a data set. */
export function mappingsOf(ctx: Context, mapId: bigint): Promise<MappingRow[]> {
  return ctx.db.query<MappingRow>(MAPPINGS, [mapId]);
}
