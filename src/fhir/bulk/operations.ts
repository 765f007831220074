/**
 * `$export` and `$import` as the CapabilityStatement shows them. They are answered by the bulk
 * endpoint, before a request becomes one of FHIR's interactions; inside a Bundle they are refused.
 */

import type { OperationDefinition } from '@medplum/fhirtypes';
import { type Operation, operationDefinition, problem } from '../../sdk/index.ts';
import { BY_TYPE } from '../operations/by-type.ts';

const NAMES = {
  export: 'Export',
  import: 'Import',
  'viewdefinition-export': 'ViewDefinitionExport',
} as const;

function bulk(
  code: 'export' | 'import' | 'viewdefinition-export',
  url: string,
  description: string,
  where: Partial<OperationDefinition>,
): Operation {
  return {
    definition: {
      resourceType: 'OperationDefinition',
      url,
      name: NAMES[code],
      status: 'active',
      kind: 'operation',
      code,
      description,
      system: false,
      type: false,
      instance: false,
      ...where,
    },
    permission: BY_TYPE,
    run: () =>
      Promise.reject(
        problem(
          'not-supported',
          'bulk-in-bundle',
          `Ask for $${code} by itself, not inside a Bundle.`,
        ),
      ),
  };
}

const EXPORT = 'http://hl7.org/fhir/uv/bulkdata/OperationDefinition';

/** The operations. */
export const bulkOperations: readonly Operation[] = [
  bulk('export', `${EXPORT}/export`, 'All resources, as files of lines.', { system: true }),
  bulk('export', `${EXPORT}/patient-export`, 'What concerns any Patient, as files of lines.', {
    type: true,
    resource: ['Patient'],
  }),
  bulk(
    'export',
    `${EXPORT}/group-export`,
    'What concerns the members of a Group, as files of lines.',
    {
      instance: true,
      resource: ['Group'],
    },
  ),
  bulk(
    'viewdefinition-export',
    'http://sql-on-fhir.org/OperationDefinition/$viewdefinition-export',
    'Tables of several views, as files.',
    { system: true },
  ),
  bulk('import', operationDefinition('import'), 'Takes resources as lines of JSON.', {
    system: true,
  }),
];
