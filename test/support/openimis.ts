/**
 * Turns the families of openIMIS's demonstration database into registry Bundles: areas as Location,
 * insurees as Patient, families as Group. Reads the SQL inserts as published; copies nothing.
 */

import type { Bundle, Group, Location, Patient, Resource } from '@medplum/fhirtypes';
import { codeSystem, identifierSystem, structureDefinition } from '../../src/sdk/index.ts';

type Row = Readonly<Record<string, string | null>>;

/** Rows of a table from `INSERT INTO "table" (…) VALUES (…);` lines; superseded rows left out. */
export function rowsOf(sql: string, table: string): Row[] {
  const rows: Row[] = [];
  const pattern = new RegExp(
    String.raw`INSERT INTO "${table}" \(([^)]*)\) VALUES \((.*)\);\s*$`,
    'gm',
  );
  for (const match of sql.matchAll(pattern)) {
    const names = match[1]!.split(',').map((name) => name.trim().replaceAll('"', ''));
    const values = valuesOf(match[2]!);
    const row = Object.fromEntries(names.map((name, at) => [name, values[at] ?? null]));
    if (row.ValidityTo === null) rows.push(row);
  }
  return rows;
}

/** Literals of a VALUES list: N'text' with doubled quotes, CAST(… AS …), value::type, NULL. */
function valuesOf(text: string): (string | null)[] {
  const literal =
    /(?:CAST\(\s*)?(?:N?'((?:[^']|'')*)'|(NULL)|([-\w.]+))(?:::\w+)?(?:\s+AS\s+\w+\))?\s*(?:,|$)/gi;
  return [...text.matchAll(literal)].map((match) => {
    if (match[1] !== undefined) return match[1].replaceAll("''", "'").trim();
    return match[2] !== undefined ? null : match[3]!;
  });
}

/** What the demonstration database gives. */
export interface Registry {
  readonly areas: Location[];
  readonly patients: Patient[];
  readonly households: Group[];
}

/** Builds the resources; `account` gives each household its payment account, if any. */
export function openimisRegistry(
  sql: string,
  account: (family: number) => NonNullable<Group['extension']>,
): Registry {
  const areas = areasOf(rowsOf(sql, 'tblLocations'));
  const known = new Set(areas.map((area) => area.id));
  const insurees = rowsOf(sql, 'tblInsuree');
  const patients = insurees.map(patientOf);
  const byFamily = Map.groupBy(insurees, (row) => row.FamilyID);
  const households = rowsOf(sql, 'tblFamilies').flatMap((family): Group[] => {
    const members = byFamily.get(family.FamilyID ?? '') ?? [];
    return members.length === 0 ? [] : [householdOf(family, members, known, account)];
  });
  return { areas, patients, households };
}

function areasOf(rows: readonly Row[]): Location[] {
  const ids = new Map(rows.map((row) => [row.LocationId, row.LocationUUID!.toLowerCase()]));
  return rows.map((row) => ({
    resourceType: 'Location',
    id: row.LocationUUID!.toLowerCase(),
    meta: { profile: [structureDefinition('area')] },
    status: 'active',
    name: row.LocationName!,
    identifier: [{ system: identifierSystem('area-code'), value: row.LocationCode! }],
    type: [{ coding: [{ system: codeSystem('location-type'), code: 'area' }] }],
    ...(ids.has(row.ParentLocationId ?? '') && {
      partOf: { reference: `Location/${ids.get(row.ParentLocationId ?? '')}` },
    }),
  }));
}

function patientOf(row: Row): Patient {
  const gender = row.Gender === 'M' ? 'male' : row.Gender === 'F' ? 'female' : 'unknown';
  return {
    resourceType: 'Patient',
    id: row.InsureeUUID!.toLowerCase(),
    identifier: [{ system: 'https://openimis.example/id/chf', value: row.CHFID! }],
    name: [{ family: row.LastName!, given: [row.OtherNames!] }],
    gender,
    birthDate: row.DOB!.slice(0, 10),
  };
}

function householdOf(
  family: Row,
  members: readonly Row[],
  areas: ReadonlySet<string | undefined>,
  account: (family: number) => NonNullable<Group['extension']>,
): Group {
  const area = [...areas][Number(family.LocationId) % areas.size];
  return {
    resourceType: 'Group',
    id: family.FamilyUUID!.toLowerCase(),
    identifier: [{ system: 'https://openimis.example/id/family', value: family.FamilyUUID! }],
    type: 'person',
    actual: true,
    code: {
      coding: [
        {
          system: 'https://openimis.github.io/openimis_fhir_r4_ig/CodeSystem/group-type',
          code: 'H',
        },
      ],
    },
    extension: [
      {
        url: structureDefinition('household-area'),
        valueReference: { reference: `Location/${area}` },
      },
      ...account(Number(family.FamilyID)),
    ],
    member: members.map((row) => ({
      entity: { reference: `Patient/${row.InsureeUUID!.toLowerCase()}` },
      ...(row.IsHead === '1' && {
        extension: [{ url: structureDefinition('member-role'), valueCode: 'head' }],
      }),
    })),
  };
}

/** A transaction that PUTs resources under their ids. */
export function transactionOf(resources: readonly Resource[]): Bundle {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource) => ({
      resource,
      request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
    })),
  };
}
