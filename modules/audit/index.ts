/**
 * Audit: the trail as FHIR AuditEvent, and the verification of its seal.
 */

import type { OperationDefinition, Parameters, ParametersParameter } from '@medplum/fhirtypes';
import {
  type BrokenRow,
  type Module,
  operationDefinition,
  type ProjectedBinding,
  permission,
  structureDefinition,
  trailVerifier,
} from '../../src/sdk/index.ts';
import { ACTIONS, KINDS, OUTCOMES } from './codes.ts';
import { auditEvent, INTERACTION } from './event.ts';

/** Verifies the seal of the trail. */
export const VERIFY = permission('audit.verify', 'verifies the seal of the trail');

const trail: ProjectedBinding = {
  kept: 'projected',
  type: 'AuditEvent',
  profile: structureDefinition('trail-event'),
  view: 'audit_event_fhir',
  idKey: { column: 'key', type: 'bigint' },
  large: { updatedAt: true, partitioned: true },
  search: {
    date: { type: 'date', column: 'at', ordered: true },
    action: {
      type: 'token',
      column: 'action',
      system: 'http://hl7.org/fhir/audit-event-action',
      codes: ACTIONS,
    },
    'agent-name': {
      type: 'string',
      column: 'actor_id',
      among: { view: 'audit_actor', column: 'actor_key' },
    },
    'entity-name': {
      type: 'string',
      column: 'entity',
      names: { type: 'type', key: { column: 'resource_key', type: 'trail' } },
    },
    subtype: {
      type: 'token',
      column: 'interaction',
      system: INTERACTION,
      also: KINDS,
    },
    patient: {
      type: 'reference',
      column: 'patient_id',
      target: 'Patient',
      holds: 'id',
      key: { column: 'resource_key', type: 'trail', where: "v.type = 'Patient'" },
      few: true,
    },
    outcome: {
      type: 'token',
      column: 'outcome',
      system: 'http://hl7.org/fhir/audit-event-outcome',
      codes: OUTCOMES,
    },
  },
  render: async (_ctx, rows) => rows.map(auditEvent),
};

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
