/**
 * A row of the trail as FHIR AuditEvent, in the content patterns of IHE BALP: RESTful type and
 * subtype, client and server agents by the direction of the data, the data, the query or the
 * patient as entity, and the request's id.
 *
 * Spec: https://profiles.ihe.net/ITI/BALP/content.html
 */

import type { AuditEvent, AuditEventAgent, AuditEventEntity } from '@medplum/fhirtypes';
import { identifierSystem, type ProjectedRow } from '../../src/sdk/index.ts';

const REST = 'http://terminology.hl7.org/CodeSystem/audit-event-type';
export const INTERACTION = 'http://hl7.org/fhir/restful-interaction';
const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const OBJECT_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';
const OBJECT_ROLE = 'http://terminology.hl7.org/CodeSystem/object-role';
const BALP_ENTITY = 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType';
const REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';

/** DCM roles of client and server, by what the client did. */
const AGENTS: Readonly<Record<string, readonly [client: string, server: string]>> = {
  R: ['110152', '110153'],
  D: ['110150', '110155'],
};
const WRITES = ['110153', '110152'] as const;
const ROLE_NAMES: Readonly<Record<string, string>> = {
  110150: 'Application',
  110152: 'Destination Role ID',
  110153: 'Source Role ID',
  110155: 'Source Media',
};

type Detail = Readonly<Record<string, string | number | boolean>>;

/** Renders a row of `audit_event_fhir`. */
export function auditEvent(row: ProjectedRow): AuditEvent {
  const detail = JSON.parse((row.detail as string | null) ?? '{}') as Detail;
  const { query, status, purpose, reason, ...facts } = detail;
  return {
    resourceType: 'AuditEvent',
    type: { system: REST, code: 'rest', display: 'RESTful Operation' },
    subtype: [{ system: INTERACTION, code: row.interaction as string }],
    action: row.action as 'C',
    recorded: (row.at as Date).toISOString(),
    outcome: outcomeOf(status),
    ...(status !== undefined && { outcomeDesc: `answered with status ${status}` }),
    ...(purpose !== undefined && {
      purposeOfEvent: [
        { coding: [{ system: REASON, code: String(purpose) }], text: String(reason ?? '') },
      ],
    }),
    agent: agentsOf(row),
    source: { observer: { display: 'Amana' } },
    entity: [
      ...dataEntity(row, facts),
      ...patientEntity(row),
      ...queryEntity(row, query),
      {
        what: {
          identifier: { system: identifierSystem('request'), value: row.request_id as string },
        },
        type: { system: BALP_ENTITY, code: 'XrequestId' },
      },
    ],
  };
}

/** AuditEvent.outcome: 0 success, 4 minor failure (the caller's), 8 serious failure (refused). */
function outcomeOf(status: Detail[string] | undefined): AuditEvent['outcome'] {
  if (status === undefined) return '0';
  return status === 401 || status === 403 ? '8' : '4';
}

function agentsOf(row: ProjectedRow): AuditEventAgent[] {
  const [client, server] = AGENTS[row.action as string] ?? WRITES;
  return [
    {
      type: role(client),
      who: {
        identifier: { system: identifierSystem('actor'), value: row.actor_id as string },
        display: row.actor_kind as string,
      },
      requestor: true,
    },
    { type: role(server), who: { display: 'Amana' }, requestor: false },
  ];
}

function role(code: string) {
  return { coding: [{ system: DICOM, code, display: ROLE_NAMES[code]! }] };
}

function dataEntity(row: ProjectedRow, facts: Detail): AuditEventEntity[] {
  const detail = Object.entries(facts).map(([type, value]) => ({
    type,
    valueString: String(value),
  }));
  if (row.entity === null) return [];
  const name = row.entity as string;
  const version = row.resource_version === null ? '' : `/_history/${row.resource_version}`;
  return [
    {
      what: { reference: `${name}${version}` },
      name,
      type: { system: OBJECT_TYPE, code: '2', display: 'System Object' },
      role: { system: OBJECT_ROLE, code: '4', display: 'Domain Resource' },
      ...(detail.length > 0 && { detail }),
    },
  ];
}

function patientEntity(row: ProjectedRow): AuditEventEntity[] {
  if (row.patient_id === null) return [];
  return [
    {
      what: { reference: `Patient/${row.patient_id}` },
      type: { system: OBJECT_TYPE, code: '1', display: 'Person' },
      role: { system: OBJECT_ROLE, code: '1', display: 'Patient' },
    },
  ];
}

function queryEntity(row: ProjectedRow, query: Detail[string] | undefined): AuditEventEntity[] {
  if (query === undefined) return [];
  const path = (row.entity as string | null) ?? (row.type as string | null) ?? '';
  return [
    {
      type: { system: OBJECT_TYPE, code: '2', display: 'System Object' },
      role: { system: OBJECT_ROLE, code: '24', display: 'Query' },
      query: Buffer.from(`${path}?${query}`).toString('base64'),
    },
  ];
}
