/**
 * Audit: the trail as FHIR AuditEvent, and the verification of its seal.
 *
 * The shape follows IHE BALP: RESTful types and subtypes, source and destination agents, entity and
 * request id.
 */

import type {
  AuditEvent,
  OperationDefinition,
  Parameters,
  ParametersParameter,
} from '@medplum/fhirtypes';
import {
  type BrokenRow,
  identifierSystem,
  type Module,
  operationDefinition,
  type ProjectedBinding,
  type ProjectedRow,
  permission,
  structureDefinition,
  trailVerifier,
} from '../../src/sdk/index.ts';

/** Verifies the seal of the trail. */
export const VERIFY = permission('audit.verify', 'verifies the seal of the trail');

const REST = 'http://terminology.hl7.org/CodeSystem/audit-event-type';
const INTERACTION = 'http://hl7.org/fhir/restful-interaction';
const DICOM = 'http://dicom.nema.org/resources/ontology/DCM';
const OBJECT_TYPE = 'http://terminology.hl7.org/CodeSystem/audit-entity-type';

const trail: ProjectedBinding = {
  kept: 'projected',
  type: 'AuditEvent',
  profile: structureDefinition('trail-event'),
  view: 'audit_event_fhir',
  search: {
    date: { type: 'date', column: 'at' },
    action: {
      type: 'token',
      column: 'action',
      system: 'http://hl7.org/fhir/audit-event-action',
    },
    'agent-name': { type: 'string', column: 'actor_id' },
    'entity-name': { type: 'string', column: 'entity' },
    subtype: { type: 'token', column: 'interaction', system: INTERACTION },
  },
  render: async (_ctx, rows) => rows.map(auditEvent),
};

function auditEvent(row: ProjectedRow): AuditEvent {
  const writes = row.action !== 'R';
  const kind = row.actor_kind as string;
  return {
    resourceType: 'AuditEvent',
    type: { system: REST, code: 'rest', display: 'RESTful Operation' },
    subtype: [{ system: INTERACTION, code: row.interaction as string }],
    action: row.action as 'C',
    recorded: (row.at as Date).toISOString(),
    outcome: '0',
    agent: [
      {
        type: agentType(
          writes ? '110153' : '110152',
          writes ? 'Source Role ID' : 'Destination Role ID',
        ),
        who: {
          identifier: { system: identifierSystem('actor'), value: row.actor_id as string },
          display: kind,
        },
        requestor: true,
      },
      {
        type: agentType(
          writes ? '110152' : '110153',
          writes ? 'Destination Role ID' : 'Source Role ID',
        ),
        who: { display: 'Amana' },
        requestor: false,
      },
    ],
    source: { observer: { display: 'Amana' } },
    entity: [
      ...(row.entity === null
        ? []
        : [
            {
              what: {
                reference:
                  row.resource_version === null
                    ? (row.entity as string)
                    : `${row.entity}/_history/${row.resource_version}`,
              },
              name: row.entity as string,
              type: { system: OBJECT_TYPE, code: '2', display: 'System Object' },
              ...details(row.detail as string | null),
            },
          ]),
      {
        what: {
          identifier: { system: identifierSystem('request'), value: row.request_id as string },
        },
        type: {
          system: 'https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType',
          code: 'XrequestId',
        },
      },
    ],
  };
}

function agentType(code: string, display: string) {
  return { coding: [{ system: DICOM, code, display }] };
}

function details(text: string | null) {
  if (text === null) return {};
  const detail = JSON.parse(text) as Record<string, unknown>;
  return {
    detail: Object.entries(detail).map(([type, value]) => ({ type, valueString: String(value) })),
  };
}

function brokenRow({ id, recorded, block }: BrokenRow): ParametersParameter {
  return {
    name: 'broken-row',
    part: [
      { name: 'id', valueString: id },
      ...(recorded ? [{ name: 'recorded', valueInstant: recorded.toISOString() }] : []),
      { name: 'block', valueInteger: block },
    ],
  };
}

const definition: OperationDefinition = {
  resourceType: 'OperationDefinition',
  url: operationDefinition('verify'),
  name: 'VerifyTrail',
  status: 'active',
  kind: 'operation',
  code: 'verify',
  description: 'Recomputes every sealed block of the trail and names the first fault.',
  resource: ['AuditEvent'],
  affectsState: false,
  system: false,
  type: true,
  instance: false,
};

/** The audit room. */
export const audit: Module = {
  name: 'audit',
  title: 'Audit',
  permissions: [VERIFY],
  resources: [trail],
  operations: [
    {
      permission: VERIFY,
      definition,
      async run(ctx): Promise<Parameters> {
        const [verify] = ctx.parts(trailVerifier);
        if (!verify) throw new Error('the house contributes no verification of the trail');
        const found = await verify(ctx.db);
        return {
          resourceType: 'Parameters',
          parameter: [
            { name: 'whole', valueBoolean: found.fault === undefined },
            { name: 'blocks', valueInteger: found.blocks },
            { name: 'rows', valueInteger: found.rows },
            { name: 'unsealed', valueInteger: found.unsealed },
            ...(found.head ? [{ name: 'head', valueString: found.head }] : []),
            ...(found.fault ? [{ name: 'fault', valueString: found.fault }] : []),
            ...(found.brokenRow ? [brokenRow(found.brokenRow)] : []),
          ],
        };
      },
    },
  ],
};
