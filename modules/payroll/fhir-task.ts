/**
 * What waits for whose vote, as Task: one for each seat of the step that votes, and for the delegates
 * of who is absent. The vote is its output. Searched by `owner=Practitioner/[id of the actor]`.
 *
 * Every parameter of R4's Task is served, so that a search over stored Tasks is not narrowed by ours.
 */

import type { Task } from '@medplum/fhirtypes';
import {
  codeSystem,
  identifierSystem,
  type ProjectedBinding,
  type ProjectedParameter,
  type ProjectedRow,
  structureDefinition,
} from '../../src/sdk/index.ts';

const none = (target: string): ProjectedParameter => ({
  type: 'reference',
  column: 'nobody',
  target,
  holds: 'rid',
});
const token = (column: string, system?: string): ProjectedParameter => ({
  type: 'token',
  column,
  ...(system && { system }),
});

/** Approval tasks. */
export const taskBinding: ProjectedBinding = {
  kept: 'projected',
  type: 'Task',
  profile: structureDefinition('approval-task'),
  view: 'payroll_task_fhir',
  idKey: { column: 'task_id', type: 'uuid' },
  search: {
    owner: { type: 'reference', column: 'owner_id', target: 'Practitioner', holds: 'id' },
    focus: {
      type: 'reference',
      column: 'focus',
      target: 'List',
      holds: 'id',
      key: { column: 'payroll_id', type: 'uuid' },
    },
    status: token('status', 'http://hl7.org/fhir/task-status'),
    code: token('code', codeSystem('task-code')),
    intent: token('intent', 'http://hl7.org/fhir/task-intent'),
    'authored-on': { type: 'date', column: 'at' },
    modified: { type: 'date', column: 'modified_at' },
    period: { type: 'date', column: 'never' },
    'business-status': token('nothing'),
    'group-identifier': token('nothing'),
    identifier: token('nothing'),
    performer: token('nothing'),
    priority: token('nothing'),
    'based-on': none('ServiceRequest'),
    encounter: none('Encounter'),
    'part-of': none('Task'),
    patient: none('Patient'),
    requester: none('Practitioner'),
    subject: none('Patient'),
  },
  render: async (_ctx, rows) => rows.map(task),
};

function task(row: ProjectedRow): Task {
  const person = (id: unknown) => ({
    type: 'Practitioner' as const,
    identifier: { system: identifierSystem('actor'), value: id as string },
  });
  const act = row.act as string | null;
  return {
    resourceType: 'Task',
    status: row.status as 'requested',
    intent: 'order',
    code: { coding: [{ system: codeSystem('task-code'), code: 'approve-payroll' }] },
    description: row.title as string,
    focus: { reference: `List/${row.focus}` },
    ...(row.seat_id !== row.owner_id && { for: person(row.seat_id) }),
    authoredOn: (row.at as Date).toISOString(),
    lastModified: (row.modified_at as Date).toISOString(),
    owner: person(row.owner_id),
    ...(act !== null && {
      output: [
        {
          type: { coding: [{ system: codeSystem('approval-act'), code: act }], text: act },
          ...(row.reason === null ? { valueCode: act } : { valueString: row.reason as string }),
        },
      ],
    }),
  };
}
